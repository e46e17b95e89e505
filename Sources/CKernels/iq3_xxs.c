// IQ3_XXS: the layout is stated in Sources/Quantization/Formats/IQ3_XXS.swift.
#ifndef ISA
#define KERNEL_FILE "iq3_xxs.c"
#define BLOCK_BYTES 98
#define DIMENSIONS 4
#define LEVELS 8
#define COUNT 32
#define STEPS 15
#define STEP_SIZE 0.2f
#define EVEN_SIGNS 1
#define NEGLIGIBLE 1e-8f
#define STARTS_FROM_FIT 0
#define REFINES_ALL 0
#include "instantiate.h"
#include "grid_entry.h"
DEFINE_GRID_KERNELS(IQ3_XXS)
#else
#include "lanes.h"
#include "grid_search.h"
#include "grid_decode.h"

static void K(encode_block)(const ingot_grid *grid, const float *x, const float *importance,
                            uint8_t *block) {
    float weights[256], scales[8], largest = 0;
    uint32_t signs[8] = {0};
    grid_weights(x, importance, 2 * sum_of_squares(x) / 256, 0, weights);
    memset(block, 0, BLOCK_BYTES);
    for (int j = 0; j < 8; j++) {
        grid_fit fit;
        scales[j] = 0;
        if (!grid_search(grid, x + 32 * j, weights + 32 * j, &fit)) continue;
        scales[j] = fit.scale;
        largest = fit.scale >= largest ? fit.scale : largest;
        for (int k = 0; k < 8; k++) block[2 + 8 * j + k] = (uint8_t)fit.points[k];
        for (int k = 0; k < 4; k++) signs[j] |= (uint32_t)(fit.signs[k] & 127) << 7 * k;
    }
    if (!(largest > 0)) {
        memset(block, 0, BLOCK_BYTES);
        return;
    }
    float d = largest / 31;
    store_f16(block, d * 1.0125f);
    for (int j = 0; j < 8; j++) {
        uint32_t word = signs[j] | grid_scale_code(scales[j], 1 / d, 15) << 28;
        memcpy(block + 66 + 4 * j, &word, 4);
    }
}

FOR_EACH_SUPER_BLOCK(IQ3_XXS)

#define magnitudes K(magnitudes)
INLINE vi magnitudes(vi codes) { return 8 * codes + 4 + ((codes == 7) & 2); }

INLINE void K(read_block)(const ingot_grid *grid, const uint8_t *block, grid_codes *read) {
    float d = load_f16(block);
    for (int group = 0; group < 64; group++) look_up(grid, read, group, block[2 + group]);
    for (int j = 0; j < 8; j++) {
        uint32_t word;
        memcpy(&word, block + 66 + 4 * j, 4);
        read->scales[2 * j] = read->scales[2 * j + 1] = d * (0.5f + (float)(word >> 28)) * 0.5f;
        read->signs[2 * j] = signs_of_sixteen(word);
        read->signs[2 * j + 1] = signs_of_sixteen(word >> 14);
    }
}

DECODE_SUPER_BLOCKS(IQ3_XXS, magnitudes)
UNPACK_SUPER_BLOCKS(IQ3_XXS, magnitudes, 62, 32)
#endif
