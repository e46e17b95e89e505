// TernaryCode in lanes: values -1, 0 and 1 times the largest magnitude (TQ1_0, TQ2_0, Q2_0).

#define ternary_scale K(ternary_scale)
/// The largest magnitude of `count` values and its inverse; false for numbers so extreme that the
/// reference is to be asked.
INLINE bool ternary_scale(const float *x, int count, float *d, float *inverse) {
    vf most[4] = {0, 0, 0, 0};
    for (int i = 0; i < count; i += 4 * LANES) {
        UNROLL for (int k = 0; k < 4; k++) {
            most[k] = greater(magnitude(load(x + i + k * LANES)), most[k]);
        }
    }
    *d = greatest_lane(greater(greater(most[0], most[1]), greater(most[2], most[3])));
    *inverse = *d != 0 ? 1 / *d : 0;
    return *d < __builtin_inff() && *inverse < __builtin_inff();
}

#define ternary_codes K(ternary_codes)
/// 1 plus the nearest of -1, 0 and 1, halves away from zero; what is not a number counts as 0.
INLINE vi ternary_codes(vf scaled) {
    return 1 - (scaled >= 0.5f) + (scaled <= -0.5f);
}
