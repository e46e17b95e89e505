// Decoding of the two IQ1 formats.

/// Defines decode_NAME by `read_block(grid, block, codes, scales)`: codes with 8 added where they
/// are shifted down, and a scale for every 16 values.
#define DECODE_TERNARY(name)                                                             \
    static void K(decode_##name)(const ingot_grid *grid, const uint8_t *source,          \
                                 size_t elementCount, float *destination) {              \
        for (size_t s = 0; s < elementCount / 256; s++) {                                \
            uint8_t all[256];                                                            \
            float scales[16];                                                            \
            K(read_block)(grid, source + s * BLOCK_BYTES, all, scales);                  \
            for (size_t i = 0; i < 256; i += LANES) {                                    \
                vi codes = __builtin_convertvector(load_bytes(all + i), vi);             \
                /* Code minus one, plus or minus one eighth, in eighths. */              \
                vi eighths = 8 * (codes & 3) - 7 - (codes >> 2 & 2);                     \
                vf number = __builtin_convertvector(eighths, vf) * 0.125f;               \
                store(destination + 256 * s + i, scales[i / 16] * number);               \
            }                                                                            \
        }                                                                                \
    }

/// Defines unpack_NAME likewise: eighths with 9 added, and a scale of an eighth for every `group`
/// values.
#define UNPACK_TERNARY(name, group)                                                      \
    static void K(unpack_##name)(const ingot_grid *grid, const uint8_t *source,          \
                                 size_t elementCount, uint8_t *codes, float *scales) {   \
        for (size_t s = 0; s < elementCount / 256; s++) {                                \
            uint8_t all[256];                                                            \
            float read[16];                                                              \
            K(read_block)(grid, source + s * BLOCK_BYTES, all, read);                    \
            for (size_t j = 0; j < 256 / group; j++) {                                   \
                scales[256 / group * s + j] = read[group / 16 * j] * 0.125f;             \
            }                                                                            \
            for (size_t i = 0; i < 256; i++) {                                           \
                codes[256 * s + i] = (uint8_t)(8 * (all[i] & 3) + 2 - (all[i] >> 2 & 2)); \
            }                                                                            \
        }                                                                                \
    }

#define look_up_ternary K(look_up_ternary)
INLINE void look_up_ternary(const ingot_grid *grid, uint8_t *codes, uint32_t point, bool down) {
    uint64_t group;
    memcpy(&group, grid->codes + 8 * point, 8);
    group |= down ? 0x0808080808080808 : 0;
    memcpy(codes, &group, 8);
}
