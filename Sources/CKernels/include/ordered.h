// Products of matrices and factors whose every output is computed by a fixed order of operations.
//
// An output is the sum, over stretches of INGOT_PRODUCT_DEPTH terms, of sums that start at zero and
// take one term after the other by fused multiply-add. Vectors run across outputs only, so results are
// the same on every instruction set and do not depend on how outputs are shared out between threads.
// Sets without fused multiply-add in hardware call fma(), which is slow.
//
// Matrices are given by the address of their first element and the distances, in elements, from row
// to row and from column to column, one of which is 1.

#ifndef INGOT_ORDERED_H
#define INGOT_ORDERED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Terms of a stretch.
#define INGOT_PRODUCT_DEPTH 256
/// Rows of a panel of the left matrix.
#define INGOT_PRODUCT_ROWS 12
/// Columns of a panel of the right matrix.
#define INGOT_PRODUCT_COLUMNS_F32 32
#define INGOT_PRODUCT_COLUMNS_F64 16
/// Rows and columns of a block that `ingot_factor_block` takes at most.
#define INGOT_FACTOR_BLOCK 128

/// The bytes of room that a product needs, aligned to 64.
size_t ingot_ordered_product_scratch_f32(void);
size_t ingot_ordered_product_scratch_f64(void);

/// c = scale a b, or c += scale a b with `keep`, for `a` of rows × depth, `b` of depth × columns.
///
/// `c` has its rows `stride` apart and shares no memory with `a` and `b`. `scratch` has the room that
/// `ingot_ordered_product_scratch` says.
void ingot_ordered_product_f32(ingot_isa isa, size_t rows, size_t columns, size_t depth,
                               float scale, const float *a, size_t a_row, size_t a_column,
                               const float *b, size_t b_row, size_t b_column, bool keep, float *c,
                               size_t stride, void *scratch);
void ingot_ordered_product_f64(ingot_isa isa, size_t rows, size_t columns, size_t depth,
                               double scale, const double *a, size_t a_row, size_t a_column,
                               const double *b, size_t b_row, size_t b_column, bool keep,
                               double *c, size_t stride, void *scratch);

/// Packs rows × depth of a left matrix, depth at most INGOT_PRODUCT_DEPTH, to panels: `depth` times
/// INGOT_PRODUCT_ROWS numbers each, missing rows zero.
void ingot_pack_left_f32(ingot_isa isa, const float *a, size_t a_row, size_t a_column, size_t rows,
                         size_t depth, float *panels);
void ingot_pack_left_f64(ingot_isa isa, const double *a, size_t a_row, size_t a_column,
                         size_t rows, size_t depth, double *panels);

/// Packs depth × columns of a right matrix to panels: `depth` times INGOT_PRODUCT_COLUMNS numbers
/// each, missing columns zero.
void ingot_pack_right_f32(ingot_isa isa, const float *b, size_t b_row, size_t b_column,
                          size_t columns, size_t depth, float *panels);
void ingot_pack_right_f64(ingot_isa isa, const double *b, size_t b_row, size_t b_column,
                          size_t columns, size_t depth, double *panels);

/// c = scale a b, or c += scale a b with `keep`, for packed `a` and `b`.
void ingot_multiply_panels_f32(ingot_isa isa, size_t rows, size_t columns, size_t depth,
                               float scale, const float *left, const float *right, bool keep,
                               float *c, size_t stride);
void ingot_multiply_panels_f64(ingot_isa isa, size_t rows, size_t columns, size_t depth,
                               double scale, const double *left, const double *right, bool keep,
                               double *c, size_t stride);

/// sums[i] += values[i]
void ingot_accumulate(ingot_isa isa, const float *values, size_t count, double *sums);

/// Factors the upper triangle of a symmetric block A = R Rᵀ, R upper triangular, in place, and puts
/// R's inverse to `inverse`, whose lower triangle becomes zero.
///
/// `count` is at most INGOT_FACTOR_BLOCK; the strides are from row to row. Returns -1, or the number of
/// a pivot that is not a positive number; the pivots behind it were.
ptrdiff_t ingot_factor_block(ingot_isa isa, double *a, size_t stride, size_t count,
                             double *inverse, size_t inverse_stride);

#endif
