// SmallBlock in lanes: Q4_0, Q4_1, Q5_0, Q5_1, for the format that BITS (4 or 5) and HAS_MINIMUM
// (0 or 1) say.

#define CODE_MAX ((1 << BITS) - 1)
#define HALF (1 << (BITS - 1))
#define HIGH_BITS_OFFSET (HAS_MINIMUM ? 4 : 2)
#define CODES_OFFSET (HIGH_BITS_OFFSET + (BITS == 5 ? 4 : 0))
#define BLOCK_BYTES (CODES_OFFSET + 16)

#include "horizontal.h"

INLINE void K(pack)(const uint8_t *codes, uint8_t *block) {
    for (int i = 0; i < 16; i++) {
        block[CODES_OFFSET + i] = (uint8_t)((codes[i] & 15) | codes[16 + i] << 4);
    }
#if BITS == 5
    for (int i = 0; i < 4; i++) {
        // Collects bit 4 of eight bytes in one byte.
        uint64_t eight;
        memcpy(&eight, codes + 8 * i, 8);
        eight = (eight >> 4 & 0x0101010101010101) * 0x0102040810204080;
        block[HIGH_BITS_OFFSET + i] = (uint8_t)(eight >> 56);
    }
#endif
}

/// Encodes one block without importance.
INLINE void K(encode_block)(const float *x, uint8_t *block, ingot_reference reference) {
    vf low = load(x), high = low;
    for (int i = LANES; i < 32; i += LANES) {
        vf value = load(x + i);
        low = lesser(value, low);
        high = greater(value, high);
    }
    float smallest = least_lane(low), largest = greatest_lane(high);
#if HAS_MINIMUM
    // Which of +0 and -0 is the minimum is a matter of order.
    for (int i = 0; i < 32 && smallest == 0; i++) {
        if (x[i] == 0) {
            smallest = x[i];
            break;
        }
    }
    float d = largest == smallest ? 0.0f : (largest - smallest) / (float)CODE_MAX;
#else
    float peak = largest > -smallest ? largest : smallest;
    for (int i = 0; i < 32 && largest == -smallest; i++) {
        if (__builtin_fabsf(x[i]) == largest) {
            peak = x[i];
            break;
        }
    }
    float d = peak == 0 ? -0.0f : peak / (float)-HALF;
#endif
    float inverse = d != 0 ? 1 / d : 0;
    if (!(__builtin_fabsf(inverse) < __builtin_inff()) ||
        !(__builtin_fabsf(d) < __builtin_inff())) {
        reference(x, 0, 0, block);
        return;
    }
    store_f16(block, d);
    if (HAS_MINIMUM) store_f16(block + 2, smallest);
    uint8_t codes[32];
    for (int i = 0; i < 32; i += LANES) {
#if HAS_MINIMUM
        vf exact = (load(x + i) - smallest) * inverse + 0.5f;
#else
        vf exact = load(x + i) * inverse + ((float)HALF + 0.5f);
#endif
        vi code = __builtin_convertvector(exact, vi);
        store_bytes(codes + i, __builtin_elementwise_min(code, (vi)CODE_MAX));
    }
    K(pack)(codes, block);
}

/// Encodes up to LANES rows with importance.
static void K(encode_rows)(const float *rows, size_t rowCount, size_t rowLength,
                           const float *importance, uint8_t *blocks,
                           ingot_reference reference) {
    size_t per_row = rowLength / 32, total = rowCount * per_row;
    const float *places[LANES];
    float variance[LANES];
    for (size_t lane = 0; lane < LANES; lane++) {
        places[lane] = rows + (lane < rowCount ? lane : rowCount - 1) * rowLength;
    }
    store(variance, sums_of_squares(places, rowLength) / (float)rowLength);
    for (size_t base = 0; base < total; base += 2 * LANES) {
        vf values[2 * 32], weights[2 * 32];
        for (size_t g = 0; g < 2; g++) {
            vf *v = values + 32 * g, *w = weights + 32 * g, lane_variance = 0;
            const float *columns[LANES];
            for (size_t lane = 0; lane < LANES; lane++) {
                // Lanes beyond the end repeat the last block.
                size_t index = base + g * LANES + lane;
                if (index >= total) index = total - 1;
                places[lane] = rows + 32 * index;
                columns[lane] = importance + 32 * (index % per_row);
                lane_variance[lane] = variance[index / per_row];
            }
            transpose(places, 32, v);
            transpose(columns, 32, w);
            for (int i = 0; i < 32; i++) w[i] *= root(lane_variance + v[i] * v[i]);
        }
#if HAS_MINIMUM
        affine_fit fit[2];
        affine_search(values, weights, 32, CODE_MAX, false, -0.9f, 0.05f, 36, fit);
#else
        symmetric_fit fit[2];
        symmetric_search(values, weights, 2, 32, HALF, fit);
#endif
        for (size_t index = base; index < base + 2 * LANES && index < total; index++) {
            size_t g = (index - base) / LANES, lane = (index - base) % LANES;
            const float *x = rows + 32 * index;
            uint8_t *block = blocks + index * BLOCK_BYTES, codes[32];
#if HAS_MINIMUM
            if (fit[g].extreme[lane]) {
                reference(x, importance + 32 * (index % per_row), variance[index / per_row],
                          block);
                continue;
            }
            store_f16(block + 2, -fit[g].negated_minimum[lane]);
            affine_codes(x, 32, CODE_MAX, fit[g].inverse[lane], fit[g].start[lane], codes);
#else
            (void)reference;
            symmetric_codes(x, 32, HALF, fit[g].inverse[lane], codes);
#endif
            store_f16(block, fit[g].scale[lane]);
            K(pack)(codes, block);
        }
    }
}

INLINE void K(encode_blocks)(const float *rows, size_t rowCount, size_t rowLength,
                             const float *importance, uint8_t *destination,
                             ingot_reference reference) {
    size_t per_row = rowLength / 32;
    if (!importance) {
        for (size_t b = 0; b < rowCount * per_row; b++) {
            K(encode_block)(rows + 32 * b, destination + b * BLOCK_BYTES, reference);
        }
        return;
    }
    for (size_t row = 0; row < rowCount && per_row; row += LANES) {
        size_t present = rowCount - row < LANES ? rowCount - row : LANES;
        K(encode_rows)(rows + row * rowLength, present, rowLength, importance,
                       destination + row * per_row * BLOCK_BYTES, reference);
    }
}

INLINE void K(decode_blocks)(const uint8_t *source, size_t elementCount, float *destination) {
    vi lane;
    for (int i = 0; i < LANES; i++) lane[i] = i;
    for (size_t b = 0; b < elementCount / 32; b++) {
        const uint8_t *block = source + b * BLOCK_BYTES;
        float *out = destination + 32 * b;
        float d = load_f16(block);
        float m = HAS_MINIMUM ? load_f16(block + 2) : 0;
        uint32_t high = 0;
        if (BITS == 5) memcpy(&high, block + HIGH_BITS_OFFSET, 4);
        for (int i = 0; i < 16; i += LANES) {
            vi bytes = __builtin_convertvector(load_bytes(block + CODES_OFFSET + i), vi);
            vi codes[2] = {bytes & 15, bytes >> 4};
            for (int half = 0; half < 2; half++) {
                if (BITS == 5) {
                    vu bits = (vu)(high >> (16 * half + i)) >> (vu)lane & 1;
                    codes[half] |= (vi)bits << 4;
                }
#if HAS_MINIMUM
                vf value = __builtin_convertvector(codes[half], vf) * d + m;
#else
                vf value = __builtin_convertvector(codes[half] - HALF, vf) * d;
                (void)m;
#endif
                store(out + 16 * half + i, value);
            }
        }
    }
}
