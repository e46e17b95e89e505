// What Swift takes of the kernels on grids, for every instruction set. Included once per format,
// after instantiate.h.

typedef void (*grid_encoder)(const ingot_grid *grid, const float *rows, size_t rowCount,
                             size_t rowLength, const float *importance, uint8_t *destination);
typedef void (*grid_decoder)(const ingot_grid *grid, const uint8_t *source, size_t elementCount,
                             float *destination);
typedef void (*grid_unpacker)(const ingot_grid *grid, const uint8_t *source, size_t elementCount,
                              uint8_t *codes, float *scales);

/// Like DEFINE_KERNELS.
#define DEFINE_GRID_KERNELS(name)                                                        \
    static bool encode_##name(ingot_isa isa, const ingot_grid *grid, const float *rows,  \
                              size_t rowCount, size_t rowLength,                         \
                              const float *importance, void *destination) {              \
        static const grid_encoder table[INGOT_ISA_COUNT] = TABLE(encode_##name);         \
        if (isa >= INGOT_ISA_COUNT || !table[isa]) return false;                         \
        table[isa](grid, rows, rowCount, rowLength, importance, destination);            \
        return true;                                                                     \
    }                                                                                    \
    static bool decode_##name(ingot_isa isa, const ingot_grid *grid, const void *source, \
                              size_t elementCount, float *destination) {                 \
        static const grid_decoder table[INGOT_ISA_COUNT] = TABLE(decode_##name);         \
        if (isa >= INGOT_ISA_COUNT || !table[isa]) return false;                         \
        table[isa](grid, source, elementCount, destination);                             \
        return true;                                                                     \
    }                                                                                    \
    static bool unpack_##name(ingot_isa isa, const ingot_grid *grid, const void *source, \
                              size_t elementCount, uint8_t *codes, float *scales) {      \
        static const grid_unpacker table[INGOT_ISA_COUNT] = TABLE(unpack_##name);        \
        if (isa == INGOT_SCALAR) isa = BASELINE;                                         \
        if (isa >= INGOT_ISA_COUNT || !table[isa]) return false;                         \
        table[isa](grid, source, elementCount, codes, scales);                           \
        return true;                                                                     \
    }                                                                                    \
    const ingot_grid_kernels ingot_kernels_##name = {encode_##name, decode_##name,       \
                                                     unpack_##name};
