// IQ2_S: the layout is stated in Sources/Quantization/Formats/IQ2_S.swift.
#ifndef ISA
#define KERNEL_FILE "iq2_s.c"
#define BLOCK_BYTES 82
#define DIMENSIONS 8
#define LEVELS 3
#define COUNT 16
#define STEPS 9
#define STEP_SIZE 0.1f
#define EVEN_SIGNS 0
#define NEGLIGIBLE 1e-8f
#define STARTS_FROM_FIT 0
#define REFINES_ALL 0
#include "instantiate.h"
#include "grid_entry.h"
DEFINE_GRID_KERNELS(IQ2_S)
#else
#include "lanes.h"
#include "grid_search.h"
#include "grid_decode.h"

static void K(encode_block)(const ingot_grid *grid, const float *x, const float *importance,
                            uint8_t *block) {
    float weights[256], scales[16], largest = 0, variance = 2 * sum_of_squares(x) / 256;
    grid_weights(x, importance, variance, 0.25f * variance, weights);
    memset(block, 0, BLOCK_BYTES);
    for (int j = 0; j < 16; j++) {
        grid_fit fit;
        scales[j] = 0;
        if (!grid_search(grid, x + 16 * j, weights + 16 * j, &fit)) continue;
        scales[j] = fit.scale;
        largest = fit.scale >= largest ? fit.scale : largest;
        for (int k = 0; k < 2; k++) {
            int group = 2 * j + k;
            block[2 + group] = (uint8_t)fit.points[k];
            block[34 + group] = fit.signs[k];
            block[66 + group / 4] |= (uint8_t)(fit.points[k] >> 8 << 2 * (group % 4));
        }
    }
    if (!(largest > 0)) return;
    float d = largest / 31;
    store_f16(block, d * 0.9875f);
    grid_store_scales(scales, 8, 1 / d, block + 74);
}

FOR_EACH_SUPER_BLOCK(IQ2_S)

INLINE void K(read_block)(const ingot_grid *grid, const uint8_t *block, grid_codes *read) {
    float d = load_f16(block);
    memcpy(read->signs, block + 34, 32);
    for (int j = 0; j < 16; j++) {
        for (int group = 2 * j; group < 2 * j + 2; group++) {
            uint32_t high = block[66 + group / 4] >> 2 * (group % 4) & 3;
            look_up(grid, read, group, block[2 + group] | high << 8);
        }
        int scale = block[74 + j / 2] >> 4 * (j % 2) & 15;
        read->scales[j] = d * (0.5f + (float)scale) * 0.25f;
    }
}

DECODE_SUPER_BLOCKS(IQ2_S, two_bit_magnitudes)
UNPACK_SUPER_BLOCKS(IQ2_S, two_bit_magnitudes, 43, 16)
#endif
