// Q4_K: the layout is stated in Sources/Quantization/Formats/Q4_K.swift.
#ifndef ISA
#define KERNEL_FILE "q4_K.c"
#define SUB_LENGTH 32
#define CODE_MAX 15
#define SCALE_MAX 63
#define SPREAD true
#define ABSOLUTE false
#define FIRST -1.0f
#define STEP 0.1f
#define CANDIDATES 20
#define VARIANCE_FACTOR 2
#define LIMITED true
#define LIMITED_WITH_IMPORTANCE false
#define BLOCK_BYTES 144
#define D_OFFSET 0
#define PAIRS_OFFSET 4
#include "instantiate.h"
DEFINE_KERNELS(Q4_K)
#else
#include "lanes.h"
#include "affine.h"
#include "positive.h"

INLINE void K(pack)(const uint8_t *codes, uint8_t *block) {
    for (int run = 0; run < 4; run++) {
        for (int i = 0; i < 32; i++) {
            block[16 + 32 * run + i] =
                (uint8_t)(codes[64 * run + i] | codes[64 * run + 32 + i] << 4);
        }
    }
}
#include "affine_super_block.h"

static void K(encode_Q4_K)(const float *rows, size_t rowCount, size_t rowLength,
                           const float *importance, uint8_t *destination,
                           ingot_reference reference) {
    FOR_EACH_BATCH(encode_batch(x, present, columns, blocks, reference));
}

static void K(decode_Q4_K)(const uint8_t *source, size_t elementCount, float *destination) {
    for (size_t s = 0; s < elementCount / 256; s++) {
        const uint8_t *block = source + s * BLOCK_BYTES;
        float d = load_f16(block), dmin = load_f16(block + 2);
        for (int run = 0; run < 4; run++) {
            const uint8_t *qs = block + 16 + 32 * run;
            float *restrict out = destination + 256 * s + 64 * (size_t)run;
            int scale[2], minimum[2];
            load_pair(block + 4, 2 * run, &scale[0], &minimum[0]);
            load_pair(block + 4, 2 * run + 1, &scale[1], &minimum[1]);
            float d0 = d * (float)scale[0], m0 = dmin * (float)minimum[0];
            float d1 = d * (float)scale[1], m1 = dmin * (float)minimum[1];
            for (int i = 0; i < 32; i += LANES) {
                vi bytes = __builtin_convertvector(load_bytes(qs + i), vi);
                store(out + i, d0 * __builtin_convertvector(bytes & 15, vf) - m0);
                store(out + 32 + i, d1 * __builtin_convertvector(bytes >> 4, vf) - m1);
            }
        }
    }
}

static void K(unpack_Q4_K)(const uint8_t *source, size_t elementCount,
                           uint8_t *restrict codes, float *restrict scales, float *restrict minimums) {
    for (size_t s = 0; s < elementCount / 256; s++) {
        const uint8_t *block = source + s * BLOCK_BYTES;
        unpack_pairs(block, scales + 8 * s, minimums + 8 * s);
        for (int run = 0; run < 4; run++) {
            const uint8_t *qs = block + 16 + 32 * run;
            uint8_t *out = codes + 256 * s + 64 * (size_t)run;
            for (int i = 0; i < 32; i++) {
                out[i] = qs[i] & 15;
                out[32 + i] = qs[i] >> 4;
            }
        }
    }
}
#endif
