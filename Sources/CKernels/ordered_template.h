// Ordered products and factors, included by ordered.c once per instruction set.

#include "lanes.h"

#define REAL float
#define T(name) K(name##_f32)
#define COLUMNS INGOT_PRODUCT_COLUMNS_F32
#define WIDE LANES
#define TRANSPOSE
#include "ordered_product.h"
#undef REAL
#undef T
#undef COLUMNS
#undef WIDE
#undef TRANSPOSE

#define REAL double
#define T(name) K(name##_f64)
#define COLUMNS INGOT_PRODUCT_COLUMNS_F64
#define WIDE (LANES / 2)
#include "ordered_product.h"
#undef REAL
#undef T
#undef COLUMNS
#undef WIDE

static void K(accumulate)(const float *values, size_t count, double *sums) {
    for (size_t index = 0; index < count; index++) sums[index] += (double)values[index];
}

/// row[i] += factor * other[i]
INLINE void K(add_multiple)(double *restrict row, const double *restrict other, double factor,
                            size_t count) {
    for (size_t index = 0; index < count; index++)
        row[index] = __builtin_elementwise_fma(factor, other[index], row[index]);
}

static ptrdiff_t K(factor_block)(double *a, size_t stride, size_t count, double *inverse,
                                 size_t inverse_stride) {
    double column[INGOT_FACTOR_BLOCK];
    // From the last column on: what is behind it was taken off already.
    for (size_t pivot = count; pivot-- > 0;) {
        double square = a[pivot * stride + pivot];
        if (!(square > 0) || square > 1.7976931348623157e308) return (ptrdiff_t)pivot;
        double diagonal = __builtin_elementwise_sqrt(square);
        a[pivot * stride + pivot] = diagonal;
        for (size_t row = 0; row < pivot; row++) {
            column[row] = a[row * stride + pivot] / diagonal;
            a[row * stride + pivot] = column[row];
        }
        for (size_t row = 0; row < pivot; row++)
            K(add_multiple)(a + row * stride + row, column + row, -column[row], pivot - row);
    }
    for (size_t row = count; row-- > 0;) {
        double *target = inverse + row * inverse_stride;
        memset(target, 0, count * sizeof(double));
        double own = 1 / a[row * stride + row];
        for (size_t below = row + 1; below < count; below++)
            K(add_multiple)(target + below, inverse + below * inverse_stride + below,
                            a[row * stride + below], count - below);
        for (size_t index = row + 1; index < count; index++) target[index] *= -own;
        target[row] = own;
    }
    return -1;
}

static const ordered_kernels K(ordered_table) = {
    K(pack_left_f32),       K(pack_left_f64),  K(pack_right_f32), K(pack_right_f64),
    K(multiply_panels_f32), K(multiply_panels_f64), K(product_f32), K(product_f64),
    K(accumulate),          K(factor_block),
};
