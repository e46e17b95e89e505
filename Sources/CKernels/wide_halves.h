// Sixteen binary16 numbers as floats. Included by templates once per instruction set: `NAME(x)` gives
// each copy its own name, `HALVES` says what widens.

INLINE vf NAME(widen_halves)(halves bits) {
#if HALVES == HALF_AVX512
    return (vf)_mm512_cvtph_ps((__m256i)bits);
#elif HALVES == HALF_AVX2
    __m128i half[2];
    memcpy(half, &bits, sizeof half);
    __m256 part[2] = {_mm256_cvtph_ps(half[0]), _mm256_cvtph_ps(half[1])};
    vf v;
    memcpy(&v, part, sizeof v);
    return v;
#else
    vi wide = __builtin_convertvector(bits, vi);
    vi sign = (wide & 0x8000) << 16, rest = wide & 0x7FFF;
    vi normal = (rest << 13) + (112 << 23), special = 0x7F800000 | (rest & 0x3FF) << 13;
    vi small = (vi)(__builtin_convertvector(rest, vf) * 0x1p-24f);
    vi is_small = rest < 0x400, is_special = rest >= 0x7C00;
    vi value = (small & is_small) | (normal & ~is_small);
    return (vf)(sign | (special & is_special) | (value & ~is_special));
#endif
}
