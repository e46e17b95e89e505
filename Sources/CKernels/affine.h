// ScaleSearch.affine in lanes: every lane fits one block, repeating the reference's operations in
// their order. Two vectors of blocks go side by side so that one hides the other's latencies.

#define affine_fit K(affine_fit)
typedef struct {
    vf scale, negated_minimum;
    /// The winning grid, from which the codes can be made again; inverse 0: all codes are 0.
    vf inverse, start;
    vf weight_sum;
    /// Lanes that saw numbers for which `rounded` is not the reference's rounding.
    vi extreme;
} affine_fit;

#define affine_moments K(affine_moments)
/// Gives every value its code and sums w·l, w·l² and w·l·x, for two groups.
INLINE void affine_moments(const vf *x, const vf *w, int count, int n, bool limited,
                           const vf inverse[2], const vf minimum[2], vf *codes, vf sumL[2],
                           vf sumL2[2], vf sumXL[2]) {
#pragma clang loop unroll_count(4)
    for (int i = 0; i < count; i++) {
        UNROLL for (int g = 0; g < 2; g++) {
            vf value = x[g * count + i];
            vf code = rounded(inverse[g] * (value - minimum[g]));
            code = limited ? clamped_float(code, 0, n) : greater(code, (vf)0);
            codes[g * count + i] = code;
            vf weighted = w[g * count + i] * code;
            sumL[g] += weighted;
            sumL2[g] += weighted * code;
            sumXL[g] += weighted * value;
        }
    }
}

#define affine_search K(affine_search)
/// Fits 2 · LANES blocks of `count` values. `x` and `w` hold value i of group g at [g * count + i].
INLINE void affine_search(const vf *x, const vf *w, int count, int n, bool absolute,
                          float first, float step, int candidates, affine_fit fit[2]) {
    vf codes[2 * 32];
    vf smallest[2], largest[2], sumW[2], sumX[2];
    vf minimum[2], scale[2], best[2], inverse[2], start[2];
    vi live[2], extreme[2];
    UNROLL for (int g = 0; g < 2; g++) {
        smallest[g] = largest[g] = x[g * count];
        sumW[g] = w[g * count];
        sumX[g] = sumW[g] * x[g * count];
    }
    for (int i = 1; i < count; i++) {
        UNROLL for (int g = 0; g < 2; g++) {
            vf value = x[g * count + i], weight = w[g * count + i];
            smallest[g] = lesser(value, smallest[g]);
            largest[g] = greater(value, largest[g]);
            sumW[g] += weight;
            sumX[g] += weight * value;
        }
    }
    UNROLL for (int g = 0; g < 2; g++) {
        smallest[g] = smallest[g] > 0 ? (vf)0 : smallest[g];
        live[g] = largest[g] > smallest[g];
        minimum[g] = start[g] = smallest[g];
        inverse[g] = (float)n / (largest[g] - minimum[g]);
        scale[g] = 1 / inverse[g];
        extreme[g] = ~in_range(inverse[g] * (largest[g] - minimum[g]));
        best[g] = 0;
    }
    for (int i = 0; i < count; i++) {
        UNROLL for (int g = 0; g < 2; g++) {
            vf value = x[g * count + i];
            vf code = clamped_float(rounded(inverse[g] * (value - minimum[g])), 0, n);
            vf difference = scale[g] * code + minimum[g] - value;
            difference = absolute ? magnitude(difference) : difference * difference;
            best[g] += w[g * count + i] * difference;
        }
    }
    for (int k = 0; k <= candidates; k++) {
        vf trial[2], sumL[2], sumL2[2], sumXL[2], error[2], line[2], line_scale[2];
        vi sound[2];
        UNROLL for (int g = 0; g < 2; g++) {
            trial[g] = (first + step * (float)k + (float)n) / (largest[g] - minimum[g]);
            extreme[g] |= ~in_range(trial[g] * (largest[g] - minimum[g]));
            extreme[g] |= ~in_range(trial[g] * (smallest[g] - minimum[g]));
            sumL[g] = sumL2[g] = sumXL[g] = error[g] = 0;
        }
        // Grids that put the largest value below n + 1/2 need no upper limit.
        if (first + step * (float)k < 0.49f) {
            affine_moments(x, w, count, n, false, trial, minimum, codes, sumL, sumL2, sumXL);
        } else {
            affine_moments(x, w, count, n, true, trial, minimum, codes, sumL, sumL2, sumXL);
        }
        UNROLL for (int g = 0; g < 2; g++) {
            vf determinant = sumW[g] * sumL2[g] - sumL[g] * sumL[g];
            sound[g] = determinant > 0;
            line_scale[g] = (sumW[g] * sumXL[g] - sumX[g] * sumL[g]) / determinant;
            line[g] = (sumL2[g] * sumX[g] - sumL[g] * sumXL[g]) / determinant;
            vi above = line[g] > 0;
            line_scale[g] = above ? sumXL[g] / sumL2[g] : line_scale[g];
            line[g] = above ? (vf)0 : line[g];
        }
#pragma clang loop unroll_count(4)
        for (int i = 0; i < count; i++) {
            UNROLL for (int g = 0; g < 2; g++) {
                vf difference =
                    line_scale[g] * codes[g * count + i] + line[g] - x[g * count + i];
                difference = absolute ? magnitude(difference) : difference * difference;
                error[g] += w[g * count + i] * difference;
            }
        }
        UNROLL for (int g = 0; g < 2; g++) {
            vi better = sound[g] & (error[g] < best[g]);
            best[g] = better ? error[g] : best[g];
            inverse[g] = better ? trial[g] : inverse[g];
            start[g] = better ? minimum[g] : start[g];
            scale[g] = better ? line_scale[g] : scale[g];
            minimum[g] = better ? line[g] : minimum[g];
        }
    }
    UNROLL for (int g = 0; g < 2; g++) {
        fit[g].scale = live[g] ? scale[g] : (vf)0;
        fit[g].negated_minimum = -(live[g] ? minimum[g] : smallest[g]);
        fit[g].inverse = live[g] ? inverse[g] : (vf)0;
        fit[g].start = start[g];
        fit[g].weight_sum = sumW[g];
        fit[g].extreme = extreme[g] & live[g];
    }
}

#define affine_codes K(affine_codes)
/// The codes of the winning grid for one block of `count` values.
INLINE void affine_codes(const float *x, int count, int n, float inverse, float start,
                         uint8_t *codes) {
    if (inverse == 0) {
        memset(codes, 0, (size_t)count);
        return;
    }
    for (int i = 0; i < count; i += LANES) {
        store_bytes(codes + i, clamped(nearest(inverse * (load(x + i) - start)), 0, n));
    }
}
