// Products of stored codes with activations of 8 bits, as engines run quantized models. Included by
// CKernels.h.
//
// An activation row is cut into blocks that share a scale; a weight row into groups of 16 or 32
// that share a scale and perhaps a minimum. Inside a group products are summed as integers,
// exactly; groups are combined in F32, in the same order on every instruction set and without
// fused multiply-add, so that results are equal bit by bit.
//
//     y[m][n] = sum over blocks b of  d[m][b] * (sum over groups g of b of  scale[n][g] * dot)
//             + sum over groups g of  minimum[n][g] * (d[m][b] * sum of the group's activations)
//
// Both operands lie as the inner loop reads them. Activations: tiles of 8 tokens, in a tile four
// consecutive codes of token 0, of token 1, ...; their scales and sums also token by token.
// Weights: panels of 16 outputs, in a panel four consecutive codes of output 0, of output 1, ...;
// scales and minimums output by output. Missing tokens and outputs are zeros.

#ifndef INGOT_INTEGER_PRODUCT_H
#define INGOT_INTEGER_PRODUCT_H

#pragma clang assume_nonnull begin

#define INGOT_TILE_TOKENS 8
#define INGOT_PANEL_OUTPUTS 16

/// How a format's codes enter a product: a weight is `scale * (code - offset) + minimum`.
typedef struct ingot_code_form {
    /// Weights that share a scale and a minimum: 16 or 32.
    uint32_t groupLength;
    /// Activations that share a scale: 32 or 256. Rows are whole blocks.
    uint32_t blockLength;
    uint32_t offset;
    /// The largest code, at most 255.
    uint32_t highest;
    bool hasMinimum;
} ingot_code_form;

/// Activations of `tokens` rows in 8 bits, padded to whole tiles. Lengths are in elements.
typedef struct ingot_q8_rows {
    /// tiles × rowLength × 8
    int8_t *codes;
    /// What a code stands for: tiles × rowLength / blockLength × 8. With blocks of 32 they are
    /// rounded to F16, as they are stored elsewhere.
    float *scales;
    /// The scales before that rounding.
    float *steps;
    /// Sums of 16 codes: tiles × rowLength / 16 × 8.
    int32_t *sums;
} ingot_q8_rows;

/// Weights of a matrix: panels × rowLength × 16 codes, panels × rowLength / groupLength × 16
/// scales and, where the form has them, as many minimums.
typedef struct ingot_code_panels {
    uint8_t *codes;
    float *scales;
    float *_Nullable minimums;
} ingot_code_panels;

/// Rounds rows to codes in -127...127: the largest magnitude of a block becomes 127, ties go to
/// even. A block that holds NaN or infinity has the scale NaN.
///
/// `stride` is in floats, `firstToken` (a multiple of 8) where in `rows` the first row goes.
void ingot_quantize_activations(ingot_isa isa, const float *values, size_t stride, size_t rowCount,
                                size_t rowLength, uint32_t blockLength, size_t firstToken,
                                const ingot_q8_rows *rows);

/// Puts up to 16 unpacked rows into panel number `panel`.
///
/// `codes` has `rowLength` for each row, `scales` and `minimums` `rowLength / groupLength`.
void ingot_pack_panel(const ingot_code_form *form, const uint8_t *codes, const float *scales,
                      const float *_Nullable minimums, size_t rowCount, size_t rowLength,
                      size_t panel, const ingot_code_panels *panels);

/// The bytes of scratch memory that a product needs.
size_t ingot_integer_product_scratch(const ingot_code_form *form, size_t rowLength);

/// `result[m][n] = keep * result[m][n] + y[m][firstOutput + n]` for `rowCount` rows and
/// `outputCount` outputs.
///
/// `firstToken` is a multiple of 8, `resultStride` in floats, `keep` 0 or 1, `scratch` aligned to
/// 64 bytes.
void ingot_integer_product(ingot_isa isa, const ingot_code_form *form, size_t rowLength,
                           const ingot_q8_rows *rows, size_t firstToken, size_t rowCount,
                           const ingot_code_panels *panels, size_t firstOutput,
                           size_t outputCount, float *result, size_t resultStride, bool keep,
                           void *scratch);

#pragma clang assume_nonnull end

#endif
