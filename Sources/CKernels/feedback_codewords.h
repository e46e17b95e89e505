// Codewords of the IQ2 and IQ3 formats: four or eight columns at a time to a point of a grid, with
// signs. Points are first ranked by the diagonal of the codeword's metric, the best of them by all
// of it.

/// Points that are ranked by the whole metric.
#define FINALISTS 4

#define codeword_grid K(codeword_grid)
typedef struct {
    const ingot_feedback_grid *grid;
    int length, levels, halves;
    /// Where a point's halves are in the tables.
    uint8_t halfOf[2][1024];
} codeword_grid;

#define codeword_metric K(codeword_metric)
/// The metric (UᵀU)⁻¹ of a codeword: rows of U, and the diagonal of the metric itself.
typedef struct {
    const float *factor;
    size_t stride;
    const float *inverseDiagonal;
    float weights[8];
} codeword_metric;

#define make_codewords K(make_codewords)
static void make_codewords(const ingot_feedback_grid *grid, codeword_grid *words) {
    words->grid = grid;
    words->length = (int)grid->dimensions;
    words->levels = (int)grid->levelCount;
    words->halves = words->length == 4 ? 64 : 81;
    int half = words->length / 2;
    for (uint32_t p = 0; p < grid->pointCount; p++) {
        const uint8_t *codes = grid->codes + p * grid->dimensions;
        for (int h = 0; h < 2; h++) {
            int place = 0;
            for (int i = 0; i < half; i++) place = place * words->levels + codes[h * half + i];
            words->halfOf[h][p] = (uint8_t)place;
        }
    }
}

#define metric_of K(metric_of)
/// The metric of the codeword at the first row and column of `factor`.
INLINE void metric_of(const float *factor, size_t stride, const float *inverseDiagonal,
                      int length, codeword_metric *metric) {
    metric->factor = factor;
    metric->stride = stride;
    metric->inverseDiagonal = inverseDiagonal;
    // Row i of U⁻¹ by solving y · U = e(i); its squares sum up to the diagonal.
    for (int i = 0; i < length; i++) {
        float y[8] = {0}, sum = 0;
        y[i] = 1;
        for (int j = i; j < length; j++) {
            y[j] *= inverseDiagonal[j];
            for (int k = j + 1; k < length; k++) y[k] -= y[j] * factor[(size_t)j * stride + k];
            sum += y[j] * y[j];
        }
        metric->weights[i] = sum;
    }
}

#define point_errors K(point_errors)
/// For every half of a point, what its coordinates add to the error.
INLINE void point_errors(const codeword_grid *words, const vf *magnitudes, const float *weights,
                         vf scale, vf tables[2][81]) {
    int half = words->length / 2, levels = words->levels;
    for (int h = 0; h < 2; h++) {
        vf single[4][8];
        for (int i = 0; i < half; i++) {
            for (int c = 0; c < levels; c++) {
                vf difference =
                    magnitudes[h * half + i] - scale * words->grid->magnitudes[c];
                single[i][c] = weights[h * half + i] * (difference * difference);
            }
        }
        if (half == 2) {
            for (int c = 0; c < 64; c++) tables[h][c] = single[0][c >> 3] + single[1][c & 7];
        } else {
            vf front[9], back[9];
            for (int c = 0; c < 9; c++) {
                front[c] = single[0][c / 3] + single[1][c % 3];
                back[c] = single[2][c / 3] + single[3][c % 3];
            }
            for (int c = 0; c < 81; c++) tables[h][c] = front[c / 9] + back[c % 9];
        }
    }
}

#define finalists K(finalists)
/// The points of least error, the best first.
INLINE void finalists(const codeword_grid *words, vf tables[2][81], vi points[FINALISTS]) {
    vf best[FINALISTS];
    UNROLL for (int f = 0; f < FINALISTS; f++) {
        best[f] = __builtin_inff();
        points[f] = 0;
    }
    for (int p = 0; p < (int)words->grid->pointCount; p++) {
        vf error = tables[0][words->halfOf[0][p]] + tables[1][words->halfOf[1][p]];
        if (!any(error < best[FINALISTS - 1])) continue;
        vi point = p;
        UNROLL for (int f = 0; f < FINALISTS; f++) {
            vi better = error < best[f];
            vf pushed = better ? best[f] : error;
            vi pushedPoint = better ? points[f] : point;
            best[f] = better ? error : best[f];
            points[f] = better ? point : points[f];
            error = pushed;
            point = pushedPoint;
        }
    }
}

#define codeword_loss K(codeword_loss)
/// What a codeword's errors leave, and these errors.
INLINE vf codeword_loss(const codeword_metric *metric, int length, const vf *x, vf scale,
                        const vf *levels, vf *errors) {
    vf y[8], loss = 0;
    for (int j = 0; j < length; j++) y[j] = x[j] - scale * levels[j];
    for (int j = 0; j < length; j++) {
        const float *row = metric->factor + (size_t)j * metric->stride;
        vf error = y[j] * metric->inverseDiagonal[j];
        loss += error * error;
        errors[j] = error;
        for (int k = j + 1; k < length; k++) y[k] -= error * row[k];
    }
    return loss;
}

#define parity_of K(parity_of)
/// Lanes with an odd number of negative numbers.
INLINE vi parity_of(const vf *x, int length) {
    vi odd = 0;
    for (int i = 0; i < length; i++) odd ^= x[i] < 0;
    return odd;
}

#define cheapest_flip K(cheapest_flip)
/// Where a wrong sign costs least.
INLINE vi cheapest_flip(const vf *x, const float *weights, int length) {
    vi place = 0;
    vf least = weights[0] * magnitude(x[0]);
    for (int i = 1; i < length; i++) {
        vf cost = weights[i] * magnitude(x[i]);
        vi better = cost < least;
        place = better ? (vi)i : place;
        least = better ? cost : least;
    }
    return place;
}

#define choose_codeword K(choose_codeword)
/// Finds levels for a codeword. `odd` tells how the number of negative ones must be, where it
/// matters.
static vf choose_codeword(const codeword_grid *words, const codeword_metric *metric,
                          const vf *x, vf scale, vi odd, vf *levels, vf *errors) {
    int length = words->length;
    vf magnitudes[8], tables[2][81];
    vi negative[8], points[FINALISTS];
    vi flips = parity_of(x, length) ^ odd;
    vi place = cheapest_flip(x, metric->weights, length);
    for (int i = 0; i < length; i++) {
        vi wrong = words->grid->hasEvenSigns ? flips & (place == i) : (vi)0;
        magnitudes[i] = wrong ? -magnitude(x[i]) : magnitude(x[i]);
        negative[i] = (x[i] < 0) ^ wrong;
    }
    // A scale below zero stands for turned signs.
    point_errors(words, magnitudes, metric->weights, scale, tables);
    finalists(words, tables, points);
    vf best = __builtin_inff();
    for (int f = 0; f < FINALISTS; f++) {
        vf trial[8], trialErrors[8];
        for (int lane = 0; lane < LANES; lane++) {
            const uint8_t *codes = words->grid->codes + points[f][lane] * length;
            for (int i = 0; i < length; i++) trial[i][lane] = words->grid->magnitudes[codes[i]];
        }
        for (int i = 0; i < length; i++) trial[i] = negative[i] ? -trial[i] : trial[i];
        vf loss = codeword_loss(metric, length, x, scale, trial, trialErrors);
        vi better = f == 0 ? (vi)-1 : loss < best;
        best = better ? loss : best;
        for (int i = 0; i < length; i++) {
            levels[i] = better ? trial[i] : levels[i];
            errors[i] = better ? trialErrors[i] : errors[i];
        }
    }
    return best;
}

#define round_codewords K(round_codewords)
/// Rounds a group's columns with a scale; the loss, or infinity once it is nowhere below `limit`,
/// if there is one.
static vf round_codewords(const codeword_grid *words, const codeword_metric *metrics, vf *x,
                          int count, const float *factor, size_t stride, vf scale,
                          const vf *limit, vf *levels, vf *errors) {
    int length = words->length;
    vf loss = 0;
    vi odd = 0;
    for (int base = 0; base < count; base += length) {
        const codeword_metric *metric = metrics + base / length;
        if (length == 8 || base % 8 == 0) odd = 0;
        if (length == 4 && base % 8 == 0) {
            // One of eight signs may have to be wrong; here if it is one of the first four.
            float weights[8];
            for (int i = 0; i < 8; i++) weights[i] = metric[i / 4].weights[i & 3];
            vi isHere = cheapest_flip(x + base, weights, 8) < 4;
            odd = parity_of(x + base, 4) ^ (parity_of(x + base, 8) & isHere);
        }
        loss += choose_codeword(words, metric, x + base, scale, odd, levels + base, errors + base);
        // The second four have to agree with the first.
        odd = parity_of(levels + base, length);
        if (limit && !any(loss < *limit)) return __builtin_inff();
        subtract_behind(x, errors, base, base + length, count, factor, stride);
    }
    return loss;
}

#define own_metric K(own_metric)
/// The factor of a block on the diagonal of H: H = VVᵀ, U = V⁻¹.
INLINE void own_metric(const float *hessian, size_t stride, int length, float *factor,
                       float *inverseDiagonal, codeword_metric *metric) {
    double v[8][8] = {{0}}, u[8][8] = {{0}};
    for (int j = length - 1; j >= 0; j--) {
        for (int i = j; i >= 0; i--) {
            double sum = hessian[(size_t)i * stride + j];
            for (int k = j + 1; k < length; k++) sum -= v[i][k] * v[j][k];
            if (i == j) v[j][j] = sum > 0 ? __builtin_sqrt(sum) : 1;
            else v[i][j] = sum / v[j][j];
        }
    }
    for (int i = length - 1; i >= 0; i--) {
        u[i][i] = 1 / v[i][i];
        for (int j = i + 1; j < length; j++) {
            double sum = 0;
            for (int k = i + 1; k <= j; k++) sum += v[i][k] * u[k][j];
            u[i][j] = -sum / v[i][i];
        }
    }
    for (int i = 0; i < length; i++) {
        for (int j = 0; j < length; j++) factor[8 * i + j] = (float)u[i][j];
        inverseDiagonal[i] = reciprocal(factor[9 * i]);
    }
    metric_of(factor, 8, inverseDiagonal, length, metric);
}

#define descend_codewords K(descend_codewords)
/// `feedback_descend` for one slice: gradients, and the changes.
static void descend_codewords(const ingot_feedback_form *form, const float *hessian,
                              size_t stride, size_t columnCount, const float *scales,
                              float *levels, vf *g, float *changes) {
    codeword_grid words;
    make_codewords(form->grid, &words);
    int length = words.length;
    for (size_t j = 0; j < columnCount; j += (size_t)length) {
        float factor[64], inverseDiagonal[8];
        codeword_metric metric;
        own_metric(hessian + j * stride + j, stride, length, factor, inverseDiagonal, &metric);
        vf scale = load(scales + j / form->groupLength * INGOT_PANEL);
        vf old[8], target[8], y[8], found[8], errors[8];
        for (int i = 0; i < length; i++) old[i] = load(levels + (j + (size_t)i) * INGOT_PANEL);
        for (int i = 0; i < length; i++) {
            y[i] = 0;
            for (int k = i; k < length; k++) y[i] += g[j + (size_t)k] * factor[8 * i + k];
        }
        for (int k = 0; k < length; k++) {
            vf step = 0;
            for (int i = 0; i <= k; i++) step += y[i] * factor[8 * i + k];
            target[k] = scale * old[k] + step;
        }
        vf loss = choose_codeword(&words, &metric, target, scale, parity_of(old, length), found,
                                  errors);
        vi better = loss < codeword_loss(&metric, length, target, scale, old, errors);
        for (int i = 0; i < length; i++) {
            found[i] = better ? found[i] : old[i];
            vf change = scale * found[i] - scale * old[i];
            store(levels + (j + (size_t)i) * INGOT_PANEL, found[i]);
            store(changes + (j + (size_t)i) * INGOT_PANEL, change);
            if (!any(change != 0)) continue;
            const float *row = hessian + (j + (size_t)i) * stride;
            for (size_t k = 0; k < columnCount; k++) g[k] -= change * row[k];
        }
    }
}
