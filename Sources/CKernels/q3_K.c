// Q3_K: the layout is stated in Sources/Quantization/Formats/Q3_K.swift.
#ifndef ISA
#define KERNEL_FILE "q3_K.c"
#define BLOCK_BYTES 110
#include "instantiate.h"
DEFINE_ENCODER(Q3_K)
DEFINE_DECODER(Q3_K)
#else
#include "lanes.h"
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

/// Encodes `present` super-blocks, at most LANES; `x` can be read for LANES.
static void K(encode_batch)(const float *x, size_t present, const float *const *importance,
                            uint8_t *blocks) {
    vf scales[16], sums[16];
    float inverses[16 * LANES];
    uint8_t searched[LANES * 256];
    const float *places[LANES];
    float variance[LANES] = {0};
    memset(scales, 0, sizeof scales);
    memset(sums, 0, sizeof sums);
    if (importance) {
        for (int s = 0; s < LANES; s++) places[s] = x + 256 * s;
        store(variance, 2.0f * sums_of_squares(places, 256) / 256.0f);
    }
    for (size_t base = 0; base < present * 16; base += 2 * LANES) {
        vf values[2 * 16], weights[2 * 16], codes[2 * 16], sum[2] = {0, 0};
        symmetric_fit fit[2];
        for (int g = 0; g < 2; g++) {
            vf *v = values + 16 * g, *w = weights + 16 * g;
            size_t first = base + (size_t)g * LANES;
            for (int lane = 0; lane < LANES; lane++) {
                places[lane] = x + (first + (size_t)lane) * 16;
            }
            transpose(places, 16, v);
            if (!importance) continue;
            vf lane_variance = 0;
            for (int lane = 0; lane < LANES; lane++) {
                size_t sub = first + (size_t)lane;
                places[lane] = importance[sub / 16] + sub % 16 * 16;
                lane_variance[lane] = variance[sub / 16];
            }
            transpose(places, 16, w);
            for (int i = 0; i < 16; i++) {
                w[i] *= root(lane_variance + v[i] * v[i]);
                sum[g] += w[i];
            }
        }
        if (importance) {
            symmetric_search(values, weights, 2, 16, 4, fit);
        } else {
            refined_search(values, 16, 4, codes, fit);
        }
        for (int g = 0; g < 2; g++) {
            size_t first = base + (size_t)g * LANES;
            store(inverses + first, fit[g].inverse);
            for (int lane = 0; lane < LANES; lane++) {
                size_t sub = first + (size_t)lane;
                scales[sub % 16][sub / 16] = fit[g].scale[lane];
                sums[sub % 16][sub / 16] = sum[g][lane];
            }
            // Refined codes cannot be made again. They are wanted where the stored scale is 0.
            for (int i = 0; i < 16 && !importance; i++) {
                vi whole = __builtin_convertvector(codes[16 * g + i], vi) + 4;
                whole = fit[g].inverse == 0 ? (vi)0 : whole;
                uint8_t bytes[LANES];
                store_bytes(bytes, whole);
                for (int lane = 0; lane < LANES; lane++) {
                    searched[(first + (size_t)lane) * 16 + (size_t)i] = bytes[lane];
                }
            }
        }
    }
    vi stored[16];
    vf d;
    if (importance) {
        symmetric_fit fit;
        symmetric_search(scales, sums, 1, 16, 32, &fit);
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
        for (int j = 0; j < 16; j++) {
            const float *sub = x + 256 * s + 16 * j;
            float scale = stored_d * (float)(stored[j][s] - 32);
            if (scale == 0 && importance) {
                symmetric_codes(sub, 16, 4, inverses[16 * s + j], codes + 16 * j);
                continue;
            }
            if (scale == 0) {
                memcpy(codes + 16 * j, searched + 256 * s + 16 * j, 16);
                continue;
            }
            for (int i = 0; i < 16; i += LANES) {
                vi code = clamped(nearest(load(sub + i) / scale), -4, 3) + 4;
                store_bytes(codes + 16 * j + i, code);
            }
        }
        K(pack)(codes, block);
    }
}

static void K(encode_Q3_K)(const float *rows, size_t rowCount, size_t rowLength,
                           const float *importance, uint8_t *destination,
                           ingot_reference reference) {
    (void)reference;
    FOR_EACH_BATCH(K(encode_batch)(x, present, columns, blocks));
}

static void K(decode_Q3_K)(const uint8_t *source, size_t elementCount, float *destination) {
    for (size_t s = 0; s < elementCount / 256; s++) {
        const uint8_t *block = source + s * BLOCK_BYTES, *bytes = block + 96;
        float d = load_f16(block + 108);
        for (int j = 0; j < 16; j++) {
            int whole = (bytes[j % 8] >> 4 * (j / 8) & 15) | (bytes[8 + j % 4] >> 2 * (j / 4) & 3) << 4;
            float scale = d * (float)(whole - 32);
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
#endif
