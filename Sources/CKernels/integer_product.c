#include "CKernels.h"
#include "half_numbers.h"

#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#pragma STDC FP_CONTRACT OFF

// The helpers that take and give vectors are all inlined: no calling convention is involved.
#pragma clang diagnostic ignored "-Wpsabi"

// What multiplies integers.
#define DOT_PLAIN 0
#define DOT_AVX2 1  // vpmaddubsw up to NARROW, else vpmaddwd
#define DOT_VNNI 2  // vpdpbusd
#define DOT_NEON 3  // sdot

// The largest code of which two products with activations fit in 16 bits.
#define NARROW 129
// Codes of activations that a product works on at a time, so that they stay in the second cache.
#define RESIDENT_CODES (256 << 10)

struct prepared {
    int32_t *starts;
    float *factors;
    int16_t *wide;
};

// Some tiles of tokens times some outputs.
struct product {
    const ingot_q8_rows *rows;
    const ingot_code_panels *panels;
    struct prepared prepared;
    float *result;
    size_t length, first_tile, tiles, row_count, first_output, output_count, result_stride;
    bool keep;
};

struct integer_kernels {
    void (*quantize_row)(const float *, size_t, uint32_t, size_t, int8_t *, float *, float *,
                         int32_t *);
    void (*prepare)(const ingot_code_form *, size_t, const ingot_q8_rows *, size_t, size_t,
                    struct prepared);
    void (*multiply)(const ingot_code_form *, const struct product *);
};

#define DOT DOT_PLAIN
#define NAME(x) plain_##x
#include "integer_product_template.h"
#undef NAME
#undef DOT

#if defined(__x86_64__)

#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)
#define DOT DOT_AVX2
#define NAME(x) avx2_##x
#include "integer_product_template.h"
#undef NAME
#undef DOT
#pragma clang attribute pop

#pragma clang attribute push(                                                            \
    __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni"))), apply_to = function)
#define DOT DOT_VNNI
#define NAME(x) vnni_##x
#include "integer_product_template.h"
#undef NAME
#undef DOT
#pragma clang attribute pop

#elif defined(__aarch64__) && defined(__ARM_FEATURE_DOTPROD)

#define DOT DOT_NEON
#define NAME(x) neon_##x
#include "integer_product_template.h"
#undef NAME
#undef DOT

#endif

static const struct integer_kernels *kernels(ingot_isa isa) {
#if defined(__x86_64__)
    if (isa == INGOT_AVX512 && __builtin_cpu_supports("avx512vnni")) return &vnni_table;
    if (isa == INGOT_AVX512 || isa == INGOT_AVX2) return &avx2_table;
#elif defined(__aarch64__) && defined(__ARM_FEATURE_DOTPROD)
    if (isa == INGOT_NEON) return &neon_table;
#endif
    (void)isa;
    return &plain_table;
}

void ingot_quantize_activations(ingot_isa isa, const float *values, size_t stride, size_t rowCount,
                                size_t rowLength, uint32_t blockLength, size_t firstToken,
                                const ingot_q8_rows *rows) {
    const struct integer_kernels *known = kernels(isa);
    size_t blocks = rowLength / blockLength;
    for (size_t row = 0; row < (rowCount + 7) / 8 * 8; row++) {
        size_t tile = (firstToken + row) / 8, t = row % 8;
        int8_t *codes = rows->codes + tile * rowLength * 8 + 4 * t;
        float *scales = rows->scales + tile * blocks * 8 + t;
        float *steps = rows->steps + tile * blocks * 8 + t;
        int32_t *sums = rows->sums + tile * (rowLength / 16) * 8 + t;
        if (row < rowCount) {
            known->quantize_row(values + row * stride, rowLength, blockLength,
                                INGOT_TILE_TOKENS, codes, scales, steps, sums);
            continue;
        }
        for (size_t four = 0; four < rowLength / 4; four++) memset(codes + 32 * four, 0, 4);
        for (size_t block = 0; block < blocks; block++) scales[8 * block] = steps[8 * block] = 0;
        for (size_t part = 0; part < rowLength / 16; part++) sums[8 * part] = 0;
    }
}

void ingot_round_rows(ingot_isa isa, const float *values, size_t stride, size_t rowCount,
                      size_t rowLength, uint32_t blockLength, const ingot_rounded_rows *rows) {
    size_t blocks = rowLength / blockLength;
    for (size_t row = 0; row < rowCount; row++) {
        kernels(isa)->quantize_row(values + row * stride, rowLength, blockLength, 1,
                                   rows->codes + row * rowLength, rows->scales + row * blocks,
                                   rows->steps + row * blocks, rows->sums + row * (rowLength / 16));
    }
}

void ingot_pack_panel(const ingot_code_form *form, const uint8_t *codes, const float *scales,
                      const float *minimums, size_t rowCount, size_t rowLength, size_t panel,
                      const ingot_code_panels *panels) {
    size_t groups = rowLength / form->groupLength;
    uint8_t *out = panels->codes + panel * rowLength * 16;
    float *out_scales = panels->scales + panel * groups * 16;
    float *out_minimums = form->hasMinimum ? panels->minimums + panel * groups * 16 : 0;
    if (rowCount < 16) {
        memset(out, 0, rowLength * 16);
        memset(out_scales, 0, groups * 16 * sizeof(float));
        if (out_minimums) memset(out_minimums, 0, groups * 16 * sizeof(float));
    }
    // Four times sixteen codes at a time, so that every cache line is written once.
    for (size_t k = 0; k + 16 <= rowLength; k += 16) {
        for (size_t row = 0; row < rowCount; row++) {
            const uint8_t *from = codes + row * rowLength + k;
            uint8_t *to = out + 16 * k + 4 * row;
            for (int four = 0; four < 4; four++) memcpy(to + 64 * four, from + 4 * four, 4);
        }
    }
    for (size_t row = 0; row < rowCount; row++) {
        for (size_t group = 0; group < groups; group++) {
            out_scales[16 * group + row] = scales[row * groups + group];
            if (out_minimums) out_minimums[16 * group + row] = minimums[row * groups + group];
        }
    }
}

// Tiles that a product works on at a time.
static size_t resident_tiles(size_t length) {
    size_t tiles = RESIDENT_CODES / (length * INGOT_TILE_TOKENS);
    return tiles ? tiles : 1;
}

// A multiple of 64 bytes each.
static size_t group_bytes(const ingot_code_form *form, size_t length) {
    size_t count = resident_tiles(length) * (length / form->groupLength) * INGOT_TILE_TOKENS;
    return (count * 4 + 63) / 64 * 64;
}

size_t ingot_integer_product_scratch(const ingot_code_form *form, size_t rowLength) {
    return 2 * group_bytes(form, rowLength) +
           resident_tiles(rowLength) * rowLength * INGOT_TILE_TOKENS * sizeof(int16_t);
}

void ingot_integer_product(ingot_isa isa, const ingot_code_form *form, size_t rowLength,
                           const ingot_q8_rows *rows, size_t firstToken, size_t rowCount,
                           const ingot_code_panels *panels, size_t firstOutput,
                           size_t outputCount, float *result, size_t resultStride, bool keep,
                           void *scratch) {
    const struct integer_kernels *known = kernels(isa);
    size_t bytes = group_bytes(form, rowLength);
    struct product product = {
        .rows = rows,
        .panels = panels,
        .prepared = {(int32_t *)scratch, (float *)((char *)scratch + bytes),
                     (int16_t *)((char *)scratch + 2 * bytes)},
        .length = rowLength,
        .first_output = firstOutput,
        .output_count = outputCount,
        .result_stride = resultStride,
        .keep = keep,
    };
    size_t step = resident_tiles(rowLength);
    size_t tiles = (rowCount + INGOT_TILE_TOKENS - 1) / INGOT_TILE_TOKENS;
    for (size_t tile = 0; tile < tiles; tile += step) {
        product.first_tile = firstToken / INGOT_TILE_TOKENS + tile;
        product.tiles = tiles - tile < step ? tiles - tile : step;
        product.row_count = rowCount - tile * INGOT_TILE_TOKENS;
        product.result = result + tile * INGOT_TILE_TOKENS * resultStride;
        known->prepare(form, rowLength, rows, product.first_tile, product.tiles, product.prepared);
        known->multiply(form, &product);
    }
}
