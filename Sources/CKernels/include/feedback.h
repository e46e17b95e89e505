#ifndef INGOT_FEEDBACK_H
#define INGOT_FEEDBACK_H

// Kernels that round rows with error feedback. Included by CKernels.h.
//
// Rows go in panels of INGOT_PANEL: number c of all rows of a panel is at [c * INGOT_PANEL], so that
// a lane is a row and a row's result depends neither on its neighbours nor on the instruction set.
// Every sum has a fixed order; there is no fused multiply-add.

#pragma clang assume_nonnull begin

/// Rows of a panel.
#define INGOT_PANEL 16

/// The grid of a format whose levels come in codewords.
typedef struct ingot_feedback_grid {
    /// Columns of a codeword: 4 or 8.
    uint32_t dimensions;
    /// Codes of a coordinate: 8 or 3.
    uint32_t levelCount;
    uint32_t pointCount;
    /// Of eight signs seven are stored: an even number is negative.
    bool hasEvenSigns;
    /// Codes of every point.
    const uint8_t *codes;
    /// What the codes stand for; a level is such a number with a sign.
    const float *magnitudes;
} ingot_feedback_grid;

/// The most values that share a scale.
#define INGOT_FEEDBACK_GROUP 128

/// How scales that are not multiples of a unit are stored.
typedef enum ingot_scale_type {
    /// binary16 of any sign.
    INGOT_SCALE_F16,
    /// binary16, positive.
    INGOT_SCALE_POSITIVE_F16,
    /// bfloat16, positive.
    INGOT_SCALE_BF16,
    /// 8-bit floats of the kind E4M3, positive.
    INGOT_SCALE_E4M3
} ingot_scale_type;

/// How a block's values are made of codes: value = scale * level - minimum.
typedef struct ingot_feedback_form {
    /// Values that share a scale: a multiple of 8, at most INGOT_FEEDBACK_GROUP, which divides 256.
    uint32_t groupLength;
    /// Values that share the unit of the scales; equal to `groupLength` where a scale is stored as
    /// a binary16 number.
    uint32_t blockLength;
    /// The least and the largest level, whole numbers, unless there is a curve or floats.
    float lowest, highest;
    /// Whether levels are 8-bit floats (E4M3), the largest 448.
    bool hasFloats;
    /// The sixteen levels in ascending order, or null.
    const float *_Nullable curve;
    /// The grid, or null.
    const ingot_feedback_grid *_Nullable grid;
    /// The integer scales; both 0 where scales are binary16 numbers.
    float lowestScale, highestScale;
    /// A scale is unit * factor * (integer + offset).
    float scaleFactor, scaleOffset;
    /// Whether scales stay what they are at the start.
    bool keepsScales;
    /// The largest integer minimum; 0 without minimums, -1 where they are binary16 numbers of any
    /// sign.
    float highestMinimum;
    /// How scales without a unit are stored.
    ingot_scale_type scaleType;
    /// Whether a minimum is a whole number of the group's scales, at most `highestMinimum`.
    bool hasZeroPoints;
} ingot_feedback_form;

/// How hard to search.
typedef struct ingot_feedback_search {
    /// Whether scales are searched at all.
    bool searchesScales;
    /// Rounds of least squares and neighbours after the starting grids.
    uint32_t refinements;
    /// How far integer scales are varied in a round.
    uint32_t radius;
    /// How often the units of the scales are fitted again.
    uint32_t refits;
    /// Whether other units are tried beside the fitted one.
    bool triesUnits;
} ingot_feedback_search;

/// A stretch of columns of one panel.
typedef struct ingot_feedback_block {
    /// Columns, whole groups, at most 256.
    uint32_t columnCount;
    /// The factor at the stretch's first row and column; `stride` numbers from row to row.
    const float *factor;
    size_t stride;
    /// A weight for each column.
    const float *importance;
    /// In: the weights; they stay.
    const float *weights;
    /// In and out: the units of scales and minimums, one for each block.
    float *unit;
    float *minimumUnit;
    /// In and out: scale and minimum of each group as they are decoded.
    float *scales;
    float *minimums;
    /// Out: a level for each column.
    float *levels;
    /// Out: the columns' errors over the factor's diagonal.
    float *errors;
} ingot_feedback_block;

/// Rounds the columns of a stretch, each with what the columns before it left.
bool ingot_feedback_round(ingot_isa isa, const ingot_feedback_form *form,
                          const ingot_feedback_search *search, const ingot_feedback_block *block);

/// target[c] -= Σ errors[r] * matrix[r][c] for `columnCount` columns, the sum in ascending order.
bool ingot_panel_subtract(ingot_isa isa, const float *errors, size_t rowCount,
                          const float *matrix, size_t stride, size_t columnCount, float *target);

/// Solves y · factor = weights in place for a stretch of at most 256 columns.
bool ingot_panel_solve(ingot_isa isa, const float *factor, size_t stride, size_t columnCount,
                       float *weights);

/// Moves levels of a stretch, column by column, to the best for what all other columns are.
///
/// `gradient` is (weights - rounded) · H and is kept up within the stretch; `hessian` is H at the
/// stretch's first row and column. `changes` receives how much each column's value rose.
bool ingot_feedback_descend(ingot_isa isa, const ingot_feedback_form *form,
                            const float *hessian, size_t stride, size_t columnCount,
                            const float *scales, const float *minimums, float *levels,
                            float *gradient, float *changes);

#pragma clang assume_nonnull end

#endif
