// MXFP4: the layout is stated in Sources/Quantization/Formats/MXFP4.swift.
#ifndef ISA
#define KERNEL_FILE "mxfp4.c"
#define BLOCK_BYTES 17
#include "instantiate.h"
DEFINE_KERNELS(MXFP4)
#else
#include "lanes.h"
#include "horizontal.h"
#include "float_code.h"

/// 2^(e - 128).
INLINE float K(half_power)(uint8_t e) {
    uint32_t bits = e < 2 ? 0x00200000u << e : (uint32_t)(e - 1) << 23;
    float power;
    memcpy(&power, &bits, 4);
    return power;
}

static void K(encode_MXFP4)(const float *rows, size_t rowCount, size_t rowLength,
                            const float *importance, uint8_t *destination,
                            ingot_reference reference) {
    (void)importance;
    size_t total = rowCount * (rowLength / 32);
    // In two passes over LANES blocks: see small_block.h.
    for (size_t base = 0; base < total; base += LANES) {
        size_t present = total - base < LANES ? total - base : LANES;
        const float *x = rows + 32 * base;
        uint8_t *blocks = destination + base * BLOCK_BYTES;
        float sizes[LANES];
        for (size_t b = 0; b < present; b++) sizes[b] = greatest_magnitude(x + 32 * b, 32);
        for (size_t b = 0; b < present; b++) {
            const float *values = x + 32 * b;
            uint8_t *block = blocks + b * BLOCK_BYTES;
            uint32_t bits, exponent = 0;
            memcpy(&bits, &sizes[b], 4);
            if (bits != 0) {
                exponent = bits >> 23;
                // Next to a power of two the reference rounds the logarithm up.
                if (exponent < 8 || exponent == 255 || (bits & 0x007FFF80) == 0x007FFF80) {
                    reference(values, 0, 0, block);
                    continue;
                }
                exponent -= 2;
            }
            block[0] = (uint8_t)exponent;
            float scale = K(half_power)(block[0]);
            vi codes[16 / LANES];
            UNROLL for (int i = 0; i < 16; i += LANES) {
                vi low = float_codes(load(values + i), scale);
                codes[i / LANES] = low | float_codes(load(values + 16 + i), scale) << 4;
            }
            store_sixteen(block + 1, codes);
        }
    }
}

static void K(decode_MXFP4)(const uint8_t *source, size_t elementCount, float *destination) {
    for (size_t b = 0; b < elementCount / 32; b++) {
        const uint8_t *block = source + b * BLOCK_BYTES;
        decode_nibbles(float_entries, block + 1, K(half_power)(block[0]), destination + 32 * b);
    }
}

static void K(unpack_MXFP4)(const uint8_t *source, size_t elementCount,
                            uint8_t *restrict codes, float *restrict scales, float *restrict minimums) {
    (void)minimums;
    for (size_t b = 0; b < elementCount / 32; b++) {
        const uint8_t *block = source + b * BLOCK_BYTES;
        scales[b] = K(half_power)(block[0]);
        unpack_nibbles(float_entries, 12, block + 1, codes + 32 * b);
    }
}
#endif
