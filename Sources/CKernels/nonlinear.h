// NonLinearCode in lanes: 4-bit codes that stand for points of a curve (IQ4_NL, IQ4_XS).
//
// A code is the number of midpoints between neighbouring points that a value is not below. The
// reference compares doubled numbers to keep the midpoints whole; halved, they are exact too.

#include "code_table.h"

#define nonlinear_entries K(nonlinear_entries)
static const int8_t nonlinear_entries[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                         1,    13,   25,  38,  53,  69,  89,  113};

#define nonlinear_points K(nonlinear_points)
#define nonlinear_codes K(nonlinear_codes)
// `nonlinear_points` gives the point nearest to every value, `nonlinear_codes` its code. Not a number gets
// the highest code.

#if LANES == 16

#define looked_up K(looked_up)
/// The elements of a table of 32.
INLINE vf looked_up(vf front, vf back, vi index) {
    return (vf)_mm512_permutex2var_ps((__m512)front, (__m512i)index, (__m512)back);
}

#define nonlinear_cell K(nonlinear_cell)
/// Every value's cell of width 8 between -128 and 128, or the cell behind it if the value is not
/// below the cell's midpoint; there is one at most. A value that is rounded up to the next cell's
/// edge gets the same point from there.
INLINE vi nonlinear_cell(vf value) {
    const float none = __builtin_inff();
    const vf front = {none,   -115.5f, none,   none, -93.5f, none, -74.0f, none,
                      -57.0f, none,    -42.0f, none, -28.5f, none, -16.0f, -4.5f};
    const vf back = {7.0f, none,  19.0f, 31.5f, none,   45.5f, none, 61.0f,
                     none, 79.0f, none,  none,  101.0f, none,  none, none};
    vf limited = greater(lesser(value, (vf)112.0f), (vf)-127.0f);
    vi cell = __builtin_convertvector(limited * 0.125f + 16.0f, vi);
    return value < looked_up(front, back, cell) ? cell : cell + 1;
}

INLINE vf nonlinear_points(vf value) {
    const vf front = {-127, -127, -104, -104, -104, -83, -83, -65,
                      -65,  -49,  -49,  -35,  -35,  -22, -22, -10};
    const vf back = {1, 13, 13, 25, 38, 38, 53, 53, 69, 69, 89, 89, 89, 113, 113, 113};
    return looked_up(front, back, nonlinear_cell(value));
}

INLINE vi nonlinear_codes(vf value) {
    const vi front = {0, 0, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7};
    const vi back = {8, 9, 9, 10, 11, 11, 12, 12, 13, 13, 14, 14, 14, 15, 15, 15};
    return (vi)looked_up((vf)front, (vf)back, nonlinear_cell(value));
}

#elif LANES == 8

#define permuted K(permuted)
INLINE vf permuted(vf table, vi index) {
    return (vf)_mm256_permutevar8x32_ps((__m256)table, (__m256i)index);
}

#define nonlinear_pair K(nonlinear_pair)
/// Finds every value's code by halving. It is twice the result, plus one where `odd` is set.
INLINE vi nonlinear_pair(vf value, vi *odd) {
    const vf third = {-93.5f, -28.5f, 19.0f, 79.0f};
    const vf fourth = {-115.5f, -74.0f, -42.0f, -16.0f, 7.0f, 31.5f, 61.0f, 101.0f};
    vi upper = ~(value < -4.5f);
    vi next = ~(value < (upper ? (vf)45.5f : (vf)-57.0f));
    vi pair = (upper & 2) - next;
    next = ~(value < permuted(third, pair));
    pair = pair + pair - next;
    *odd = ~(value < permuted(fourth, pair));
    return pair;
}

INLINE vf nonlinear_points(vf value) {
    const vf even = {-127, -83, -49, -22, 1, 25, 53, 89};
    const vf uneven = {-104, -65, -35, -10, 13, 38, 69, 113};
    vi odd, pair = nonlinear_pair(value, &odd);
    return odd ? permuted(uneven, pair) : permuted(even, pair);
}

INLINE vi nonlinear_codes(vf value) {
    vi odd, pair = nonlinear_pair(value, &odd);
    return pair + pair - odd;
}

#else

// Without permutes: the points by twice the value, rounded down to a whole number, plus 232.
#define nonlinear_table K(nonlinear_table)
static const float nonlinear_table[435] = {
    [0] = -127,          [1 ... 44] = -104,   [45 ... 83] = -83,   [84 ... 117] = -65,
    [118 ... 147] = -49, [148 ... 174] = -35, [175 ... 199] = -22, [200 ... 222] = -10,
    [223 ... 245] = 1,   [246 ... 269] = 13,  [270 ... 294] = 25,  [295 ... 322] = 38,
    [323 ... 353] = 53,  [354 ... 389] = 69,  [390 ... 433] = 89,  [434] = 113,
};

INLINE vf nonlinear_points(vf value) {
    vf limited = greater(lesser(value + value, (vf)202.0f), (vf)-232.0f);
    vi whole = __builtin_convertvector(limited, vi);
    whole += __builtin_convertvector(whole, vf) > limited;
    vf points;
    UNROLL for (int lane = 0; lane < LANES; lane++) points[lane] = nonlinear_table[whole[lane] + 232];
    return points;
}

INLINE vi nonlinear_codes(vf value) {
    static const float midpoints[15] = {-115.5f, -93.5f, -74.0f, -57.0f, -42.0f,
                                        -28.5f,  -16.0f, -4.5f,  7.0f,   19.0f,
                                        31.5f,   45.5f,  61.0f,  79.0f,  101.0f};
    vi codes = 0;
    UNROLL for (int i = 0; i < 15; i++) codes -= ~(value < midpoints[i]);
    return codes;
}
#endif

#define nonlinear_moments K(nonlinear_moments)
/// Gives 32 values their nearest points q and sums w·q·x and w·q².
INLINE void nonlinear_moments(const vf *x, const vf *w, vf inverse, vf *xq, vf *q2) {
    vf sumXQ = 0, sumQ2 = 0;
#pragma clang loop unroll_count(2)
    for (int i = 0; i < 32; i++) {
        vf point = nonlinear_points(inverse * x[i]);
        vf weighted = w[i] * point;
        sumXQ += weighted * x[i];
        sumQ2 += weighted * point;
    }
    *xq = sumXQ;
    *q2 = sumQ2;
}

#define nonlinear_scale K(nonlinear_scale)
/// NonLinearCode.scale for a block of 32 values in every lane.
INLINE vf nonlinear_scale(const vf *x, const vf *w) {
    vf peak = 0, most = 0;
    for (int i = 0; i < 32; i++) {
        vi larger = magnitude(x[i]) > most;
        most = larger ? magnitude(x[i]) : most;
        peak = larger ? x[i] : peak;
    }
    vf scale = 0, best = 0;
    for (int step = -8; step <= 7; step++) {
        // The first round maps the peak to minus the first point.
        vf inverse = step == -8 ? 1 / (-peak / -127.0f) : ((float)step - 127.0f) / peak;
        vf xq, q2;
        nonlinear_moments(x, w, inverse, &xq, &q2);
        vi better = q2 > 0;
        if (step != -8) better &= xq * xq > best * q2;
        vf quotient = xq / q2;
        scale = better ? quotient : scale;
        // The first round counts even when its scale is the worthless 0.
        better |= -(step == -8);
        best = better ? scale * xq : best;
    }
    return most >= 1e-15f ? scale : (vf)0;
}

#define nonlinear_weights K(nonlinear_weights)
/// NonLinearCode.weights; `w` holds the importance if there is any.
INLINE void nonlinear_weights(const vf *x, bool importance, vf variance, vf *w) {
    for (int i = 0; i < 32; i++) {
        w[i] = importance ? w[i] * root(variance + x[i] * x[i]) : x[i] * x[i];
    }
}

#define nonlinear_store K(nonlinear_store)
/// NonLinearCode.store.
INLINE void nonlinear_store(const float *x, float scale, uint8_t *bytes) {
    float inverse = scale != 0 ? 1 / scale : 0;
    vi codes[16 / LANES];
    UNROLL for (int i = 0; i < 16; i += LANES) {
        vi low = nonlinear_codes(inverse * load(x + i));
        codes[i / LANES] = low | nonlinear_codes(inverse * load(x + 16 + i)) << 4;
    }
    store_sixteen(bytes, codes);
}
