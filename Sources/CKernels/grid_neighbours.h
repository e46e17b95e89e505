// The nearest of the grid points near a group of codes.
//
// The error of a point is a sum over coordinates of terms that only depend on place and code:
// all of them are computed once, then the points of a list look their terms up, eight or sixteen
// points at a time, and add them in the order of the reference.

#include <float.h>

// Terms of four coordinates of eight codes or eight of four (the last is never used), in the order
// of place and code.
#undef CODES
#if DIMENSIONS == 4
#define CODES 8
#else
#define CODES 4
#endif

// Lanes of the vectors of terms and of the points that are looked up at a time.
#undef WIDTH
#if LANES == 16 && DIMENSIONS == 8
#define WIDTH 16
#else
#define WIDTH 8
#endif
#undef VECTORS
#define VECTORS (DIMENSIONS * CODES / WIDTH)

#define wf K(wf)
#define wu K(wu)
typedef float wf __attribute__((ext_vector_type(WIDTH)));
typedef uint32_t wu __attribute__((ext_vector_type(WIDTH)));
#if WIDTH == 16
#define wf8 K(wf8)
typedef float wf8 __attribute__((ext_vector_type(8)));
#endif

#define grid_group K(grid_group)
/// What a group of values brings to the terms: every value and its weight, once per code; and the
/// numbers that codes stand for.
typedef struct {
    wf values[VECTORS], weights[VECTORS], numbers;
} grid_group;

#define set_grid_group K(set_grid_group)
INLINE void set_grid_group(grid_group *group, const float *values, const float *weights,
                           const float *numbers) {
    UNROLL for (int i = 0; i < WIDTH; i++) group->numbers[i] = numbers[i % CODES];
    UNROLL for (int i = 0; i < DIMENSIONS * CODES; i++) {
        group->values[i / WIDTH][i % WIDTH] = values[i / CODES];
        group->weights[i / WIDTH][i % WIDTH] = weights[i / CODES];
    }
}

#if LANES > 4
#define looked_up K(looked_up)
INLINE wf looked_up(wf table, wu indices) {
#if WIDTH == 16
    return (wf)_mm512_permutexvar_ps((__m512i)indices, (__m512)table);
#else
    return (wf)_mm256_permutevar8x32_ps((__m256)table, (__m256i)indices);
#endif
}

#define point_errors K(point_errors)
INLINE wf point_errors(const wf *terms, const uint32_t *points) {
    wu codes;
    memcpy(&codes, points, sizeof codes);
    wf error = looked_up(terms[0], codes);
    UNROLL for (int place = 1; place < DIMENSIONS; place++) {
        error += looked_up(terms[place * CODES / WIDTH], codes >> 4 * place);
    }
    return error;
}

#define first_equal K(first_equal)
/// The first lane that is equal to a number, or WIDTH.
INLINE uint32_t first_equal(wf errors, float least) {
#if WIDTH == 16
    uint32_t mask = _mm512_cmp_ps_mask((__m512)errors, _mm512_set1_ps(least), _CMP_EQ_OQ);
#else
    uint32_t mask = (uint32_t)_mm256_movemask_ps((__m256)(errors == least));
#endif
    return (uint32_t)__builtin_ctz(mask | 1u << WIDTH);
}

#define least_lane K(least_lane)
/// The least of numbers none of which is NaN.
INLINE float least_lane(wf v) {
#if WIDTH == 16
    wf8 low = v.lo, high = v.hi;
    wf8 eight = low < high ? low : high;
#else
    wf eight = v;
#endif
    f4 four = eight.lo < eight.hi ? eight.lo : eight.hi;
    f4 turned = four.zwxy;
    four = four < turned ? four : turned;
    turned = four.yxwz;
    four = four < turned ? four : turned;
    return four.x;
}
#endif

#define nearest_point K(nearest_point)
/// The place in its list of the point of least error; the first of equals.
INLINE uint32_t nearest_point(const grid_group *group, float scale, const uint16_t *list,
                              const uint32_t *points) {
    wf terms[VECTORS];
    UNROLL for (int i = 0; i < VECTORS; i++) {
        wf difference = scale * group->numbers - group->values[i];
        terms[i] = group->weights[i] * difference * difference;
    }
    uint32_t count = list[0];
#if LANES > 4
    // Numbers that are not less than the largest (NaN among them) never win.
    wf most = (wf)FLT_MAX, error = point_errors(terms, points);
    error = error < most ? error : most;
    if (count <= WIDTH) return first_equal(error, least_lane(error));
    // The longest list of all grids has 292 points.
    wf errors[512 / WIDTH], least = error;
    errors[0] = error;
    for (uint32_t i = 1; i * WIDTH < count; i++) {
        error = point_errors(terms, points + i * WIDTH);
        least = error < least ? error : least;
        errors[i] = error;
    }
    float winner = least_lane(least);
    if (winner == FLT_MAX) return 0;
    for (uint32_t i = 0; i * WIDTH < count; i++) {
        uint32_t lane = first_equal(errors[i], winner);
        if (lane < WIDTH) return i * WIDTH + lane;
    }
    return 0;
#else
    float table[DIMENSIONS * CODES], least = FLT_MAX;
    memcpy(table, terms, sizeof table);
    uint32_t winner = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t codes = points[i];
        float error = table[codes & (CODES - 1)];
        UNROLL for (int place = 1; place < DIMENSIONS; place++) {
            error += table[place * CODES + (codes >> 4 * place & (CODES - 1))];
        }
        winner = error < least ? i : winner;
        least = error < least ? error : least;
    }
    return winner;
#endif
}

#define moved_to_point K(moved_to_point)
/// The number of the point for a key: its own, or that of the nearest of the points near it, of
/// which `moved` tells.
INLINE uint32_t moved_to_point(const ingot_grid *grid, uint32_t key, const grid_group *group,
                               float scale, bool *moved) {
    int32_t place = grid->places[key];
    *moved = place < 0;
    if (place >= 0) return (uint32_t)place;
    const uint16_t *list = grid->neighbours + (-1 - place);
    const uint32_t *points = grid->packedNeighbours + (-1 - place) + 1;
    return list[1 + nearest_point(group, scale, list, points)];
}
