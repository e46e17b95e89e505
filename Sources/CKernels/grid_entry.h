// The functions that Swift calls, for the kernels on grids of every instruction set. Included once
// per format, after instantiate.h.

typedef void (*grid_encoder)(const ingot_grid *grid, const float *rows, size_t rowCount,
                             size_t rowLength, const float *importance, uint8_t *destination);
typedef void (*grid_decoder)(const ingot_grid *grid, const uint8_t *source, size_t elementCount,
                             float *destination);
typedef void (*grid_unpacker)(const ingot_grid *grid, const uint8_t *source, size_t elementCount,
                              uint8_t *codes, float *scales);

/// Defines the encoder that Swift calls, for the functions `encode_name` of every set.
#define DEFINE_GRID_ENCODER(name)                                                        \
    INGOT_GRID_ENCODER(name) {                                                           \
        static const grid_encoder table[INGOT_ISA_COUNT] = TABLE(encode_##name);         \
        if (isa >= INGOT_ISA_COUNT || !table[isa]) return false;                         \
        table[isa](grid, rows, rowCount, rowLength, importance, destination);            \
        return true;                                                                     \
    }
#define DEFINE_GRID_DECODER(name)                                                        \
    INGOT_GRID_DECODER(name) {                                                           \
        static const grid_decoder table[INGOT_ISA_COUNT] = TABLE(decode_##name);         \
        if (isa >= INGOT_ISA_COUNT || !table[isa]) return false;                         \
        table[isa](grid, source, elementCount, destination);                             \
        return true;                                                                     \
    }
#define DEFINE_GRID_UNPACKER(name)                                                       \
    INGOT_GRID_UNPACKER(name) {                                                          \
        static const grid_unpacker table[INGOT_ISA_COUNT] = TABLE(unpack_##name);        \
        if (isa == INGOT_SCALAR) isa = BASELINE;                                         \
        if (isa >= INGOT_ISA_COUNT || !table[isa]) return false;                         \
        table[isa](grid, source, elementCount, codes, scales);                           \
        return true;                                                                     \
    }
