// Q5_K: the layout is stated in Sources/Quantization/Formats/Q5_K.swift.
#ifndef ISA
#define KERNEL_FILE "q5_K.c"
#define SUB_LENGTH 32
#define CODE_MAX 31
#define SCALE_MAX 63
#define SPREAD true
#define ABSOLUTE false
#define FIRST -0.5f
#define STEP 0.1f
#define CANDIDATES 15
#define VARIANCE_FACTOR 2
#define LIMITED true
#define LIMITED_WITH_IMPORTANCE true
#define BLOCK_BYTES 176
#define D_OFFSET 0
#define PAIRS_OFFSET 4
#include "instantiate.h"
DEFINE_KERNELS(Q5_K)
#else
#include "lanes.h"
#include "affine.h"
#include "positive.h"

INLINE void K(pack)(const uint8_t *codes, uint8_t *block) {
    uint8_t high[32] = {0};
    for (int run = 0; run < 4; run++) {
        for (int i = 0; i < 32; i++) {
            uint8_t even = codes[64 * run + i], odd = codes[64 * run + 32 + i];
            block[48 + 32 * run + i] = (uint8_t)((even & 15) | odd << 4);
            high[i] |= (uint8_t)(((even >> 4) | (odd >> 4) << 1) << 2 * run);
        }
    }
    memcpy(block + 16, high, 32);
}
#include "affine_super_block.h"

static void K(encode_Q5_K)(const float *rows, size_t rowCount, size_t rowLength,
                           const float *importance, uint8_t *destination,
                           ingot_reference reference) {
    FOR_EACH_BATCH(encode_batch(x, present, columns, blocks, reference));
}

static void K(decode_Q5_K)(const uint8_t *source, size_t elementCount, float *destination) {
    for (size_t s = 0; s < elementCount / 256; s++) {
        const uint8_t *block = source + s * BLOCK_BYTES, *qh = block + 16;
        float d = load_f16(block), dmin = load_f16(block + 2);
        for (int run = 0; run < 4; run++) {
            const uint8_t *qs = block + 48 + 32 * run;
            float *restrict out = destination + 256 * s + 64 * (size_t)run;
            int scale[2], minimum[2];
            load_pair(block + 4, 2 * run, &scale[0], &minimum[0]);
            load_pair(block + 4, 2 * run + 1, &scale[1], &minimum[1]);
            float d0 = d * (float)scale[0], m0 = dmin * (float)minimum[0];
            float d1 = d * (float)scale[1], m1 = dmin * (float)minimum[1];
            for (int i = 0; i < 32; i += LANES) {
                vi bytes = __builtin_convertvector(load_bytes(qs + i), vi);
                vi high = __builtin_convertvector(load_bytes(qh + i), vi) >> 2 * run;
                vi even = (bytes & 15) | (high & 1) << 4, odd = bytes >> 4 | (high & 2) << 3;
                store(out + i, d0 * __builtin_convertvector(even, vf) - m0);
                store(out + 32 + i, d1 * __builtin_convertvector(odd, vf) - m1);
            }
        }
    }
}

static void K(unpack_Q5_K)(const uint8_t *source, size_t elementCount,
                           uint8_t *restrict codes, float *restrict scales, float *restrict minimums) {
    for (size_t s = 0; s < elementCount / 256; s++) {
        const uint8_t *block = source + s * BLOCK_BYTES, *qh = block + 16;
        unpack_pairs(block, scales + 8 * s, minimums + 8 * s);
        for (int run = 0; run < 4; run++) {
            const uint8_t *qs = block + 48 + 32 * run;
            uint8_t *out = codes + 256 * s + 64 * (size_t)run;
            for (int i = 0; i < 32; i++) {
                int high = qh[i] >> 2 * run;
                out[i] = (uint8_t)((qs[i] & 15) | (high & 1) << 4);
                out[32 + i] = (uint8_t)(qs[i] >> 4 | (high & 2) << 3);
            }
        }
    }
}
#endif
