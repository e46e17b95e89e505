// Products and solves with panels of rows: a lane is a row.

/// Vectors of a panel's column.
#define SLICES (INGOT_PANEL / LANES)

#define subtract_tile K(subtract_tile)
/// `panel_subtract` for `width` columns of one slice.
INLINE void subtract_tile(const float *errors, size_t rowCount, const float *matrix,
                          size_t stride, int width, float *target) {
    vf sums[8];
    UNROLL for (int c = 0; c < width; c++) sums[c] = load(target + (size_t)c * INGOT_PANEL);
    for (size_t r = 0; r < rowCount; r++) {
        vf error = load(errors + r * INGOT_PANEL);
        const float *row = matrix + r * stride;
        UNROLL for (int c = 0; c < width; c++) sums[c] -= error * row[c];
    }
    UNROLL for (int c = 0; c < width; c++) store(target + (size_t)c * INGOT_PANEL, sums[c]);
}

static void K(panel_subtract)(ingot_isa isa, const float *errors, size_t rowCount,
                              const float *matrix, size_t stride, size_t columnCount,
                              float *target) {
    (void)isa;
    for (int slice = 0; slice < SLICES; slice++) {
        const float *e = errors + slice * LANES;
        float *t = target + slice * LANES;
        size_t c = 0;
        for (; c + 8 <= columnCount; c += 8) {
            subtract_tile(e, rowCount, matrix + c, stride, 8, t + c * INGOT_PANEL);
        }
        for (; c < columnCount; c++) {
            subtract_tile(e, rowCount, matrix + c, stride, 1, t + c * INGOT_PANEL);
        }
    }
}

#define reciprocal K(reciprocal)
/// 1 / x, and 1 for what no factor has on its diagonal.
INLINE float reciprocal(float x) { return x > 0 && x <= 3e38f ? 1 / x : 1; }

#define subtract_behind K(subtract_behind)
/// Takes the errors of columns `first..<end` off the columns `end..<count` of a stretch in vectors.
INLINE void subtract_behind(vf *x, const vf *errors, int first, int end, int count,
                            const float *factor, size_t stride) {
    int c = end;
    for (; c + 8 <= count; c += 8) {
        vf sums[8];
        UNROLL for (int i = 0; i < 8; i++) sums[i] = x[c + i];
        for (int r = first; r < end; r++) {
            const float *row = factor + (size_t)r * stride + c;
            UNROLL for (int i = 0; i < 8; i++) sums[i] -= errors[r] * row[i];
        }
        UNROLL for (int i = 0; i < 8; i++) x[c + i] = sums[i];
    }
    for (; c < count; c++) {
        for (int r = first; r < end; r++) x[c] -= errors[r] * factor[(size_t)r * stride + c];
    }
}

#define solve_stretch K(solve_stretch)
/// Solves y · factor = x in place; `count` is a multiple of eight.
INLINE void solve_stretch(vf *x, int count, const float *factor, size_t stride) {
    for (int g = 0; g < count; g += 8) {
        for (int j = g; j < g + 8; j++) {
            const float *row = factor + (size_t)j * stride;
            x[j] *= reciprocal(row[j]);
            for (int k = j + 1; k < g + 8; k++) x[k] -= x[j] * row[k];
        }
        subtract_behind(x, x, g, g + 8, count, factor, stride);
    }
}

static void K(panel_solve)(ingot_isa isa, const float *factor, size_t stride, size_t columnCount,
                           float *weights) {
    (void)isa;
    vf x[256];
    for (int slice = 0; slice < SLICES; slice++) {
        float *w = weights + slice * LANES;
        for (size_t c = 0; c < columnCount; c++) x[c] = load(w + c * INGOT_PANEL);
        solve_stretch(x, (int)columnCount, factor, stride);
        for (size_t c = 0; c < columnCount; c++) store(w + c * INGOT_PANEL, x[c]);
    }
}
