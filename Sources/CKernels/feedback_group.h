// The search for scale and minimum of one group in the metric of the feedback: the sum of squares
// of what the group's columns leave to the columns behind, which is by how much the group's errors
// raise the whole row's, given that everything behind makes up for them.

#define feedback_grid K(feedback_grid)
/// What a group's values may be, a lane for each row.
typedef struct {
    const ingot_feedback_form *form;
    /// Midpoints of the curve.
    float midpoints[15];
    /// The units of scales and minimums, and their inverses (0 for 0).
    vf unit, inverseUnit, minimumUnit, inverseMinimumUnit;
    /// The points, for formats with codewords.
    codeword_grid words;
} feedback_grid;

#define float_level K(float_level)
/// The nearest 8-bit float (E4M3) of either sign.
INLINE vf float_level(vf t) {
    t = clamped_float(t, -448, 448);
    vi bits = (vi)t;
    vf normal = (vf)((bits + 0x7FFFF + (bits >> 20 & 1)) & ~0xFFFFF);
    // The numbers below 2^-6 are multiples of 2^-9.
    vf small = rounded(t * 512) * 0x1p-9f;
    return magnitude(t) < 0x1p-6f ? small : normal;
}

#define nearest_level K(nearest_level)
/// The level nearest to `t`.
INLINE vf nearest_level(const feedback_grid *grid, vf t) {
    const ingot_feedback_form *form = grid->form;
    if (form->hasFloats) return float_level(t);
    if (!form->curve) return rounded(clamped_float(t, form->lowest, form->highest));
    vf level = form->curve[0];
    UNROLL for (int i = 0; i < 15; i++) level = t >= grid->midpoints[i] ? (vf)form->curve[i + 1] : level;
    return level;
}

#define inverse_of K(inverse_of)
/// 1 / x, 0 where that is no number to multiply with.
INLINE vf inverse_of(vf x) {
    vf inverse = 1 / x;
    return magnitude(inverse) < 3e38f ? inverse : (vf)0;
}

#define half_rounded K(half_rounded)
/// The nearest finite binary16 number.
INLINE vf half_rounded(vf x) { return widened_halves(halved(clamped_float(x, -65504, 65504))); }

#define stored_scale K(stored_scale)
/// The nearest number that can be stored as a scale, `steps` of its precision further.
INLINE vf stored_scale(const ingot_feedback_form *form, vf x, int steps) {
    if (form->scaleType == INGOT_SCALE_E4M3) {
        x = clamped_float(x * (1 + 0x1p-3f * (float)steps), 0x1p-9f, 448);
        vi bits = (vi)x;
        vf normal = (vf)((bits + 0x7FFFF + (bits >> 20 & 1)) & ~0xFFFFF);
        // The numbers below 2^-6 are multiples of 2^-9.
        vf small = rounded(x * 512) * 0x1p-9f;
        return x < 0x1p-6f ? small : normal;
    }
    x *= 1 + 0x1p-7f * (float)steps;
    if (form->scaleType == INGOT_SCALE_F16) return half_rounded(x);
    if (form->scaleType == INGOT_SCALE_POSITIVE_F16) {
        return half_rounded(clamped_float(x, 0x1p-24f, 65504));
    }
    vi bits = (vi)clamped_float(x, 0x1p-100f, 0x1p100f);
    return (vf)((bits + 0x7FFF + (bits >> 16 & 1)) & ~0xFFFF);
}

#define set_units K(set_units)
INLINE void set_units(feedback_grid *grid, vf unit, vf minimumUnit) {
    grid->unit = unit * grid->form->scaleFactor;
    grid->minimumUnit = minimumUnit;
    grid->inverseUnit = inverse_of(grid->unit);
    grid->inverseMinimumUnit = inverse_of(minimumUnit);
}

#define project K(project)
/// Moves scale and minimum to the nearest that can be stored, `ds` and `dm` steps further.
INLINE void project(const feedback_grid *grid, vf *scale, vf *minimum, int ds, int dm) {
    const ingot_feedback_form *form = grid->form;
    if (form->highestScale > 0) {
        float low = form->lowestScale, high = form->highestScale;
        vf whole = *scale * grid->inverseUnit - form->scaleOffset;
        whole = rounded(clamped_float(whole, low, high)) + (float)ds;
        *scale = grid->unit * (clamped_float(whole, low, high) + form->scaleOffset);
    } else {
        *scale = stored_scale(form, *scale, ds);
    }
    if (form->hasZeroPoints) {
        vf whole = clamped_float(*minimum * inverse_of(*scale), 0, form->highestMinimum);
        *minimum = *scale * clamped_float(rounded(whole) + (float)dm, 0, form->highestMinimum);
    } else if (form->highestMinimum > 0) {
        vf whole = clamped_float(*minimum * grid->inverseMinimumUnit, 0, form->highestMinimum);
        whole = clamped_float(rounded(whole) + (float)dm, 0, form->highestMinimum);
        *minimum = grid->minimumUnit * whole;
    } else if (form->highestMinimum < 0) {
        *minimum = half_rounded(*minimum + *scale * (0.125f * (float)dm));
    } else {
        *minimum = 0;
    }
}

#define feedback_group K(feedback_group)
/// A group under search.
typedef struct {
    const feedback_grid *grid;
    int count;
    const float *factor;
    size_t stride;
    const float *inverseDiagonal;
    /// Metrics of its codewords, where it has them.
    const codeword_metric *metrics;
    /// The weights as they reach the group.
    const vf *weights;
    /// The best so far.
    vf loss, scale, minimum;
    vf levels[INGOT_FEEDBACK_GROUP], errors[INGOT_FEEDBACK_GROUP];
} feedback_group;

#define round_group K(round_group)
/// Rounds the group with a scale and a minimum; keeps it in lanes where it is better, or in all.
INLINE void round_group(feedback_group *group, vf scale, vf minimum, bool keepsAll) {
    vf x[INGOT_FEEDBACK_GROUP], levels[INGOT_FEEDBACK_GROUP], errors[INGOT_FEEDBACK_GROUP];
    int count = group->count;
    vf inverse = inverse_of(scale), loss = 0;
    for (int j = 0; j < count; j++) x[j] = group->weights[j];
    if (group->grid->form->grid) {
        loss = round_codewords(&group->grid->words, group->metrics, x, count, group->factor,
                               group->stride, scale, keepsAll ? 0 : &group->loss, levels, errors);
        count = 0;
    }
    for (int base = 0; base < count; base += 8) {
        for (int j = base; j < base + 8; j++) {
            vf level = nearest_level(group->grid, (x[j] + minimum) * inverse);
            const float *row = group->factor + (size_t)j * group->stride;
            vf error = (x[j] - (scale * level - minimum)) * group->inverseDiagonal[j];
            loss += error * error;
            levels[j] = level;
            errors[j] = error;
            for (int k = j + 1; k < base + 8; k++) x[k] -= error * row[k];
        }
        if (!keepsAll && !any(loss < group->loss)) return;
        subtract_behind(x, errors, base, base + 8, count, group->factor, group->stride);
    }
    vi better = keepsAll ? (vi)-1 : loss < group->loss;
    if (!any(better)) return;
    group->loss = better ? loss : group->loss;
    group->scale = better ? scale : group->scale;
    group->minimum = better ? minimum : group->minimum;
    for (int j = 0; j < group->count; j++) {
        group->levels[j] = better ? levels[j] : group->levels[j];
        group->errors[j] = better ? errors[j] : group->errors[j];
    }
}

#define try_start K(try_start)
/// Rounds with the grid that plain weighted least squares makes of a starting grid
/// `(x - start) * inverse`.
static void try_start(feedback_group *group, const vf *w, vf start, vf inverse) {
    vf sumW = 0, sumX = 0, sumL = 0, sumL2 = 0, sumXL = 0;
    for (int j = 0; j < group->count; j++) {
        vf x = group->weights[j];
        vf level = nearest_level(group->grid, (x - start) * inverse);
        vf weighted = w[j] * level;
        sumW += w[j];
        sumX += w[j] * x;
        sumL += weighted;
        sumL2 += weighted * level;
        sumXL += weighted * x;
    }
    vf scale = sumXL * inverse_of(sumL2), minimum = 0;
    if (group->grid->form->highestMinimum != 0) {
        vf determinant = sumW * sumL2 - sumL * sumL, inverted = inverse_of(determinant);
        vf line = (sumL * sumXL - sumL2 * sumX) * inverted;
        vi holds = (determinant > 0) & (group->grid->form->highestMinimum < 0 || line >= 0);
        scale = holds ? (sumW * sumXL - sumX * sumL) * inverted : scale;
        minimum = holds ? line : (vf)0;
    }
    project(group->grid, &scale, &minimum, 0, 0);
    round_group(group, scale, minimum, false);
}

#define try_starts K(try_starts)
/// Tries grids from the group's range.
static void try_starts(feedback_group *group, const float *importance, vf variance) {
    static const float offsets[7] = {-0.7f, -0.35f, 0, 0.35f, 0.7f, 1.05f, 1.5f};
    const ingot_feedback_form *form = group->grid->form;
    vf w[INGOT_FEEDBACK_GROUP];
    vf least = group->weights[0], largest = group->weights[0];
    for (int j = 0; j < group->count; j++) {
        vf x = group->weights[j];
        w[j] = importance[j] * root(variance + x * x);
        least = lesser(x, least);
        largest = greater(x, largest);
    }
    if (form->highestMinimum != 0) {
        if (form->highestMinimum > 0) least = lesser(least, (vf)0);
        vf inverse = inverse_of(largest - least);
        for (int i = 0; i < 7; i++) {
            try_start(group, w, least, (form->highest + offsets[i]) * inverse);
        }
        return;
    }
    vf inverse = inverse_of(greater(largest, -least));
    float lowest = form->curve ? form->curve[0] : form->lowest;
    bool isPositive = form->scaleType != INGOT_SCALE_F16;
    float step = !form->curve ? 1 : isPositive ? 2 : 8;
    bool isEven = !form->curve && -form->lowest == form->highest;
    for (int i = 0; i < 7; i++) {
        vf start = (lowest - step * offsets[i]) * inverse;
        if (!isPositive) try_start(group, w, 0, start);
        if (!isEven || isPositive) try_start(group, w, 0, -start);
    }
}

#define refine_group K(refine_group)
/// Least squares for scale and minimum in the group's metric, with the levels as they are, and the
/// integers around.
static void refine_group(feedback_group *group, const vf *target, const vf *ones, int radius) {
    const ingot_feedback_form *form = group->grid->form;
    vf a[INGOT_FEEDBACK_GROUP];
    for (int j = 0; j < group->count; j++) a[j] = group->levels[j];
    solve_stretch(a, group->count, group->factor, group->stride);
    vf aa = 0, ab = 0, bb = 0, ya = 0, yb = 0;
    for (int j = 0; j < group->count; j++) {
        aa += a[j] * a[j];
        ya += target[j] * a[j];
        ab += a[j] * ones[j];
        bb += ones[j] * ones[j];
        yb += target[j] * ones[j];
    }
    vf scale = ya * inverse_of(aa), minimum = 0;
    if (form->highestMinimum != 0) {
        vf determinant = aa * bb - ab * ab, inverted = inverse_of(determinant);
        vf line = (ya * ab - yb * aa) * inverted;
        vi holds = (determinant > 0) & (form->highestMinimum < 0 || line >= 0);
        scale = holds ? (ya * bb - yb * ab) * inverted : scale;
        minimum = holds ? line : (vf)0;
    }
    vf s = scale, m = minimum;
    project(group->grid, &s, &m, 0, 0);
    round_group(group, s, m, false);
    vf centreScale = group->scale, centreMinimum = group->minimum;
    int radiusM = form->highestMinimum != 0 ? radius : 0;
    for (int ds = -radius; ds <= radius; ds++) {
        for (int dm = -radiusM; dm <= radiusM; dm++) {
            if (ds == 0 && dm == 0) continue;
            s = centreScale;
            m = centreMinimum;
            project(group->grid, &s, &m, ds, dm);
            round_group(group, s, m, false);
        }
    }
}
