// ScaleSearch.positive in lanes: every lane fits the scales of one super-block.

#define positive_search K(positive_search)
/// Fits `count` values per lane and returns the step. `codes` holds whole numbers. Lanes with
/// numbers for which the reference wraps or rounds otherwise are added to `extreme`.
INLINE vf positive_search(const vf *x, const vf *w, int count, int n, vf *codes, vi *extreme) {
    vf largest = 0;
    vi negative = 0;
    for (int i = 0; i < count; i++) {
        largest = greater(x[i], largest);
        negative |= ~(x[i] >= 0);
    }
    vi live = largest >= 1e-15f;
    vf winner = (float)n / largest, least = 0;
    for (int step = -5; step <= 4; step++) {
        if (step == 0) continue;
        // The first round is the plain grid.
        vf inverse = step == -5 ? winner : (0.1f * (float)step + (float)n) / largest;
        vf scale = 1 / inverse, error = 0;
        for (int i = 0; i < count; i++) {
            vf code = rounded(inverse * x[i]);
            if (step != -5) code = lesser(code, (vf)(float)n);
            vf difference = x[i] - scale * code;
            error += w[i] * difference * difference;
        }
        if (step == -5) {
            least = error;
        } else {
            vi better = error < least;
            least = better ? error : least;
            winner = better ? inverse : winner;
        }
    }
    vf xl = 0, l2 = 0;
    for (int i = 0; i < count; i++) {
        vf code = lesser(rounded(winner * x[i]), (vf)(float)n);
        codes[i] = live ? code : (vf)0;
        xl += w[i] * x[i] * code;
        l2 += w[i] * code * code;
    }
    vi wrong = negative;
    for (int round = 0; round < 5; round++) {
        vi changed = 0;
        for (int i = 0; i < count; i++) {
            vf old = codes[i], wx = w[i] * x[i];
            vf othersXL = xl - wx * old;
            vf othersL2 = l2 - w[i] * old * old;
            vi sound = live & (othersXL > 0) & (othersL2 > 0);
            vf exact = x[i] * othersL2 / othersXL;
            wrong |= sound & ~in_range(exact);
            vf code = lesser(rounded(exact), (vf)(float)n);
            othersXL += wx * code;
            othersL2 += w[i] * code * code;
            vi better = sound & (code != old) &
                        (othersXL * othersXL * l2 > xl * xl * othersL2);
            codes[i] = better ? code : old;
            xl = better ? othersXL : xl;
            l2 = better ? othersL2 : l2;
            changed |= better;
        }
        if (!any(changed)) break;
    }
    *extreme |= wrong & live;
    return (live & (l2 > 0)) ? xl / l2 : (vf)0;
}
