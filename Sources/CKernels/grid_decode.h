// Decoding in lanes: groups are first looked up, then all values of a super-block are made alike.

#define grid_codes K(grid_codes)
/// What is read from a super-block.
typedef struct {
    uint8_t codes[256];
    /// For every 16 values.
    float scales[16];
    uint16_t signs[16];
} grid_codes;

#define look_up K(look_up)
/// Copies the codes of the point of a group. Numbers of points have as many bits as the grid needs,
/// so that none lies outside.
INLINE void look_up(const ingot_grid *grid, grid_codes *read, int group, uint32_t point) {
    memcpy(read->codes + DIMENSIONS * group, grid->codes + DIMENSIONS * point, DIMENSIONS);
}

#define even_signs K(even_signs)
/// Eight signs of which seven are stored: the eighth makes their number even.
INLINE uint32_t even_signs(uint32_t stored) {
    uint32_t bits = stored & 127;
    return bits | (uint32_t)__builtin_parity(bits) << 7;
}

#define signs_of_sixteen K(signs_of_sixteen)
INLINE uint16_t signs_of_sixteen(uint32_t stored) {
    return (uint16_t)(even_signs(stored) | even_signs(stored >> 7) << 8);
}

#define store_values K(store_values)
/// Stores `scale * magnitude`, with the signs; `magnitudes` makes them of codes.
INLINE void store_values(const grid_codes *read, vi (*magnitudes)(vi codes), float *out) {
    vi bit;
    UNROLL for (int lane = 0; lane < LANES; lane++) bit[lane] = 1 << lane;
    for (int j = 0; j < 16; j++) {
        UNROLL for (int i = 0; i < 16; i += LANES) {
            vi codes = __builtin_convertvector(load_bytes(read->codes + 16 * j + i), vi);
            vf value = read->scales[j] * __builtin_convertvector(magnitudes(codes), vf);
            vi negative = ((vi)(read->signs[j] >> i) & bit) != 0;
            store(out + 16 * j + i, (vf)((vi)value ^ (negative & INT32_MIN)));
        }
    }
}

#define two_bit_magnitudes K(two_bit_magnitudes)
/// What the codes of the IQ2 formats stand for.
INLINE vi two_bit_magnitudes(vi codes) {
    return codes == 0 ? (vi)8 : codes == 1 ? (vi)25 : (vi)43;
}

/// Defines decode_NAME by `read_block(grid, block, read)` and what makes magnitudes of codes.
#define DECODE_SUPER_BLOCKS(name, magnitudes)                                            \
    static void K(decode_##name)(const ingot_grid *grid, const uint8_t *source,          \
                                 size_t elementCount, float *destination) {              \
        for (size_t s = 0; s < elementCount / 256; s++) {                                \
            grid_codes read;                                                             \
            K(read_block)(grid, source + s * BLOCK_BYTES, &read);                        \
            store_values(&read, magnitudes, destination + s * 256);                      \
        }                                                                                \
    }

/// Defines unpack_NAME likewise; `offset` is the largest magnitude, `group` 16 or 32.
#define UNPACK_SUPER_BLOCKS(name, magnitudes, offset, group)                             \
    static void K(unpack_##name)(const ingot_grid *grid, const uint8_t *source,          \
                                 size_t elementCount, uint8_t *codes, float *scales) {   \
        vi bit;                                                                          \
        UNROLL for (int lane = 0; lane < LANES; lane++) bit[lane] = 1 << lane;           \
        for (size_t s = 0; s < elementCount / 256; s++) {                                \
            grid_codes read;                                                             \
            K(read_block)(grid, source + s * BLOCK_BYTES, &read);                        \
            for (size_t j = 0; j < 256 / group; j++) {                                   \
                scales[256 / group * s + j] = read.scales[group / 16 * j];               \
            }                                                                            \
            for (int j = 0; j < 16; j++) {                                               \
                UNROLL for (int i = 0; i < 16; i += LANES) {                             \
                    vi size = magnitudes(                                                \
                        __builtin_convertvector(load_bytes(read.codes + 16 * j + i), vi)); \
                    vi negative = ((vi)(read.signs[j] >> i) & bit) != 0;                 \
                    store_bytes(codes + 256 * s + 16 * j + i,                            \
                                ((size ^ negative) - negative) + offset);                \
                }                                                                        \
            }                                                                            \
        }                                                                                \
    }
