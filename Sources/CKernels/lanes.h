// The vocabulary of kernels: vectors of LANES numbers. Included once per instruction set.

#define vf K(vf)
#define vi K(vi)
#define vu K(vu)
#define vb K(vb)
#define vsb K(vsb)
#define f4 K(f4)
typedef float vf __attribute__((ext_vector_type(LANES)));
typedef int32_t vi __attribute__((ext_vector_type(LANES)));
typedef uint32_t vu __attribute__((ext_vector_type(LANES)));
typedef uint8_t vb __attribute__((ext_vector_type(LANES)));
typedef int8_t vsb __attribute__((ext_vector_type(LANES)));
typedef float f4 __attribute__((ext_vector_type(4)));

#define load K(load)
#define store K(store)
#define store_bytes K(store_bytes)
#define load_bytes K(load_bytes)
INLINE vf load(const float *p) { vf v; memcpy(&v, p, sizeof v); return v; }
INLINE void store(float *p, vf v) { memcpy(p, &v, sizeof v); }
INLINE vb load_bytes(const uint8_t *p) { vb v; memcpy(&v, p, sizeof v); return v; }
/// Stores the low byte of every lane.
INLINE void store_bytes(uint8_t *p, vi v) {
    vb bytes = __builtin_convertvector((vu)v, vb);
    memcpy(p, &bytes, sizeof bytes);
}

#define store_sixteen K(store_sixteen)
/// Stores sixteen numbers in 0...255, from 16 / LANES vectors.
INLINE void store_sixteen(uint8_t *p, const vi *v) {
#if LANES == 8
    // Packing works within halves of a vector.
    __m256i words = _mm256_packus_epi32((__m256i)v[0], (__m256i)v[1]);
    __m128i bytes =
        _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
    bytes = _mm_shuffle_epi32(bytes, 0xD8);
    memcpy(p, &bytes, 16);
#elif LANES == 4 && defined(__x86_64__)
    __m128i front = _mm_packs_epi32((__m128i)v[0], (__m128i)v[1]);
    __m128i back = _mm_packs_epi32((__m128i)v[2], (__m128i)v[3]);
    front = _mm_packus_epi16(front, back);
    memcpy(p, &front, 16);
#else
    UNROLL for (int i = 0; i < 16 / LANES; i++) store_bytes(p + i * LANES, v[i]);
#endif
}

/// The smaller and the larger; the second operand when they are equal or one is NaN.
#define lesser K(lesser)
#define greater K(greater)
INLINE vf lesser(vf a, vf b) { return a < b ? a : b; }
INLINE vf greater(vf a, vf b) { return a > b ? a : b; }

#define magnitude K(magnitude)
INLINE vf magnitude(vf a) { return (vf)((vi)a & 0x7FFFFFFF); }

#define any K(any)
/// Whether any lane of a comparison holds.
INLINE bool any(vi mask) {
    return __builtin_reduce_or(mask) != 0;
}

#define root K(root)
INLINE vf root(vf a) { return __builtin_elementwise_sqrt(a); }

#define rounded K(rounded)
/// The nearest whole number, ties to even, of numbers below 2^22 in magnitude.
INLINE vf rounded(vf a) {
#if LANES == 4 && defined(__x86_64__)
    return (a + 12582912.0f) - 12582912.0f;
#else
    return __builtin_elementwise_roundeven(a);
#endif
}

#define nearest K(nearest)
/// The nearest integer as `ScaleSearch.nearest` has it, for any number at all.
INLINE vi nearest(vf a) { return ((vi)(a + 12582912.0f) & 0x007FFFFF) - 0x00400000; }

#define clamped K(clamped)
INLINE vi clamped(vi a, int32_t low, int32_t high) {
    return __builtin_elementwise_max(__builtin_elementwise_min(a, (vi)high), (vi)low);
}
#define clamped_float K(clamped_float)
/// Limits numbers that are not NaN.
INLINE vf clamped_float(vf a, float low, float high) {
    return lesser(greater(a, (vf)low), (vf)high);
}

#define in_range K(in_range)
/// Whether `rounded` may be used; false for NaN.
INLINE vi in_range(vf a) { return magnitude(a) < 4194304.0f; }

#define transpose4 K(transpose4)
/// Loads four consecutive numbers from each of LANES places; out[i] has number i of every place.
INLINE void transpose4(const float *const *places, size_t offset, vf out[4]) {
    f4 piece[LANES];
    UNROLL for (int lane = 0; lane < LANES; lane++) {
        memcpy(&piece[lane], places[lane] + offset, 16);
    }
#if LANES == 4
    vf r0 = piece[0], r1 = piece[1], r2 = piece[2], r3 = piece[3];
#define LOW(a, b) __builtin_shufflevector(a, b, 0, 4, 1, 5)
#define HIGH(a, b) __builtin_shufflevector(a, b, 2, 6, 3, 7)
#define FRONT(a, b) __builtin_shufflevector(a, b, 0, 1, 4, 5)
#define BACK(a, b) __builtin_shufflevector(a, b, 2, 3, 6, 7)
#elif LANES == 8
#define JOIN(r) __builtin_shufflevector(piece[r], piece[r + 4], 0, 1, 2, 3, 4, 5, 6, 7)
    vf r0 = JOIN(0), r1 = JOIN(1), r2 = JOIN(2), r3 = JOIN(3);
#undef JOIN
#define LOW(a, b) __builtin_shufflevector(a, b, 0, 8, 1, 9, 4, 12, 5, 13)
#define HIGH(a, b) __builtin_shufflevector(a, b, 2, 10, 3, 11, 6, 14, 7, 15)
#define FRONT(a, b) __builtin_shufflevector(a, b, 0, 1, 8, 9, 4, 5, 12, 13)
#define BACK(a, b) __builtin_shufflevector(a, b, 2, 3, 10, 11, 6, 7, 14, 15)
#else
#define PAIR(r) __builtin_shufflevector(piece[r], piece[r + 4], 0, 1, 2, 3, 4, 5, 6, 7)
#define JOIN(r)                                                                          \
    __builtin_shufflevector(PAIR(r), PAIR(r + 8), 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,  \
                            12, 13, 14, 15)
    vf r0 = JOIN(0), r1 = JOIN(1), r2 = JOIN(2), r3 = JOIN(3);
#undef JOIN
#undef PAIR
#define LOW(a, b)                                                                        \
    __builtin_shufflevector(a, b, 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29)
#define HIGH(a, b)                                                                       \
    __builtin_shufflevector(a, b, 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31)
#define FRONT(a, b)                                                                      \
    __builtin_shufflevector(a, b, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29)
#define BACK(a, b)                                                                       \
    __builtin_shufflevector(a, b, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31)
#endif
    vf t0 = LOW(r0, r1), t1 = HIGH(r0, r1), t2 = LOW(r2, r3), t3 = HIGH(r2, r3);
    out[0] = FRONT(t0, t2);
    out[1] = BACK(t0, t2);
    out[2] = FRONT(t1, t3);
    out[3] = BACK(t1, t3);
#undef LOW
#undef HIGH
#undef FRONT
#undef BACK
}

#define transpose K(transpose)
/// The first `count` numbers (a multiple of four) of each of LANES places.
INLINE void transpose(const float *const *places, int count, vf *out) {
    for (int i = 0; i < count; i += 4) transpose4(places, (size_t)i, out + i);
}

#define sums_of_squares K(sums_of_squares)
/// The sum of squares of `count` numbers from each of LANES places, in order.
INLINE vf sums_of_squares(const float *const *places, size_t count) {
    vf sum = 0;
    for (size_t i = 0; i < count; i += 4) {
        vf x[4];
        transpose4(places, i, x);
        UNROLL for (int j = 0; j < 4; j++) sum += x[j] * x[j];
    }
    return sum;
}

#define store_f16 K(store_f16)
#define load_f16 K(load_f16)
/// Reads a binary16 number.
INLINE float load_f16(const uint8_t *p) {
    uint16_t bits;
    memcpy(&bits, p, 2);
#if HAS_F16C
    return _cvtsh_ss(bits);
#else
    uint32_t sign = (uint32_t)(bits & 0x8000) << 16, rest = bits & 0x7FFF, out;
    if (rest >= 0x7C00) {
        out = sign | 0x7F800000 | (rest & 0x3FF) << 13;
    } else if (rest < 0x400) {
        float small = (float)rest * 0x1p-24f;
        memcpy(&out, &small, 4);
        out |= sign;
    } else {
        out = sign | ((rest << 13) + (112u << 23));
    }
    float value;
    memcpy(&value, &out, 4);
    return value;
#endif
}
/// Stores a number as binary16, ties to even, and returns what was stored.
INLINE float store_f16(uint8_t *p, float value) {
    uint16_t half;
#if HAS_F16C
    half = _cvtss_sh(value, _MM_FROUND_TO_NEAREST_INT);
#else
    uint32_t bits;
    memcpy(&bits, &value, 4);
    uint32_t sign = bits >> 16 & 0x8000, rest = bits & 0x7FFFFFFF;
    if (rest > 0x7F800000) {
        half = (uint16_t)(sign | 0x7E00 | (rest >> 13 & 0x1FF));
    } else if (rest >= 0x477FF000) {
        half = (uint16_t)(sign | 0x7C00);
    } else if (rest < 0x38800000) {
        float aligned;
        memcpy(&aligned, &rest, 4);
        aligned += 0.5f;
        memcpy(&rest, &aligned, 4);
        half = (uint16_t)(sign | (rest - 0x3F000000));
    } else {
        half = (uint16_t)(sign | (((rest + 0xFFF + (rest >> 13 & 1)) >> 13) - (112 << 10)));
    }
#endif
    memcpy(p, &half, 2);
    return load_f16(p);
}
