// The extremes of a vector's lanes.

#if LANES == 4
#define FOLD(op, v)                                                                      \
    v = op(v, __builtin_shufflevector(v, v, 2, 3, 0, 1));                                \
    v = op(v, __builtin_shufflevector(v, v, 1, 0, 3, 2));
#elif LANES == 8
#define FOLD(op, v)                                                                      \
    v = op(v, __builtin_shufflevector(v, v, 4, 5, 6, 7, 0, 1, 2, 3));                    \
    v = op(v, __builtin_shufflevector(v, v, 2, 3, 0, 1, 6, 7, 4, 5));                    \
    v = op(v, __builtin_shufflevector(v, v, 1, 0, 3, 2, 5, 4, 7, 6));
#else
#define FOLD(op, v)                                                                      \
    v = op(v, __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, \
                                      5, 6, 7));                                         \
    v = op(v, __builtin_shufflevector(v, v, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8,   \
                                      9, 10, 11));                                       \
    v = op(v, __builtin_shufflevector(v, v, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14,    \
                                      15, 12, 13));                                      \
    v = op(v, __builtin_shufflevector(v, v, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13,    \
                                      12, 15, 14));
#endif

#define greatest_lane K(greatest_lane)
#define least_lane K(least_lane)
INLINE float greatest_lane(vf v) {
    FOLD(greater, v)
    return v[0];
}
INLINE float least_lane(vf v) {
    FOLD(lesser, v)
    return v[0];
}
#undef FOLD
