// Conversions between binary32, binary16 and bfloat16.
#ifndef ISA
#define KERNEL_FILE "half.c"
#include "instantiate.h"

typedef void (*narrowing)(const float *source, size_t count, uint8_t *destination);

#define DEFINE(function, from, to, table_type)                                           \
    bool ingot_##function(ingot_isa isa, const from *source, size_t count, to *destination) { \
        static const table_type table[INGOT_ISA_COUNT] = TABLE(function);                \
        if (isa >= INGOT_ISA_COUNT || !table[isa]) return false;                         \
        table[isa](source, count, (void *)destination);                                  \
        return true;                                                                     \
    }
DEFINE(f32_to_f16, float, void, narrowing)
DEFINE(f32_to_bf16, float, void, narrowing)
DEFINE(f16_to_f32, void, float, ingot_decoder)
DEFINE(bf16_to_f32, void, float, ingot_decoder)

#else
#include "lanes.h"
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

#define bfloat K(bfloat)
INLINE vs bfloat(vf value) {
    vu bits = (vu)value;
    vu near = bits + 0x7FFF + (bits >> 16 & 1);
    vu nan = bits | 0x400000;
    vu kept = (bits & 0x7FFFFFFF) > 0x7F800000 ? nan : near;
    return __builtin_convertvector(kept >> 16, vs);
}

#define widened_bfloats K(widened_bfloats)
INLINE vf widened_bfloats(vs bits) { return (vf)(__builtin_convertvector(bits, vu) << 16); }

// Rows need not be whole vectors: the last few numbers go through a padded vector.
#define NARROW(name, convert)                                                            \
    static void K(name)(const float *source, size_t count, uint8_t *destination) {       \
        size_t i = 0;                                                                    \
        for (; i + LANES <= count; i += LANES) {                                         \
            vs bits = convert(load(source + i));                                         \
            memcpy(destination + 2 * i, &bits, sizeof bits);                             \
        }                                                                                \
        if (i == count) return;                                                          \
        vf rest = 0;                                                                     \
        memcpy(&rest, source + i, 4 * (count - i));                                      \
        vs bits = convert(rest);                                                         \
        memcpy(destination + 2 * i, &bits, 2 * (count - i));                             \
    }
#define WIDEN(name, convert)                                                             \
    static void K(name)(const uint8_t *source, size_t count, float *destination) {       \
        size_t i = 0;                                                                    \
        vs bits = 0;                                                                     \
        for (; i + LANES <= count; i += LANES) {                                         \
            memcpy(&bits, source + 2 * i, sizeof bits);                                  \
            store(destination + i, convert(bits));                                       \
        }                                                                                \
        if (i == count) return;                                                          \
        memcpy(&bits, source + 2 * i, 2 * (count - i));                                  \
        vf rest = convert(bits);                                                         \
        memcpy(destination + i, &rest, 4 * (count - i));                                 \
    }
NARROW(f32_to_f16, halved)
NARROW(f32_to_bf16, bfloat)
WIDEN(f16_to_f32, widened_halves)
WIDEN(bf16_to_f32, widened_bfloats)
#undef NARROW
#undef WIDEN
#endif
