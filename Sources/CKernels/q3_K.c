// Q3_K: the layout is stated in Sources/Quantization/Formats/Q3_K.swift.
#ifndef ISA
#define KERNEL_FILE "q3_K.c"
#define BLOCK_BYTES 110
#include "instantiate.h"
DEFINE_KERNELS(Q3_K)
#else
#include "lanes.h"
#include "horizontal.h"
#include "symmetric.h"
#include "two_bit_codes.h"
#include "super_blocks.h"

INLINE void K(pack)(const uint8_t *codes, uint8_t *block) {
    uint8_t high[32] = {0};
    for (int run = 0; run < 8; run++) {
        for (int i = 0; i < 32; i++) high[i] |= (uint8_t)(codes[32 * run + i] >> 2 << run);
    }
    memcpy(block, high, 32);
    pack_two_bits(codes, block + 32);
}

INLINE void K(pack_scales)(const vi *scales, int s, uint8_t *bytes) {
    for (int j = 0; j < 8; j++) {
        bytes[j] = (uint8_t)((scales[j][s] & 15) | (scales[j + 8][s] & 15) << 4);
    }
    for (int j = 0; j < 4; j++) {
        bytes[8 + j] = (uint8_t)(scales[j][s] >> 4 | scales[j + 4][s] >> 4 << 2 |
                                 scales[j + 8][s] >> 4 << 4 | scales[j + 12][s] >> 4 << 6);
    }
}

/// What is known of LANES super-blocks after the search.
#define q3_batch K(q3_batch)
typedef struct {
    /// For sub-block j: one lane per super-block.
    vf scale[16], weight_sum[16];
    /// The winning grids in the order of sub-blocks; 0: all codes are 0.
    float inverse[16 * LANES];
} q3_batch;

#define set_group K(set_group)
INLINE void set_group(q3_batch *batch, size_t first, symmetric_fit fit) {
    store(batch->inverse + first, fit.inverse);
    for (int lane = 0; lane < LANES; lane++) {
        size_t sub = first + (size_t)lane;
        batch->scale[sub % 16][sub / 16] = fit.scale[lane];
    }
}

#define search_plain K(search_plain)
/// Fits the sub-blocks of `present` super-blocks without importance.
///
/// Four of five sub-blocks keep the codes that they start with. The others are put side by side,
/// so that the rounds of the search have no idle lanes.
static void search_plain(const float *x, size_t present, q3_batch *batch) {
    const float *places[LANES];
    uint16_t unsettled[16 * LANES];
    size_t count = 0;
    for (size_t first = 0; first < present * 16; first += LANES) {
        vf values[16], codes[16];
        for (size_t lane = 0; lane < LANES; lane++) places[lane] = x + (first + lane) * 16;
        transpose(places, 16, values);
        refined_fit fit = refined_start(values, 4, codes);
        set_group(batch, first, refined_result(fit));
        uint32_t bits = top_bits(refined_unsettled(values, 4, codes, fit));
        for (; bits; bits &= bits - 1) {
            unsettled[count++] = (uint16_t)(first + (size_t)__builtin_ctz(bits));
        }
    }
    for (size_t base = 0; base < count; base += REFINED_GROUPS * LANES) {
        vf values[REFINED_GROUPS * 16];
        refined_fit fit[REFINED_GROUPS];
        float scales[REFINED_GROUPS * LANES];
        for (size_t g = 0; g < REFINED_GROUPS; g++) {
            for (size_t lane = 0; lane < LANES; lane++) {
                // Lanes beyond the end repeat the last one.
                size_t at = base + g * LANES + lane;
                places[lane] = x + 16 * unsettled[at < count ? at : count - 1];
            }
            transpose(places, 16, values + 16 * g);
        }
        refined_search(values, 4, fit);
        for (size_t g = 0; g < REFINED_GROUPS; g++) {
            store(scales + g * LANES, refined_result(fit[g]).scale);
        }
        for (size_t at = base; at < count && at < base + REFINED_GROUPS * LANES; at++) {
            batch->scale[unsettled[at] % 16][unsettled[at] / 16] = scales[at - base];
        }
    }
}

#define search_weighted K(search_weighted)
/// Fits the sub-blocks of `present` super-blocks with importance.
static void search_weighted(const float *x, size_t present, const float *const *importance,
                            q3_batch *batch) {
    const float *places[LANES];
    float variance[LANES];
    for (int s = 0; s < LANES; s++) places[s] = x + 256 * s;
    store(variance, 2.0f * sums_of_squares(places, 256) / 256.0f);
    for (size_t base = 0; base < present * 16; base += 2 * LANES) {
        vf values[2 * 16], weights[2 * 16];
        symmetric_fit fit[2];
        for (size_t g = 0; g < 2; g++) {
            vf *v = values + 16 * g, *w = weights + 16 * g, lane_variance = 0, sum = 0;
            const float *columns[LANES];
            for (size_t lane = 0; lane < LANES; lane++) {
                size_t sub = base + g * LANES + lane;
                places[lane] = x + sub * 16;
                columns[lane] = importance[sub / 16] + sub % 16 * 16;
                lane_variance[lane] = variance[sub / 16];
            }
            transpose(places, 16, v);
            transpose(columns, 16, w);
            for (int i = 0; i < 16; i++) {
                w[i] *= root(lane_variance + v[i] * v[i]);
                sum += w[i];
            }
            for (size_t lane = 0; lane < LANES; lane++) {
                size_t sub = base + g * LANES + lane;
                batch->weight_sum[sub % 16][sub / 16] = sum[lane];
            }
        }
        symmetric_search(values, weights, 2, 16, 4, fit);
        for (size_t g = 0; g < 2; g++) set_group(batch, base + g * LANES, fit[g]);
    }
}

/// Encodes `present` super-blocks, at most LANES; `x` can be read for LANES.
static void K(encode_batch)(const float *x, size_t present, const float *const *importance,
                            uint8_t *blocks, ingot_reference reference) {
    q3_batch batch;
    memset(batch.scale, 0, sizeof batch.scale);
    memset(batch.weight_sum, 0, sizeof batch.weight_sum);
    if (importance) {
        search_weighted(x, present, importance, &batch);
    } else {
        search_plain(x, present, &batch);
    }
    const vf *scales = batch.scale;
    vi stored[16];
    vf d;
    if (importance) {
        symmetric_fit fit;
        symmetric_search(scales, batch.weight_sum, 1, 16, 32, &fit);
        d = fit.scale;
        for (int j = 0; j < 16; j++) {
            vi code = clamped(nearest(fit.inverse * scales[j]), -32, 31) + 32;
            stored[j] = fit.inverse == 0 ? (vi)0 : code;
        }
    } else {
        vf peak = peaks(scales, 16), inverse = -32.0f / peak;
        d = peak == 0 ? (vf)0 : 1 / inverse;
        for (int j = 0; j < 16; j++) {
            vi code = clamped(nearest(inverse * scales[j]), -32, 31) + 32;
            stored[j] = peak == 0 ? (vi)0 : code;
        }
    }
    for (int s = 0; s < (int)present; s++) {
        uint8_t *block = blocks + (size_t)s * BLOCK_BYTES, codes[256];
        float stored_d = store_f16(block + 108, d[s]);
        K(pack_scales)(stored, s, block + 96);
        bool lost = false;
        for (int j = 0; j < 16; j++) {
            const float *sub = x + 256 * s + 16 * j;
            float scale = stored_d * (float)(stored[j][s] - 32);
            if (scale == 0) {
                // The codes of the search are wanted, which only the search with importance can
                // make again.
                float inverse = batch.inverse[16 * s + j];
                lost |= !importance && inverse != 0;
                symmetric_codes(sub, 16, 4, inverse, codes + 16 * j);
                continue;
            }
            for (int i = 0; i < 16; i += LANES) {
                vi code = clamped(nearest(load(sub + i) / scale), -4, 3) + 4;
                store_bytes(codes + 16 * j + i, code);
            }
        }
        K(pack)(codes, block);
        if (lost) reference(x + 256 * s, 0, 0, block);
    }
}

static void K(encode_Q3_K)(const float *rows, size_t rowCount, size_t rowLength,
                           const float *importance, uint8_t *destination,
                           ingot_reference reference) {
    FOR_EACH_BATCH(K(encode_batch)(x, present, columns, blocks, reference));
}

/// The scale of sub-block j without the unit.
INLINE int K(whole_scale)(const uint8_t *bytes, int j) {
    int low = bytes[j % 8] >> 4 * (j / 8) & 15, high = bytes[8 + j % 4] >> 2 * (j / 4) & 3;
    return (low | high << 4) - 32;
}

static void K(decode_Q3_K)(const uint8_t *source, size_t elementCount, float *destination) {
    for (size_t s = 0; s < elementCount / 256; s++) {
        const uint8_t *block = source + s * BLOCK_BYTES, *bytes = block + 96;
        float d = load_f16(block + 108);
        for (int j = 0; j < 16; j++) {
            float scale = d * (float)K(whole_scale)(bytes, j);
            const uint8_t *qs = block + 32 + 32 * (j / 8) + 16 * (j % 2);
            const uint8_t *high = block + 16 * (j % 2);
            float *out = destination + 256 * s + 16 * (size_t)j;
            for (int i = 0; i < 16; i += LANES) {
                vi code = __builtin_convertvector(load_bytes(qs + i), vi) >> 2 * (j / 2 % 4) & 3;
                vi bit = __builtin_convertvector(load_bytes(high + i), vi) >> j / 2 & 1;
                store(out + i, scale * __builtin_convertvector((code | bit << 2) - 4, vf));
            }
        }
    }
}

static void K(unpack_Q3_K)(const uint8_t *source, size_t elementCount,
                           uint8_t *restrict codes, float *restrict scales, float *restrict minimums) {
    (void)minimums;
    for (size_t s = 0; s < elementCount / 256; s++) {
        const uint8_t *block = source + s * BLOCK_BYTES;
        float d = load_f16(block + 108);
        for (int j = 0; j < 16; j++) scales[16 * s + j] = d * (float)K(whole_scale)(block + 96, j);
        uint8_t *out = codes + 256 * s;
        unpack_two_bits(block + 32, out);
        for (int run = 0; run < 8; run++) {
            for (int i = 0; i < 32; i++) out[32 * run + i] |= (block[i] >> run & 1) << 2;
        }
    }
}
#endif
