// The decoder's kernels, included by inference.c once per instruction set with `NAME(x)` giving
// each copy its own names. Clang cuts the 64-byte vectors to what the target has.

static inline __attribute__((always_inline)) vf NAME(load)(const float *source) {
    vf value;
    __builtin_memcpy(&value, source, sizeof value);
    return value;
}

static inline __attribute__((always_inline)) void NAME(store)(float *destination, vf value) {
    __builtin_memcpy(destination, &value, sizeof value);
}

// The first `count` (1 to 15) values, the other lanes filled.
static inline __attribute__((always_inline)) vf NAME(load_some)(const float *source, size_t count,
                                                                float fill) {
    vf value;
    for (int lane = 0; lane < LANES; lane++) value[lane] = fill;
    __builtin_memcpy(&value, source, count * sizeof(float));
    return value;
}

static inline __attribute__((always_inline)) void NAME(store_some)(float *destination, vf value,
                                                                   size_t count) {
    __builtin_memcpy(destination, &value, count * sizeof(float));
}

static inline __attribute__((always_inline)) vf NAME(splat)(float value) {
    return value - (vf){0};
}

static inline __attribute__((always_inline)) vf NAME(choose)(vi mask, vf yes, vf no) {
    return (vf)(((vi)yes & mask) | ((vi)no & ~mask));
}

static inline __attribute__((always_inline)) vf NAME(largest)(vf left, vf right) {
    return NAME(choose)(left > right, left, right);
}

static inline __attribute__((always_inline)) double NAME(total)(vf value) {
    double sum = 0;
    for (int lane = 0; lane < LANES; lane++) sum += (double)value[lane];
    return sum;
}

static inline __attribute__((always_inline)) float NAME(top_lane)(vf value) {
    float top = value[0];
    for (int lane = 1; lane < LANES; lane++) top = value[lane] > top ? value[lane] : top;
    return top;
}

// e^x with a relative error below 2e-7. Below -87.3 (subnormal results) it is 0, above 88 it
// stays at e^88. The argument is cut to n ln 2 + r with |r| <= ln 2 / 2 and a polynomial of degree
// six (the Taylor terms up to r^6, whose rest is below 2^-23 / 10) gives e^r.
static inline __attribute__((always_inline)) vf NAME(exponential)(vf x) {
    const vf lowest = NAME(splat)(-87.3f), highest = NAME(splat)(88.0f);
    vi underflow = x < lowest;
    vf bounded = NAME(choose)(underflow, lowest, x);
    bounded = NAME(choose)(bounded > highest, highest, bounded);
    // Adding 1.5 * 2^23 leaves the nearest integer in the low bits.
    const vf magic = NAME(splat)(12582912.0f);
    vf shifted = bounded * NAME(splat)(1.44269504f) + magic;
    vf n = shifted - magic;
    vf r = bounded - n * NAME(splat)(0.693359375f);
    r = r - n * NAME(splat)(-2.12194440e-4f);
    vf p = NAME(splat)(1.0f / 720);
    p = p * r + NAME(splat)(1.0f / 120);
    p = p * r + NAME(splat)(1.0f / 24);
    p = p * r + NAME(splat)(1.0f / 6);
    p = p * r + NAME(splat)(0.5f);
    p = p * r * r + r + NAME(splat)(1.0f);
    vi exponent = ((vi)shifted << 23) + (vi)NAME(splat)(1.0f);
    vf value = p * (vf)exponent;
    return NAME(choose)(underflow, (vf){0}, value);
}

static bool NAME(all_finite)(const float *values, size_t count) {
    vi bad = {0};
    size_t index = 0;
    for (; index + LANES <= count; index += LANES) {
        vf value = NAME(load)(values + index);
        vf difference = value - value;  // NaN unless finite
        bad |= difference != difference;
    }
    if (index < count) {
        vf value = NAME(load_some)(values + index, count - index, 0);
        vf difference = value - value;
        bad |= difference != difference;
    }
    int any = 0;
    for (int lane = 0; lane < LANES; lane++) any |= bad[lane];
    return any == 0;
}

static void NAME(rms_norm)(const float *input, const float *weight, float epsilon, size_t count,
                           float *output) {
    vf squares = {0};
    size_t index = 0;
    for (; index + LANES <= count; index += LANES) {
        vf value = NAME(load)(input + index);
        squares += value * value;
    }
    if (index < count) {
        vf value = NAME(load_some)(input + index, count - index, 0);
        squares += value * value;
    }
    float scale = (float)(1 / sqrt(NAME(total)(squares) / (double)count + (double)epsilon));
    if (weight) {
        for (index = 0; index < count; index++) output[index] = input[index] * scale * weight[index];
    } else {
        for (index = 0; index < count; index++) output[index] = input[index] * scale;
    }
}

static void NAME(layer_norm)(const float *input, const float *weight, const float *bias,
                             float epsilon, size_t count, float *output) {
    vf sums = {0};
    size_t index = 0;
    for (; index + LANES <= count; index += LANES) sums += NAME(load)(input + index);
    if (index < count) sums += NAME(load_some)(input + index, count - index, 0);
    float mean = (float)(NAME(total)(sums) / (double)count);
    vf squares = {0};
    for (index = 0; index + LANES <= count; index += LANES) {
        vf value = NAME(load)(input + index) - NAME(splat)(mean);
        squares += value * value;
    }
    if (index < count) {
        vf value = NAME(load_some)(input + index, count - index, mean) - NAME(splat)(mean);
        squares += value * value;
    }
    float scale = (float)(1 / sqrt(NAME(total)(squares) / (double)count + (double)epsilon));
    for (index = 0; index < count; index++) {
        float value = (input[index] - mean) * scale;
        if (weight) value = value * weight[index];
        if (bias) value = value + bias[index];
        output[index] = value;
    }
}

static void NAME(add)(float *values, const float *addend, size_t count) {
    for (size_t index = 0; index < count; index++) values[index] += addend[index];
}

static void NAME(add_scaled)(float *values, const float *addend, float factor, size_t count) {
    for (size_t index = 0; index < count; index++) values[index] += factor * addend[index];
}

static void NAME(scale)(float *values, float factor, size_t count) {
    for (size_t index = 0; index < count; index++) values[index] *= factor;
}

// tanh x = 1 - 2 / (e^2x + 1)
static inline __attribute__((always_inline)) vf NAME(tangent)(vf x) {
    const vf one = NAME(splat)(1.0f), two = NAME(splat)(2.0f);
    return one - two / (NAME(exponential)(two * x) + one);
}

static void NAME(soft_cap)(float *values, float cap, size_t count) {
    const vf limit = NAME(splat)(cap);
    size_t index = 0;
    for (; index + LANES <= count; index += LANES)
        NAME(store)(values + index, limit * NAME(tangent)(NAME(load)(values + index) / limit));
    if (index < count) {
        vf value = NAME(load_some)(values + index, count - index, 0);
        NAME(store_some)(values + index, limit * NAME(tangent)(value / limit), count - index);
    }
}

static void NAME(rotate_interleaved)(float *restrict values, const float *restrict cosines,
                                     const float *restrict sines, size_t pair_count) {
    for (size_t pair = 0; pair < pair_count; pair++) {
        float x = values[2 * pair], y = values[2 * pair + 1];
        values[2 * pair] = x * cosines[pair] - y * sines[pair];
        values[2 * pair + 1] = x * sines[pair] + y * cosines[pair];
    }
}

static void NAME(rotate_halves)(float *restrict values, const float *restrict cosines,
                                const float *restrict sines, size_t pair_count) {
    float *restrict upper = values + pair_count;
    for (size_t pair = 0; pair < pair_count; pair++) {
        float x = values[pair], y = upper[pair];
        values[pair] = x * cosines[pair] - y * sines[pair];
        upper[pair] = x * sines[pair] + y * cosines[pair];
    }
}

static float NAME(maximum)(const float *values, size_t count) {
    const float lowest = -__builtin_inff();
    vf top = NAME(splat)(lowest);
    size_t index = 0;
    for (; index + LANES <= count; index += LANES)
        top = NAME(largest)(NAME(load)(values + index), top);
    if (index < count)
        top = NAME(largest)(NAME(load_some)(values + index, count - index, lowest), top);
    return NAME(top_lane)(top);
}

static void NAME(softmax)(float *values, size_t count, float sink) {
    const float lowest = -__builtin_inff();
    float largest = NAME(maximum)(values, count);
    const vf top = NAME(splat)(sink > largest ? sink : largest);
    vf sums = {0};
    size_t index = 0;
    for (; index + LANES <= count; index += LANES) {
        vf value = NAME(exponential)(NAME(load)(values + index) - top);
        sums += value;
        NAME(store)(values + index, value);
    }
    if (index < count) {
        vf value = NAME(exponential)(NAME(load_some)(values + index, count - index, lowest) - top);
        sums += value;
        NAME(store_some)(values + index, value, count - index);
    }
    double total = NAME(total)(sums) + exp((double)sink - (double)top[0]);
    NAME(scale)(values, (float)(1 / total), count);
}

static inline __attribute__((always_inline)) vf NAME(sigmoid)(vf x) {
    const vf one = NAME(splat)(1.0f);
    return one / (one + NAME(exponential)((vf){0} - x));
}

static inline __attribute__((always_inline)) vf NAME(silu_of)(vf x) {
    return x * NAME(sigmoid)(x);
}

// 0.5 x (1 + tanh z) = x sigmoid(2 z) with z = sqrt(2 / pi) (x + 0.044715 x^3)
static inline __attribute__((always_inline)) vf NAME(gelu_tanh_of)(vf x) {
    vf inner = x + NAME(splat)(0.044715f) * x * x * x;
    return x * NAME(sigmoid)(NAME(splat)(1.5957691216f) * inner);
}

// x (1 + erf(x / sqrt 2)) / 2. For z = |x| / sqrt 2, erfc z is (t P(t)) e^(-z^2) with
// t = 1 / (1 + p z), to 1.5e-7 (Abramowitz and Stegun, 7.1.26).
static inline __attribute__((always_inline)) vf NAME(gelu_of)(vf x) {
    const vf one = NAME(splat)(1.0f), half = NAME(splat)(0.5f);
    vi negative = x < (vf){0};
    vf z = NAME(choose)(negative, (vf){0} - x, x) * NAME(splat)(0.70710678f);
    vf t = one / (one + NAME(splat)(0.3275911f) * z);
    vf p = NAME(splat)(1.061405429f);
    p = p * t + NAME(splat)(-1.453152027f);
    p = p * t + NAME(splat)(1.421413741f);
    p = p * t + NAME(splat)(-0.284496736f);
    p = p * t + NAME(splat)(0.254829592f);
    vf tail = half * p * t * NAME(exponential)((vf){0} - z * z);
    return x * NAME(choose)(negative, tail, one - tail);
}

static inline __attribute__((always_inline)) vf NAME(relu_of)(vf x) {
    return NAME(choose)(x < (vf){0}, (vf){0}, x);
}

static inline __attribute__((always_inline)) vf NAME(relu_squared_of)(vf x) {
    vf y = NAME(relu_of)(x);
    return y * y;
}

#define ACTIVATION(name)                                                              \
    static void NAME(name)(float *gate, const float *up, size_t count) {              \
        size_t index = 0;                                                             \
        for (; index + LANES <= count; index += LANES) {                              \
            vf y = NAME(name##_of)(NAME(load)(gate + index));                         \
            if (up) y = y * NAME(load)(up + index);                                   \
            NAME(store)(gate + index, y);                                             \
        }                                                                             \
        if (index < count) {                                                          \
            vf y = NAME(name##_of)(NAME(load_some)(gate + index, count - index, 0));  \
            if (up) y = y * NAME(load_some)(up + index, count - index, 0);            \
            NAME(store_some)(gate + index, y, count - index);                         \
        }                                                                             \
    }

ACTIVATION(silu)
ACTIVATION(gelu_tanh)
ACTIVATION(gelu)
ACTIVATION(relu)
ACTIVATION(relu_squared)

#undef ACTIVATION

// d/dx x sigmoid(x)
static inline __attribute__((always_inline)) vf NAME(silu_slope_of)(vf x) {
    const vf one = NAME(splat)(1.0f);
    vf s = NAME(sigmoid)(x);
    return s * (one + x * (one - s));
}

static inline __attribute__((always_inline)) vf NAME(gelu_tanh_slope_of)(vf x) {
    const vf one = NAME(splat)(1.0f), cubic = NAME(splat)(0.044715f);
    const vf outer = NAME(splat)(1.5957691216f), three = NAME(splat)(3.0f);
    vf s = NAME(sigmoid)(outer * (x + cubic * x * x * x));
    return s + x * s * (one - s) * outer * (one + three * cubic * x * x);
}

// The distribution function of the normal distribution, plus x times its density.
static inline __attribute__((always_inline)) vf NAME(gelu_slope_of)(vf x) {
    const vf one = NAME(splat)(1.0f), half = NAME(splat)(0.5f);
    vi negative = x < (vf){0};
    vf z = NAME(choose)(negative, (vf){0} - x, x) * NAME(splat)(0.70710678f);
    vf t = one / (one + NAME(splat)(0.3275911f) * z);
    vf p = NAME(splat)(1.061405429f);
    p = p * t + NAME(splat)(-1.453152027f);
    p = p * t + NAME(splat)(1.421413741f);
    p = p * t + NAME(splat)(-0.284496736f);
    p = p * t + NAME(splat)(0.254829592f);
    vf bell = NAME(exponential)((vf){0} - z * z);
    vf tail = half * p * t * bell;
    return NAME(choose)(negative, tail, one - tail) + x * bell * NAME(splat)(0.39894228f);
}

static inline __attribute__((always_inline)) vf NAME(relu_slope_of)(vf x) {
    return NAME(choose)(x > (vf){0}, NAME(splat)(1.0f), (vf){0});
}

static inline __attribute__((always_inline)) vf NAME(relu_squared_slope_of)(vf x) {
    return NAME(splat)(2.0f) * NAME(relu_of)(x);
}

#define SLOPE(name)                                                                   \
    static void NAME(name##_slope)(float *values, size_t count) {                     \
        size_t index = 0;                                                             \
        for (; index + LANES <= count; index += LANES)                                \
            NAME(store)(values + index, NAME(name##_slope_of)(NAME(load)(values + index))); \
        if (index < count) {                                                          \
            vf x = NAME(load_some)(values + index, count - index, 0);                 \
            NAME(store_some)(values + index, NAME(name##_slope_of)(x), count - index); \
        }                                                                             \
    }

SLOPE(silu)
SLOPE(gelu_tanh)
SLOPE(gelu)
SLOPE(relu)
SLOPE(relu_squared)

#undef SLOPE

static inline __attribute__((always_inline)) vf NAME(clamped_swiglu_of)(vf gate, vf up, vf alpha,
                                                                        vf limit) {
    gate = NAME(choose)(gate > limit, limit, gate);
    up = NAME(choose)(up > limit, limit, up);
    up = NAME(choose)(up < (vf){0} - limit, (vf){0} - limit, up);
    return gate * NAME(sigmoid)(alpha * gate) * (up + NAME(splat)(1.0f));
}

static void NAME(clamped_swiglu)(float *gate, const float *up, float alpha, float limit,
                                 size_t count) {
    const vf a = NAME(splat)(alpha), l = NAME(splat)(limit);
    size_t index = 0;
    for (; index + LANES <= count; index += LANES)
        NAME(store)(gate + index, NAME(clamped_swiglu_of)(NAME(load)(gate + index),
                                                          NAME(load)(up + index), a, l));
    if (index < count) {
        size_t rest = count - index;
        vf y = NAME(clamped_swiglu_of)(NAME(load_some)(gate + index, rest, 0),
                                       NAME(load_some)(up + index, rest, 0), a, l);
        NAME(store_some)(gate + index, y, rest);
    }
}

static void NAME(xielu)(float *gate, const float *up, float quadratic, float exponential,
                        float linear, float limit, size_t count) {
    const vf q = NAME(splat)(quadratic), e = NAME(splat)(exponential), a = NAME(splat)(linear);
    const vf l = NAME(splat)(limit), one = NAME(splat)(1.0f);
    for (size_t index = 0; index < count; index += LANES) {
        size_t rest = count - index < LANES ? count - index : LANES;
        vf x = NAME(load_some)(gate + index, rest, 0);
        vf below = e * (NAME(exponential)(NAME(choose)(x > l, l, x)) - one - x);
        vf y = a * x + NAME(choose)(x > (vf){0}, q * x * x, below);
        if (up) y = y * NAME(load_some)(up + index, rest, 0);
        NAME(store_some)(gate + index, y, rest);
    }
}

// Lanes are summed in F32 over this many values, then in double.
#define STRETCH 1024

static void NAME(logits_add)(struct ingot_logits_state *state, const float *logits, int32_t first,
                             size_t count) {
    const float lowest = -__builtin_inff();
    float top = NAME(maximum)(logits, count);
    if (top > state->maximum) {
        size_t place = 0;
        while (place < count && logits[place] != top) place++;
        state->sum *= exp((double)state->maximum - (double)top);
        state->maximum = top;
        state->top = first + (int32_t)place;
    }
    const vf shift = NAME(splat)(state->maximum);
    for (size_t start = 0; start < count; start += STRETCH) {
        size_t end = start + STRETCH < count ? start + STRETCH : count;
        vf sums = {0};
        size_t index = start;
        for (; index + LANES <= end; index += LANES)
            sums += NAME(exponential)(NAME(load)(logits + index) - shift);
        if (index < end)
            sums += NAME(exponential)(NAME(load_some)(logits + index, end - index, lowest) - shift);
        state->sum += NAME(total)(sums);
    }
}

static double NAME(logits_cross)(const float *base, const float *other, float maximum,
                                 size_t count) {
    const float lowest = -__builtin_inff();
    const vf shift = NAME(splat)(maximum);
    double cross = 0;
    for (size_t start = 0; start < count; start += STRETCH) {
        size_t end = start + STRETCH < count ? start + STRETCH : count;
        vf sums = {0};
        size_t index = start;
        for (; index + LANES <= end; index += LANES) {
            vf b = NAME(load)(base + index);
            sums += NAME(exponential)(b - shift) * (b - NAME(load)(other + index));
        }
        if (index < end) {
            vf b = NAME(load_some)(base + index, end - index, 0);
            vf weight = NAME(load_some)(base + index, end - index, lowest);
            vf o = NAME(load_some)(other + index, end - index, 0);
            sums += NAME(exponential)(weight - shift) * (b - o);
        }
        cross += NAME(total)(sums);
    }
    return cross;
}

#undef STRETCH

static void NAME(convolve)(float *rows, size_t row_count, size_t stride, size_t channels,
                           const float *weights, size_t length, const float *bias,
                           const float *past) {
    // From the last row on, so that every row still finds those before it.
    for (size_t row = row_count; row-- > 0;) {
        for (size_t channel = 0; channel < channels; channel++) {
            float sum = 0;
            for (size_t back = length; back-- > 0;) {
                float weight = weights[channel * length + length - 1 - back];
                if (back <= row) {
                    sum += weight * rows[(row - back) * stride + channel];
                } else if (past) {
                    sum += weight * past[(length - 1 + row - back) * channels + channel];
                }
            }
            rows[row * stride + channel] = bias ? sum + bias[channel] : sum;
        }
    }
}

static void NAME(delta_step)(float *restrict state, const float *restrict query,
                             const float *restrict key, const float *restrict value, float decay,
                             float strength, size_t key_length, size_t value_length,
                             float *restrict correction, float *restrict result) {
    for (size_t column = 0; column < value_length; column++) correction[column] = 0;
    for (size_t row = 0; row < key_length; row++) {
        float *numbers = state + row * value_length;
        float weight = key[row];
        for (size_t column = 0; column < value_length; column++) {
            float number = numbers[column] * decay;
            numbers[column] = number;
            correction[column] += number * weight;
        }
    }
    for (size_t column = 0; column < value_length; column++) {
        correction[column] = (value[column] - correction[column]) * strength;
        result[column] = 0;
    }
    for (size_t row = 0; row < key_length; row++) {
        float *numbers = state + row * value_length;
        float weight = key[row], share = query[row];
        for (size_t column = 0; column < value_length; column++) {
            float number = numbers[column] + weight * correction[column];
            numbers[column] = number;
            result[column] += number * share;
        }
    }
}

static void NAME(association_step)(float *restrict state, const float *restrict query,
                                   const float *restrict key, const float *restrict value,
                                   const float *restrict decay, const float *restrict bonus,
                                   const float *restrict removal, const float *restrict learning,
                                   size_t key_length, size_t value_length, float *restrict known,
                                   float *restrict result) {
    for (size_t column = 0; column < value_length; column++) known[column] = result[column] = 0;
    for (size_t row = 0; removal && row < key_length; row++) {
        const float *numbers = state + row * value_length;
        float weight = removal[row];
        for (size_t column = 0; column < value_length; column++)
            known[column] += numbers[column] * weight;
    }
    for (size_t row = 0; row < key_length; row++) {
        float *numbers = state + row * value_length;
        float kept = decay[row], share = query[row], weight = key[row];
        float rate = removal ? learning[row] : 0, extra = bonus ? bonus[row] * weight : 0;
        for (size_t column = 0; column < value_length; column++) {
            float before = numbers[column];
            float number = before * kept + weight * value[column];
            if (removal) number += rate * known[column];
            numbers[column] = number;
            float seen = bonus ? before + extra * value[column] : number;
            result[column] += seen * share;
        }
    }
}

static void NAME(scan_step)(float *state, const float *decay, const float *input,
                            const float *output, const float *steps, const float *values,
                            size_t channels, size_t length, float *result) {
    for (size_t channel = 0; channel < channels; channel++) {
        float *numbers = state + channel * length;
        const float *decays = decay + channel * length;
        vf step = NAME(splat)(steps[channel]);
        vf taken = NAME(splat)(steps[channel] * values[channel]);
        vf sums = {0};
        for (size_t index = 0; index < length; index += LANES) {
            size_t count = length - index < LANES ? length - index : LANES;
            vf number = NAME(load_some)(numbers + index, count, 0);
            vf kept = NAME(exponential)(step * NAME(load_some)(decays + index, count, 0));
            number = kept * number + taken * NAME(load_some)(input + index, count, 0);
            NAME(store_some)(numbers + index, number, count);
            sums += number * NAME(load_some)(output + index, count, 0);
        }
        result[channel] = (float)NAME(total)(sums);
    }
}

static void NAME(state_step)(float *state, float kept, float step, float skip,
                             const float *values, const float *input, const float *output,
                             size_t channels, size_t length, float *result) {
    const vf keeping = NAME(splat)(kept);
    for (size_t channel = 0; channel < channels; channel++) {
        float *numbers = state + channel * length;
        vf taken = NAME(splat)(step * values[channel]);
        vf sums = {0};
        for (size_t index = 0; index < length; index += LANES) {
            size_t count = length - index < LANES ? length - index : LANES;
            vf number = keeping * NAME(load_some)(numbers + index, count, 0) +
                        taken * NAME(load_some)(input + index, count, 0);
            NAME(store_some)(numbers + index, number, count);
            sums += number * NAME(load_some)(output + index, count, 0);
        }
        result[channel] = (float)NAME(total)(sums) + skip * values[channel];
    }
}

static const struct kernels NAME(table) = {
    NAME(all_finite), NAME(rms_norm), NAME(layer_norm), NAME(add), NAME(add_scaled), NAME(scale),
    NAME(soft_cap), NAME(rotate_interleaved), NAME(rotate_halves), NAME(softmax), NAME(silu),
    NAME(gelu_tanh), NAME(gelu), NAME(relu), NAME(relu_squared), NAME(clamped_swiglu),
    NAME(xielu), NAME(convolve), NAME(delta_step), NAME(association_step),
    NAME(scan_step), NAME(state_step),
    NAME(logits_add), NAME(logits_cross), NAME(silu_slope), NAME(gelu_tanh_slope),
    NAME(gelu_slope), NAME(relu_slope), NAME(relu_squared_slope),
};
