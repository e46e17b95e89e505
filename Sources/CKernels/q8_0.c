// Q8_0: the layout is stated in Sources/Quantization/Formats/Q8_0.swift.
#ifndef ISA
#define KERNEL_FILE "q8_0.c"
#define BLOCK_BYTES 34
#include "instantiate.h"
DEFINE_ENCODER(Q8_0)
DEFINE_DECODER(Q8_0)
#else
#include "lanes.h"
#include "horizontal.h"

static void K(encode_Q8_0)(const float *rows, size_t rowCount, size_t rowLength,
                           const float *importance, uint8_t *destination,
                           ingot_reference reference) {
    (void)importance;
    for (size_t b = 0; b < rowCount * (rowLength / 32); b++) {
        const float *x = rows + 32 * b;
        uint8_t *block = destination + b * BLOCK_BYTES;
        vf most = 0;
        for (int i = 0; i < 32; i += LANES) most = greater(magnitude(load(x + i)), most);
        float d = greatest_lane(most) / 127.0f;
        float inverse = d != 0 ? 1 / d : 0;
        if (!(inverse < __builtin_inff())) {
            reference(x, 0, 0, block);
            continue;
        }
        store_f16(block, d);
        for (int i = 0; i < 32; i += LANES) {
            vf exact = load(x + i) * inverse;
            // Adding the largest number below a half and truncating rounds halves away from zero.
            vf half = (vf)((vi)(vf)0x1.fffffep-2f | ((vi)exact & INT32_MIN));
            store_bytes(block + 2 + i, __builtin_convertvector(exact + half, vi));
        }
    }
}

static void K(decode_Q8_0)(const uint8_t *source, size_t elementCount, float *destination) {
    for (size_t b = 0; b < elementCount / 32; b++) {
        const uint8_t *block = source + b * BLOCK_BYTES;
        float d = load_f16(block);
        for (int i = 0; i < 32; i += LANES) {
            vi codes = __builtin_convertvector((vsb)load_bytes(block + 2 + i), vi);
            store(destination + 32 * b + i, __builtin_convertvector(codes, vf) * d);
        }
    }
}
#endif
