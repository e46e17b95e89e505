// Scales, weights and the walk over super-blocks, for the encoders on grids.

#define grid_scale_code K(grid_scale_code)
/// The code of a scale: `scale ≈ unit * (2 * code + 1)`.
INLINE uint32_t grid_scale_code(float scale, float inverse_unit, int highest) {
    vi code = clamped(nearest((vf)(0.5f * (inverse_unit * scale - 1))), 0, highest);
    return (uint32_t)code[0];
}

#define grid_store_scales K(grid_store_scales)
/// Stores the codes of scales two to a byte.
INLINE void grid_store_scales(const float *scales, int bytes, float inverse_unit, uint8_t *out) {
    for (int j = 0; j < bytes; j++) {
        uint32_t low = grid_scale_code(scales[2 * j], inverse_unit, 15);
        uint32_t high = grid_scale_code(scales[2 * j + 1], inverse_unit, 15);
        out[j] = (uint8_t)(low | high << 4);
    }
}

#define grid_weights K(grid_weights)
/// The weights of a super-block: as everywhere with importance, else the squares and `floor`.
INLINE void grid_weights(const float *x, const float *importance, float variance, float floor,
                         float *weights) {
    for (int i = 0; i < 256; i += LANES) {
        vf value = load(x + i);
        vf weight = importance ? load(importance + i) * root(variance + value * value)
                               : floor + value * value;
        store(weights + i, weight);
    }
}

#define sum_of_squares K(sum_of_squares)
INLINE float sum_of_squares(const float *x) {
    float sum = 0;
    for (int i = 0; i < 256; i++) sum += x[i] * x[i];
    return sum;
}

/// Defines encode_NAME by `encode_block(grid, x, importance, block)`.
#define FOR_EACH_SUPER_BLOCK(name)                                                       \
    static void K(encode_##name)(const ingot_grid *grid, const float *rows, size_t rowCount, \
                                 size_t rowLength, const float *importance,              \
                                 uint8_t *destination) {                                 \
        size_t per_row = rowLength / 256;                                                \
        for (size_t s = 0; s < rowCount * per_row; s++) {                                \
            const float *columns = importance ? importance + s % per_row * 256 : 0;      \
            K(encode_block)(grid, rows + s * 256, columns, destination + s * BLOCK_BYTES); \
        }                                                                                \
    }
