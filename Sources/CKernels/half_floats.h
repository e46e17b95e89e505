// Vectors of binary16 numbers.

#define vs K(vs)
typedef uint16_t vs __attribute__((ext_vector_type(LANES)));

#define widened_halves K(widened_halves)
INLINE vf widened_halves(vs bits) {
#if LANES == 16
    return (vf)_mm512_cvtph_ps((__m256i)bits);
#elif HAS_F16C
    return (vf)_mm256_cvtph_ps((__m128i)bits);
#else
    vu wide = __builtin_convertvector(bits, vu);
    vu sign = (wide & 0x8000) << 16, rest = wide & 0x7FFF;
    vu normal = (rest << 13) + (112u << 23);
    vu special = 0x7F800000 | (rest & 0x3FF) << 13;
    vu small = (vu)(__builtin_convertvector((vi)rest, vf) * 0x1p-24f);
    return (vf)(sign | (rest < 0x400 ? small : rest >= 0x7C00 ? special : normal));
#endif
}

#define halved K(halved)
INLINE vs halved(vf value) {
#if LANES == 16
    return (vs)_mm512_cvtps_ph((__m512)value, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
#elif HAS_F16C
    return (vs)_mm256_cvtps_ph((__m256)value, _MM_FROUND_TO_NEAREST_INT);
#else
    vi bits = (vi)value, rest = bits & 0x7FFFFFFF;
    vi sign = (vi)((vu)bits >> 16 & 0x8000);
    vi normal = ((rest + 0xFFF + (rest >> 13 & 1)) >> 13) - (112 << 10);
    vi small = (vi)((vf)rest + 0.5f) - 0x3F000000;
    vi nan = 0x7E00 | (rest >> 13 & 0x1FF);
    vi half = rest < 0x38800000 ? small : normal;
    half = rest >= 0x477FF000 ? (vi)0x7C00 : half;
    half = rest > 0x7F800000 ? nan : half;
    return __builtin_convertvector((vu)(half | sign), vs);
#endif
}

#define store_halves K(store_halves)
INLINE void store_halves(uint16_t *p, vf value) {
    vs halves = halved(value);
    memcpy(p, &halves, sizeof halves);
}
