#include "CKernels.h"

#include <math.h>
#include <stdatomic.h>

#pragma STDC FP_CONTRACT OFF

// The helpers that take and give vectors are all inlined: no calling convention is involved.
#pragma clang diagnostic ignored "-Wpsabi"

#define LANES 16
typedef float vf __attribute__((vector_size(64)));
typedef int32_t vi __attribute__((vector_size(64)));

struct kernels {
    bool (*all_finite)(const float *, size_t);
    void (*rms_norm)(const float *, const float *, float, size_t, float *);
    void (*layer_norm)(const float *, const float *, const float *, float, size_t, float *);
    void (*add)(float *, const float *, size_t);
    void (*add_scaled)(float *, const float *, float, size_t);
    void (*scale)(float *, float, size_t);
    void (*soft_cap)(float *, float, size_t);
    void (*rotate_interleaved)(float *, const float *, const float *, size_t);
    void (*rotate_halves)(float *, const float *, const float *, size_t);
    void (*softmax)(float *, size_t, float);
    void (*silu)(float *, const float *, size_t);
    void (*gelu_tanh)(float *, const float *, size_t);
    void (*gelu)(float *, const float *, size_t);
    void (*relu)(float *, const float *, size_t);
    void (*relu_squared)(float *, const float *, size_t);
    void (*clamped_swiglu)(float *, const float *, float, float, size_t);
    void (*xielu)(float *, const float *, float, float, float, float, size_t);
    void (*convolve)(float *, size_t, size_t, size_t, const float *, size_t, const float *,
                     const float *);
    void (*delta_step)(float *, const float *, const float *, const float *, float, float, size_t,
                       size_t, float *, float *);
    void (*association_step)(float *, const float *, const float *, const float *, const float *,
                             const float *, const float *, const float *, size_t, size_t, float *,
                             float *);
    void (*scan_step)(float *, const float *, const float *, const float *, const float *,
                      const float *, size_t, size_t, float *);
    void (*state_step)(float *, float, float, float, const float *, const float *, const float *,
                       size_t, size_t, float *);
    void (*logits_add)(struct ingot_logits_state *, const float *, int32_t, size_t);
    double (*logits_cross)(const float *, const float *, float, size_t);
    void (*silu_slope)(float *, size_t);
    void (*gelu_tanh_slope)(float *, size_t);
    void (*gelu_slope)(float *, size_t);
    void (*relu_slope)(float *, size_t);
    void (*relu_squared_slope)(float *, size_t);
};

#if defined(__x86_64__)

#define NAME(x) baseline_##x
#include "inference_template.h"
#undef NAME

#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)
#define NAME(x) avx2_##x
#include "inference_template.h"
#undef NAME
#pragma clang attribute pop

#pragma clang attribute push(__attribute__((target("avx512f"))), apply_to = function)
#define NAME(x) avx512_##x
#include "inference_template.h"
#undef NAME
#pragma clang attribute pop

static const struct kernels *kernels(ingot_isa isa) {
    if (isa == INGOT_AVX512) return &avx512_table;
    if (isa == INGOT_AVX2) return &avx2_table;
    return &baseline_table;
}

static const struct kernels *choose(void) {
    if (ingot_isa_supported(INGOT_AVX512)) return &avx512_table;
    if (ingot_isa_supported(INGOT_AVX2)) return &avx2_table;
    return &baseline_table;
}

#else

#define NAME(x) baseline_##x
#include "inference_template.h"
#undef NAME

static const struct kernels *kernels(ingot_isa isa) {
    (void)isa;
    return &baseline_table;
}

static const struct kernels *choose(void) { return &baseline_table; }

#endif

static _Atomic(const struct kernels *) chosen;

void ingot_inference_use(ingot_isa isa) {
    atomic_store_explicit(&chosen, kernels(isa), memory_order_relaxed);
}

// The table is chosen once; two threads that meet here choose the same.
static const struct kernels *table(void) {
    const struct kernels *known = atomic_load_explicit(&chosen, memory_order_relaxed);
    if (!known) {
        known = choose();
        atomic_store_explicit(&chosen, known, memory_order_relaxed);
    }
    return known;
}

bool ingot_all_finite(const float *values, size_t count) {
    return table()->all_finite(values, count);
}
void ingot_rms_norm(const float *input, const float *weight, float epsilon, size_t count,
                    float *output) {
    table()->rms_norm(input, weight, epsilon, count, output);
}
void ingot_layer_norm(const float *input, const float *weight, const float *bias, float epsilon,
                      size_t count, float *output) {
    table()->layer_norm(input, weight, bias, epsilon, count, output);
}
void ingot_add(float *values, const float *addend, size_t count) {
    table()->add(values, addend, count);
}
void ingot_add_scaled(float *values, const float *addend, float factor, size_t count) {
    table()->add_scaled(values, addend, factor, count);
}
void ingot_scale(float *values, float factor, size_t count) {
    table()->scale(values, factor, count);
}
void ingot_soft_cap(float *values, float cap, size_t count) {
    table()->soft_cap(values, cap, count);
}
void ingot_rotate_interleaved(float *values, const float *cosines, const float *sines,
                              size_t pair_count) {
    table()->rotate_interleaved(values, cosines, sines, pair_count);
}
void ingot_rotate_halves(float *values, const float *cosines, const float *sines,
                         size_t pair_count) {
    table()->rotate_halves(values, cosines, sines, pair_count);
}
void ingot_softmax(float *values, size_t count, float sink) {
    table()->softmax(values, count, sink);
}
void ingot_silu(float *gate, const float *up, size_t count) { table()->silu(gate, up, count); }
void ingot_gelu_tanh(float *gate, const float *up, size_t count) {
    table()->gelu_tanh(gate, up, count);
}
void ingot_gelu(float *gate, const float *up, size_t count) { table()->gelu(gate, up, count); }
void ingot_relu(float *gate, const float *up, size_t count) { table()->relu(gate, up, count); }
void ingot_relu_squared(float *gate, const float *up, size_t count) {
    table()->relu_squared(gate, up, count);
}
void ingot_silu_slope(float *values, size_t count) { table()->silu_slope(values, count); }
void ingot_gelu_tanh_slope(float *values, size_t count) {
    table()->gelu_tanh_slope(values, count);
}
void ingot_gelu_slope(float *values, size_t count) { table()->gelu_slope(values, count); }
void ingot_relu_slope(float *values, size_t count) { table()->relu_slope(values, count); }
void ingot_relu_squared_slope(float *values, size_t count) {
    table()->relu_squared_slope(values, count);
}
void ingot_clamped_swiglu(float *gate, const float *up, float alpha, float limit, size_t count) {
    table()->clamped_swiglu(gate, up, alpha, limit, count);
}
void ingot_xielu(float *gate, const float *up, float quadratic, float exponential, float linear,
                 float limit, size_t count) {
    table()->xielu(gate, up, quadratic, exponential, linear, limit, count);
}
void ingot_convolve(float *rows, size_t row_count, size_t stride, size_t channels,
                    const float *weights, size_t length, const float *bias, const float *past) {
    table()->convolve(rows, row_count, stride, channels, weights, length, bias, past);
}
void ingot_delta_step(float *state, const float *query, const float *key, const float *value,
                      float decay, float strength, size_t key_length, size_t value_length,
                      float *correction, float *result) {
    table()->delta_step(state, query, key, value, decay, strength, key_length, value_length,
                        correction, result);
}
void ingot_association_step(float *state, const float *query, const float *key, const float *value,
                            const float *decay, const float *bonus, const float *removal,
                            const float *learning, size_t key_length, size_t value_length,
                            float *known, float *result) {
    table()->association_step(state, query, key, value, decay, bonus, removal, learning, key_length,
                              value_length, known, result);
}
void ingot_scan_step(float *state, const float *decay, const float *input, const float *output,
                     const float *steps, const float *values, size_t channels, size_t length,
                     float *result) {
    table()->scan_step(state, decay, input, output, steps, values, channels, length, result);
}
void ingot_state_step(float *state, float kept, float step, float skip, const float *values,
                      const float *input, const float *output, size_t channels, size_t length,
                      float *result) {
    table()->state_step(state, kept, step, skip, values, input, output, channels, length, result);
}
void ingot_logits_add(struct ingot_logits_state *state, const float *logits, int32_t first,
                      size_t count) {
    table()->logits_add(state, logits, first, count);
}
double ingot_logits_cross(const float *base, const float *other, float maximum, size_t count) {
    return table()->logits_cross(base, other, maximum, count);
}
