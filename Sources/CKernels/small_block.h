// SmallBlock in lanes: Q4_0, Q4_1, Q5_0, Q5_1, for the format that BITS (4 or 5) and HAS_MINIMUM
// (0 or 1) say.

#define CODE_MAX ((1 << BITS) - 1)
#define HALF (1 << (BITS - 1))
#define HIGH_BITS_OFFSET (HAS_MINIMUM ? 4 : 2)
#define CODES_OFFSET (HIGH_BITS_OFFSET + (BITS == 5 ? 4 : 0))
#define BLOCK_BYTES (CODES_OFFSET + 16)

#include "horizontal.h"

#define BLOCK_VECTORS (32 / LANES)

/// Stores the 32 codes of a block.
INLINE void K(pack)(const vi *codes, uint8_t *block) {
    for (int i = 0; i < BLOCK_VECTORS / 2; i++) {
        vi low = codes[i], high = codes[BLOCK_VECTORS / 2 + i];
        store_bytes(block + CODES_OFFSET + i * LANES, (low & 15) | high << 4);
    }
#if BITS == 5
    uint32_t high_bits = 0;
    UNROLL for (int i = 0; i < BLOCK_VECTORS; i++) {
        high_bits |= top_bits(codes[i] << 27) << i * LANES;
    }
    memcpy(block + HIGH_BITS_OFFSET, &high_bits, 4);
#endif
}

#define pack_bytes K(pack_bytes)
INLINE void pack_bytes(const uint8_t *bytes, uint8_t *block) {
    vi codes[BLOCK_VECTORS];
    UNROLL for (int i = 0; i < BLOCK_VECTORS; i++) {
        codes[i] = __builtin_convertvector(load_bytes(bytes + i * LANES), vi);
    }
    K(pack)(codes, block);
}

/// Encodes one block without importance.
INLINE void K(encode_block)(const float *x, uint8_t *block, ingot_reference reference) {
    vf values[BLOCK_VECTORS];
    UNROLL for (int i = 0; i < BLOCK_VECTORS; i++) values[i] = load(x + i * LANES);
#if HAS_MINIMUM
    vf low = values[0], high = low;
    UNROLL for (int i = 1; i < BLOCK_VECTORS; i++) {
        low = lesser(values[i], low);
        high = greater(values[i], high);
    }
    float smallest, largest;
    extreme_lanes(low, high, &smallest, &largest);
    // Which of +0 and -0 is the minimum is a matter of order.
    for (int i = 0; i < 32 && smallest == 0; i++) {
        if (x[i] == 0) {
            smallest = x[i];
            break;
        }
    }
    float d = largest == smallest ? 0.0f : (largest - smallest) / (float)CODE_MAX;
#else
    vf most = 0;
    UNROLL for (int i = 0; i < BLOCK_VECTORS; i++) most = greater(magnitude(values[i]), most);
    float size = greatest_lane(most), peak = size;
    vi positive = 0, negative = 0;
    UNROLL for (int i = 0; i < BLOCK_VECTORS; i++) {
        positive |= values[i] == size;
        negative |= values[i] == -size;
    }
    if (any(negative)) {
        peak = -size;
        // Of equal magnitudes the first counts.
        for (int i = 0; i < 32 && any(positive); i++) {
            if (__builtin_fabsf(x[i]) == size) {
                peak = x[i];
                break;
            }
        }
    }
    float d = size == 0 ? -0.0f : peak / (float)-HALF;
#endif
    float inverse = d != 0 ? 1 / d : 0;
    if (!(__builtin_fabsf(inverse) < __builtin_inff()) ||
        !(__builtin_fabsf(d) < __builtin_inff())) {
        reference(x, 0, 0, block);
        return;
    }
    store_f16(block, d);
#if HAS_MINIMUM
    store_f16(block + 2, smallest);
#endif
    vi codes[BLOCK_VECTORS];
    UNROLL for (int i = 0; i < BLOCK_VECTORS; i++) {
#if HAS_MINIMUM
        vf exact = (values[i] - smallest) * inverse + 0.5f;
#else
        vf exact = values[i] * inverse + ((float)HALF + 0.5f);
#endif
        vi code = __builtin_convertvector(exact, vi);
        codes[i] = __builtin_elementwise_min(code, (vi)CODE_MAX);
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
            pack_bytes(codes, block);
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
