#include "CKernels.h"
#include "half_numbers.h"
#include "packed_forms.h"

#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#pragma STDC FP_CONTRACT OFF

// The helpers that take and give vectors are all inlined: no calling convention is involved.
#pragma clang diagnostic ignored "-Wpsabi"

// What multiplies integers.
#define DOT_PLAIN 0
#define DOT_AVX2 1
#define DOT_VNNI 2
#define DOT_NEON 3

// How many bytes before they are needed a panel's next are asked for.
#define AHEAD 1024

// Vectors of 16 lanes whatever the instruction set.
typedef float vf __attribute__((vector_size(64)));
typedef int32_t vi __attribute__((vector_size(64)));
typedef uint8_t vb __attribute__((vector_size(64)));
typedef uint16_t vw __attribute__((vector_size(64)));
typedef uint16_t halves __attribute__((vector_size(32)));
typedef int8_t signed_bytes __attribute__((vector_size(16)));

// A product of rounded rows with some outputs of packed codes.
struct packed_product {
    const ingot_packed_form *form;
    const uint8_t *panels;
    size_t panel_bytes, length, first_output, output_count;
    const ingot_rounded_rows *rows;
    const ingot_prepared_rows *prepared;
    size_t row_count;
    float *result;
    size_t result_stride;
    bool keep;
};

// A product of rows of floats with some outputs, of codes or of floats.
struct float_product {
    const ingot_packed_form *form;
    ingot_packed_float kind;
    const uint8_t *panels;
    size_t panel_bytes, length, first_output, output_count;
    const float *input;
    size_t input_stride, row_count;
    float *result;
    size_t result_stride;
    bool keep;
};

struct packed_kernels {
    void (*multiply)(const struct packed_product *);
    void (*multiply_floats)(const struct float_product *);
    // What is taken off codes that need the eighth bit before they are multiplied.
    int32_t bias;
};

// The bytes of a panel's codes, after which its scales come.
static inline size_t code_bytes(size_t length, uint32_t bits) { return 2 * length * bits; }

static size_t scale_bytes(const ingot_packed_form *form, size_t length) {
    size_t groups = length / form->groupLength, kinds = form->hasMinimum ? 2 : 1;
    switch (form->scaling) {
    case INGOT_SCALES_F32: return groups * 64 * kinds;
    case INGOT_SCALES_F16: return groups * 32 * kinds;
    case INGOT_SCALES_NESTED: return (length / 256 * 32 + groups * 16) * kinds;
    }
}

size_t ingot_packed_panel_bytes(const ingot_packed_form *form, size_t rowLength) {
    return (code_bytes(rowLength, form->bits) + scale_bytes(form, rowLength) + 63) / 64 * 64;
}

#define MATCHES(b, table, group, block, kind, minimum)                                   \
    (form->bits == b && form->hasTable == table && form->groupLength == group &&         \
     form->blockLength == block && form->scaling == INGOT_SCALES_##kind &&               \
     form->hasMinimum == minimum)

bool ingot_packed_form_exists(const ingot_packed_form *form) {
#define EXISTS(...)                                                                      \
    if (MATCHES(__VA_ARGS__)) return true;
    PACKED_FORMS(EXISTS)
#undef EXISTS
    return false;
}

// Codes that need all eight bits.
static inline bool is_wide(uint32_t bits, bool has_table) { return bits == 8 || has_table; }

#define DOT DOT_PLAIN
#define NAME(x) plain_##x
#include "packed_template.h"
#undef NAME
#undef DOT

#if defined(__x86_64__)

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#define DOT DOT_AVX2
#define NAME(x) avx2_##x
#include "packed_template.h"
#undef NAME
#undef DOT
#pragma clang attribute pop

#pragma clang attribute push(                                                            \
    __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,f16c,fma"))),   \
    apply_to = function)
#define DOT DOT_VNNI
#define NAME(x) vnni_##x
#include "packed_template.h"
#undef NAME
#undef DOT
#pragma clang attribute pop

#elif defined(__aarch64__) && defined(__ARM_FEATURE_DOTPROD)

#define DOT DOT_NEON
#define NAME(x) neon_##x
#include "packed_template.h"
#undef NAME
#undef DOT

#endif

static const struct packed_kernels *kernels(ingot_isa isa) {
#if defined(__x86_64__)
    if (isa == INGOT_AVX512 && __builtin_cpu_supports("avx512vnni")) return &vnni_packed_table;
    if ((isa == INGOT_AVX512 || isa == INGOT_AVX2) && __builtin_cpu_supports("fma"))
        return &avx2_packed_table;
#elif defined(__aarch64__) && defined(__ARM_FEATURE_DOTPROD)
    if (isa == INGOT_NEON) return &neon_packed_table;
#endif
    (void)isa;
    return &plain_packed_table;
}

void ingot_packed_product(ingot_isa isa, const ingot_packed_form *form, size_t rowLength,
                          const void *panels, size_t firstOutput, size_t outputCount,
                          const ingot_rounded_rows *rows, const ingot_prepared_rows *prepared,
                          size_t rowCount, float *result, size_t resultStride, bool keep) {
    struct packed_product product = {
        form, panels, ingot_packed_panel_bytes(form, rowLength), rowLength, firstOutput,
        outputCount, rows, prepared, rowCount, result, resultStride, keep,
    };
    kernels(isa)->multiply(&product);
}

void ingot_packed_float_product(ingot_isa isa, ingot_packed_float kind, size_t rowLength,
                                const void *panels, size_t firstOutput, size_t outputCount,
                                const float *input, size_t inputStride, size_t rowCount,
                                float *result, size_t resultStride, bool keep) {
    struct float_product product = {
        0, kind, panels, rowLength * (kind == INGOT_PACKED_F32 ? 64 : 32), rowLength, firstOutput,
        outputCount, input, inputStride, rowCount, result, resultStride, keep,
    };
    kernels(isa)->multiply_floats(&product);
}

void ingot_packed_decoded_product(ingot_isa isa, const ingot_packed_form *form, size_t rowLength,
                                  const void *panels, size_t firstOutput, size_t outputCount,
                                  const float *input, size_t inputStride, size_t rowCount,
                                  float *result, size_t resultStride, bool keep) {
    struct float_product product = {
        form, INGOT_PACKED_F32, panels, ingot_packed_panel_bytes(form, rowLength), rowLength,
        firstOutput, outputCount, input, inputStride, rowCount, result, resultStride, keep,
    };
    kernels(isa)->multiply_floats(&product);
}

void ingot_prepare_rows(ingot_isa isa, const ingot_packed_form *form,
                        const ingot_rounded_rows *rows, size_t rowCount, size_t rowLength,
                        const ingot_prepared_rows *prepared) {
    size_t groups = rowLength / form->groupLength, sixteens = form->groupLength / 16;
    size_t per_block = form->blockLength / form->groupLength;
    int32_t offset = (int32_t)form->offset;
    if (is_wide(form->bits, form->hasTable)) offset -= kernels(isa)->bias;
    for (size_t row = 0; row < rowCount; row++) {
        const int32_t *sums = rows->sums + row * (rowLength / 16);
        const float *steps = rows->steps + row * (rowLength / form->blockLength);
        for (size_t group = 0; group < groups; group++) {
            int32_t sum = sums[group * sixteens];
            if (sixteens == 2) sum += sums[group * 2 + 1];
            prepared->starts[row * groups + group] = -offset * sum;
            if (!form->hasMinimum) continue;
            float factor = steps[group / per_block] * (float)sum;
            // Engines store it as F16 with blocks of 32.
            prepared->factors[row * groups + group] =
                form->blockLength == 32 ? ingot_half_rounded(factor) : factor;
        }
    }
}

// MARK: Packing

// 32 codes of up to 16 rows from column `k` on, four of each row after four of the other.
static void gather(const uint8_t *codes, size_t rows, size_t length, size_t k, uint8_t w[8][64]) {
    for (size_t row = 0; row < rows; row++) {
        for (size_t s = 0; s < 8; s++) memcpy(w[s] + 4 * row, codes + row * length + k + 4 * s, 4);
    }
}

// Packs 32 columns: `w[s]` has columns 4 s to 4 s + 3.
static inline __attribute__((always_inline)) void pack_planes(const uint32_t bits,
                                                             uint8_t w[8][64], uint8_t *out) {
    const uint32_t low = bits >= 4 ? 4 : 2, high = bits - low;
    for (uint32_t byte = 0; byte < low; byte++, out += 64) {
        for (int i = 0; i < 64; i++) {
            uint8_t value = 0;
            for (uint32_t j = 0; j < 8 / low; j++)
                value |= (uint8_t)((w[byte * (8 / low) + j][i] & ((1u << low) - 1)) << (low * j));
            out[i] = value;
        }
    }
    if (high == 0) return;
    for (uint32_t byte = 0; byte < high; byte++, out += 64) {
        for (int i = 0; i < 64; i++) {
            uint8_t value = 0;
            for (uint32_t j = 0; j < 8 / high; j++)
                value |= (uint8_t)(w[byte * (8 / high) + j][i] >> low << (high * j));
            out[i] = value;
        }
    }
}

static void pack_columns(uint32_t bits, uint8_t w[8][64], uint8_t *out) {
    // A constant each, so that loops become vectors.
    switch (bits) {
    case 2: pack_planes(2, w, out); break;
    case 3: pack_planes(3, w, out); break;
    case 4: pack_planes(4, w, out); break;
    case 5: pack_planes(5, w, out); break;
    case 6: pack_planes(6, w, out); break;
    default: memcpy(out, w, 512); break;
    }
}

static bool pack_halves(const float *values, size_t stride, size_t rows, uint8_t *out) {
    for (size_t row = 0; row < 16; row++) {
        uint16_t half = row < rows ? ingot_half_bits(values[row * stride]) : 0;
        memcpy(out + 2 * row, &half, 2);
        if (row < rows && ingot_half_value(half) != values[row * stride] &&
            values[row * stride] == values[row * stride])
            return false;
    }
    return true;
}

// The whole numbers that bases are multiplied by; a base that is no number makes all of it none.
static bool pack_multiples(const float *values, size_t groups, const float *bases, size_t supers,
                           size_t group, size_t super, size_t rows, float unit, uint8_t *out) {
    memset(out, 0, 16);
    for (size_t row = 0; row < rows; row++) {
        float base = bases[row * supers + super], value = values[row * groups + group];
        if (base == 0 && value == 0) continue;
        if (base - base != 0) {
            out[row] = 1;
            continue;
        }
        float multiple = value / (base * unit);
        if (!(multiple >= -128 && multiple <= 127)) return false;
        int8_t whole = (int8_t)multiple;
        if (base * unit * (float)whole != value) return false;
        out[row] = (uint8_t)whole;
    }
    return true;
}

static bool pack_scales(const ingot_packed_form *form, const float *values, const float *bases,
                        size_t rows, size_t length, size_t first, size_t count, uint8_t **out,
                        uint8_t **multiples) {
    size_t groups = length / form->groupLength, supers = length / 256;
    if (form->scaling == INGOT_SCALES_NESTED) {
        if (!pack_halves(bases + first / (256 / form->groupLength), supers, rows, *out))
            return false;
        *out += 32;
        for (size_t g = first; g < first + count; g++, *multiples += 16)
            if (!pack_multiples(values, groups, bases, supers, g, g / (256 / form->groupLength),
                                rows, form->unit, *multiples))
                return false;
        return true;
    }
    if (form->scaling == INGOT_SCALES_F16) {
        *out += 32;
        return pack_halves(values + first, groups, rows, *out - 32);
    }
    memset(*out, 0, 64);
    for (size_t row = 0; row < rows; row++)
        memcpy(*out + 4 * row, values + row * groups + first, 4);
    *out += 64;
    return true;
}

bool ingot_pack_codes(const ingot_packed_form *form, const uint8_t *codes, const float *scales,
                      const float *minimums, const float *bases, const float *minimumBases,
                      size_t rowCount, size_t rowLength, void *panel) {
    uint8_t places[256];
    memset(places, 255, sizeof places);
    for (int i = 15; form->hasTable && i >= 0; i--) places[form->table[i]] = (uint8_t)i;
    uint8_t *out = panel, w[8][64];
    memset(w, form->hasTable ? 0 : (int)form->offset, sizeof w);
    for (size_t k = 0; k < rowLength; k += 32, out += 64 * form->bits) {
        gather(codes, rowCount, rowLength, k, w);
        if (form->hasTable) {
            for (size_t s = 0; s < 8; s++) {
                uint8_t worst = 0;
                for (size_t i = 0; i < 4 * rowCount; i++) {
                    w[s][i] = places[w[s][i]];
                    worst |= w[s][i];
                }
                if (worst > 15) return false;
            }
        }
        pack_columns(form->bits, w, out);
    }
    // Scales of a stretch and its minimums: what one scale is for, or 256 columns of nested ones.
    size_t count = form->scaling == INGOT_SCALES_NESTED ? 256 / form->groupLength : 1;
    for (size_t group = 0; group < rowLength / form->groupLength; group += count) {
        uint8_t *multiples = out + (form->hasMinimum ? 64 : 32);
        if (!pack_scales(form, scales, bases, rowCount, rowLength, group, count, &out, &multiples))
            return false;
        if (form->hasMinimum && !pack_scales(form, minimums, minimumBases, rowCount, rowLength,
                                             group, count, &out, &multiples))
            return false;
        if (form->scaling == INGOT_SCALES_NESTED) out = multiples;
    }
    return true;
}
