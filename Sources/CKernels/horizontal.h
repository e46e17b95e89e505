// Across the lanes of a vector.

#if LANES == 16
#define f8 K(f8)
typedef float f8 __attribute__((ext_vector_type(8)));
#endif

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

#define least_of_each K(least_of_each)
#define greatest_of_each K(greatest_of_each)
// For LANES vectors, the least or greatest lane of each. Vectors are folded into one another, so
// that every step works on full width: quarters of four lanes first, then as `transpose4` does.
#if LANES == 4
#define QUARTERS(op)                                                                     \
    vf r0 = v[0], r1 = v[1], r2 = v[2], r3 = v[3];
#define LOW(a, b) __builtin_shufflevector(a, b, 0, 4, 1, 5)
#define HIGH(a, b) __builtin_shufflevector(a, b, 2, 6, 3, 7)
#define FRONT(a, b) __builtin_shufflevector(a, b, 0, 1, 4, 5)
#define BACK(a, b) __builtin_shufflevector(a, b, 2, 3, 6, 7)
#elif LANES == 8
#define PAIR(op, a, b)                                                                   \
    op(__builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11),                          \
       __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15))
#define QUARTERS(op)                                                                     \
    vf r0 = PAIR(op, v[0], v[4]), r1 = PAIR(op, v[1], v[5]);                             \
    vf r2 = PAIR(op, v[2], v[6]), r3 = PAIR(op, v[3], v[7]);
#define LOW(a, b) __builtin_shufflevector(a, b, 0, 8, 1, 9, 4, 12, 5, 13)
#define HIGH(a, b) __builtin_shufflevector(a, b, 2, 10, 3, 11, 6, 14, 7, 15)
#define FRONT(a, b) __builtin_shufflevector(a, b, 0, 1, 8, 9, 4, 5, 12, 13)
#define BACK(a, b) __builtin_shufflevector(a, b, 2, 3, 10, 11, 6, 7, 14, 15)
#else
#define PAIR(op, a, b)                                                                   \
    op(__builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23), \
       __builtin_shufflevector(a, b, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31))
#define FOUR(op, a, b)                                                                   \
    op(__builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27), \
       __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31))
#define QUARTER(op, i) FOUR(op, PAIR(op, v[i], v[i + 4]), PAIR(op, v[i + 8], v[i + 12]))
#define QUARTERS(op)                                                                     \
    vf r0 = QUARTER(op, 0), r1 = QUARTER(op, 1), r2 = QUARTER(op, 2), r3 = QUARTER(op, 3);
#define LOW(a, b)                                                                        \
    __builtin_shufflevector(a, b, 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29)
#define HIGH(a, b)                                                                       \
    __builtin_shufflevector(a, b, 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31)
#define FRONT(a, b)                                                                      \
    __builtin_shufflevector(a, b, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29)
#define BACK(a, b)                                                                       \
    __builtin_shufflevector(a, b, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31)
#endif
#define EACH(op)                                                                         \
    QUARTERS(op)                                                                         \
    vf even = op(LOW(r0, r1), HIGH(r0, r1)), odd = op(LOW(r2, r3), HIGH(r2, r3));        \
    return op(FRONT(even, odd), BACK(even, odd));
INLINE vf least_of_each(const vf *v) { EACH(lesser) }
INLINE vf greatest_of_each(const vf *v) { EACH(greater) }
#undef EACH
#undef QUARTERS
#undef QUARTER
#undef FOUR
#undef PAIR
#undef LOW
#undef HIGH
#undef FRONT
#undef BACK

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
#undef GREATER
