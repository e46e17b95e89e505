// SmallBlock in lanes: Q4_0, Q4_1, Q5_0, Q5_1, for the format that BITS (4 or 5) and HAS_MINIMUM
// (0 or 1) say.

#define CODE_MAX ((1 << BITS) - 1)
#define HALF (1 << (BITS - 1))
#define HIGH_BITS_OFFSET (HAS_MINIMUM ? 4 : 2)
#define CODES_OFFSET (HIGH_BITS_OFFSET + (BITS == 5 ? 4 : 0))
#define BLOCK_BYTES (CODES_OFFSET + 16)

#include "half_floats.h"
#include "horizontal.h"

#define BLOCK_VECTORS (32 / LANES)

/// Stores the 32 codes of a block.
INLINE void K(pack)(const vi *codes, uint8_t *block) {
    vi bytes[BLOCK_VECTORS / 2];
    UNROLL for (int i = 0; i < BLOCK_VECTORS / 2; i++) {
        // What is not a number has the code INT32_MIN, of which nothing may be left.
        vi high = codes[BLOCK_VECTORS / 2 + i] << 4;
        bytes[i] = (codes[i] & 15) | (BITS == 5 ? high & 240 : high);
    }
    store_sixteen(block + CODES_OFFSET, bytes);
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

#define first_of_magnitude K(first_of_magnitude)
/// The first value of a block with this magnitude, which one of them has.
INLINE float first_of_magnitude(const float *x, float size) {
    int i = 0;
    while (i < 31 && __builtin_fabsf(x[i]) != size) i++;
    return x[i];
}

#define encode_plain K(encode_plain)
/// Encodes up to LANES blocks without importance. In three passes, because the processor does not
/// look far enough ahead to overlap the long chain from values to codes with other blocks.
INLINE void encode_plain(const float *x, int present, uint8_t *blocks,
                         ingot_reference reference) {
    float first[LANES], inverses[LANES];
    vf lows[LANES], highs[LANES];
    UNROLL for (int b = 0; b < LANES; b++) {
        // Lanes beyond the end repeat the last block.
        const float *values = x + 32 * (b < present ? b : present - 1);
        lows[b] = highs[b] = load(values);
        UNROLL for (int i = LANES; i < 32; i += LANES) {
            vf value = load(values + i);
            lows[b] = lesser(value, lows[b]);
            highs[b] = greater(value, highs[b]);
        }
    }
    // But for the sign of zero, which is a matter of order.
    vf least = least_of_each(lows), greatest = greatest_of_each(highs);
#if HAS_MINIMUM
    vf start = least;
    vi tied = least == 0;
#else
    // The value of largest magnitude; the first of equals.
    vf start = greatest > -least ? greatest : least;
    vi tied = greatest == -least;
#endif
    store(first, start);
    if (any(tied)) {
        for (int b = 0; b < present; b++) {
            if (tied[b]) first[b] = first_of_magnitude(x + 32 * b, HAS_MINIMUM ? 0 : greatest[b]);
        }
        start = load(first);
    }
#if HAS_MINIMUM
    vf d = greatest == start ? (vf)0 : (greatest - start) / (float)CODE_MAX;
#else
    vf d = start == 0 ? (vf)-0.0f : start / (float)-HALF;
#endif
    vf inverse = d != 0 ? 1 / d : (vf)0;
    vi ordinary = (magnitude(inverse) < __builtin_inff()) & (magnitude(d) < __builtin_inff());
    store(inverses, ordinary ? inverse : (vf)0);
    uint16_t stored_d[LANES], stored_m[LANES];
    store_halves(stored_d, d);
    if (HAS_MINIMUM) store_halves(stored_m, start);
    for (int b = 0; b < present; b++) {
        const float *values = x + 32 * b;
        uint8_t *block = blocks + b * BLOCK_BYTES;
        memcpy(block, &stored_d[b], 2);
        if (HAS_MINIMUM) memcpy(block + 2, &stored_m[b], 2);
        vi codes[BLOCK_VECTORS];
        UNROLL for (int i = 0; i < BLOCK_VECTORS; i++) {
#if HAS_MINIMUM
            // Not above the largest code, because of how d was made.
            vf exact = (load(values + i * LANES) - first[b]) * inverses[b] + 0.5f;
            codes[i] = __builtin_convertvector(exact, vi);
#else
            vf exact = load(values + i * LANES) * inverses[b] + ((float)HALF + 0.5f);
            vi code = __builtin_convertvector(exact, vi);
            codes[i] = __builtin_elementwise_min(code, (vi)CODE_MAX);
#endif
        }
        K(pack)(codes, block);
    }
    if (!any(~ordinary)) return;
    for (int b = 0; b < present; b++) {
        if (!ordinary[b]) reference(x + 32 * b, 0, 0, blocks + b * BLOCK_BYTES);
    }
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
        size_t total = rowCount * per_row;
        for (size_t b = 0; b < total; b += LANES) {
            int present = total - b < LANES ? (int)(total - b) : LANES;
            encode_plain(rows + 32 * b, present, destination + b * BLOCK_BYTES, reference);
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

INLINE void K(unpack_blocks)(const uint8_t *source, size_t elementCount, uint8_t *restrict codes,
                             float *restrict scales, float *restrict minimums) {
    for (size_t b = 0; b < elementCount / 32; b++) {
        const uint8_t *block = source + b * BLOCK_BYTES, *qs = block + CODES_OFFSET;
        uint8_t *out = codes + 32 * b;
        scales[b] = load_f16(block);
        if (HAS_MINIMUM) minimums[b] = load_f16(block + 2);
        for (int i = 0; i < 16; i++) {
            out[i] = qs[i] & 15;
            out[16 + i] = qs[i] >> 4;
        }
        if (BITS == 4) continue;
        uint32_t high;
        memcpy(&high, block + HIGH_BITS_OFFSET, 4);
        for (int i = 0; i < 32; i++) out[i] |= (high >> i & 1) << 4;
    }
}
