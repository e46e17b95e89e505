// The largest magnitude of some numbers, as bits: their order is that of magnitudes, with
// infinity above every number and NaN above infinity.
#ifndef ISA
#define KERNEL_FILE "magnitude.c"
#include "instantiate.h"

typedef uint32_t (*reduction)(const float *values, size_t count);

bool ingot_largest_magnitude(ingot_isa isa, const float *values, size_t count, uint32_t *bits) {
    static const reduction table[INGOT_ISA_COUNT] = TABLE(largest_magnitude);
    if (isa >= INGOT_ISA_COUNT || !table[isa]) return false;
    *bits = table[isa](values, count);
    return true;
}

#else
#include "lanes.h"

// Without their signs, the bits are equally ordered as signed integers, which SSE2 can compare.
static uint32_t K(largest_magnitude)(const float *values, size_t count) {
    vi largest[4] = {0, 0, 0, 0};
    size_t i = 0;
    for (; i + 4 * LANES <= count; i += 4 * LANES) {
        UNROLL for (int j = 0; j < 4; j++) {
            vi bits = (vi)load(values + i + j * LANES) & 0x7FFFFFFF;
            largest[j] = bits > largest[j] ? bits : largest[j];
        }
    }
    int32_t all = 0;
    for (int j = 0; j < 4; j++)
        for (int lane = 0; lane < LANES; lane++)
            if (largest[j][lane] > all) all = largest[j][lane];
    for (; i < count; i++) {
        int32_t bits;
        memcpy(&bits, values + i, 4);
        bits &= 0x7FFFFFFF;
        if (bits > all) all = bits;
    }
    return (uint32_t)all;
}
#endif
