// Across the lanes of a vector.

#if LANES == 4
#define SWAP1(v) __builtin_shufflevector(v, v, 1, 0, 3, 2)
#define SWAP2(v) __builtin_shufflevector(v, v, 2, 3, 0, 1)
#define SWAP_HALVES SWAP2
#define JOIN_HALVES(a, b) __builtin_shufflevector(a, b, 0, 1, 6, 7)
#define FOLD_HALF(op, v) v = op(v, SWAP1(v));
#define FOLD(op, v)                                                                      \
    v = op(v, SWAP2(v));                                                                 \
    FOLD_HALF(op, v)
#elif LANES == 8
#define SWAP1(v) __builtin_shufflevector(v, v, 1, 0, 3, 2, 5, 4, 7, 6)
#define SWAP2(v) __builtin_shufflevector(v, v, 2, 3, 0, 1, 6, 7, 4, 5)
#define SWAP_HALVES(v) __builtin_shufflevector(v, v, 4, 5, 6, 7, 0, 1, 2, 3)
#define JOIN_HALVES(a, b) __builtin_shufflevector(a, b, 0, 1, 2, 3, 12, 13, 14, 15)
#define FOLD_HALF(op, v)                                                                 \
    v = op(v, SWAP2(v));                                                                 \
    v = op(v, SWAP1(v));
#define FOLD(op, v)                                                                      \
    v = op(v, SWAP_HALVES(v));                                                           \
    FOLD_HALF(op, v)
#else
#define SWAP1(v) __builtin_shufflevector(v, v, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14)
#define SWAP2(v) __builtin_shufflevector(v, v, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13)
#define SWAP4(v) __builtin_shufflevector(v, v, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11)
#define SWAP_HALVES(v)                                                                   \
    __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7)
#define JOIN_HALVES(a, b)                                                                \
    __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 24, 25, 26, 27, 28, 29, 30, 31)
#define FOLD_HALF(op, v)                                                                 \
    v = op(v, SWAP4(v));                                                                 \
    v = op(v, SWAP2(v));                                                                 \
    v = op(v, SWAP1(v));
#define FOLD(op, v)                                                                      \
    v = op(v, SWAP_HALVES(v));                                                           \
    FOLD_HALF(op, v)
#endif

#define greatest_lane K(greatest_lane)
INLINE float greatest_lane(vf v) {
    FOLD(greater, v)
    return v[0];
}

#define extreme_lanes K(extreme_lanes)
/// The least lane of `low` and the greatest of `high`, in one fold for both.
INLINE void extreme_lanes(vf low, vf high, float *least, float *greatest) {
    vf negated = -high;
    low = lesser(low, SWAP_HALVES(low));
    negated = lesser(negated, SWAP_HALVES(negated));
    vf both = JOIN_HALVES(low, negated);
    FOLD_HALF(lesser, both)
    *least = both[0];
    *greatest = -both[LANES - 1];
}

#define top_bits K(top_bits)
/// The top bit of every lane, lane 0 lowest.
INLINE uint32_t top_bits(vi v) {
#if LANES == 16
    return _mm512_movepi32_mask((__m512i)v);
#elif LANES == 8
    return (uint32_t)_mm256_movemask_ps((__m256)v);
#elif defined(__x86_64__)
    return (uint32_t)_mm_movemask_ps((__m128)v);
#else
    uint32_t bits = 0;
    for (int lane = 0; lane < LANES; lane++) bits |= (uint32_t)v[lane] >> 31 << lane;
    return bits;
#endif
}

#undef SWAP1
#undef SWAP2
#undef SWAP4
#undef SWAP_HALVES
#undef JOIN_HALVES
#undef FOLD_HALF
#undef FOLD
