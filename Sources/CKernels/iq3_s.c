// IQ3_S: the layout is stated in Sources/Quantization/Formats/IQ3_S.swift.
#ifndef ISA
#define KERNEL_FILE "iq3_s.c"
#define BLOCK_BYTES 110
#define DIMENSIONS 4
#define LEVELS 8
#define COUNT 32
#define STEPS 9
#define STEP_SIZE 0.2f
#define EVEN_SIGNS 0
#define NEGLIGIBLE 0
#define STARTS_FROM_FIT 0
#define REFINES_ALL 1
#include "instantiate.h"
#include "grid_entry.h"
DEFINE_GRID_KERNELS(IQ3_S)
#else
#include "lanes.h"
#include "grid_search.h"
#include "grid_decode.h"

static void K(encode_block)(const ingot_grid *grid, const float *x, const float *importance,
                            uint8_t *block) {
    float weights[256], scales[8], largest = 0;
    grid_weights(x, importance, 2 * sum_of_squares(x) / 256, 0, weights);
    memset(block, 0, BLOCK_BYTES);
    // Behind a sub-block of zeros the others move up.
    int stored = 0;
    for (int j = 0; j < 8; j++) {
        grid_fit fit;
        scales[j] = 0;
        if (!grid_search(grid, x + 32 * j, weights + 32 * j, &fit)) continue;
        scales[j] = fit.scale;
        largest = fit.scale >= largest ? fit.scale : largest;
        uint32_t high = 0;
        for (int k = 0; k < 8; k++) {
            block[2 + 8 * stored + k] = (uint8_t)fit.points[k];
            high |= fit.points[k] >> 8 << k;
        }
        block[66 + j] = (uint8_t)high;
        memcpy(block + 74 + 4 * stored, fit.signs, 4);
        stored++;
    }
    if (!(largest > 0)) return;
    float d = largest / 31;
    store_f16(block, d * 1.033f);
    grid_store_scales(scales, 4, 1 / d, block + 106);
}

FOR_EACH_SUPER_BLOCK(IQ3_S)

#define magnitudes K(magnitudes)
INLINE vi magnitudes(vi codes) { return 2 * codes + 1; }

INLINE void K(read_block)(const ingot_grid *grid, const uint8_t *block, grid_codes *read) {
    float d = load_f16(block);
    for (int group = 0; group < 64; group++) {
        uint32_t high = block[66 + group / 8] >> group % 8 & 1;
        look_up(grid, read, group, block[2 + group] | high << 8);
    }
    memcpy(read->signs, block + 74, 32);
    for (int j = 0; j < 8; j++) {
        int code = block[106 + j / 2] >> 4 * (j % 2) & 15;
        read->scales[2 * j] = read->scales[2 * j + 1] = d * (float)(1 + 2 * code);
    }
}

DECODE_SUPER_BLOCKS(IQ3_S, magnitudes)
UNPACK_SUPER_BLOCKS(IQ3_S, magnitudes, 15, 32)
#endif
