// TQ2_0: the layout is stated in Sources/Quantization/Formats/TQ2_0.swift.
#ifndef ISA
#define KERNEL_FILE "tq2_0.c"
#define BLOCK_BYTES 66
#include "instantiate.h"
DEFINE_KERNELS(TQ2_0)
#else
#include "lanes.h"
#include "horizontal.h"
#include "ternary.h"
#include "two_bit_codes.h"

static void K(encode_TQ2_0)(const float *rows, size_t rowCount, size_t rowLength,
                            const float *importance, uint8_t *destination,
                            ingot_reference reference) {
    (void)importance;
    for (size_t b = 0; b < rowCount * (rowLength / 256); b++) {
        const float *x = rows + 256 * b;
        uint8_t *block = destination + b * BLOCK_BYTES;
        float d, inverse;
        if (!ternary_scale(x, 256, &d, &inverse)) {
            reference(x, 0, 0, block);
            continue;
        }
        for (int half = 0; half < 2; half++) {
            UNROLL for (int i = 0; i < 32; i += LANES) {
                vi codes = 0;
                UNROLL for (int place = 0; place < 4; place++) {
                    vf value = load(x + 128 * half + 32 * place + i);
                    codes |= ternary_codes(value * inverse) << 2 * place;
                }
                store_bytes(block + 32 * half + i, codes);
            }
        }
        store_f16(block + 64, d);
    }
}

static void K(decode_TQ2_0)(const uint8_t *source, size_t elementCount, float *destination) {
    for (size_t b = 0; b < elementCount / 256; b++) {
        const uint8_t *block = source + b * BLOCK_BYTES;
        float d = load_f16(block + 64);
        for (int half = 0; half < 2; half++) {
            float *out = destination + 256 * b + 128 * (size_t)half;
            UNROLL for (int i = 0; i < 32; i += LANES) {
                vi codes = __builtin_convertvector(load_bytes(block + 32 * half + i), vi);
                UNROLL for (int place = 0; place < 4; place++) {
                    vi code = (codes >> 2 * place & 3) - 1;
                    store(out + 32 * place + i, __builtin_convertvector(code, vf) * d);
                }
            }
        }
    }
}

static void K(unpack_TQ2_0)(const uint8_t *source, size_t elementCount,
                            uint8_t *restrict codes, float *restrict scales, float *restrict minimums) {
    (void)minimums;
    for (size_t b = 0; b < elementCount / 256; b++) {
        const uint8_t *block = source + b * BLOCK_BYTES;
        for (int j = 0; j < 8; j++) scales[8 * b + j] = load_f16(block + 64);
        unpack_two_bits(block, codes + 256 * b);
    }
}
#endif
