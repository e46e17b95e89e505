// Packing and products of panels for one kind of number: included by ordered_template.h with REAL, T
// (which gives names), COLUMNS and WIDE (numbers of a vector) defined.

#define vr T(vr)
typedef REAL vr __attribute__((ext_vector_type(WIDE)));
#define ROWS INGOT_PRODUCT_ROWS
#define VECTORS (COLUMNS / WIDE)

// What a step of the innermost loop keeps in registers.
#if LANES == 16
#define STEP_ROWS 12
#define STEP_VECTORS 2
#elif LANES == 8
#define STEP_ROWS 6
#define STEP_VECTORS 2
#else
#define STEP_ROWS 4
#define STEP_VECTORS 4
#endif

static void T(pack_left)(const REAL *a, size_t a_row, size_t a_column, size_t rows, size_t depth,
                         REAL *panels) {
    for (size_t first = 0; first < rows; first += ROWS, panels += depth * ROWS) {
        size_t count = rows - first < ROWS ? rows - first : ROWS;
        const REAL *source = a + first * a_row;
        if (count < ROWS) memset(panels, 0, depth * ROWS * sizeof(REAL));
        if (count == ROWS && a_row == 1) {
            for (size_t k = 0; k < depth; k++)
                memcpy(panels + k * ROWS, source + k * a_column, ROWS * sizeof(REAL));
        } else if (count == ROWS) {
            for (size_t k = 0; k < depth; k++)
                UNROLL for (size_t row = 0; row < ROWS; row++)
                    panels[k * ROWS + row] = source[row * a_row + k * a_column];
        } else {
            for (size_t k = 0; k < depth; k++)
                for (size_t row = 0; row < count; row++)
                    panels[k * ROWS + row] = source[row * a_row + k * a_column];
        }
    }
}

static void T(pack_right)(const REAL *b, size_t b_row, size_t b_column, size_t columns,
                          size_t depth, REAL *panels) {
    for (size_t first = 0; first < columns; first += COLUMNS, panels += depth * COLUMNS) {
        size_t count = columns - first < COLUMNS ? columns - first : COLUMNS;
        const REAL *source = b + first * b_column;
        if (count < COLUMNS) memset(panels, 0, depth * COLUMNS * sizeof(REAL));
        if (b_column == 1) {
            if (count == COLUMNS) {
                for (size_t k = 0; k < depth; k++)
                    memcpy(panels + k * COLUMNS, source + k * b_row, COLUMNS * sizeof(REAL));
            } else {
                for (size_t k = 0; k < depth; k++)
                    memcpy(panels + k * COLUMNS, source + k * b_row, count * sizeof(REAL));
            }
            continue;
        }
        size_t k = 0;
#ifdef TRANSPOSE
        if (count == COLUMNS && b_row == 1) {
            for (; k + 4 <= depth; k += 4) {
                UNROLL for (int part = 0; part < COLUMNS / LANES; part++) {
                    const float *places[LANES];
                    vf out[4];
                    UNROLL for (int lane = 0; lane < LANES; lane++)
                        places[lane] = source + (size_t)(part * LANES + lane) * b_column;
                    transpose4(places, k, out);
                    UNROLL for (int i = 0; i < 4; i++)
                        store(panels + (k + (size_t)i) * COLUMNS + part * LANES, out[i]);
                }
            }
        }
#endif
        for (; k < depth; k++)
            for (size_t column = 0; column < count; column++)
                panels[k * COLUMNS + column] = source[column * b_column + k * b_row];
    }
}

/// A part of a panel's product: STEP_ROWS rows by STEP_VECTORS vectors.
INLINE void T(step)(size_t depth, const REAL *left, const REAL *right,
                    vr sums[STEP_ROWS][STEP_VECTORS]) {
    UNROLL for (int row = 0; row < STEP_ROWS; row++)
        UNROLL for (int part = 0; part < STEP_VECTORS; part++) sums[row][part] = 0;
    for (size_t k = 0; k < depth; k++) {
        vr b[STEP_VECTORS];
        UNROLL for (int part = 0; part < STEP_VECTORS; part++)
            memcpy(&b[part], right + k * COLUMNS + part * WIDE, sizeof(vr));
        UNROLL for (int row = 0; row < STEP_ROWS; row++) {
            vr a = left[k * ROWS + (size_t)row];
            UNROLL for (int part = 0; part < STEP_VECTORS; part++)
                sums[row][part] = __builtin_elementwise_fma(a, b[part], sums[row][part]);
        }
    }
}

/// Puts a part's sums to where they belong; `rows` and `columns` of it are there.
INLINE void T(put)(vr sums[STEP_ROWS][STEP_VECTORS], REAL scale, bool keep, size_t rows,
                   size_t columns, REAL *c, size_t stride) {
    vr factor = scale;
    if (rows >= STEP_ROWS && columns >= STEP_VECTORS * WIDE) {
        UNROLL for (int row = 0; row < STEP_ROWS; row++) {
            UNROLL for (int part = 0; part < STEP_VECTORS; part++) {
                REAL *place = c + (size_t)row * stride + part * WIDE;
                vr value;
                if (keep) {
                    memcpy(&value, place, sizeof value);
                    value = __builtin_elementwise_fma(factor, sums[row][part], value);
                } else {
                    value = factor * sums[row][part];
                }
                memcpy(place, &value, sizeof value);
            }
        }
        return;
    }
    REAL values[STEP_ROWS][STEP_VECTORS * WIDE];
    memcpy(values, sums, sizeof values);
    for (size_t row = 0; row < rows && row < STEP_ROWS; row++) {
        REAL *place = c + row * stride;
        for (size_t column = 0; column < columns && column < STEP_VECTORS * WIDE; column++)
            place[column] = keep ? __builtin_elementwise_fma(scale, values[row][column],
                                                             place[column])
                                 : scale * values[row][column];
    }
}

static void T(multiply_panels)(size_t rows, size_t columns, size_t depth, REAL scale,
                               const REAL *left, const REAL *right, bool keep, REAL *c,
                               size_t stride) {
    for (size_t column = 0; column < columns; column += COLUMNS) {
        const REAL *b = right + column * depth;
        for (size_t row = 0; row < rows; row += ROWS) {
            const REAL *a = left + row * depth;
            for (size_t part = 0; part < COLUMNS; part += STEP_VECTORS * WIDE) {
                if (column + part >= columns) break;
                for (size_t step = 0; step < ROWS; step += STEP_ROWS) {
                    if (row + step >= rows) break;
                    vr sums[STEP_ROWS][STEP_VECTORS];
                    T(step)(depth, a + step, b + part, sums);
                    T(put)(sums, scale, keep, rows - row - step, columns - column - part,
                           c + (row + step) * stride + column + part, stride);
                }
            }
        }
    }
}

static void T(product)(size_t rows, size_t columns, size_t depth, REAL scale, const REAL *a,
                       size_t a_row, size_t a_column, const REAL *b, size_t b_row,
                       size_t b_column, bool keep, REAL *c, size_t stride, REAL *scratch) {
    REAL *right = scratch, *left = scratch + (size_t)RIGHT_COLUMNS * INGOT_PRODUCT_DEPTH;
    if (depth == 0 && !keep)
        for (size_t row = 0; row < rows; row++) memset(c + row * stride, 0, columns * sizeof(REAL));
    for (size_t k = 0; k < depth; k += INGOT_PRODUCT_DEPTH) {
        size_t terms = depth - k < INGOT_PRODUCT_DEPTH ? depth - k : INGOT_PRODUCT_DEPTH;
        bool keeps = keep || k > 0;
        for (size_t j = 0; j < columns; j += RIGHT_COLUMNS) {
            size_t wide = columns - j < RIGHT_COLUMNS ? columns - j : RIGHT_COLUMNS;
            T(pack_right)(b + k * b_row + j * b_column, b_row, b_column, wide, terms, right);
            for (size_t i = 0; i < rows; i += LEFT_ROWS) {
                size_t high = rows - i < LEFT_ROWS ? rows - i : LEFT_ROWS;
                T(pack_left)(a + i * a_row + k * a_column, a_row, a_column, high, terms, left);
                T(multiply_panels)(high, wide, terms, scale, left, right, keeps,
                                   c + i * stride + j, stride);
            }
        }
    }
}

#undef vr
#undef ROWS
#undef VECTORS
#undef STEP_ROWS
#undef STEP_VECTORS
