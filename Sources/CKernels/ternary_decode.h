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

#define look_up_ternary K(look_up_ternary)
INLINE void look_up_ternary(const ingot_grid *grid, uint8_t *codes, uint32_t point, bool down) {
    uint64_t group;
    memcpy(&group, grid->codes + 8 * point, 8);
    group |= down ? 0x0808080808080808 : 0;
    memcpy(codes, &group, 8);
}
