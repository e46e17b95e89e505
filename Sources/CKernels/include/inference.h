// Kernels of the decoder and of the statistics over its logits.
//
// All work in F32 on sixteen lanes whatever the instruction set, without fused multiply-add and
// with the same order of operations, so that a result does not depend on the processor.
// Rows need not be aligned. NaN and infinity go in and come out as arithmetic makes them.

#ifndef INGOT_INFERENCE_H
#define INGOT_INFERENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// From now on all threads use this instruction set, which the processor has. Without a call the
// fastest is used; results are the same.
void ingot_inference_use(ingot_isa isa);

// Whether none of `count` values is NaN or infinite.
bool ingot_all_finite(const float *values, size_t count);

// output[i] = input[i] / sqrt(mean(input²) + epsilon) * weight[i]; `weight` may be NULL.
// `output` may be `input`.
void ingot_rms_norm(const float *input, const float *weight, float epsilon, size_t count,
                    float *output);

// output[i] = (input[i] - mean) / sqrt(variance + epsilon) * weight[i] + bias[i]; `weight` and
// `bias` may be NULL. `output` may be `input`.
void ingot_layer_norm(const float *input, const float *weight, const float *bias, float epsilon,
                      size_t count, float *output);

// values[i] += addend[i]
void ingot_add(float *values, const float *addend, size_t count);

// values[i] += factor * addend[i]
void ingot_add_scaled(float *values, const float *addend, float factor, size_t count);

// values[i] *= factor
void ingot_scale(float *values, float factor, size_t count);

// values[i] = cap * tanh(values[i] / cap)
void ingot_soft_cap(float *values, float cap, size_t count);

// Rotates pairs (2i, 2i+1) by the angles whose cosines and sines are given, one per pair.
void ingot_rotate_interleaved(float *values, const float *cosines, const float *sines,
                              size_t pair_count);

// Rotates pairs (i, i + pair_count).
void ingot_rotate_halves(float *values, const float *cosines, const float *sines,
                         size_t pair_count);

// Softmax in place. One more element `sink` takes part and is dropped; -INFINITY for none.
void ingot_softmax(float *values, size_t count, float sink);

// gate[i] = silu(gate[i]) * up[i]; `up` may be NULL for one.
void ingot_silu(float *gate, const float *up, size_t count);

// The same with the tanh form of GELU.
void ingot_gelu_tanh(float *gate, const float *up, size_t count);

// The same with GELU by the error function, to 1.5e-7 of the input.
void ingot_gelu(float *gate, const float *up, size_t count);

// The same with max(x, 0), and with its square.
void ingot_relu(float *gate, const float *up, size_t count);
void ingot_relu_squared(float *gate, const float *up, size_t count);

// values[i] = f'(values[i]) for the functions above, without `up`.
void ingot_silu_slope(float *values, size_t count);
void ingot_gelu_tanh_slope(float *values, size_t count);
void ingot_gelu_slope(float *values, size_t count);
void ingot_relu_slope(float *values, size_t count);
void ingot_relu_squared_slope(float *values, size_t count);

// gate[i] = g sigmoid(alpha g) (u + 1), where g is gate[i] cut to at most `limit` and u is up[i] cut
// to -limit ... limit.
void ingot_clamped_swiglu(float *gate, const float *up, float alpha, float limit, size_t count);

// gate[i] = a x + q x² for x = gate[i] above 0, a x + e (exp(min(x, limit)) - 1 - x) below, times
// up[i]; `up` may be NULL for one. q, e and a are `quadratic`, `exponential` and `linear`.
void ingot_xielu(float *gate, const float *up, float quadratic, float exponential, float linear,
                 float limit, size_t count);

// Convolves every channel of rows by itself, in place: row t becomes the sum over j of
// weights[channel][j] * row t - length + 1 + j, plus bias[channel]. `weights` is [channels][length];
// `bias` may be NULL for none. The rows before the first are the `length` - 1 of `past`, one after
// the other; NULL for zeros. `stride` is from row to row of `rows`.
void ingot_convolve(float *rows, size_t row_count, size_t stride, size_t channels,
                    const float *weights, size_t length, const float *bias, const float *past);

// One token of the delta rule. With the matrix S = `state`, [key_length][value_length]:
// S *= decay; S += key (value - S^T key)^T * strength; result = S^T query. `correction` and `result`
// have room for `value_length` values.
void ingot_delta_step(float *state, const float *query, const float *key, const float *value,
                      float decay, float strength, size_t key_length, size_t value_length,
                      float *correction, float *result);

// One token of a linear attention. With the matrix S = `state`, [key_length][value_length], and its
// row S_j of element j of keys: S_j = decay[j] S_j + key[j] value + learning[j] S^T removal, with S as it
// was before; result = S^T query. Without the last term where `removal` is NULL. Where `bonus` is not
// NULL, result = sum of query[j] (S_j + bonus[j] key[j] value) with S as it was before. `known` and
// `result` have room for `value_length` values.
void ingot_association_step(float *state, const float *query, const float *key, const float *value,
                            const float *decay, const float *bonus, const float *removal,
                            const float *learning, size_t key_length, size_t value_length,
                            float *known, float *result);

// One token of a selective scan. For every channel with h = state[channel], [length]:
// h = exp(steps[channel] * decay[channel]) * h + steps[channel] * values[channel] * input;
// result[channel] = h . output. `result` may be `steps`.
void ingot_scan_step(float *state, const float *decay, const float *input, const float *output,
                     const float *steps, const float *values, size_t channels, size_t length,
                     float *result);

// One token of a head's state space. For every channel with h = state[channel], [length]:
// h = kept * h + step * values[channel] * input; result[channel] = h . output + skip *
// values[channel].
void ingot_state_step(float *state, float kept, float step, float skip, const float *values,
                      const float *input, const float *output, size_t channels, size_t length,
                      float *result);

// The log-sum-exp of a row of logits that arrives in pieces, and its largest element.
// Start with { .maximum = -INFINITY, .sum = 0, .top = -1 }.
struct ingot_logits_state {
    double sum;     // of exp(logit - maximum)
    float maximum;  // of the logits so far
    int32_t top;    // where the maximum is; the first of equals
};

// Adds the logits of the tokens `first`, `first + 1`, ...
void ingot_logits_add(struct ingot_logits_state *state, const float *logits, int32_t first,
                      size_t count);

// The sum of exp(base - maximum) * (base - other): the numerator of the mean of `base - other`
// under the distribution of `base`, in pieces.
double ingot_logits_cross(const float *base, const float *other, float maximum, size_t count);

#endif
