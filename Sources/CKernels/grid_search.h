// GridSearch in lanes: every lane tries one of the starting scales of a sub-block.
//
// A format defines, as GridSearch.Settings has them: DIMENSIONS, LEVELS, COUNT, STEPS, STEP_SIZE,
// EVEN_SIGNS, NEGLIGIBLE, STARTS_FROM_FIT and REFINES_ALL.

#include "horizontal.h"
#include "grid_neighbours.h"
#include "grid_super_blocks.h"
#include "positive_trials.h"

#define GROUPS (COUNT / DIMENSIONS)
#define TRIALS (2 * STEPS + 1)
#define TRIAL_VECTORS ((TRIALS + LANES - 1) / LANES)
#define KEY_BITS (DIMENSIONS == 4 ? 3 : 2)

#define grid_fit K(grid_fit)
/// What a search finds.
typedef struct {
    float scale;
    uint8_t signs[COUNT / 8];
    uint32_t points[GROUPS];
} grid_fit;

#define take_signs K(take_signs)
/// Splits values in signs and magnitudes and returns the largest magnitude.
INLINE float take_signs(const float *x, const float *weights, float *magnitudes,
                        uint8_t *signs) {
    (void)weights;
    uint32_t bits = 0;
    for (int i = 0; i < COUNT; i += LANES) {
        vf value = load(x + i);
        vi negative = ~(value >= 0);
        bits |= top_bits(negative) << i;
        store(magnitudes + i, (vf)((vi)value ^ (negative & INT32_MIN)));
    }
#if EVEN_SIGNS
    for (int part = 0; part < COUNT / 8; part++) {
        if (__builtin_parity(bits >> 8 * part & 255) == 0) continue;
        const float *w = weights + 8 * part, *v = x + 8 * part;
        int least = 0;
        float cost = w[0] * v[0] * v[0];
        for (int i = 1; i < 8; i++) {
            float other = w[i] * v[i] * v[i];
            least = other < cost ? i : least;
            cost = other < cost ? other : cost;
        }
        magnitudes[8 * part + least] = -magnitudes[8 * part + least];
        bits ^= 1u << (8 * part + least);
    }
#endif
    for (int part = 0; part < COUNT / 8; part++) signs[part] = (uint8_t)(bits >> 8 * part);
    vf largest = load(magnitudes);
    for (int i = LANES; i < COUNT; i += LANES) largest = greater(load(magnitudes + i), largest);
    return greatest_lane(largest);
}

#define lane_steps K(lane_steps)
INLINE vf lane_steps(int first) {
    vf steps;
    UNROLL for (int lane = 0; lane < LANES; lane++) steps[lane] = (float)lane;
    return steps + (float)first;
}

#define grid_search K(grid_search)
/// Returns false for a sub-block that is stored as zeros; what was found are then only the signs.
static bool grid_search(const ingot_grid *grid, const float *x, const float *weights,
                        grid_fit *fit) {
    float magnitudes[COUNT], roots[COUNT], explained[COUNT];
    float largest = take_signs(x, weights, magnitudes, fit->signs);
    if (!(largest >= (float)NEGLIGIBLE) || largest == 0) return false;
    for (int i = 0; i < COUNT; i += LANES) {
        store(roots + i, root(load(weights + i)));
        store(explained + i, load(weights + i) * load(magnitudes + i));
    }
    static const float numbers[] = {1, 3, 5, 7, 9, 11, 13, 15};
#if STARTS_FROM_FIT
    float top = 5, scale = positive_trials(magnitudes, weights), reach = scale * 3;
    if (!(reach > 0)) return false;
#else
    float top = 2 * LEVELS - 1, scale = largest / top, reach = largest;
#endif

    // All trials at once, up to their least-squares sums.
    vf inverse[TRIAL_VECTORS], xq[TRIAL_VECTORS], q2[TRIAL_VECTORS];
    float scales[TRIAL_VECTORS * LANES];
    uint32_t points[GROUPS][TRIAL_VECTORS * LANES], moved_groups[TRIAL_VECTORS * LANES] = {0};
    UNROLL for (int v = 0; v < TRIAL_VECTORS; v++) {
        inverse[v] = (top + lane_steps(v * LANES - STEPS) * (float)STEP_SIZE) / reach;
        store(scales + v * LANES, 1 / inverse[v]);
        xq[v] = q2[v] = 0;
    }
    for (int g = 0; g < GROUPS; g++) {
        const float *m = magnitudes + g * DIMENSIONS, *w = weights + g * DIMENSIONS;
        grid_group group;
        set_grid_group(&group, m, roots + g * DIMENSIONS, numbers);
        uint32_t keys[TRIAL_VECTORS * LANES];
        UNROLL for (int v = 0; v < TRIAL_VECTORS; v++) {
            vi key = 0;
            UNROLL for (int i = 0; i < DIMENSIONS; i++) {
                // `nearest`, with its last subtraction put off.
                vi code = (vi)(0.5f * (inverse[v] * m[i] - 1) + 12582912.0f) & 0x007FFFFF;
                key += (clamped(code, 0x400000, 0x400000 + LEVELS - 1) - 0x400000) << KEY_BITS * i;
            }
            memcpy(keys + v * LANES, &key, sizeof key);
        }
        uint32_t packed[TRIAL_VECTORS * LANES];
        for (int t = 0; t < TRIALS; t++) {
            bool moved;
            uint32_t point = moved_to_point(grid, keys[t], &group, scales[t], &moved);
            moved_groups[t] |= (uint32_t)moved << g;
            points[g][t] = point;
            packed[t] = grid->packedPoints[point];
        }
        UNROLL for (int v = 0; v < TRIAL_VECTORS; v++) {
            vi codes;
            memcpy(&codes, packed + v * LANES, sizeof codes);
            UNROLL for (int i = 0; i < DIMENSIONS; i++) {
                vi code = codes >> 4 * i & (CODES - 1);
                vf q = __builtin_convertvector(2 * code + 1, vf);
                xq[v] += explained[g * DIMENSIONS + i] * q;
                q2[v] += w[i] * q * q;
            }
        }
    }

    float sums_xq[TRIAL_VECTORS * LANES], sums_q2[TRIAL_VECTORS * LANES], best = 0;
    UNROLL for (int v = 0; v < TRIAL_VECTORS; v++) {
        store(sums_xq + v * LANES, xq[v]);
        store(sums_q2 + v * LANES, q2[v]);
    }
    int winner = -1;
    for (int t = 0; t < TRIALS; t++) {
        if (sums_q2[t] > 0 && sums_xq[t] * sums_xq[t] > best * sums_q2[t]) {
            scale = sums_xq[t] / sums_q2[t];
            best = scale * sums_xq[t];
            winner = t;
        }
    }
    uint32_t wanted = winner >= 0 ? moved_groups[winner] : REFINES_ALL ? (1u << GROUPS) - 1 : 0;
    int32_t zero = grid->places[0];
    uint32_t zero_point = zero >= 0 ? (uint32_t)zero : grid->neighbours[-1 - zero + 1];
    for (int g = 0; g < GROUPS; g++) fit->points[g] = winner >= 0 ? points[g][winner] : zero_point;

    // The winner's groups are rounded again with its own scale.
    if ((STARTS_FROM_FIT || wanted) && scale > 0) {
        if (STARTS_FROM_FIT || REFINES_ALL) wanted = (1u << GROUPS) - 1;
        float again = 1 / scale;
        int32_t codes[COUNT];
        for (int i = 0; i < COUNT; i += LANES) {
            vi code = nearest(0.5f * (again * load(magnitudes + i) - 1));
            code = clamped(code, 0, LEVELS - 1);
            memcpy(codes + i, &code, sizeof code);
        }
        float sum_xq = 0, sum_q2 = 0;
        for (int g = 0; g < GROUPS; g++) {
            if (wanted >> g & 1) {
                uint32_t key = 0;
                UNROLL for (int i = 0; i < DIMENSIONS; i++) {
                    key |= (uint32_t)codes[g * DIMENSIONS + i] << KEY_BITS * i;
                }
                grid_group group;
                bool moved;
                set_grid_group(&group, magnitudes + g * DIMENSIONS, roots + g * DIMENSIONS,
                               numbers);
                fit->points[g] = moved_to_point(grid, key, &group, scale, &moved);
            }
            uint32_t packed = grid->packedPoints[fit->points[g]];
            UNROLL for (int i = g * DIMENSIONS; i < (g + 1) * DIMENSIONS; i++) {
                float q = (float)(int32_t)(2 * (packed & (CODES - 1)) + 1);
                packed >>= 4;
                sum_xq += explained[i] * q;
                sum_q2 += weights[i] * q * q;
            }
        }
        if (sum_q2 > 0) scale = sum_xq / sum_q2;
    }
    if (scale < 0) {
        scale = -scale;
        for (int part = 0; part < COUNT / 8; part++) fit->signs[part] ^= 255;
    }
    fit->scale = scale;
    return true;
}
