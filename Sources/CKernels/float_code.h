// FloatCode in lanes: 4-bit floats (MXFP4, NVFP4).

#include "code_table.h"

#define float_entries K(float_entries)
static const int8_t float_entries[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

#define float_codes K(float_codes)
/// The code of every value: the number of midpoints between neighbours that its magnitude is
/// above, and a sign unless that is none.
///
/// The reference compares distances. Those to the two neighbours of a value are exact, and so are
/// the midpoints, so both have the same ties.
INLINE vi float_codes(vf value, float scale) {
    vf size = magnitude(value);
    vi code = -(size > 0.5f * scale) - (size > 1.5f * scale) - (size > 2.5f * scale) -
              (size > 3.5f * scale) - (size > 5.0f * scale) - (size > 7.0f * scale) -
              (size > 10.0f * scale);
    return code | ((value < 0) & (code > 0) & 8);
}

#define greatest_magnitude K(greatest_magnitude)
/// The largest magnitude among `count` values; what is not a number counts as 0.
INLINE float greatest_magnitude(const float *x, int count) {
    vf most = 0;
    UNROLL for (int i = 0; i < count; i += LANES) most = greater(magnitude(load(x + i)), most);
    return greatest_lane(most);
}
