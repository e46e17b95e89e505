// Attention over the keys and values that a sequence keeps. Included by CKernels.h.
//
// Keys of a head lie in tiles of 16 positions: a number of each position for every element of the
// keys; in 8 bits followed by the F16 scales of each position for every 32 elements. Values lie
// position after position; in 8 bits the scales come after a position's values. A score and a result
// are sums in one order by fused multiply-add, whatever is computed beside them.

#ifndef INGOT_ATTENTION_H
#define INGOT_ATTENTION_H

#pragma clang assume_nonnull begin

#define INGOT_CACHE_POSITIONS 16
#define INGOT_CACHE_GROUP 32

typedef enum ingot_cache_type : uint32_t {
    INGOT_CACHE_F32 = 0,
    INGOT_CACHE_F16 = 1,
    INGOT_CACHE_Q8 = 2,
} ingot_cache_type;

/// The bytes of a tile of keys, and of the values of a position.
size_t ingot_cache_tile_bytes(ingot_cache_type type, size_t keyLength);
size_t ingot_cache_value_bytes(ingot_cache_type type, size_t valueLength);

/// Puts a head's key into lane `lane` of a tile. Numbers beyond F16's range become its largest.
void ingot_cache_put_key(ingot_cache_type type, const float *key, size_t keyLength, size_t lane,
                         void *tile);

/// Puts a head's values.
void ingot_cache_put_values(ingot_cache_type type, const float *values, size_t valueLength,
                            void *destination);

/// `scores[q][16 t + lane] = scale * (query q . key)` for `tileCount` tiles from `tiles` on; the
/// elements of a key are taken in order.
void ingot_attention_scores(ingot_isa isa, ingot_cache_type type, const void *tiles,
                            size_t keyLength, size_t tileCount,
                            const float *_Nonnull const *_Nonnull queries, size_t queryCount,
                            float scale, float *scores, size_t stride);

/// `results[q] = sum over positions of weights[q][p] * values[p]`, positions in order.
void ingot_attention_mix(ingot_isa isa, ingot_cache_type type, const void *values,
                         size_t valueLength, size_t positionCount, const float *weights,
                         size_t stride, float *_Nonnull const *_Nonnull results,
                         size_t queryCount);

/// A tile of keys in F32 of the values of up to 16 positions; lanes without a position are zero.
void ingot_cache_tile(ingot_isa isa, ingot_cache_type type, const void *values, size_t valueLength,
                      size_t positionCount, float *tile);

#pragma clang assume_nonnull end

#endif
