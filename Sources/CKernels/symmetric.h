// ScaleSearch.symmetric and ScaleSearch.refined in lanes: every lane fits one block.

#define symmetric_fit K(symmetric_fit)
typedef struct {
    vf scale;
    /// The winning grid, from which the codes can be made again; 0: all codes are 0.
    vf inverse;
} symmetric_fit;

#define peaks K(peaks)
/// The number of largest magnitude in every lane; the first of equals.
INLINE vf peaks(const vf *x, int count) {
    vf peak = 0, most = 0;
    for (int i = 0; i < count; i++) {
        vf size = magnitude(x[i]);
        vi larger = size > most;
        most = larger ? size : most;
        peak = larger ? x[i] : peak;
    }
    return peak;
}

#define symmetric_search K(symmetric_search)
/// Fits GROUPS · LANES blocks of `count` values; value i of group g is at [g * count + i].
INLINE void symmetric_search(const vf *x, const vf *w, int groups, int count, int n,
                             symmetric_fit *fit) {
    vf wx[2 * 32];
    vf peak[2], winner[2], scale[2], explained[2];
    vi live[2];
    UNROLL for (int g = 0; g < groups; g++) {
        peak[g] = peaks(x + g * count, count);
        live[g] = magnitude(peak[g]) >= 1e-15f;
        winner[g] = scale[g] = explained[g] = 0;
        for (int i = 0; i < count; i++) wx[g * count + i] = w[g * count + i] * x[g * count + i];
    }
    for (int k = -10; k <= 9; k++) {
        if (k == 0) continue;
        vf inverse[2], xl[2], l2[2];
        UNROLL for (int g = 0; g < groups; g++) {
            // The first round is the plain grid.
            inverse[g] = -((float)n + (k == -10 ? 0.0f : 0.1f * (float)k)) / peak[g];
            xl[g] = l2[g] = 0;
        }
#pragma clang loop unroll_count(4)
        for (int i = 0; i < count; i++) {
            UNROLL for (int g = 0; g < groups; g++) {
                int at = g * count + i;
                vf code = clamped_float(rounded(inverse[g] * x[at]), -n, n - 1);
                xl[g] += wx[at] * code;
                l2[g] += w[at] * code * code;
            }
        }
        UNROLL for (int g = 0; g < groups; g++) {
            if (k == -10) {
                winner[g] = inverse[g];
                scale[g] = l2[g] != 0 ? xl[g] / l2[g] : (vf)0;
                explained[g] = scale[g] * xl[g];
            } else {
                vi better = (l2[g] > 0) & (xl[g] * xl[g] > explained[g] * l2[g]);
                vf new_scale = xl[g] / l2[g];
                winner[g] = better ? inverse[g] : winner[g];
                scale[g] = better ? new_scale : scale[g];
                explained[g] = better ? new_scale * xl[g] : explained[g];
            }
        }
    }
    UNROLL for (int g = 0; g < groups; g++) {
        fit[g].scale = live[g] ? scale[g] : (vf)0;
        fit[g].inverse = live[g] ? winner[g] : (vf)0;
    }
}

#define refined_search K(refined_search)
#define REFINED_GROUPS 4
/// Fits REFINED_GROUPS · LANES blocks of 16 values; `codes` receives whole numbers in -n..<n, in
/// the layout of `x`. The codes of a lane whose inverse is 0 mean nothing: they are all raw zeros.
///
/// Every step waits for the one before it (a division among other things), so more groups than
/// two are needed to keep the processor busy.
INLINE void refined_search(const vf *x, int n, vf *codes, symmetric_fit *fit) {
    enum { groups = REFINED_GROUPS, count = 16 };
    vf w[groups * count], wx[groups * count], xl[groups], l2[groups];
    vi live[groups];
    UNROLL for (int g = 0; g < groups; g++) {
        vf peak = peaks(x + g * count, count);
        live[g] = magnitude(peak) >= 1e-15f;
        vf inverse = (float)-n / peak;
        fit[g].inverse = live[g] ? inverse : (vf)0;
        xl[g] = l2[g] = 0;
        for (int i = g * count; i < (g + 1) * count; i++) {
            w[i] = x[i] * x[i];
            wx[i] = w[i] * x[i];
            vf code = clamped_float(rounded(inverse * x[i]), -n, n - 1);
            codes[i] = code;
            xl[g] += wx[i] * code;
            l2[g] += w[i] * code * code;
        }
    }
    for (int round = 0; round < 5; round++) {
        vi changed = 0;
        for (int i = 0; i < count; i++) {
            UNROLL for (int g = 0; g < groups; g++) {
                int at = g * count + i;
                vf old = codes[at];
                vf othersXL = xl[g] - wx[at] * old;
                vf othersL2 = l2[g] - w[at] * old * old;
                vi whole = clamped(nearest(x[at] * othersL2 / othersXL), -n, n - 1);
                vf code = __builtin_convertvector(whole, vf);
                vf newXL = othersXL + wx[at] * code;
                vf newL2 = othersL2 + w[at] * code * code;
                vi better = live[g] & (othersXL > 0) & (code != old) & (newL2 > 0) &
                            (newXL * newXL * l2[g] > xl[g] * xl[g] * newL2);
                codes[at] = better ? code : old;
                xl[g] = better ? newXL : xl[g];
                l2[g] = better ? newL2 : l2[g];
                changed |= better;
            }
        }
        if (!any(changed)) break;
    }
    UNROLL for (int g = 0; g < groups; g++) {
        fit[g].scale = (live[g] & (l2[g] > 0)) ? xl[g] / l2[g] : (vf)0;
    }
}

#define symmetric_codes K(symmetric_codes)
/// The codes of the winning grid for one block, moved to 0..<2n.
INLINE void symmetric_codes(const float *x, int count, int n, float inverse, uint8_t *codes) {
    if (inverse == 0) {
        memset(codes, 0, (size_t)count);
        return;
    }
    for (int i = 0; i < count; i += LANES) {
        store_bytes(codes + i, clamped(nearest(inverse * load(x + i)), -n, n - 1) + n);
    }
}
