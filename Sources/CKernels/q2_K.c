// Q2_K: the layout is stated in Sources/Quantization/Formats/Q2_K.swift.
#ifndef ISA
#define KERNEL_FILE "q2_K.c"
#define SUB_LENGTH 16
#define CODE_MAX 3
#define SCALE_MAX 15
#define SPREAD false
#define ABSOLUTE true
#define FIRST -0.5f
#define STEP 0.1f
#define CANDIDATES 15
#define VARIANCE_FACTOR 1
#define LIMITED false
#define LIMITED_WITH_IMPORTANCE false
#define BLOCK_BYTES 84
#define D_OFFSET 80
#define PAIRS_OFFSET 0
#include "instantiate.h"
DEFINE_KERNELS(Q2_K)
#else
#include "lanes.h"
#include "affine.h"
#include "positive.h"
#include "two_bit_codes.h"

INLINE void K(pack)(const uint8_t *codes, uint8_t *block) { pack_two_bits(codes, block + 16); }
#include "affine_super_block.h"

static void K(encode_Q2_K)(const float *rows, size_t rowCount, size_t rowLength,
                           const float *importance, uint8_t *destination,
                           ingot_reference reference) {
    FOR_EACH_BATCH(encode_batch(x, present, columns, blocks, reference));
}

static void K(decode_Q2_K)(const uint8_t *source, size_t elementCount, float *destination) {
    for (size_t s = 0; s < elementCount / 256; s++) {
        const uint8_t *block = source + s * BLOCK_BYTES;
        float d = load_f16(block + 80), dmin = load_f16(block + 82);
        for (int j = 0; j < 16; j++) {
            const uint8_t *qs = block + 16 + 32 * (j / 8) + 16 * (j % 2);
            float *restrict out = destination + 256 * s + 16 * (size_t)j;
            float scale = d * (float)(block[j] & 15), minimum = dmin * (float)(block[j] >> 4);
            int shift = 2 * (j / 2 % 4);
            for (int i = 0; i < 16; i += LANES) {
                vi code = __builtin_convertvector(load_bytes(qs + i), vi) >> shift & 3;
                store(out + i, scale * __builtin_convertvector(code, vf) - minimum);
            }
        }
    }
}

static void K(unpack_Q2_K)(const uint8_t *source, size_t elementCount,
                           uint8_t *restrict codes, float *restrict scales, float *restrict minimums) {
    for (size_t s = 0; s < elementCount / 256; s++) {
        const uint8_t *block = source + s * BLOCK_BYTES;
        unpack_pairs(block, scales + 16 * s, minimums + 16 * s);
        unpack_two_bits(block + 16, codes + 256 * s);
    }
}
#endif
