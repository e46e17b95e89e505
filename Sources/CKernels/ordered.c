#include "CKernels.h"

#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#pragma STDC FP_CONTRACT OFF

#define PASTE2(a, b) a##_##b
#define PASTE(a, b) PASTE2(a, b)
#define K(name) PASTE(name, ISA)
#define INLINE static inline __attribute__((always_inline, unused))
#define UNROLL _Pragma("clang loop unroll(full)")

// What of the matrices is packed at a time: rows of the left one, columns of the right one. Both stay
// in the second cache.
#define LEFT_ROWS 240
#define RIGHT_COLUMNS 512

typedef struct {
    void (*pack_left_f32)(const float *, size_t, size_t, size_t, size_t, float *);
    void (*pack_left_f64)(const double *, size_t, size_t, size_t, size_t, double *);
    void (*pack_right_f32)(const float *, size_t, size_t, size_t, size_t, float *);
    void (*pack_right_f64)(const double *, size_t, size_t, size_t, size_t, double *);
    void (*multiply_panels_f32)(size_t, size_t, size_t, float, const float *, const float *, bool,
                                float *, size_t);
    void (*multiply_panels_f64)(size_t, size_t, size_t, double, const double *, const double *,
                                bool, double *, size_t);
    void (*product_f32)(size_t, size_t, size_t, float, const float *, size_t, size_t,
                        const float *, size_t, size_t, bool, float *, size_t, float *);
    void (*product_f64)(size_t, size_t, size_t, double, const double *, size_t, size_t,
                        const double *, size_t, size_t, bool, double *, size_t, double *);
    void (*accumulate)(const float *, size_t, double *);
    ptrdiff_t (*factor_block)(double *, size_t, size_t, double *, size_t);
} ordered_kernels;

#if defined(__x86_64__)

#define HAS_F16C 0
#define ISA sse2
#define LANES 4
#include "ordered_template.h"
#undef ISA
#undef LANES

#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define ISA avx2
#define LANES 8
#include "ordered_template.h"
#undef ISA
#undef LANES
#pragma clang attribute pop

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma"))), \
                             apply_to = function)
#define ISA avx512
#define LANES 16
#include "ordered_template.h"
#undef ISA
#undef LANES
#pragma clang attribute pop

static const ordered_kernels *kernels(ingot_isa isa) {
    if (isa == INGOT_AVX512) return &ordered_table_avx512;
    if (isa == INGOT_AVX2 && __builtin_cpu_supports("fma")) return &ordered_table_avx2;
    return &ordered_table_sse2;
}

#else

#define HAS_F16C 0
#define ISA plain
#define LANES 4
#include "ordered_template.h"

static const ordered_kernels *kernels(ingot_isa isa) {
    (void)isa;
    return &ordered_table_plain;
}

#endif

#define ROOM ((size_t)INGOT_PRODUCT_DEPTH * (LEFT_ROWS + RIGHT_COLUMNS))

size_t ingot_ordered_product_scratch_f32(void) { return ROOM * sizeof(float); }
size_t ingot_ordered_product_scratch_f64(void) { return ROOM * sizeof(double); }

#define DEFINE(REAL, SUFFIX)                                                                  \
    void ingot_ordered_product_##SUFFIX(                                                      \
        ingot_isa isa, size_t rows, size_t columns, size_t depth, REAL scale, const REAL *a,  \
        size_t a_row, size_t a_column, const REAL *b, size_t b_row, size_t b_column,          \
        bool keep, REAL *c, size_t stride, void *scratch) {                                   \
        kernels(isa)->product_##SUFFIX(rows, columns, depth, scale, a, a_row, a_column, b,    \
                                       b_row, b_column, keep, c, stride, scratch);            \
    }                                                                                         \
    void ingot_pack_left_##SUFFIX(ingot_isa isa, const REAL *a, size_t a_row,                 \
                                  size_t a_column, size_t rows, size_t depth,                 \
                                  REAL *panels) {                                             \
        kernels(isa)->pack_left_##SUFFIX(a, a_row, a_column, rows, depth, panels);            \
    }                                                                                         \
    void ingot_pack_right_##SUFFIX(ingot_isa isa, const REAL *b, size_t b_row,                \
                                   size_t b_column, size_t columns, size_t depth,             \
                                   REAL *panels) {                                            \
        kernels(isa)->pack_right_##SUFFIX(b, b_row, b_column, columns, depth, panels);        \
    }                                                                                         \
    void ingot_multiply_panels_##SUFFIX(                                                      \
        ingot_isa isa, size_t rows, size_t columns, size_t depth, REAL scale,                 \
        const REAL *left, const REAL *right, bool keep, REAL *c, size_t stride) {             \
        kernels(isa)->multiply_panels_##SUFFIX(rows, columns, depth, scale, left, right,      \
                                               keep, c, stride);                              \
    }

DEFINE(float, f32)
DEFINE(double, f64)

void ingot_accumulate(ingot_isa isa, const float *values, size_t count, double *sums) {
    kernels(isa)->accumulate(values, count, sums);
}

ptrdiff_t ingot_factor_block(ingot_isa isa, double *a, size_t stride, size_t count,
                             double *inverse, size_t inverse_stride) {
    return kernels(isa)->factor_block(a, stride, count, inverse, inverse_stride);
}
