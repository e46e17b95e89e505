// Rounding of a stretch of columns, and the descent afterwards.

#define feedback_stretch K(feedback_stretch)
/// One slice of a panel's stretch, a lane for each row.
typedef struct {
    vf scales[16], minimums[16];
    vf levels[256], errors[256];
    vf loss;
} feedback_stretch;

#define feedback_task K(feedback_task)
typedef struct {
    const ingot_feedback_form *form;
    const ingot_feedback_search *search;
    const ingot_feedback_block *block;
    float inverseDiagonal[256];
    codeword_metric metrics[64];
    vf weights[256], ones[256];
    vf variance;
} feedback_task;

#define round_stretch K(round_stretch)
/// Rounds group by group, from `start`'s scales and minimums; units belong to `first` and on.
static void round_stretch(const feedback_task *task, feedback_grid *grid, const vf *units,
                          const vf *minimumUnits, const feedback_stretch *start, bool searches,
                          feedback_stretch *result) {
    const ingot_feedback_block *block = task->block;
    int length = (int)task->form->groupLength, count = (int)block->columnCount;
    int groupsPerBlock = (int)(task->form->blockLength / task->form->groupLength);
    vf x[256];
    for (int j = 0; j < count; j++) x[j] = task->weights[j];
    result->loss = 0;
    feedback_group group;
    memset(&group, 0, sizeof group);
    group.grid = grid;
    group.count = length;
    group.stride = block->stride;
    for (int g = 0; g < count / length; g++) {
        int first = g * length;
        set_units(grid, units[g / groupsPerBlock], minimumUnits[g / groupsPerBlock]);
        group.factor = block->factor + (size_t)first * block->stride + first;
        group.inverseDiagonal = task->inverseDiagonal + first;
        group.weights = x + first;
        if (task->form->grid) group.metrics = task->metrics + first / grid->words.length;
        vf scale = start->scales[g], minimum = start->minimums[g];
        if (task->form->highestScale > 0) project(grid, &scale, &minimum, 0, 0);
        round_group(&group, scale, minimum, true);
        if (searches) {
            if (!task->form->grid) try_starts(&group, block->importance + first, task->variance);
            vf target[INGOT_FEEDBACK_GROUP];
            for (int j = 0; j < length; j++) target[j] = x[first + j];
            solve_stretch(target, length, group.factor, group.stride);
            for (uint32_t i = 0; i < task->search->refinements; i++) {
                refine_group(&group, target, task->ones + first, (int)task->search->radius);
            }
        }
        result->scales[g] = group.scale;
        result->minimums[g] = group.minimum;
        result->loss += group.loss;
        for (int j = 0; j < length; j++) {
            result->levels[first + j] = group.levels[j];
            result->errors[first + j] = group.errors[j];
        }
        subtract_behind(x, result->errors, first, first + length, count, block->factor,
                        block->stride);
    }
}

#define keep_better K(keep_better)
/// Takes `trial` over in the lanes where its loss is smaller.
static void keep_better(const feedback_task *task, feedback_stretch *best, vf *unit,
                        vf *minimumUnit, const feedback_stretch *trial, vf trialUnit,
                        vf trialMinimumUnit) {
    vi better = trial->loss < best->loss;
    if (!any(better)) return;
    int count = (int)task->block->columnCount;
    *unit = better ? trialUnit : *unit;
    *minimumUnit = better ? trialMinimumUnit : *minimumUnit;
    best->loss = better ? trial->loss : best->loss;
    for (int g = 0; g < count / (int)task->form->groupLength; g++) {
        best->scales[g] = better ? trial->scales[g] : best->scales[g];
        best->minimums[g] = better ? trial->minimums[g] : best->minimums[g];
    }
    for (int j = 0; j < count; j++) {
        best->levels[j] = better ? trial->levels[j] : best->levels[j];
        best->errors[j] = better ? trial->errors[j] : best->errors[j];
    }
}

#define fit_units K(fit_units)
/// Least squares for the units of scales and minimums, with everything else as it is.
static void fit_units(const feedback_task *task, const feedback_stretch *stretch, vf *unit,
                      vf *minimumUnit) {
    const ingot_feedback_block *block = task->block;
    int length = (int)task->form->groupLength, count = (int)block->columnCount;
    vf a[256], b[256], y[256];
    vf inverse = inverse_of(*unit), inverseMinimum = inverse_of(*minimumUnit);
    for (int j = 0; j < count; j++) {
        a[j] = stretch->scales[j / length] * inverse * stretch->levels[j];
        b[j] = stretch->minimums[j / length] * inverseMinimum;
        y[j] = task->weights[j];
    }
    bool hasMinimum = task->form->highestMinimum > 0;
    solve_stretch(y, count, block->factor, block->stride);
    solve_stretch(a, count, block->factor, block->stride);
    if (hasMinimum) solve_stretch(b, count, block->factor, block->stride);
    vf aa = 0, ab = 0, bb = 0, ya = 0, yb = 0;
    for (int j = 0; j < count; j++) {
        aa += a[j] * a[j];
        ya += y[j] * a[j];
        ab += a[j] * b[j];
        bb += b[j] * b[j];
        yb += y[j] * b[j];
    }
    vf fitted = ya * inverse_of(aa), fittedMinimum = *minimumUnit;
    if (hasMinimum) {
        vf determinant = aa * bb - ab * ab, inverted = inverse_of(determinant);
        vf line = (ya * ab - yb * aa) * inverted;
        vi holds = (determinant > 0) & (line >= 0);
        fitted = holds ? (ya * bb - yb * ab) * inverted : *unit;
        fittedMinimum = holds ? line : *minimumUnit;
    }
    // A unit that would flip a format's unsigned scales is no fit.
    fitted = task->form->lowestScale < 0 || fitted >= 0 ? fitted : *unit;
    *unit = half_rounded(fitted);
    *minimumUnit = half_rounded(fittedMinimum);
}

#define search_units K(search_units)
/// Rounds again with other units of the scales and keeps what is better.
static void search_units(const feedback_task *task, feedback_grid *grid, feedback_stretch *best,
                         vf *unit, vf *minimumUnit) {
    static const float factors[4][2] = {{0.93f, 1}, {1.07f, 1}, {1, 0.93f}, {1, 1.07f}};
    feedback_stretch trial;
    for (uint32_t i = 0; i < task->search->refits; i++) {
        vf fitted = *unit, fittedMinimum = *minimumUnit;
        fit_units(task, best, &fitted, &fittedMinimum);
        feedback_stretch start = *best;
        for (int g = 0; g < (int)(task->block->columnCount / task->form->groupLength); g++) {
            // The same integers of the new units.
            start.scales[g] *= inverse_of(*unit) * fitted;
            start.minimums[g] *= inverse_of(*minimumUnit) * fittedMinimum;
        }
        round_stretch(task, grid, &fitted, &fittedMinimum, &start, true, &trial);
        keep_better(task, best, unit, minimumUnit, &trial, fitted, fittedMinimum);
    }
    if (!task->search->triesUnits) return;
    int tries = task->form->highestMinimum > 0 ? 4 : 2;
    for (int i = 0; i < tries; i++) {
        vf tried = half_rounded(*unit * factors[i][0]);
        vf triedMinimum = half_rounded(*minimumUnit * factors[i][1]);
        round_stretch(task, grid, &tried, &triedMinimum, best, true, &trial);
        keep_better(task, best, unit, minimumUnit, &trial, tried, triedMinimum);
    }
}

#define grid_of K(grid_of)
INLINE feedback_grid grid_of(const ingot_feedback_form *form) {
    feedback_grid grid;
    memset(&grid, 0, sizeof grid);
    grid.form = form;
    for (int i = 0; i < 15 && form->curve; i++) {
        grid.midpoints[i] = 0.5f * (form->curve[i] + form->curve[i + 1]);
    }
    if (form->grid) make_codewords(form->grid, &grid.words);
    return grid;
}

static void K(feedback_round)(ingot_isa isa, const ingot_feedback_form *form,
                              const ingot_feedback_search *search,
                              const ingot_feedback_block *block) {
    (void)isa;
    int count = (int)block->columnCount, groups = count / (int)form->groupLength;
    int blocks = count / (int)form->blockLength;
    feedback_task task;
    feedback_stretch start, best;
    memset(&start, 0, sizeof start);
    task.form = form;
    task.search = search;
    task.block = block;
    feedback_grid grid = grid_of(form);
    for (int j = 0; j < count; j++) {
        task.inverseDiagonal[j] = reciprocal(block->factor[(size_t)j * block->stride + j]);
        task.ones[j] = 1;
    }
    for (int g = 0; g < groups; g++) {
        size_t first = (size_t)g * form->groupLength;
        solve_stretch(task.ones + first, (int)form->groupLength,
                      block->factor + first * block->stride + first, block->stride);
    }
    for (int j = 0; form->grid && j < count; j += grid.words.length) {
        metric_of(block->factor + (size_t)j * block->stride + j, block->stride,
                  task.inverseDiagonal + j, grid.words.length,
                  task.metrics + j / grid.words.length);
    }
    bool searches = search->searchesScales && !form->keepsScales;
    for (int slice = 0; slice < SLICES; slice++) {
        size_t lane = (size_t)slice * LANES;
        vf units[16], minimumUnits[16];
        task.variance = 0;
        for (int j = 0; j < count; j++) {
            task.weights[j] = load(block->weights + lane + (size_t)j * INGOT_PANEL);
            task.variance += task.weights[j] * task.weights[j];
        }
        task.variance *= 1 / (float)count;
        for (int b = 0; b < blocks; b++) {
            units[b] = load(block->unit + lane + (size_t)b * INGOT_PANEL);
            minimumUnits[b] = load(block->minimumUnit + lane + (size_t)b * INGOT_PANEL);
        }
        for (int g = 0; g < groups; g++) {
            start.scales[g] = load(block->scales + lane + (size_t)g * INGOT_PANEL);
            start.minimums[g] = load(block->minimums + lane + (size_t)g * INGOT_PANEL);
        }
        round_stretch(&task, &grid, units, minimumUnits, &start, searches, &best);
        if (searches && form->highestScale > 0) {
            search_units(&task, &grid, &best, units, minimumUnits);
        }
        for (int b = 0; b < blocks; b++) {
            store(block->unit + lane + (size_t)b * INGOT_PANEL, units[b]);
            store(block->minimumUnit + lane + (size_t)b * INGOT_PANEL, minimumUnits[b]);
        }
        for (int g = 0; g < groups; g++) {
            store(block->scales + lane + (size_t)g * INGOT_PANEL, best.scales[g]);
            store(block->minimums + lane + (size_t)g * INGOT_PANEL, best.minimums[g]);
        }
        for (int j = 0; j < count; j++) {
            store(block->levels + lane + (size_t)j * INGOT_PANEL, best.levels[j]);
            store(block->errors + lane + (size_t)j * INGOT_PANEL, best.errors[j]);
        }
    }
}

static void K(feedback_descend)(ingot_isa isa, const ingot_feedback_form *form,
                                const float *hessian, size_t stride, size_t columnCount,
                                const float *scales, const float *minimums, float *levels,
                                float *gradient, float *changes) {
    (void)isa;
    feedback_grid grid = grid_of(form);
    for (int slice = 0; slice < SLICES; slice++) {
        size_t lane = (size_t)slice * LANES;
        vf g[256];
        for (size_t j = 0; j < columnCount; j++) g[j] = load(gradient + lane + j * INGOT_PANEL);
        if (form->grid) {
            descend_codewords(form, hessian, stride, columnCount, scales + lane, levels + lane, g,
                              changes + lane);
        }
        for (size_t j = 0; !form->grid && j < columnCount; j++) {
            size_t group = j / form->groupLength * INGOT_PANEL + lane;
            const float *row = hessian + j * stride;
            float *place = levels + lane + j * INGOT_PANEL;
            vf scale = load(scales + group), minimum = load(minimums + group);
            vf old = load(place), value = scale * old - minimum;
            vf wanted = value + g[j] * reciprocal(row[j]);
            vf level = nearest_level(&grid, (wanted + minimum) * inverse_of(scale));
            level = scale == 0 ? old : level;
            vf change = (scale * level - minimum) - value;
            store(place, level);
            store(changes + lane + j * INGOT_PANEL, change);
            if (!any(change != 0)) continue;
            for (size_t k = 0; k < columnCount; k++) g[k] -= change * row[k];
        }
        for (size_t j = 0; j < columnCount; j++) store(gradient + lane + j * INGOT_PANEL, g[j]);
    }
}
