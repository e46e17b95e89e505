// IQ4_XS: the layout is stated in Sources/Quantization/Formats/IQ4_XS.swift.
#ifndef ISA
#define KERNEL_FILE "iq4_xs.c"
#define BLOCK_BYTES 136
#include "instantiate.h"
DEFINE_KERNELS(IQ4_XS)
#else
#include "lanes.h"
#include "nonlinear.h"
#include "super_blocks.h"

/// Encodes `present` super-blocks, at most LANES; `x` can be read for LANES.
static void K(encode_batch)(const float *x, size_t present, const float *const *importance,
                            uint8_t *blocks) {
    const float *places[LANES], *columns[LANES];
    float variance[LANES] = {0}, scales[8 * LANES];
    if (importance) {
        for (int s = 0; s < LANES; s++) places[s] = x + 256 * s;
        store(variance, sums_of_squares(places, 256) * (2.0f / 256));
    }
    // Every lane fits one sub-block.
    for (size_t base = 0; base < present * 8; base += LANES) {
        vf values[32], weights[32], lane_variance = 0;
        for (size_t lane = 0; lane < LANES; lane++) {
            size_t sub = base + lane;
            places[lane] = x + 32 * sub;
            if (!importance) continue;
            columns[lane] = importance[sub / 8] + sub % 8 * 32;
            lane_variance[lane] = variance[sub / 8];
        }
        transpose(places, 32, values);
        if (importance) transpose(columns, 32, weights);
        nonlinear_weights(values, importance, lane_variance, weights);
        store(scales + base, nonlinear_scale(values, weights));
    }
    for (size_t s = 0; s < present; s++) {
        uint8_t *block = blocks + s * BLOCK_BYTES;
        float peak = 0;
        for (int j = 0; j < 8; j++) {
            float scale = scales[8 * s + j];
            if (__builtin_fabsf(scale) > __builtin_fabsf(peak)) peak = scale;
        }
        float d = -peak / 32;
        store_f16(block, d);
        float inverse = d != 0 ? 1 / d : 0;
        uint32_t high = 0, low = 0;
        for (int j = 0; j < 8; j++) {
            int code = nearest((vf)(inverse * scales[8 * s + j]))[0];
            code = code < -32 ? -32 : code > 31 ? 31 : code;
            nonlinear_store(x + 256 * s + 32 * j, d * (float)code, block + 8 + 16 * j);
            high |= (uint32_t)(code + 32) >> 4 << 2 * j;
            low |= ((uint32_t)(code + 32) & 15) << 4 * j;
        }
        memcpy(block + 2, &high, 2);
        memcpy(block + 4, &low, 4);
    }
}

static void K(encode_IQ4_XS)(const float *rows, size_t rowCount, size_t rowLength,
                             const float *importance, uint8_t *destination,
                             ingot_reference reference) {
    (void)reference;
    FOR_EACH_BATCH(K(encode_batch)(x, present, columns, blocks));
}

/// The scale of sub-block j without the unit.
INLINE int K(whole_scale)(const uint8_t *block, int j) {
    int low = block[4 + j / 2] >> 4 * (j % 2) & 15, high = block[2 + j / 4] >> 2 * (j % 4) & 3;
    return (low | high << 4) - 32;
}

static void K(decode_IQ4_XS)(const uint8_t *source, size_t elementCount, float *destination) {
    for (size_t s = 0; s < elementCount / 256; s++) {
        const uint8_t *block = source + s * BLOCK_BYTES;
        float d = load_f16(block);
        for (int j = 0; j < 8; j++) {
            decode_nibbles(nonlinear_entries, block + 8 + 16 * j,
                           d * (float)K(whole_scale)(block, j),
                           destination + 256 * s + 32 * (size_t)j);
        }
    }
}

static void K(unpack_IQ4_XS)(const uint8_t *source, size_t elementCount,
                             uint8_t *restrict codes, float *restrict scales, float *restrict minimums) {
    (void)minimums;
    for (size_t s = 0; s < elementCount / 256; s++) {
        const uint8_t *block = source + s * BLOCK_BYTES;
        float d = load_f16(block);
        for (int j = 0; j < 8; j++) {
            scales[8 * s + j] = d * (float)K(whole_scale)(block, j);
            unpack_nibbles(nonlinear_entries, 128, block + 8 + 16 * j, codes + 256 * s + 32 * j);
        }
    }
}
#endif
