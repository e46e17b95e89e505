// TQ1_0: the layout is stated in Sources/Quantization/Formats/TQ1_0.swift.
#ifndef ISA
#define KERNEL_FILE "tq1_0.c"
#define BLOCK_BYTES 54
#include "instantiate.h"
DEFINE_KERNELS(TQ1_0)
#else
#include "lanes.h"
#include "horizontal.h"
#include "ternary.h"

/// The bytes of numbers of five ternary digits: 256 · number / 243, rounded up.
INLINE vi K(fractions)(vi number) {
    // The quotient by a multiplication; exact for the 243 numbers there are.
    return (number * 256 + 242) * 8631 >> 21;
}

/// Encodes `count` bytes of `digits` values each, value k of byte i at [count * k + i].
INLINE void K(pack)(const float *x, float inverse, int count, int digits, uint8_t *bytes) {
    for (int i = 0; i < count; i += LANES) {
        vi number = 0;
        UNROLL for (int k = 0; k < digits; k++) {
            number = number * 3 + ternary_codes(load(x + count * k + i) * inverse);
        }
        store_bytes(bytes + i, K(fractions)(number));
    }
}

static void K(encode_TQ1_0)(const float *rows, size_t rowCount, size_t rowLength,
                            const float *importance, uint8_t *destination,
                            ingot_reference reference) {
    (void)importance;
    for (size_t b = 0; b < rowCount * (rowLength / 256); b++) {
        const float *x = rows + 256 * b;
        uint8_t *block = destination + b * BLOCK_BYTES;
        float d, inverse;
        if (!ternary_scale(x, 256, &d, &inverse)) {
            reference(x, 0, 0, block);
            continue;
        }
        K(pack)(x, inverse, 32, 5, block);
        K(pack)(x + 160, inverse, 16, 5, block + 32);
        uint8_t codes[16];
        for (int i = 0; i < 16; i += LANES) {
            store_bytes(codes + i, ternary_codes(load(x + 240 + i) * inverse));
        }
        // The last bytes have four digits, and 0 as the fifth.
        for (int i = 0; i < 4; i++) {
            int number = ((codes[i] * 3 + codes[4 + i]) * 3 + codes[8 + i]) * 3 + codes[12 + i];
            block[48 + i] = (uint8_t)((number * 3 * 256 + 242) / 243);
        }
        store_f16(block + 52, d);
    }
}

/// Decodes `count` bytes of `digits` values each.
INLINE void K(unpack)(const uint8_t *bytes, float d, int count, int digits, float *out) {
    for (int i = 0; i < count; i += LANES) {
        vi fraction = __builtin_convertvector(load_bytes(bytes + i), vi);
        UNROLL for (int k = 0; k < digits; k++) {
            fraction *= 3;
            store(out + count * k + i, __builtin_convertvector((fraction >> 8) - 1, vf) * d);
            fraction &= 255;
        }
    }
}

static void K(decode_TQ1_0)(const uint8_t *source, size_t elementCount, float *destination) {
    for (size_t b = 0; b < elementCount / 256; b++) {
        const uint8_t *block = source + b * BLOCK_BYTES;
        float *out = destination + 256 * b;
        float d = load_f16(block + 52);
        K(unpack)(block, d, 32, 5, out);
        K(unpack)(block + 32, d, 16, 5, out + 160);
        for (int i = 0; i < 4; i++) {
            int fraction = block[48 + i];
            for (int k = 0; k < 4; k++) {
                fraction *= 3;
                out[240 + 4 * k + i] = (float)((fraction >> 8) - 1) * d;
                fraction &= 255;
            }
        }
    }
}

/// The codes of `count` bytes of `digits` values each.
INLINE void K(unpack_digits)(const uint8_t *bytes, int count, int digits, uint8_t *restrict out) {
    for (int i = 0; i < count; i++) {
        int fraction = bytes[i];
        UNROLL for (int k = 0; k < digits; k++) {
            fraction *= 3;
            out[count * k + i] = (uint8_t)(fraction >> 8);
            fraction &= 255;
        }
    }
}

static void K(unpack_TQ1_0)(const uint8_t *source, size_t elementCount,
                            uint8_t *restrict codes, float *restrict scales, float *restrict minimums) {
    (void)minimums;
    for (size_t b = 0; b < elementCount / 256; b++) {
        const uint8_t *block = source + b * BLOCK_BYTES;
        uint8_t *out = codes + 256 * b;
        for (int j = 0; j < 8; j++) scales[8 * b + j] = load_f16(block + 52);
        K(unpack_digits)(block, 32, 5, out);
        K(unpack_digits)(block + 32, 16, 5, out + 160);
        K(unpack_digits)(block + 48, 4, 4, out + 240);
    }
}
#endif
