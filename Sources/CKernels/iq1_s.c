// IQ1_S: the layout is stated in Sources/Quantization/Formats/IQ1_S.swift.
#ifndef ISA
#define KERNEL_FILE "iq1_s.c"
#define BLOCK_BYTES 50
#define DIMENSIONS 8
#define COUNT 32
#include "instantiate.h"
#include "grid_entry.h"
DEFINE_GRID_KERNELS(IQ1_S)
#else
#include "lanes.h"
#include "ternary_cuts.h"
#include "ternary_decode.h"

// Super-blocks that are encoded together: enough to fill the lanes.
#undef TOGETHER
#define TOGETHER (LANES == 16 ? 2 : 1)

#define search_cuts K(search_cuts)
/// The best cuts with the best shift of every lane.
INLINE void search_cuts(ternary_batch *batch) {
    const float up[3] = {-1 + DELTA, DELTA, 1 + DELTA}, down[3] = {-1 - DELTA, -DELTA, 1 - DELTA};
    vf sum_x[COUNT + 1], sum_w[COUNT + 1];
    sum_x[0] = sum_w[0] = 0;
    for (int i = 0; i < COUNT; i++) {
        sum_x[i + 1] = sum_x[i] + batch->products[i];
        sum_w[i + 1] = sum_w[i] + batch->sorted_weights[i];
    }
    // What the values behind the second cut bring.
    vf up_x[COUNT + 1], up_w[COUNT + 1], down_x[COUNT + 1], down_w[COUNT + 1];
    for (int i = 0; i <= COUNT; i++) {
        vf x = sum_x[COUNT] - sum_x[i], w = sum_w[COUNT] - sum_w[i];
        up_x[i] = x * up[2];
        down_x[i] = x * down[2];
        up_w[i] = w * up[2] * up[2];
        down_w[i] = w * down[2] * down[2];
    }
    vf best = (vf)-FLT_MAX;
    batch->scale = 0;
    batch->first = batch->second = batch->shift = 0;
    for (int first = 0; first <= COUNT; first++) {
        vf first_x = sum_x[first], first_w = sum_w[first];
        vf first_up_x = first_x * up[0], first_down_x = first_x * down[0];
        vf first_up_w = first_w * up[0] * up[0], first_down_w = first_w * down[0] * down[0];
        for (int second = first; second <= COUNT; second++) {
            // Up and down the middle code is the same number but for the sign.
            vf x = (sum_x[second] - first_x) * DELTA;
            vf w = (sum_w[second] - first_w) * DELTA * DELTA;
            better_cut(batch, &best, first_up_x + x + up_x[second],
                       first_up_w + w + up_w[second], first, second, 0);
            better_cut(batch, &best, first_down_x - x + down_x[second],
                       first_down_w + w + down_w[second], first, second, 1);
        }
    }
    batch->live &= best != -FLT_MAX;
}

/// Encodes TOGETHER super-blocks of which `present` are stored.
static void K(encode_batch)(const ingot_grid *grid, const float *const *x,
                            const float *const *importance, size_t present, uint8_t *blocks) {
    float weights[TOGETHER][256], scales[TOGETHER * 8];
    uint32_t downs = 0;
    memset(blocks, 0, present * BLOCK_BYTES);
    for (int s = 0; s < TOGETHER; s++) {
        grid_weights(x[s], importance[s], 2 * sum_of_squares(x[s]) / 256, 0, weights[s]);
    }
    for (int base = 0; base < TOGETHER * 8; base += LANES) {
        ternary_batch batch;
        for (int lane = 0; lane < LANES; lane++) {
            int sub = base + lane;
            batch.x[lane] = x[sub / 8] + sub % 8 * 32;
            batch.w[lane] = weights[sub / 8] + sub % 8 * 32;
        }
        prepare_ternary(&batch, 1e-12f);
        search_cuts(&batch);
        vi turned = batch.scale < 0, down[GROUPS];
        batch.scale = turned ? -batch.scale : batch.scale;
        batch.shift = turned ? 1 - batch.shift : batch.shift;
        for (int g = 0; g < GROUPS; g++) down[g] = -batch.shift;
        ternary_points(grid, &batch, down, turned);
        store(scales + base, batch.live ? batch.scale : (vf)0);
        downs |= top_bits(down[0] & batch.live) << base;
        for (int lane = 0; lane < LANES; lane++) {
            size_t s = (size_t)(base + lane) / 8, j = (size_t)(base + lane) % 8;
            if (s >= present) break;
            uint32_t high = 0;
            for (int k = 0; k < 4; k++) {
                uint32_t point = batch.points[k][lane];
                blocks[s * BLOCK_BYTES + 2 + 4 * j + (size_t)k] = (uint8_t)point;
                high |= point >> 8 << 3 * k;
            }
            uint16_t word = (uint16_t)high;
            memcpy(blocks + s * BLOCK_BYTES + 34 + 2 * j, &word, 2);
        }
    }
    for (size_t s = 0; s < present; s++) {
        uint8_t *block = blocks + s * BLOCK_BYTES;
        const float *all = scales + 8 * s;
        float largest = 0;
        for (int j = 0; j < 8; j++) largest = all[j] >= largest ? all[j] : largest;
        if (!(largest > 0)) continue;
        float d = largest / 15;
        store_f16(block, d * 1.125f);
        for (int j = 0; j < 8; j++) {
            uint32_t bits = grid_scale_code(all[j], 1 / d, 7) | (downs >> (8 * s + j) & 1) << 3;
            block[35 + 2 * j] |= (uint8_t)(bits << 4);
        }
    }
}

static void K(encode_IQ1_S)(const ingot_grid *grid, const float *rows, size_t rowCount,
                            size_t rowLength, const float *importance, uint8_t *destination) {
    size_t per_row = rowLength / 256, total = rowCount * per_row;
    for (size_t first = 0; first < total; first += TOGETHER) {
        const float *x[TOGETHER], *columns[TOGETHER];
        size_t present = total - first < TOGETHER ? total - first : TOGETHER;
        for (size_t s = 0; s < TOGETHER; s++) {
            // For one that is not there the last is encoded twice.
            size_t block = first + (s < present ? s : present - 1);
            x[s] = rows + block * 256;
            columns[s] = importance ? importance + block % per_row * 256 : 0;
        }
        K(encode_batch)(grid, x, columns, present, destination + first * BLOCK_BYTES);
    }
}

INLINE void K(read_block)(const ingot_grid *grid, const uint8_t *block, uint8_t *codes,
                          float *scales) {
    float d = load_f16(block);
    for (int j = 0; j < 8; j++) {
        uint16_t high;
        memcpy(&high, block + 34 + 2 * j, 2);
        scales[2 * j] = scales[2 * j + 1] = d * (float)(2 * (high >> 12 & 7) + 1);
        for (int k = 0; k < 4; k++) {
            uint32_t point = block[2 + 4 * j + k] | (uint32_t)(high >> 3 * k & 7) << 8;
            look_up_ternary(grid, codes + 32 * j + 8 * k, point, high >> 15);
        }
    }
}

DECODE_TERNARY(IQ1_S)
UNPACK_TERNARY(IQ1_S, 32)
#endif
