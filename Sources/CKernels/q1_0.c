// Q1_0: the layout is stated in Sources/Quantization/Formats/Q1_0.swift.
#ifndef ISA
#define KERNEL_FILE "q1_0.c"
#define BLOCK_BYTES 18
#include "instantiate.h"
DEFINE_KERNELS(Q1_0)
#else
#include "lanes.h"
#include "horizontal.h"

static void K(encode_Q1_0)(const float *rows, size_t rowCount, size_t rowLength,
                           const float *importance, uint8_t *destination,
                           ingot_reference reference) {
    (void)importance;
    (void)reference;
    size_t total = rowCount * (rowLength / 128);
    for (size_t base = 0; base < total; base += LANES) {
        const float *places[LANES];
        for (size_t lane = 0; lane < LANES; lane++) {
            // Lanes beyond the end repeat the last block.
            places[lane] = rows + 128 * (base + lane < total ? base + lane : total - 1);
        }
        // Every lane sums up one block, because the order counts.
        vf sum = 0;
        for (size_t i = 0; i < 128; i += 4) {
            vf x[4];
            transpose4(places, i, x);
            UNROLL for (int k = 0; k < 4; k++) sum += magnitude(x[k]);
        }
        vf d = sum / 128.0f;
        for (size_t lane = 0; lane < LANES && base + lane < total; lane++) {
            uint8_t *block = destination + (base + lane) * BLOCK_BYTES;
            store_f16(block, d[lane]);
            UNROLL for (int i = 0; i < 128; i += 16) {
                uint32_t bits = 0;
                UNROLL for (int k = 0; k < 16; k += LANES) {
                    bits |= top_bits(load(places[lane] + i + k) >= 0) << k;
                }
                memcpy(block + 2 + i / 8, &bits, 2);
            }
        }
    }
}

static void K(decode_Q1_0)(const uint8_t *source, size_t elementCount, float *destination) {
    vi places;
    for (int lane = 0; lane < LANES; lane++) places[lane] = lane;
    for (size_t b = 0; b < elementCount / 128; b++) {
        const uint8_t *block = source + b * BLOCK_BYTES;
        float d = load_f16(block);
        UNROLL for (int i = 0; i < 128; i += 16) {
            uint16_t bits;
            memcpy(&bits, block + 2 + i / 8, 2);
            UNROLL for (int k = 0; k < 16; k += LANES) {
                vi bit = (vi)((vu)(uint32_t)(bits >> k) >> (vu)places) & 1;
                store(destination + 128 * b + i + k, bit != 0 ? (vf)d : (vf)-d);
            }
        }
    }
}

static void K(unpack_Q1_0)(const uint8_t *source, size_t elementCount,
                           uint8_t *restrict codes, float *restrict scales, float *restrict minimums) {
    (void)minimums;
    for (size_t b = 0; b < elementCount / 128; b++) {
        const uint8_t *block = source + b * BLOCK_BYTES;
        for (int j = 0; j < 4; j++) scales[4 * b + j] = load_f16(block);
        for (int i = 0; i < 128; i++) codes[128 * b + i] = block[2 + i / 8] >> i % 8 << 1 & 2;
    }
}
#endif
