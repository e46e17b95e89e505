#include "CKernels.h"
#include "half_numbers.h"

#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#pragma STDC FP_CONTRACT OFF

// The helpers that take and give vectors are all inlined: no calling convention is involved.
#pragma clang diagnostic ignored "-Wpsabi"

typedef float vf __attribute__((vector_size(64)));
typedef int32_t vi __attribute__((vector_size(64)));
typedef uint16_t halves __attribute__((vector_size(32)));
typedef int8_t signed_bytes __attribute__((vector_size(16)));

#define LANES INGOT_CACHE_POSITIONS

struct attention_kernels {
    void (*scores)(ingot_cache_type, const uint8_t *, size_t, size_t, const float *const *, size_t,
                   float, float *, size_t);
    void (*mix)(ingot_cache_type, const uint8_t *, size_t, size_t, const float *, size_t,
                float *const *, size_t);
    void (*tile)(ingot_cache_type, const uint8_t *, size_t, size_t, float *);
};

static inline size_t groups_of(size_t length) {
    return (length + INGOT_CACHE_GROUP - 1) / INGOT_CACHE_GROUP;
}

size_t ingot_cache_tile_bytes(ingot_cache_type type, size_t keyLength) {
    switch (type) {
    case INGOT_CACHE_F32: return keyLength * LANES * 4;
    case INGOT_CACHE_F16: return keyLength * LANES * 2;
    case INGOT_CACHE_Q8: return keyLength * LANES + groups_of(keyLength) * LANES * 2;
    }
}

size_t ingot_cache_value_bytes(ingot_cache_type type, size_t valueLength) {
    switch (type) {
    case INGOT_CACHE_F32: return valueLength * 4;
    case INGOT_CACHE_F16: return valueLength * 2;
    case INGOT_CACHE_Q8: return valueLength + groups_of(valueLength) * 2;
    }
}

// A number as F16, its largest for what is beyond; NaN and infinity stay.
static inline uint16_t bounded_half(float value) {
    if (value > 65504 && value < __builtin_inff()) value = 65504;
    if (value < -65504 && value > -__builtin_inff()) value = -65504;
    return ingot_half_bits(value);
}

// The scale of up to 32 numbers, and their codes.
static uint16_t round_group(const float *values, size_t count, int8_t *codes) {
    float peak = 0;
    for (size_t i = 0; i < count; i++) {
        float size = __builtin_fabsf(values[i]);
        if (!(size <= peak)) peak = size;
        // NaN stays.
        if (peak != peak) break;
    }
    uint16_t half = bounded_half(peak / 127);
    float step = ingot_half_value(half);
    float inverse = step > 0 && peak < __builtin_inff() ? 1 / step : 0;
    for (size_t i = 0; i < count; i++) {
        float code = inverse == 0 ? 0 : values[i] * inverse;
        code = code > 127 ? 127 : code < -127 ? -127 : code;
        codes[i] = (int8_t)__builtin_rintf(code);
        // A scale that is no number makes numbers that are none.
        if (inverse == 0 && step > 0) codes[i] = 1;
    }
    return half;
}

void ingot_cache_put_key(ingot_cache_type type, const float *key, size_t keyLength, size_t lane,
                         void *tile) {
    if (type == INGOT_CACHE_F32) {
        float *to = (float *)tile + lane;
        for (size_t i = 0; i < keyLength; i++) to[i * LANES] = key[i];
    } else if (type == INGOT_CACHE_F16) {
        uint16_t *to = (uint16_t *)tile + lane;
        for (size_t i = 0; i < keyLength; i++) to[i * LANES] = bounded_half(key[i]);
    } else {
        int8_t *to = (int8_t *)tile + lane, codes[INGOT_CACHE_GROUP];
        uint8_t *scales = (uint8_t *)tile + keyLength * LANES + 2 * lane;
        for (size_t first = 0; first < keyLength; first += INGOT_CACHE_GROUP) {
            size_t count = keyLength - first;
            if (count > INGOT_CACHE_GROUP) count = INGOT_CACHE_GROUP;
            uint16_t scale = round_group(key + first, count, codes);
            memcpy(scales + first / INGOT_CACHE_GROUP * 2 * LANES, &scale, 2);
            for (size_t i = 0; i < count; i++) to[(first + i) * LANES] = codes[i];
        }
    }
}

void ingot_cache_put_values(ingot_cache_type type, const float *values, size_t valueLength,
                            void *destination) {
    if (type == INGOT_CACHE_F32) {
        memcpy(destination, values, valueLength * 4);
    } else if (type == INGOT_CACHE_F16) {
        uint16_t *to = destination;
        for (size_t i = 0; i < valueLength; i++) to[i] = bounded_half(values[i]);
    } else {
        int8_t *to = destination;
        for (size_t first = 0; first < valueLength; first += INGOT_CACHE_GROUP) {
            size_t count = valueLength - first;
            if (count > INGOT_CACHE_GROUP) count = INGOT_CACHE_GROUP;
            uint16_t scale = round_group(values + first, count, to + first);
            memcpy(to + valueLength + first / INGOT_CACHE_GROUP * 2, &scale, 2);
        }
    }
}

#define HALVES HALF_PLAIN
#define TILES 2
#define NAME(x) plain_##x
#include "attention_template.h"
#undef NAME
#undef TILES
#undef HALVES

#if defined(__x86_64__)

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#define HALVES HALF_AVX2
#define TILES 2
#define NAME(x) avx2_##x
#include "attention_template.h"
#undef NAME
#undef TILES
#undef HALVES
#pragma clang attribute pop

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,fma,f16c"))), \
                             apply_to = function)
#define HALVES HALF_AVX512
#define TILES 4
#define NAME(x) avx512_##x
#include "attention_template.h"
#undef NAME
#undef TILES
#undef HALVES
#pragma clang attribute pop

#endif

static const struct attention_kernels *kernels(ingot_isa isa) {
#if defined(__x86_64__)
    if (isa == INGOT_AVX512) return &avx512_attention_table;
    if (isa == INGOT_AVX2 && __builtin_cpu_supports("fma")) return &avx2_attention_table;
#endif
    (void)isa;
    return &plain_attention_table;
}

void ingot_attention_scores(ingot_isa isa, ingot_cache_type type, const void *tiles,
                            size_t keyLength, size_t tileCount, const float *const *queries,
                            size_t queryCount, float scale, float *scores, size_t stride) {
    kernels(isa)->scores(type, tiles, keyLength, tileCount, queries, queryCount, scale, scores,
                         stride);
}

void ingot_attention_mix(ingot_isa isa, ingot_cache_type type, const void *values,
                         size_t valueLength, size_t positionCount, const float *weights,
                         size_t stride, float *const *results, size_t queryCount) {
    kernels(isa)->mix(type, values, valueLength, positionCount, weights, stride, results,
                      queryCount);
}

void ingot_cache_tile(ingot_isa isa, ingot_cache_type type, const void *values, size_t valueLength,
                      size_t positionCount, float *tile) {
    kernels(isa)->tile(type, values, valueLength, positionCount, tile);
}
