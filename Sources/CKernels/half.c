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
#include "half_floats.h"

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
