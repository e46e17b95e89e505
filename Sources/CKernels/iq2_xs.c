// IQ2_XS: the layout is stated in Sources/Quantization/Formats/IQ2_XS.swift.
#ifndef ISA
#define KERNEL_FILE "iq2_xs.c"
#define BLOCK_BYTES 74
#define DIMENSIONS 8
#define LEVELS 3
#define COUNT 16
#define STEPS 9
#define STEP_SIZE 0.1f
#define EVEN_SIGNS 1
#define NEGLIGIBLE 1e-15f
#define STARTS_FROM_FIT 0
#define REFINES_ALL 0
#include "instantiate.h"
#include "grid_entry.h"
DEFINE_GRID_KERNELS(IQ2_XS)
#else
#include "lanes.h"
#include "grid_search.h"
#include "grid_decode.h"

static void K(encode_block)(const ingot_grid *grid, const float *x, const float *importance,
                            uint8_t *block) {
    float weights[256], scales[16], largest = 0;
    grid_weights(x, importance, sum_of_squares(x) / 256, 0, weights);
    memset(block, 0, BLOCK_BYTES);
    for (int j = 0; j < 16; j++) {
        grid_fit fit;
        scales[j] = 0;
        if (!grid_search(grid, x + 16 * j, weights + 16 * j, &fit)) continue;
        scales[j] = fit.scale;
        largest = fit.scale >= largest ? fit.scale : largest;
        for (int k = 0; k < 2; k++) {
            uint16_t code = (uint16_t)(fit.points[k] | (uint32_t)(fit.signs[k] & 127) << 9);
            memcpy(block + 2 + 4 * j + 2 * k, &code, 2);
        }
    }
    if (!(largest > 0)) {
        memset(block, 0, BLOCK_BYTES);
        return;
    }
    float d = largest / 31;
    store_f16(block, d);
    grid_store_scales(scales, 8, 1 / d, block + 66);
}

FOR_EACH_SUPER_BLOCK(IQ2_XS)

INLINE void K(read_block)(const ingot_grid *grid, const uint8_t *block, grid_codes *read) {
    float d = load_f16(block);
    for (int j = 0; j < 16; j++) {
        uint16_t codes[2];
        memcpy(codes, block + 2 + 4 * j, 4);
        for (int k = 0; k < 2; k++) look_up(grid, read, 2 * j + k, codes[k] & 511);
        read->signs[j] = (uint16_t)(even_signs(codes[0] >> 9) | even_signs(codes[1] >> 9) << 8);
        int scale = block[66 + j / 2] >> 4 * (j % 2) & 15;
        read->scales[j] = d * (0.5f + (float)scale) * 0.25f;
    }
}

DECODE_SUPER_BLOCKS(IQ2_XS, two_bit_magnitudes)
UNPACK_SUPER_BLOCKS(IQ2_XS, two_bit_magnitudes, 43, 16)
#endif
