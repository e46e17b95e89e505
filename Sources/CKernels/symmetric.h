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

// The refined fit of blocks of 16 values, with codes in -n..<n.

#define refined_fit K(refined_fit)
typedef struct {
    /// The codes' first grid.
    vf inverse;
    /// Sums over w·x·l and w·l², where w is x².
    vf xl, l2;
    vi live;
} refined_fit;

#define refined_start K(refined_start)
/// Gives 16 values their first codes.
INLINE refined_fit refined_start(const vf *x, int n, vf *codes) {
    vf peak = peaks(x, 16);
    refined_fit fit = {(float)-n / peak, 0, 0, magnitude(peak) >= 1e-15f};
    for (int i = 0; i < 16; i++) {
        vf w = x[i] * x[i], wx = w * x[i];
        vf code = clamped_float(rounded(fit.inverse * x[i]), -n, n - 1);
        codes[i] = code;
        fit.xl += wx * code;
        fit.l2 += w * code * code;
    }
    return fit;
}

#define refined_result K(refined_result)
INLINE symmetric_fit refined_result(refined_fit fit) {
    return (symmetric_fit){
        .scale = (fit.live & (fit.l2 > 0)) ? fit.xl / fit.l2 : (vf)0,
        .inverse = fit.live ? fit.inverse : (vf)0,
    };
}

#define refined_unsettled K(refined_unsettled)
/// The lanes whose first codes `refined_search` may change; it leaves the others as they are.
///
/// A step leaves a code alone if x · l2' / xl' is within 1/2 of it, where the sums are those of
/// the other values (or beyond it, if the code is at the end of the range). Multiplied by xl', the
/// distance is that of x · l2 to code · xl, whose terms in the value itself cancel. The sums stay
/// the same until the first change, so steps need not wait for one another. The margins cover
/// all rounding as long as nothing is near the limits of binary32.
INLINE vi refined_unsettled(const vf *x, int n, const vf *codes, refined_fit fit) {
    const float margin = 0x1p-10f;
    // Codes of the wrong sign are kept: the reference changes none if xl' is not positive.
    vi unsettled = (fit.xl < 0x1p-80f) | (fit.xl > 0x1p80f);
    vf low = (float)-n * fit.xl, high = (float)(n - 1) * fit.xl;
    vf reach = (0.5f - 2 * margin) * fit.xl;
    for (int i = 0; i < 16; i++) {
        vf own = x[i] * x[i] * x[i] * codes[i];
        vf wanted = lesser(greater(x[i] * fit.l2, low), high);
        unsettled |= magnitude(wanted - codes[i] * fit.xl) > reach - (0.5f - margin) * own;
    }
    return unsettled & fit.live & (fit.xl > 0);
}

#define refined_search K(refined_search)
#define REFINED_GROUPS 4
/// Fits REFINED_GROUPS · LANES blocks.
///
/// Every step waits for the one before it (a division among other things), so more groups than
/// two are needed to keep the processor busy.
INLINE void refined_search(const vf *x, int n, refined_fit *fit) {
    enum { groups = REFINED_GROUPS };
    vf codes[groups * 16], xl[groups], l2[groups];
    UNROLL for (int g = 0; g < groups; g++) {
        fit[g] = refined_start(x + 16 * g, n, codes + 16 * g);
        xl[g] = fit[g].xl;
        l2[g] = fit[g].l2;
    }
    for (int round = 0; round < 5; round++) {
        vi changed = 0;
        for (int i = 0; i < 16; i++) {
            UNROLL for (int g = 0; g < groups; g++) {
                int at = 16 * g + i;
                vf w = x[at] * x[at], wx = w * x[at], old = codes[at];
                vf othersXL = xl[g] - wx * old;
                vf othersL2 = l2[g] - w * old * old;
                vi whole = clamped(nearest(x[at] * othersL2 / othersXL), -n, n - 1);
                vf code = __builtin_convertvector(whole, vf);
                vf newXL = othersXL + wx * code;
                vf newL2 = othersL2 + w * code * code;
                vi better = (othersXL > 0) & (code != old) & (newL2 > 0) &
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
        fit[g].xl = xl[g];
        fit[g].l2 = l2[g];
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
