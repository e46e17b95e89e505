// IQ1_M: the layout is stated in Sources/Quantization/Formats/IQ1_M.swift.
#ifndef ISA
#define KERNEL_FILE "iq1_m.c"
#define BLOCK_BYTES 56
#define DIMENSIONS 8
#define COUNT 16
#include "instantiate.h"
#include "grid_entry.h"
DEFINE_GRID_KERNELS(IQ1_M)
#else
#include "lanes.h"
#include "ternary_cuts.h"
#include "ternary_decode.h"

#define half_sums K(half_sums)
/// For one half of the values and every cut: sums of the values before it, their products with
/// weights, and what the squares change by where the second cut is.
typedef struct {
    vf x[COUNT + 1], w[COUNT + 1], up_w[COUNT + 1], down_w[COUNT + 1];
    /// All values, as if behind the second cut.
    vf all_up_x, all_down_x, all_up_w, all_down_w;
} half_sums;

#define sum_half K(sum_half)
INLINE void sum_half(const ternary_batch *batch, int half, half_sums *sums) {
    vf x = 0, w = 0;
    sums->x[0] = sums->w[0] = 0;
    for (int i = 0; i < COUNT; i++) {
        vi here = batch->order[i] >> 3 == half;
        x = here ? x + batch->products[i] : x;
        w = here ? w + batch->sorted_weights[i] : w;
        sums->x[i + 1] = x;
        sums->w[i + 1] = w;
    }
    for (int i = 0; i <= COUNT; i++) {
        sums->up_w[i] = sums->w[i] * -1.25f;
        sums->down_w[i] = sums->w[i] * -0.75f;
    }
    sums->all_up_x = x * (1 + DELTA);
    sums->all_down_x = x * (1 - DELTA);
    sums->all_up_w = w * (1 + DELTA) * (1 + DELTA);
    sums->all_down_w = w * (1 - DELTA) * (1 - DELTA);
}

#define search_cuts K(search_cuts)
/// The best cuts with the best of the four shifts of every lane.
INLINE void search_cuts(ternary_batch *batch) {
    half_sums a, b;
    sum_half(batch, 0, &a);
    sum_half(batch, 1, &b);
    vf best = (vf)-FLT_MAX;
    batch->scale = 0;
    batch->first = batch->second = batch->shift = 0;
    for (int i = 0; i <= COUNT; i++) {
        vf a_up = a.all_up_w + a.w[i] * 0.75f, a_down = a.all_down_w + a.w[i] * 1.25f;
        vf b_up = b.all_up_w + b.w[i] * 0.75f, b_down = b.all_down_w + b.w[i] * 1.25f;
        for (int j = i; j <= COUNT; j++) {
            vf a_x = a.x[i] + a.x[j], b_x = b.x[i] + b.x[j];
            vf a_up_x = a.all_up_x - a_x, a_down_x = a.all_down_x - a_x;
            vf b_up_x = b.all_up_x - b_x, b_down_x = b.all_down_x - b_x;
            vf a_up_w = a_up + a.up_w[j], a_down_w = a_down + a.down_w[j];
            vf b_up_w = b_up + b.up_w[j], b_down_w = b_down + b.down_w[j];
            better_cut(batch, &best, a_up_x + b_up_x, a_up_w + b_up_w, i, j, 0);
            better_cut(batch, &best, a_up_x + b_down_x, a_up_w + b_down_w, i, j, 1);
            better_cut(batch, &best, a_down_x + b_up_x, a_down_w + b_up_w, i, j, 2);
            better_cut(batch, &best, a_down_x + b_down_x, a_down_w + b_down_w, i, j, 3);
        }
    }
    batch->live &= best != -FLT_MAX;
}

#define fit_unit K(fit_unit)
/// The unit that fits all values best with the codes of their scales; `d` when nothing does.
INLINE float fit_unit(const float *x, const float *weights, const uint32_t *packed,
                      const uint8_t *shifts, const uint32_t *codes, float d) {
    float xq = 0, q2 = 0;
    for (int group = 0; group < 32; group++) {
        int j = group / 2;
        float delta = shifts[j] >> (1 - group % 2) & 1 ? -DELTA : DELTA;
        float factor = (float)(int32_t)(2 * codes[j] + 1), terms[8], squares[8];
        UNROLL for (int p = 0; p < 8; p++) {
            int i = 8 * group + p;
            float q = ((float)((int32_t)(packed[group] >> 4 * p & 3) - 1) + delta) * factor;
            terms[p] = weights[i] * q * x[i];
            squares[p] = weights[i] * q * q;
        }
        UNROLL for (int p = 0; p < 8; p++) {
            xq += terms[p];
            q2 += squares[p];
        }
    }
    return q2 > 0 ? xq / q2 : d;
}

static void K(encode_block)(const ingot_grid *grid, const float *x, const float *importance,
                            uint8_t *block) {
    float weights[256], scales[16], largest = 0;
    uint32_t packed[32];
    uint8_t shifts[16];
    grid_weights(x, importance, 2 * sum_of_squares(x) / 256, 0, weights);
    memset(block, 0, BLOCK_BYTES);
    for (int base = 0; base < 16; base += LANES) {
        ternary_batch batch;
        for (int lane = 0; lane < LANES; lane++) {
            batch.x[lane] = x + 16 * (base + lane);
            batch.w[lane] = weights + 16 * (base + lane);
        }
        prepare_ternary(&batch, 1e-7f);
        search_cuts(&batch);
        vi turned = batch.scale < 0;
        batch.scale = turned ? -batch.scale : batch.scale;
        batch.shift = turned ? 3 - batch.shift : batch.shift;
        vi down[2] = {-(batch.shift >> 1), -(batch.shift & 1)};
        ternary_points(grid, &batch, down, turned);
        store(scales + base, batch.live ? batch.scale : (vf)0);
        store_bytes(shifts + base, batch.shift & batch.live);
        for (int lane = 0; lane < LANES; lane++) {
            int j = base + lane;
            for (int half = 0; half < 2; half++) {
                block[2 * j + half] = (uint8_t)batch.points[half][lane];
                block[32 + j] |= (uint8_t)(batch.points[half][lane] >> 8 << 4 * half);
                packed[2 * j + half] = batch.packed[half][lane];
            }
        }
    }
    for (int j = 0; j < 16; j++) largest = scales[j] >= largest ? scales[j] : largest;
    if (!(largest > 0)) return;
    float d = largest / 15, inverse = 1 / d;
    uint32_t codes[16], words[4] = {0};
    for (int j = 0; j < 16; j++) {
        codes[j] = grid_scale_code(scales[j], inverse, 7);
        words[j / 4] |= codes[j] << 3 * (j % 4);
        block[32 + j] |= (uint8_t)((shifts[j] & 1) << 7 | shifts[j] >> 1 << 3);
    }
    uint8_t half_float[2];
    store_f16(half_float, fit_unit(x, weights, packed, shifts, codes, d) * 1.1125f);
    uint32_t bits = half_float[0] | (uint32_t)half_float[1] << 8;
    for (int i = 0; i < 4; i++) {
        uint16_t word = (uint16_t)(words[i] | (bits >> 4 * i & 15) << 12);
        memcpy(block + 48 + 2 * i, &word, 2);
    }
}

FOR_EACH_SUPER_BLOCK(IQ1_M)

INLINE void K(read_block)(const ingot_grid *grid, const uint8_t *block, uint8_t *codes,
                          float *scales) {
    uint8_t half_float[2] = {(uint8_t)(block[49] >> 4 | (block[51] & 240)),
                             (uint8_t)(block[53] >> 4 | (block[55] & 240))};
    float d = load_f16(half_float);
    for (int j = 0; j < 16; j++) {
        uint16_t word;
        memcpy(&word, block + 48 + 2 * (j / 4), 2);
        scales[j] = d * (float)(2 * (word >> 3 * (j % 4) & 7) + 1);
        for (int half = 0; half < 2; half++) {
            uint32_t high = block[32 + j] >> 4 * half & 15;
            uint32_t point = block[2 * j + half] | (high & 7) << 8;
            look_up_ternary(grid, codes + 16 * j + 8 * half, point, high >> 3);
        }
    }
}

DECODE_TERNARY(IQ1_M)
UNPACK_TERNARY(IQ1_M, 16)
#endif
