// Q8_0: the layout is stated in Sources/Quantization/Formats/Q8_0.swift.
#ifndef ISA
#define KERNEL_FILE "q8_0.c"
#define BLOCK_BYTES 34
#include "instantiate.h"
DEFINE_KERNELS(Q8_0)
#else
#include "lanes.h"
#include "half_floats.h"
#include "horizontal.h"

static void K(encode_Q8_0)(const float *rows, size_t rowCount, size_t rowLength,
                           const float *importance, uint8_t *destination,
                           ingot_reference reference) {
    (void)importance;
    size_t total = rowCount * (rowLength / 32);
    // In three passes over LANES blocks: see small_block.h.
    for (size_t base = 0; base < total; base += LANES) {
        int present = total - base < LANES ? (int)(total - base) : LANES;
        const float *x = rows + 32 * base;
        float sizes[LANES] = {0}, inverses[LANES];
        for (int b = 0; b < present; b++) {
            vf most = 0;
            UNROLL for (int i = 0; i < 32; i += LANES) {
                most = greater(magnitude(load(x + 32 * b + i)), most);
            }
            sizes[b] = greatest_lane(most);
        }
        vf d = load(sizes) / 127.0f;
        vf inverse = d != 0 ? 1 / d : (vf)0;
        vi ordinary = inverse < __builtin_inff();
        uint16_t stored[LANES];
        store_halves(stored, d);
        store(inverses, ordinary ? inverse : (vf)0);
        for (int b = 0; b < present; b++) {
            const float *values = x + 32 * b;
            uint8_t *block = destination + (base + (size_t)b) * BLOCK_BYTES;
            memcpy(block, &stored[b], 2);
            UNROLL for (int i = 0; i < 32; i += LANES) {
                vf exact = load(values + i) * inverses[b];
                // Adding the largest number below a half and truncating rounds halves away from
                // zero.
                vf half = (vf)((vi)(vf)0x1.fffffep-2f | ((vi)exact & INT32_MIN));
                store_bytes(block + 2 + i, __builtin_convertvector(exact + half, vi));
            }
        }
        if (!any(~ordinary)) continue;
        for (int b = 0; b < present; b++) {
            if (ordinary[b]) continue;
            reference(x + 32 * b, 0, 0, destination + (base + (size_t)b) * BLOCK_BYTES);
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

static void K(unpack_Q8_0)(const uint8_t *source, size_t elementCount,
                           uint8_t *restrict codes, float *restrict scales, float *restrict minimums) {
    (void)minimums;
    for (size_t b = 0; b < elementCount / 32; b++) {
        const uint8_t *block = source + b * BLOCK_BYTES;
        scales[b] = load_f16(block);
        // Flipping the sign bit adds 128.
        for (int i = 0; i < 32; i++) codes[32 * b + i] = block[2 + i] ^ 128;
    }
}
#endif
