// AffineSuperBlock in lanes, for the format that these say:
//
//   SUB_LENGTH          values in a sub-block: 16 or 32
//   CODE_MAX            the largest code
//   SCALE_MAX           the largest integer scale: 15 or 63
//   SPREAD              whether weights are |x| + sqrt(mean x²) rather than |x|
//   ABSOLUTE            whether the error is absolute without importance
//   FIRST, STEP, CANDIDATES   the grids tried without importance
//   VARIANCE_FACTOR     see AffineSuperBlock.varianceFactor
//   LIMITED, LIMITED_WITH_IMPORTANCE   whether integer scales are limited
//   BLOCK_BYTES, D_OFFSET, PAIRS_OFFSET
//
// and a function `K(pack)(codes, block)`.

#include "super_blocks.h"

#define SUB_COUNT (256 / SUB_LENGTH)

#define affine_batch K(affine_batch)
/// What is known of LANES super-blocks after the search.
typedef struct {
    /// For sub-block j: one lane per super-block.
    vf scale[SUB_COUNT], minimum[SUB_COUNT], weight_sum[SUB_COUNT];
    /// In the order of sub-blocks.
    float inverse[SUB_COUNT * LANES], start[SUB_COUNT * LANES];
    vi extreme;
} affine_batch;

/// Fits the sub-blocks of `present` super-blocks. `importance` has a pointer per super-block.
static void K(fit_batch)(const float *x, size_t present, const float *const *importance,
                         affine_batch *batch) {
    const float *places[LANES];
    float variance[LANES] = {0};
    if (importance) {
        for (int s = 0; s < LANES; s++) places[s] = x + 256 * s;
        store(variance, (float)VARIANCE_FACTOR * sums_of_squares(places, 256) / 256.0f);
    }
    batch->extreme = 0;
    vf values[2 * SUB_LENGTH], weights[2 * SUB_LENGTH];
    for (size_t base = 0; base < present * SUB_COUNT; base += 2 * LANES) {
        for (int g = 0; g < 2; g++) {
            vf *v = values + g * SUB_LENGTH, *w = weights + g * SUB_LENGTH;
            size_t first = base + (size_t)g * LANES;
            for (int lane = 0; lane < LANES; lane++) {
                places[lane] = x + (first + (size_t)lane) * SUB_LENGTH;
            }
            transpose(places, SUB_LENGTH, v);
            if (importance) {
                vf lane_variance = 0;
                for (int lane = 0; lane < LANES; lane++) {
                    size_t sub = first + (size_t)lane;
                    places[lane] = importance[sub / SUB_COUNT] + sub % SUB_COUNT * SUB_LENGTH;
                    lane_variance[lane] = variance[sub / SUB_COUNT];
                }
                transpose(places, SUB_LENGTH, w);
                for (int i = 0; i < SUB_LENGTH; i++) w[i] *= root(lane_variance + v[i] * v[i]);
            } else {
                vf spread = 0;
                if (SPREAD) {
                    for (int i = 0; i < SUB_LENGTH; i++) spread += v[i] * v[i];
                    spread = root(spread / (float)SUB_LENGTH);
                }
                for (int i = 0; i < SUB_LENGTH; i++) {
                    w[i] = SPREAD ? spread + magnitude(v[i]) : magnitude(v[i]);
                }
            }
        }
        affine_fit fit[2];
        if (importance) {
            affine_search(values, weights, SUB_LENGTH, CODE_MAX, false, -0.9f, 0.05f, 36, fit);
        } else {
            affine_search(values, weights, SUB_LENGTH, CODE_MAX, ABSOLUTE, FIRST, STEP,
                          CANDIDATES, fit);
        }
        for (int g = 0; g < 2; g++) {
            size_t first = base + (size_t)g * LANES;
            store(batch->inverse + first, fit[g].inverse);
            store(batch->start + first, fit[g].start);
            for (int lane = 0; lane < LANES; lane++) {
                size_t s = (first + (size_t)lane) / SUB_COUNT;
                size_t j = (first + (size_t)lane) % SUB_COUNT;
                batch->scale[j][s] = fit[g].scale[lane];
                batch->minimum[j][s] = fit[g].negated_minimum[lane];
                batch->weight_sum[j][s] = fit[g].weight_sum[lane];
                batch->extreme[s] |= fit[g].extreme[lane];
            }
        }
    }
}

#define spread_scales K(spread_scales)
/// AffineSuperBlock.spread.
INLINE vf spread_scales(const vf *x, vi *codes) {
    vf largest = 0;
    for (int j = 0; j < SUB_COUNT; j++) largest = greater(x[j], largest);
    vf inverse = largest > 0 ? (float)SCALE_MAX / largest : (vf)0;
    for (int j = 0; j < SUB_COUNT; j++) {
        codes[j] = nearest(inverse * x[j]) & 255;
        if (LIMITED) codes[j] = clamped(codes[j], 0, SCALE_MAX);
    }
    return largest / (float)SCALE_MAX;
}

#define search_scales K(search_scales)
/// AffineSuperBlock.search.
INLINE vf search_scales(const vf *x, const vf *w, vi *codes, vi *extreme) {
    vf whole[SUB_COUNT];
    vf step = positive_search(x, w, SUB_COUNT, SCALE_MAX, whole, extreme);
    for (int j = 0; j < SUB_COUNT; j++) {
        // Lanes that are extreme or beyond the last super-block may hold anything.
        vf code = in_range(whole[j]) ? whole[j] : (vf)0;
        codes[j] = __builtin_convertvector(code, vi) & 255;
        if (LIMITED_WITH_IMPORTANCE) codes[j] = clamped(codes[j], 0, SCALE_MAX);
    }
    return step;
}

#define store_pairs K(store_pairs)
#define load_pair K(load_pair)
/// ScalePairs.store for super-block `s` of a batch.
INLINE void store_pairs(const vi *scales, const vi *minimums, int s, uint8_t *bytes) {
#if SCALE_MAX == 15
    for (int j = 0; j < 16; j++) bytes[j] = (uint8_t)(scales[j][s] | minimums[j][s] << 4);
#else
    for (int j = 0; j < 4; j++) {
        int scale = scales[j + 4][s], minimum = minimums[j + 4][s];
        bytes[j] = (uint8_t)(scales[j][s] | scale >> 4 << 6);
        bytes[j + 4] = (uint8_t)(minimums[j][s] | minimum >> 4 << 6);
        bytes[j + 8] = (uint8_t)((scale & 15) | minimum << 4);
    }
#endif
}
/// ScalePairs.load.
INLINE void load_pair(const uint8_t *bytes, int j, int *scale, int *minimum) {
#if SCALE_MAX == 15
    *scale = bytes[j] & 15;
    *minimum = bytes[j] >> 4;
#else
    if (j < 4) {
        *scale = bytes[j] & 63;
        *minimum = bytes[j + 4] & 63;
    } else {
        *scale = (bytes[j + 4] & 15) | bytes[j - 4] >> 6 << 4;
        *minimum = bytes[j + 4] >> 4 | bytes[j] >> 6 << 4;
    }
#endif
}

#define unpack_pairs K(unpack_pairs)
/// The scales of a super-block and what is added to them, one for every sub-block.
INLINE void unpack_pairs(const uint8_t *block, float *scales, float *minimums) {
    float d = load_f16(block + D_OFFSET), dmin = load_f16(block + D_OFFSET + 2);
    for (int j = 0; j < SUB_COUNT; j++) {
        int scale, minimum;
        load_pair(block + PAIRS_OFFSET, j, &scale, &minimum);
        scales[j] = d * (float)scale;
        minimums[j] = -(dmin * (float)minimum);
    }
}

#define encode_batch K(encode_batch)
/// Encodes `present` super-blocks, at most LANES; `x` can be read for LANES.
static void encode_batch(const float *x, size_t present, const float *const *importance,
                         uint8_t *blocks, ingot_reference reference) {
    affine_batch batch;
    memset(&batch, 0, sizeof batch);
    K(fit_batch)(x, present, importance, &batch);
    vi scales[SUB_COUNT], minimums[SUB_COUNT];
    vf d, dmin;
    if (importance) {
        d = search_scales(batch.scale, batch.weight_sum, scales, &batch.extreme);
        dmin = search_scales(batch.minimum, batch.weight_sum, minimums, &batch.extreme);
    } else {
        d = spread_scales(batch.scale, scales);
        dmin = spread_scales(batch.minimum, minimums);
    }
    for (int s = 0; s < (int)present; s++) {
        const float *values = x + 256 * s;
        uint8_t *block = blocks + (size_t)s * BLOCK_BYTES;
        if (batch.extreme[s]) {
            reference(values, importance ? importance[s] : 0, 0, block);
            continue;
        }
        float stored_d = store_f16(block + D_OFFSET, d[s]);
        float stored_dmin = store_f16(block + D_OFFSET + 2, dmin[s]);
        store_pairs(scales, minimums, s, block + PAIRS_OFFSET);
        uint8_t codes[256];
        for (int j = 0; j < SUB_COUNT; j++) {
            const float *sub = values + j * SUB_LENGTH;
            int whole_scale, whole_minimum;
            load_pair(block + PAIRS_OFFSET, j, &whole_scale, &whole_minimum);
            float scale = stored_d * (float)whole_scale;
            if (scale == 0) {
                int index = s * SUB_COUNT + j;
                affine_codes(sub, SUB_LENGTH, CODE_MAX, batch.inverse[index],
                             batch.start[index], codes + j * SUB_LENGTH);
                continue;
            }
            float minimum = stored_dmin * (float)whole_minimum;
            for (int i = 0; i < SUB_LENGTH; i += LANES) {
                vi code = nearest((load(sub + i) + minimum) / scale);
                store_bytes(codes + j * SUB_LENGTH + i, clamped(code, 0, CODE_MAX));
            }
        }
        K(pack)(codes, block);
    }
}
