// Q4_1: the layout is stated in Sources/Quantization/Blocks/SmallBlock.swift.
#ifndef ISA
#define KERNEL_FILE "q4_1.c"
#define BITS 4
#define HAS_MINIMUM 1
#include "instantiate.h"
DEFINE_KERNELS(Q4_1)
#else
#include "lanes.h"
#include "affine.h"
#include "small_block.h"

static void K(encode_Q4_1)(const float *rows, size_t rowCount, size_t rowLength,
                           const float *importance, uint8_t *destination,
                           ingot_reference reference) {
    K(encode_blocks)(rows, rowCount, rowLength, importance, destination, reference);
}

static void K(decode_Q4_1)(const uint8_t *source, size_t elementCount, float *destination) {
    K(decode_blocks)(source, elementCount, destination);
}

static void K(unpack_Q4_1)(const uint8_t *source, size_t elementCount,
                           uint8_t *restrict codes, float *restrict scales, float *restrict minimums) {
    K(unpack_blocks)(source, elementCount, codes, scales, minimums);
}
#endif
