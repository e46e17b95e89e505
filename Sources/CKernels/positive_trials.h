// ScaleSearch.positive for one sub-block of any numbers, in lanes: every lane tries a grid, then
// every lane looks at another value.
#if STARTS_FROM_FIT

#define POSITIVE_VECTORS ((9 + LANES - 1) / LANES)

#define whole K(whole)
INLINE vf whole(vi code) { return __builtin_convertvector(code, vf); }

#define positive_winner K(positive_winner)
/// The inverse step of the grid of least error.
INLINE float positive_winner(const float *x, const float *w, float largest) {
    float inverses[POSITIVE_VECTORS * LANES] = {0}, errors[POSITIVE_VECTORS * LANES];
    inverses[0] = 4.0f / largest;
    for (int t = 1; t < 9; t++) {
        inverses[t] = (0.1f * (float)(t <= 4 ? t - 5 : t - 4) + 4.0f) / largest;
    }
    for (int v = 0; v < POSITIVE_VECTORS; v++) {
        vf inverse = load(inverses + v * LANES), scale = 1 / inverse, error = 0;
        vi plain = 0;
        // The codes of the first grid are bytes and not limited.
        plain[0] = v == 0 ? -1 : 0;
        for (int i = 0; i < COUNT; i++) {
            vi code = nearest(inverse * x[i]);
            code = plain ? code & 255 : __builtin_elementwise_min(code, (vi)4);
            vf difference = x[i] - scale * whole(code);
            error += w[i] * difference * difference;
        }
        store(errors + v * LANES, error);
    }
    int winner = 0;
    for (int t = 1; t < 9; t++) winner = errors[t] < errors[winner] ? t : winner;
    return inverses[winner];
}

#define positive_trials K(positive_trials)
static float positive_trials(const float *x, const float *w) {
    float largest = 0;
    for (int i = 0; i < COUNT; i++) largest = x[i] > largest ? x[i] : largest;
    if (!(largest >= 1e-15f)) return 0;
    float inverse = positive_winner(x, w, largest);
    float codes[COUNT], products[COUNT], terms[COUNT], squares[COUNT];
    for (int i = 0; i < COUNT; i += LANES) {
        vi code = __builtin_elementwise_min(nearest(inverse * load(x + i)), (vi)4);
        vf product = load(w + i) * load(x + i), q = whole(code);
        store(codes + i, whole(code & 255));
        store(products + i, product);
        store(terms + i, product * q);
        store(squares + i, load(w + i) * q * q);
    }
    float xl = 0, l2 = 0;
    for (int i = 0; i < COUNT; i++) {
        xl += terms[i];
        l2 += squares[i];
    }
    for (int round = 0; round < 5; round++) {
        bool changed = false;
        for (int i = 0; i < COUNT; i += LANES) {
            vf value = load(x + i), weight = load(w + i), product = load(products + i);
            vf old = load(codes + i);
            // Bit: the value in this lane is still to be looked at.
            uint32_t ahead = (1u << LANES) - 1;
            while (true) {
                // As if no value before it changed anything: true up to the first that does.
                vf others_xl = xl - product * old, others_l2 = l2 - weight * old * old;
                vi sound = (others_xl > 0) & (others_l2 > 0);
                vi code = nearest(value * others_l2 / others_xl);
                code = __builtin_elementwise_min(code, (vi)4);
                vf q = whole(code);
                others_xl += product * q;
                others_l2 += weight * q * q;
                vi better = sound & (q != old) &
                            (others_xl * others_xl * l2 > xl * xl * others_l2);
                uint32_t lanes = top_bits(better) & ahead;
                if (lanes == 0) break;
                int lane = __builtin_ctz(lanes);
                float new_xl[LANES], new_l2[LANES];
                store(new_xl, others_xl);
                store(new_l2, others_l2);
                int32_t new_codes[LANES];
                memcpy(new_codes, &code, sizeof code);
                codes[i + lane] = (float)(new_codes[lane] & 255);
                old = load(codes + i);
                xl = new_xl[lane];
                l2 = new_l2[lane];
                changed = true;
                ahead &= ~((2u << lane) - 1);
            }
        }
        if (!changed) break;
    }
    return l2 > 0 ? xl / l2 : 0;
}
#endif
