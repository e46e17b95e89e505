// IQ2_XXS: the layout is stated in Sources/Quantization/Formats/IQ2_XXS.swift.
#ifndef ISA
#define KERNEL_FILE "iq2_xxs.c"
#define BLOCK_BYTES 66
#define DIMENSIONS 8
#define LEVELS 3
#define COUNT 32
#define STEPS 6
#define STEP_SIZE 0.1f
#define EVEN_SIGNS 1
#define NEGLIGIBLE 1e-15f
#define STARTS_FROM_FIT 1
#define REFINES_ALL 0
#include "instantiate.h"
#include "grid_entry.h"
DEFINE_GRID_KERNELS(IQ2_XXS)
#else
#include "lanes.h"
#include "grid_search.h"
#include "grid_decode.h"

static void K(encode_block)(const ingot_grid *grid, const float *x, const float *importance,
                            uint8_t *block) {
    float weights[256], scales[8], largest = 0;
    uint32_t signs[8] = {0};
    grid_weights(x, importance, sum_of_squares(x) / 256, 0, weights);
    memset(block, 0, BLOCK_BYTES);
    for (int j = 0; j < 8; j++) {
        grid_fit fit;
        scales[j] = 0;
        if (!grid_search(grid, x + 32 * j, weights + 32 * j, &fit)) continue;
        scales[j] = fit.scale;
        largest = fit.scale >= largest ? fit.scale : largest;
        for (int k = 0; k < 4; k++) {
            block[2 + 8 * j + k] = (uint8_t)fit.points[k];
            signs[j] |= (uint32_t)(fit.signs[k] & 127) << 7 * k;
        }
    }
    if (!(largest > 0)) {
        memset(block, 0, BLOCK_BYTES);
        return;
    }
    float d = largest / 31;
    store_f16(block, d);
    for (int j = 0; j < 8; j++) {
        uint32_t word = signs[j] | grid_scale_code(scales[j], 1 / d, 15) << 28;
        memcpy(block + 6 + 8 * j, &word, 4);
    }
}

FOR_EACH_SUPER_BLOCK(IQ2_XXS)

INLINE void K(read_block)(const ingot_grid *grid, const uint8_t *block, grid_codes *read) {
    float d = load_f16(block);
    for (int j = 0; j < 8; j++) {
        uint32_t word;
        memcpy(&word, block + 6 + 8 * j, 4);
        for (int k = 0; k < 4; k++) look_up(grid, read, 4 * j + k, block[2 + 8 * j + k]);
        read->scales[2 * j] = read->scales[2 * j + 1] = d * (0.5f + (float)(word >> 28)) * 0.25f;
        read->signs[2 * j] = signs_of_sixteen(word);
        read->signs[2 * j + 1] = signs_of_sixteen(word >> 14);
    }
}

DECODE_SUPER_BLOCKS(IQ2_XXS, two_bit_magnitudes)
UNPACK_SUPER_BLOCKS(IQ2_XXS, two_bit_magnitudes, 43, 32)
#endif
