// IQ4_NL: the layout is stated in Sources/Quantization/Formats/IQ4_NL.swift.
#ifndef ISA
#define KERNEL_FILE "iq4_nl.c"
#define BLOCK_BYTES 18
#include "instantiate.h"
DEFINE_KERNELS(IQ4_NL)
#else
#include "lanes.h"
#include "nonlinear.h"

static void K(encode_IQ4_NL)(const float *rows, size_t rowCount, size_t rowLength,
                             const float *importance, uint8_t *destination,
                             ingot_reference reference) {
    (void)reference;
    size_t per_row = rowLength / 32, total = rowCount * per_row;
    for (size_t base = 0; base < total; base += LANES) {
        const float *places[LANES], *columns[LANES];
        for (size_t lane = 0; lane < LANES; lane++) {
            // Lanes beyond the end repeat the last block.
            size_t index = base + lane < total ? base + lane : total - 1;
            places[lane] = rows + 32 * index;
            columns[lane] = importance ? importance + 32 * (index % per_row) : 0;
        }
        vf x[32], w[32], variance = 0;
        transpose(places, 32, x);
        if (importance) {
            transpose(columns, 32, w);
            for (int i = 0; i < 32; i++) variance += x[i] * x[i];
            variance *= 2.0f / 32;
        }
        nonlinear_weights(x, importance, variance, w);
        vf scale = nonlinear_scale(x, w);
        for (size_t lane = 0; lane < LANES && base + lane < total; lane++) {
            uint8_t *block = destination + (base + lane) * BLOCK_BYTES;
            store_f16(block, scale[lane]);
            nonlinear_store(places[lane], scale[lane], block + 2);
        }
    }
}

static void K(decode_IQ4_NL)(const uint8_t *source, size_t elementCount, float *destination) {
    for (size_t b = 0; b < elementCount / 32; b++) {
        const uint8_t *block = source + b * BLOCK_BYTES;
        decode_nibbles(nonlinear_entries, block + 2, load_f16(block), destination + 32 * b);
    }
}

static void K(unpack_IQ4_NL)(const uint8_t *source, size_t elementCount,
                             uint8_t *restrict codes, float *restrict scales, float *restrict minimums) {
    (void)minimums;
    for (size_t b = 0; b < elementCount / 32; b++) {
        const uint8_t *block = source + b * BLOCK_BYTES;
        scales[b] = load_f16(block);
        unpack_nibbles(nonlinear_entries, 128, block + 2, codes + 32 * b);
    }
}
#endif
