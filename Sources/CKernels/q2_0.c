// Q2_0: the layout is stated in Sources/Quantization/Formats/Q2_0.swift.
#ifndef ISA
#define KERNEL_FILE "q2_0.c"
#define BLOCK_BYTES 18
#include "instantiate.h"
DEFINE_KERNELS(Q2_0)
#else
#include "lanes.h"
#include "horizontal.h"
#include "ternary.h"

static void K(encode_Q2_0)(const float *rows, size_t rowCount, size_t rowLength,
                           const float *importance, uint8_t *destination,
                           ingot_reference reference) {
    (void)importance;
    for (size_t b = 0; b < rowCount * (rowLength / 64); b++) {
        const float *x = rows + 64 * b;
        uint8_t *block = destination + b * BLOCK_BYTES, codes[64];
        float d, inverse;
        if (!ternary_scale(x, 64, &d, &inverse)) {
            reference(x, 0, 0, block);
            continue;
        }
        store_f16(block, d);
        UNROLL for (int i = 0; i < 64; i += LANES) {
            vf scaled = load(x + i) * inverse;
            // Unlike the other ternary formats: what is not a number counts as -1.
            store_bytes(codes + i, -(scaled > -0.5f) - (scaled >= 0.5f));
        }
        UNROLL for (int i = 0; i < 16; i += LANES) {
            vi four;
            memcpy(&four, codes + 4 * i, sizeof four);
            store_bytes(block + 2 + i, four | four >> 6 | four >> 12 | four >> 18);
        }
    }
}

static void K(decode_Q2_0)(const uint8_t *source, size_t elementCount, float *destination) {
    vi places;
    for (int lane = 0; lane < LANES; lane++) places[lane] = 2 * (lane % 16);
    for (size_t b = 0; b < elementCount / 64; b++) {
        const uint8_t *block = source + b * BLOCK_BYTES;
        float d = load_f16(block);
        UNROLL for (int i = 0; i < 64; i += LANES) {
            uint32_t codes = 0;
            memcpy(&codes, block + 2 + i / 4, LANES / 4);
            vi code = ((vi)((vu)codes >> (vu)places) & 3) - 1;
            store(destination + 64 * b + i, __builtin_convertvector(code, vf) * d);
        }
    }
}

static void K(unpack_Q2_0)(const uint8_t *source, size_t elementCount,
                           uint8_t *restrict codes, float *restrict scales, float *restrict minimums) {
    (void)minimums;
    for (size_t b = 0; b < elementCount / 64; b++) {
        const uint8_t *block = source + b * BLOCK_BYTES;
        scales[2 * b] = scales[2 * b + 1] = load_f16(block);
        for (int i = 0; i < 64; i++) codes[64 * b + i] = block[2 + i / 4] >> 2 * (i % 4) & 3;
    }
}
#endif
