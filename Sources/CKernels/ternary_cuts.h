// What the two IQ1 formats share, in lanes: every lane has a sub-block of COUNT values.
//
// A format defines COUNT and DIMENSIONS (8).

#include "horizontal.h"
#include "grid_neighbours.h"
#include "grid_super_blocks.h"

#define GROUPS (COUNT / 8)
#define DELTA 0.125f

#define ternary_batch K(ternary_batch)
/// LANES sub-blocks.
typedef struct {
    /// Where every lane's values and weights are.
    const float *x[LANES], *w[LANES];
    /// Value i of every lane, and its weight.
    vf values[COUNT], weights[COUNT];
    /// The values in ascending order, equals in the order of their indices.
    vf sorted[COUNT];
    vi order[COUNT];
    /// Weight times value, and weight, in the order of values.
    vf products[COUNT], sorted_weights[COUNT];
    /// The result of the search for cuts: values before place `first` have code 0, those before
    /// `second` 1. Lanes that are not live are stored as zeros.
    vf scale;
    vi live, first, second, shift;
    /// Packed points of every group, and their numbers.
    uint32_t packed[GROUPS][LANES], points[GROUPS][LANES];
} ternary_batch;

#define exchange K(exchange)
INLINE void exchange(ternary_batch *batch, int low, int high) {
    vf a = batch->sorted[low], b = batch->sorted[high];
    vi i = batch->order[low], j = batch->order[high];
    vi wrong = (a > b) | ((a == b) & (i > j));
    batch->sorted[low] = wrong ? b : a;
    batch->sorted[high] = wrong ? a : b;
    batch->order[low] = wrong ? j : i;
    batch->order[high] = wrong ? i : j;
}

#define sort_values K(sort_values)
/// Batcher's network of merges of odd and even places. It is not stable by itself, so equals are
/// compared by their indices.
INLINE void sort_values(ternary_batch *batch) {
    for (int i = 0; i < COUNT; i++) {
        batch->sorted[i] = batch->values[i];
        batch->order[i] = i;
    }
    for (int run = 1; run < COUNT; run *= 2) {
        for (int apart = run; apart >= 1; apart /= 2) {
            for (int start = apart % run; start + apart < COUNT; start += 2 * apart) {
                for (int i = start; i < start + apart && i + apart < COUNT; i++) {
                    if (i / (2 * run) == (i + apart) / (2 * run)) exchange(batch, i, i + apart);
                }
            }
        }
    }
}

#define prepare_ternary K(prepare_ternary)
/// Transposes, sorts, and notes which lanes have a value that is not negligible.
INLINE void prepare_ternary(ternary_batch *batch, float negligible) {
    transpose(batch->x, COUNT, batch->values);
    transpose(batch->w, COUNT, batch->weights);
    vf largest = 0;
    for (int i = 0; i < COUNT; i++) largest = greater(magnitude(batch->values[i]), largest);
    batch->live = largest >= negligible;
    sort_values(batch);
    vf products[COUNT];
    for (int i = 0; i < COUNT; i++) products[i] = batch->weights[i] * batch->values[i];
    const float *product = (const float *)products, *weight = (const float *)batch->weights;
    const int32_t *order = (const int32_t *)batch->order;
    float *sorted_products = (float *)batch->products;
    float *sorted_weights = (float *)batch->sorted_weights;
    for (int i = 0; i < COUNT; i++) {
        UNROLL for (int lane = 0; lane < LANES; lane++) {
            int from = order[i * LANES + lane] * LANES + lane;
            sorted_products[i * LANES + lane] = product[from];
            sorted_weights[i * LANES + lane] = weight[from];
        }
    }
}

#define better_cut K(better_cut)
/// Takes a pair of cuts in the lanes where it explains more. Later pairs are mostly worse in all
/// of them.
INLINE void better_cut(ternary_batch *batch, vf *best, vf xq, vf q2, int first, int second,
                       int shift) {
    vi better = (q2 > 0) & (xq * xq > *best * q2);
    if (top_bits(better) == 0) return;
    vf scale = xq / q2;
    batch->scale = better ? scale : batch->scale;
    *best = better ? scale * xq : *best;
    batch->first = better ? (vi)first : batch->first;
    batch->second = better ? (vi)second : batch->second;
    batch->shift = better ? (vi)shift : batch->shift;
}

#define ternary_cut K(ternary_cut)
/// The value and the index at a place of the order; beyond its end, more than any.
INLINE vf ternary_cut(const ternary_batch *batch, vi place, vi *index) {
    vf value;
    UNROLL for (int lane = 0; lane < LANES; lane++) {
        int i = place[lane];
        bool end = i >= COUNT;
        value[lane] = end ? __builtin_inff() : ((const float *)batch->sorted)[i * LANES + lane];
        (*index)[lane] = end ? 0 : ((const int32_t *)batch->order)[i * LANES + lane];
    }
    return value;
}

#define ternary_points K(ternary_points)
/// Rounds to the cuts and moves every group to the grid. `down` has for every group the lanes that
/// are shifted down, and in the lanes of `turned` codes count from the other end. Where a group was
/// off the grid the scale is fitted again.
INLINE void ternary_points(const ingot_grid *grid, ternary_batch *batch, const vi *down,
                           vi turned) {
    static const float numbers[2][4] = {{-1 + DELTA, DELTA, 1 + DELTA},
                                        {-1 - DELTA, -DELTA, 1 - DELTA}};
    vi first_index, second_index;
    vf first = ternary_cut(batch, batch->first, &first_index);
    vf second = ternary_cut(batch, batch->second, &second_index);
    float scales[LANES];
    store(scales, batch->scale);
    uint32_t live = top_bits(batch->live), moved_lanes = 0;
    for (int g = 0; g < GROUPS; g++) {
        vi key = 0;
        UNROLL for (int p = 0; p < 8; p++) {
            int i = 8 * g + p;
            vf value = batch->values[i];
            // Comparisons are -1 where they hold.
            vi code = 2 + ((value < first) | ((value == first) & (i < first_index))) +
                      ((value < second) | ((value == second) & (i < second_index)));
            key |= (turned ? 2 - code : code) << 2 * p;
        }
        for (int lane = 0; lane < LANES; lane++) {
            batch->points[g][lane] = 0;
            if (live >> lane & 1) {
                grid_group group;
                bool moved;
                set_grid_group(&group, batch->x[lane] + 8 * g, batch->w[lane] + 8 * g,
                               numbers[down[g][lane] & 1]);
                batch->points[g][lane] = moved_to_point(grid, (uint32_t)key[lane], &group,
                                                        scales[lane], &moved);
                moved_lanes |= (uint32_t)moved << lane;
            }
            batch->packed[g][lane] = grid->packedPoints[batch->points[g][lane]];
        }
    }
    vf xq = 0, q2 = 0;
    for (int g = 0; g < GROUPS; g++) {
        vi codes;
        memcpy(&codes, batch->packed[g], sizeof codes);
        vf delta = down[g] ? (vf)-DELTA : (vf)DELTA;
        UNROLL for (int p = 0; p < 8; p++) {
            int i = 8 * g + p;
            vf q = __builtin_convertvector((codes >> 4 * p & 3) - 1, vf) + delta;
            vf weighted = batch->weights[i] * q;
            xq += weighted * batch->values[i];
            q2 += weighted * q;
        }
    }
    vi moved;
    for (int lane = 0; lane < LANES; lane++) moved[lane] = moved_lanes >> lane & 1 ? -1 : 0;
    batch->scale = (moved & (xq > 0) & (q2 > 0)) ? xq / q2 : batch->scale;
}
