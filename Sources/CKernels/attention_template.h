// Included by attention.c once per instruction set: `NAME(x)` gives each copy its own names, `HALVES`
// says what widens binary16 numbers, `TILES` how many tiles of keys are taken at a time.

#define INLINE static inline __attribute__((always_inline, unused))
#define UNROLL _Pragma("clang loop unroll(full)")

#include "wide_halves.h"

// The first `count` of sixteen numbers, the other lanes zero.
INLINE vf NAME(load)(const int type, const uint8_t *p, size_t count, vf scale) {
    if (type == INGOT_CACHE_F32) {
        vf v = {0};
        memcpy(&v, p, count * 4);
        return v;
    }
    if (type == INGOT_CACHE_F16) {
        halves v = {0};
        memcpy(&v, p, count * 2);
        return NAME(widen_halves)(v);
    }
    signed_bytes v = {0};
    memcpy(&v, p, count);
    return scale * __builtin_convertvector(__builtin_convertvector(v, vi), vf);
}

// MARK: Scores

// Q queries with T tiles.
INLINE void NAME(tile_scores)(const int type, const int Q, const int T, const uint8_t *tiles,
                              size_t tile_bytes, size_t length, const float *const *queries,
                              float scale, float *scores, size_t stride) {
    const size_t step = LANES * (type == INGOT_CACHE_F32 ? 4 : type == INGOT_CACHE_F16 ? 2 : 1);
    vf sums[4 * TILES], scales[TILES];
    UNROLL for (int i = 0; i < Q * T; i++) sums[i] = (vf){0};
    UNROLL for (int t = 0; t < T; t++) scales[t] = (vf){0};
    for (size_t i = 0; i < length; i++) {
        if (type == INGOT_CACHE_Q8 && i % INGOT_CACHE_GROUP == 0) {
            UNROLL for (int t = 0; t < T; t++) {
                halves bits;
                memcpy(&bits,
                       tiles + (size_t)t * tile_bytes + length * LANES +
                           i / INGOT_CACHE_GROUP * 2 * LANES,
                       sizeof bits);
                scales[t] = NAME(widen_halves)(bits);
            }
        }
        vf keys[TILES];
        UNROLL for (int t = 0; t < T; t++)
            keys[t] = NAME(load)(type, tiles + (size_t)t * tile_bytes + i * step, LANES, scales[t]);
        UNROLL for (int q = 0; q < Q; q++) {
            vf value = queries[q][i] - (vf){0};
            UNROLL for (int t = 0; t < T; t++)
                sums[q * T + t] = __builtin_elementwise_fma(value, keys[t], sums[q * T + t]);
        }
    }
    UNROLL for (int q = 0; q < Q; q++) {
        UNROLL for (int t = 0; t < T; t++) {
            vf value = scale * sums[q * T + t];
            memcpy(scores + (size_t)q * stride + (size_t)t * LANES, &value, sizeof value);
        }
    }
}

INLINE void NAME(scores_of)(const int type, const uint8_t *tiles, size_t length, size_t count,
                            const float *const *queries, size_t query_count, float scale,
                            float *scores, size_t stride) {
    const size_t bytes = ingot_cache_tile_bytes((ingot_cache_type)type, length);
    size_t tile = 0;
#define QUERIES(Q, T)                                                                    \
    for (; query + Q <= query_count; query += Q)                                         \
        NAME(tile_scores)(type, Q, T, tiles + tile * bytes, bytes, length, queries + query,  \
                          scale, scores + query * stride + tile * LANES, stride);
#define TAKE(T)                                                                          \
    for (; tile + T <= count; tile += T) {                                               \
        size_t query = 0;                                                                \
        QUERIES(4, T) QUERIES(3, T) QUERIES(1, T)                                        \
    }
    TAKE(TILES)
    TAKE(1)
#undef TAKE
#undef QUERIES
}

static void NAME(scores)(ingot_cache_type type, const uint8_t *tiles, size_t length, size_t count,
                         const float *const *queries, size_t query_count, float scale,
                         float *scores, size_t stride) {
#define CASE(kind)                                                                       \
    case kind:                                                                           \
        NAME(scores_of)(kind, tiles, length, count, queries, query_count, scale, scores, stride); \
        return;
    switch (type) {
        CASE(INGOT_CACHE_F32)
        CASE(INGOT_CACHE_F16)
        CASE(INGOT_CACHE_Q8)
    }
#undef CASE
}

// MARK: Results

// Q queries with C vectors of values from `column` on, of which the last has `rest` numbers.
INLINE void NAME(value_sums)(const int type, const int Q, const int C, const uint8_t *values,
                             size_t bytes, size_t length, size_t column, size_t rest,
                             size_t positions, const float *weights, size_t stride,
                             float *const *results) {
    const size_t size = type == INGOT_CACHE_F32 ? 4 : type == INGOT_CACHE_F16 ? 2 : 1;
    vf sums[16];
    UNROLL for (int i = 0; i < Q * C; i++) sums[i] = (vf){0};
    for (size_t p = 0; p < positions; p++, values += bytes) {
        vf value[4];
        UNROLL for (int c = 0; c < C; c++) {
            size_t at = column + (size_t)c * LANES;
            vf scale = {0};
            if (type == INGOT_CACHE_Q8) {
                uint16_t bits;
                memcpy(&bits, values + length + at / INGOT_CACHE_GROUP * 2, 2);
                scale = ingot_half_value(bits) - (vf){0};
            }
            value[c] = NAME(load)(type, values + at * size, c == C - 1 ? rest : LANES, scale);
        }
        UNROLL for (int q = 0; q < Q; q++) {
            vf weight = weights[(size_t)q * stride + p] - (vf){0};
            UNROLL for (int c = 0; c < C; c++)
                sums[q * C + c] = __builtin_elementwise_fma(weight, value[c], sums[q * C + c]);
        }
    }
    UNROLL for (int q = 0; q < Q; q++) {
        UNROLL for (int c = 0; c < C; c++)
            memcpy(results[q] + column + (size_t)c * LANES, &sums[q * C + c],
                   (c == C - 1 ? rest : LANES) * 4);
    }
}

INLINE void NAME(mix_of)(const int type, const uint8_t *values, size_t length, size_t positions,
                         const float *weights, size_t stride, float *const *results,
                         size_t query_count) {
    const size_t bytes = ingot_cache_value_bytes((ingot_cache_type)type, length);
    size_t column = 0;
#define QUERIES(Q, C, rest)                                                              \
    for (; query + Q <= query_count; query += Q)                                         \
        NAME(value_sums)(type, Q, C, values, bytes, length, column, rest, positions,     \
                         weights + query * stride, stride, results + query);
#define TAKE(C, rest)                                                                    \
    {                                                                                    \
        size_t query = 0;                                                                \
        QUERIES(4, C, rest) QUERIES(3, C, rest) QUERIES(1, C, rest)                      \
    }
    for (; column + 4 * LANES <= length; column += 4 * LANES) TAKE(4, LANES)
    for (; column + LANES <= length; column += LANES) TAKE(1, LANES)
    if (column < length) TAKE(1, length - column)
#undef TAKE
#undef QUERIES
}

static void NAME(mix)(ingot_cache_type type, const uint8_t *values, size_t length,
                      size_t positions, const float *weights, size_t stride,
                      float *const *results, size_t query_count) {
#define CASE(kind)                                                                       \
    case kind:                                                                           \
        NAME(mix_of)(kind, values, length, positions, weights, stride, results, query_count); \
        return;
    switch (type) {
        CASE(INGOT_CACHE_F32)
        CASE(INGOT_CACHE_F16)
        CASE(INGOT_CACHE_Q8)
    }
#undef CASE
}

// MARK: Tiles of values

INLINE void NAME(tile_of)(const int type, const uint8_t *values, size_t length, size_t positions,
                          float *tile) {
    const size_t size = type == INGOT_CACHE_F32 ? 4 : type == INGOT_CACHE_F16 ? 2 : 1;
    const size_t bytes = ingot_cache_value_bytes((ingot_cache_type)type, length);
    if (positions < LANES) memset(tile, 0, length * LANES * 4);
    for (size_t p = 0; p < positions; p++, values += bytes) {
        for (size_t first = 0; first < length; first += LANES) {
            size_t count = length - first < LANES ? length - first : LANES;
            vf scale = {0};
            if (type == INGOT_CACHE_Q8) {
                uint16_t bits;
                memcpy(&bits, values + length + first / INGOT_CACHE_GROUP * 2, 2);
                scale = ingot_half_value(bits) - (vf){0};
            }
            vf value = NAME(load)(type, values + first * size, count, scale);
            for (size_t i = 0; i < count; i++) tile[(first + i) * LANES + p] = value[i];
        }
    }
}

static void NAME(tile)(ingot_cache_type type, const uint8_t *values, size_t length,
                       size_t positions, float *tile) {
#define CASE(kind)                                                                       \
    case kind: NAME(tile_of)(kind, values, length, positions, tile); return;
    switch (type) {
        CASE(INGOT_CACHE_F32)
        CASE(INGOT_CACHE_F16)
        CASE(INGOT_CACHE_Q8)
    }
#undef CASE
}

static const struct attention_kernels NAME(attention_table) = {NAME(scores), NAME(mix),
                                                               NAME(tile)};

#undef INLINE
#undef UNROLL
