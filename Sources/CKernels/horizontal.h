// Across the lanes of a vector.

#if LANES == 16
#define f8 K(f8)
typedef float f8 __attribute__((ext_vector_type(8)));
#endif

#define LESSER(a, b) ((a) < (b) ? (a) : (b))
#define GREATER(a, b) ((a) > (b) ? (a) : (b))

// Folds a vector to four lanes. Halving the width first is cheaper than shuffling wide vectors.
#if LANES == 4
#define FOLD(op, v, four) f4 four = v;
#elif LANES == 8
#define FOLD(op, v, four) f4 four = op(v.lo, v.hi);
#else
#define FOLD(op, v, four)                                                                \
    f8 four##_eight = op(v.lo, v.hi);                                                    \
    f4 four = op(four##_eight.lo, four##_eight.hi);
#endif

#define greatest_lane K(greatest_lane)
INLINE float greatest_lane(vf v) {
    FOLD(GREATER, v, four)
    four = GREATER(four, four.zwxy);
    four = GREATER(four, four.yxwz);
    return four.x;
}

#define extreme_lanes K(extreme_lanes)
/// The least lane of `low` and the greatest of `high`; the last steps serve both.
INLINE void extreme_lanes(vf low, vf high, float *least, float *greatest) {
    FOLD(LESSER, low, low4)
    FOLD(GREATER, high, high4)
    high4 = -high4;
    f4 front = __builtin_shufflevector(low4, high4, 0, 1, 4, 5);
    f4 back = __builtin_shufflevector(low4, high4, 2, 3, 6, 7);
    f4 both = LESSER(front, back);
    both = LESSER(both, both.yxwz);
    *least = both.x;
    *greatest = -both.z;
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

#undef FOLD
#undef LESSER
#undef GREATER
