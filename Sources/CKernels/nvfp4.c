// NVFP4: the layout is stated in Sources/Quantization/Formats/NVFP4.swift.
#ifndef ISA
#define KERNEL_FILE "nvfp4.c"
#define BLOCK_BYTES 36
#include "instantiate.h"
DEFINE_KERNELS(NVFP4)
#else
#include "lanes.h"
#include "horizontal.h"
#include "float_code.h"

/// NVFP4Block.halfScale.
INLINE float K(half_scale)(uint8_t stored) {
    if (stored == 0 || stored == 0x7F) return 0;
    uint32_t exponent = stored >> 3 & 15, bits = (exponent - 8 + 127) << 23;
    float fraction = (float)(stored & 7), power;
    if (exponent == 0) return fraction * 0x1p-10f;
    memcpy(&power, &bits, 4);
    return (1 + fraction / 8) * power;
}

/// NVFP4Block.scaleBits.
INLINE uint8_t K(scale_bits)(float value) {
    if (!(value > 0)) return 0;
    if (value > 448) value = 448;
    uint32_t bits;
    memcpy(&bits, &value, 4);
    int exponent = (int)(bits >> 23) - 127 + 7;
    if (exponent <= 0) {
        int fraction = (int)(value * 512 + 0.5f);
        return (uint8_t)(fraction < 7 ? fraction : 7);
    }
    int rounded_bits = (exponent << 3 | (int)(bits >> 20 & 7)) + (int)(bits >> 19 & 1);
    return (uint8_t)(rounded_bits >= 0x78 ? 0x7E : rounded_bits);
}

static void K(encode_NVFP4)(const float *rows, size_t rowCount, size_t rowLength,
                            const float *importance, uint8_t *destination,
                            ingot_reference reference) {
    (void)importance;
    for (size_t b = 0; b < rowCount * (rowLength / 64); b++) {
        const float *x = rows + 64 * b;
        uint8_t *block = destination + b * BLOCK_BYTES;
        float sizes[4];
        UNROLL for (int part = 0; part < 4; part++) {
            sizes[part] = greatest_magnitude(x + 16 * part, 16);
        }
        // Beyond the largest scale distances are no longer exact.
        float most = 0;
        UNROLL for (int part = 0; part < 4; part++) most = sizes[part] > most ? sizes[part] : most;
        if (most > 6 * 448) {
            reference(x, 0, 0, block);
            continue;
        }
        UNROLL for (int part = 0; part < 4; part++) {
            block[part] = K(scale_bits)(sizes[part] / 6);
            float scale = K(half_scale)(block[part]);
            // Under the scale 0 all codes are 0.
            if (scale == 0) scale = __builtin_inff();
            uint8_t codes[16];
            UNROLL for (int i = 0; i < 16; i += LANES) {
                store_bytes(codes + i, float_codes(load(x + 16 * part + i), scale));
            }
            uint64_t low, high;
            memcpy(&low, codes, 8);
            memcpy(&high, codes + 8, 8);
            low |= high << 4;
            memcpy(block + 4 + 8 * part, &low, 8);
        }
    }
}

static void K(decode_NVFP4)(const uint8_t *source, size_t elementCount, float *destination) {
    for (size_t b = 0; b < elementCount / 64; b++) {
        const uint8_t *block = source + b * BLOCK_BYTES;
        UNROLL for (int part = 0; part < 4; part++) {
            uint64_t bytes[2];
            memcpy(bytes, block + 4 + 8 * part, 8);
            bytes[1] = bytes[0] >> 4 & 0x0F0F0F0F0F0F0F0F;
            bytes[0] &= 0x0F0F0F0F0F0F0F0F;
            codes16 codes;
            memcpy(&codes, bytes, 16);
            decode_codes(float_entries, codes, K(half_scale)(block[part]),
                         destination + 64 * b + 16 * part);
        }
    }
}

static void K(unpack_NVFP4)(const uint8_t *source, size_t elementCount,
                            uint8_t *restrict codes, float *restrict scales, float *restrict minimums) {
    (void)minimums;
    for (size_t b = 0; b < elementCount / 64; b++) {
        const uint8_t *block = source + b * BLOCK_BYTES;
        for (int part = 0; part < 4; part++) {
            scales[4 * b + part] = K(half_scale)(block[part]);
            for (int i = 0; i < 8; i++) {
                int byte = block[4 + 8 * part + i];
                uint8_t *out = codes + 64 * b + 16 * part + i;
                out[0] = (uint8_t)(float_entries[byte & 15] + 12);
                out[8] = (uint8_t)(float_entries[byte >> 4] + 12);
            }
        }
    }
}
#endif
