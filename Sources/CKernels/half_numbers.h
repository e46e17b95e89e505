// Single binary16 numbers.
#ifndef INGOT_HALF_NUMBERS_H
#define INGOT_HALF_NUMBERS_H

#include <stdint.h>
#include <string.h>

// What widens sixteen of them at once (wide_halves.h).
#define HALF_PLAIN 0
#define HALF_AVX2 1
#define HALF_AVX512 2

// The nearest binary16 number, ties to even.
static inline float ingot_half_rounded(float value) {
    uint32_t bits;
    memcpy(&bits, &value, 4);
    uint32_t sign = bits & 0x80000000, rest = bits & 0x7FFFFFFF;
    if (rest >= 0x7F800000) return value;
    if (rest >= 0x477FF000) {
        rest = 0x7F800000;
    } else if (rest < 0x38800000) {
        // Halves below 2^-14 are multiples of 2^-24, as floats from 0.5 to 1 are.
        float size, small;
        memcpy(&size, &rest, 4);
        small = (size + 0.75f) - 0.75f;
        memcpy(&rest, &small, 4);
    } else {
        rest = (rest + 0xFFF + (rest >> 13 & 1)) & ~0x1FFFu;
    }
    rest |= sign;
    memcpy(&value, &rest, 4);
    return value;
}

// What a binary16 number's bits stand for.
static inline float ingot_half_value(uint16_t half) {
    uint32_t sign = (uint32_t)(half & 0x8000) << 16, rest = half & 0x7FFF, bits;
    if (rest >= 0x7C00) {
        bits = sign | 0x7F800000 | (rest & 0x3FF) << 13;
    } else if (rest < 0x400) {
        float small = (float)rest * 0x1p-24f;
        memcpy(&bits, &small, 4);
        bits |= sign;
    } else {
        bits = sign | ((rest << 13) + (112u << 23));
    }
    float value;
    memcpy(&value, &bits, 4);
    return value;
}

// The bits of the nearest binary16 number.
static inline uint16_t ingot_half_bits(float value) {
    float rounded = ingot_half_rounded(value);
    uint32_t bits;
    memcpy(&bits, &rounded, 4);
    uint32_t sign = bits >> 16 & 0x8000, rest = bits & 0x7FFFFFFF;
    if (rest > 0x7F800000) return (uint16_t)(sign | 0x7E00 | (rest >> 13 & 0x1FF));
    if (rest == 0x7F800000) return (uint16_t)(sign | 0x7C00);
    if (rest < 0x38800000) {
        float size;
        memcpy(&size, &rest, 4);
        return (uint16_t)(sign | (uint16_t)(size * 0x1p24f));
    }
    return (uint16_t)(sign | (rest - (112u << 23)) >> 13);
}

#endif
