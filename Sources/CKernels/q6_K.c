// Q6_K: the layout is stated in Sources/Quantization/Formats/Q6_K.swift.
#ifndef ISA
#define KERNEL_FILE "q6_K.c"
#define BLOCK_BYTES 210
#include "instantiate.h"
DEFINE_KERNELS(Q6_K)
#else
#include "lanes.h"
#include "symmetric.h"

INLINE void K(pack)(const uint8_t *codes, uint8_t *block) {
    for (int half = 0; half < 2; half++, codes += 128) {
        for (int i = 0; i < 64; i++) {
            block[64 * half + i] = (uint8_t)((codes[i] & 15) | codes[i + 64] << 4);
        }
        for (int i = 0; i < 32; i++) {
            block[128 + 32 * half + i] =
                (uint8_t)(codes[i] >> 4 | codes[i + 32] >> 4 << 2 | codes[i + 64] >> 4 << 4 |
                          codes[i + 96] >> 4 << 6);
        }
    }
}

/// Encodes `present` super-blocks, at most LANES; `x` can be read for LANES.
static void K(encode_batch)(const float *x, size_t present, const float *const *importance,
                            uint8_t *blocks) {
    vf scales[16];
    float inverses[16 * LANES];
    const float *places[LANES];
    memset(scales, 0, sizeof scales);
    for (size_t base = 0; base < present * 16; base += 2 * LANES) {
        vf values[2 * 16], weights[2 * 16];
        for (int g = 0; g < 2; g++) {
            size_t first = base + (size_t)g * LANES;
            for (int lane = 0; lane < LANES; lane++) {
                places[lane] = x + (first + (size_t)lane) * 16;
            }
            transpose(places, 16, values + 16 * g);
            if (importance) {
                for (int lane = 0; lane < LANES; lane++) {
                    size_t sub = first + (size_t)lane;
                    places[lane] = importance[sub / 16] + sub % 16 * 16;
                }
                transpose(places, 16, weights + 16 * g);
            } else {
                for (int i = 16 * g; i < 16 * g + 16; i++) weights[i] = values[i] * values[i];
            }
        }
        symmetric_fit fit[2];
        symmetric_search(values, weights, 2, 16, 32, fit);
        for (int g = 0; g < 2; g++) {
            size_t first = base + (size_t)g * LANES;
            store(inverses + first, fit[g].inverse);
            for (int lane = 0; lane < LANES; lane++) {
                size_t sub = first + (size_t)lane;
                scales[sub % 16][sub / 16] = fit[g].scale[lane];
            }
        }
    }
    vf peak = peaks(scales, 16), inverse = -128.0f / peak, d = 1 / inverse;
    vi stored[16];
    for (int j = 0; j < 16; j++) {
        stored[j] = __builtin_elementwise_min(nearest(inverse * scales[j]), (vi)127);
    }
    for (int s = 0; s < (int)present; s++) {
        uint8_t *block = blocks + (size_t)s * BLOCK_BYTES;
        if (!(__builtin_fabsf(peak[s]) >= 1e-15f)) {
            memset(block, 0, BLOCK_BYTES);
            continue;
        }
        float stored_d = store_f16(block + 208, d[s]);
        uint8_t codes[256];
        for (int j = 0; j < 16; j++) {
            const float *sub = x + 256 * s + 16 * j;
            int8_t whole = (int8_t)stored[j][s];
            block[192 + j] = (uint8_t)whole;
            float scale = stored_d * (float)whole;
            if (scale == 0) {
                symmetric_codes(sub, 16, 32, inverses[16 * s + j], codes + 16 * j);
                continue;
            }
            for (int i = 0; i < 16; i += LANES) {
                vi code = clamped(nearest(load(sub + i) / scale), -32, 31) + 32;
                store_bytes(codes + 16 * j + i, code);
            }
        }
        K(pack)(codes, block);
    }
}

#include "super_blocks.h"
static void K(encode_Q6_K)(const float *rows, size_t rowCount, size_t rowLength,
                           const float *importance, uint8_t *destination,
                           ingot_reference reference) {
    (void)reference;
    FOR_EACH_BATCH(K(encode_batch)(x, present, columns, blocks));
}

static void K(decode_Q6_K)(const uint8_t *source, size_t elementCount, float *destination) {
    for (size_t s = 0; s < elementCount / 256; s++) {
        const uint8_t *block = source + s * BLOCK_BYTES;
        float d = load_f16(block + 208);
        for (int half = 0; half < 2; half++) {
            const uint8_t *ql = block + 64 * half, *qh = block + 128 + 32 * half;
            float *out = destination + 256 * s + 128 * (size_t)half;
            float scale[8];
            for (int j = 0; j < 8; j++) scale[j] = d * (float)(int8_t)block[192 + 8 * half + j];
            for (int i = 0; i < 32; i += LANES) {
                vi first = __builtin_convertvector(load_bytes(ql + i), vi);
                vi second = __builtin_convertvector(load_bytes(ql + 32 + i), vi);
                vi high = __builtin_convertvector(load_bytes(qh + i), vi);
                const float *sub = scale + i / 16;
                vi a = (first & 15) | (high & 3) << 4, b = (second & 15) | (high & 12) << 2;
                vi c = first >> 4 | (high & 48), e = second >> 4 | (high & 192) >> 2;
                store(out + i, sub[0] * __builtin_convertvector(a - 32, vf));
                store(out + 32 + i, sub[2] * __builtin_convertvector(b - 32, vf));
                store(out + 64 + i, sub[4] * __builtin_convertvector(c - 32, vf));
                store(out + 96 + i, sub[6] * __builtin_convertvector(e - 32, vf));
            }
        }
    }
}

static void K(unpack_Q6_K)(const uint8_t *source, size_t elementCount,
                           uint8_t *restrict codes, float *restrict scales, float *restrict minimums) {
    (void)minimums;
    for (size_t s = 0; s < elementCount / 256; s++) {
        const uint8_t *block = source + s * BLOCK_BYTES;
        float d = load_f16(block + 208);
        for (int j = 0; j < 16; j++) scales[16 * s + j] = d * (float)(int8_t)block[192 + j];
        for (int half = 0; half < 2; half++) {
            const uint8_t *ql = block + 64 * half, *qh = block + 128 + 32 * half;
            uint8_t *out = codes + 256 * s + 128 * (size_t)half;
            for (int i = 0; i < 32; i++) {
                out[i] = (uint8_t)((ql[i] & 15) | (qh[i] & 3) << 4);
                out[32 + i] = (uint8_t)((ql[32 + i] & 15) | (qh[i] & 12) << 2);
                out[64 + i] = (uint8_t)(ql[i] >> 4 | (qh[i] & 48));
                out[96 + i] = (uint8_t)(ql[32 + i] >> 4 | (qh[i] & 192) >> 2);
            }
        }
    }
}
#endif
