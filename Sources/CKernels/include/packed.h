// Products of few rows with matrices that stay in memory. Included by CKernels.h.
//
// A matrix lies in panels of 16 outputs whose lanes are outputs, so that a result is computed in one
// order, whatever instruction set and whatever other rows and outputs are computed with it. Codes
// have as many bits as their format needs, so that reading a panel costs little more than reading
// what is stored in a file.
//
// A panel of codes: for every 32 columns the low bits of all codes (in a byte of 4 bits those of
// columns k and k + 4, of 2 bits those of k, k + 4, k + 8, k + 12), then their high bits; after the
// codes of all columns the scales. Four consecutive codes of output 0, then of output 1, ... fill 64
// bytes, as in integer_product.h. A panel of floats: a number of each output for every column.

#ifndef INGOT_PACKED_H
#define INGOT_PACKED_H

#pragma clang assume_nonnull begin

#define INGOT_PACKED_OUTPUTS 16
/// The most terms that are summed before they are added to the others.
#define INGOT_PACKED_DEPTH 256

/// How scales and minimums are held.
typedef enum ingot_packed_scaling : uint32_t {
    /// F32 for every group.
    INGOT_SCALES_F32 = 0,
    /// F16 for every group.
    INGOT_SCALES_F16 = 1,
    /// F16 for 256 columns, and whole numbers in 8 bits for every group that it is multiplied by.
    INGOT_SCALES_NESTED = 2,
} ingot_packed_scaling;

/// How a matrix's codes are packed: a weight is `scale * (code - offset) + minimum`.
typedef struct ingot_packed_form {
    /// Weights that share a scale: 16 or 32.
    uint32_t groupLength;
    /// Activations that share one: 32 or 256. Rows are whole blocks.
    uint32_t blockLength;
    uint32_t offset;
    /// Bits of a code: 2, 3, 4, 5, 6 or 8.
    uint32_t bits;
    ingot_packed_scaling scaling;
    bool hasMinimum;
    /// Whether codes of 4 bits number the entries of `table`.
    bool hasTable;
    uint8_t table[16];
    /// What a nested scale of 1 stands for.
    float unit;
} ingot_packed_form;

/// Whether there are kernels for a form.
bool ingot_packed_form_exists(const ingot_packed_form *form);

/// The bytes of a panel, a multiple of 64.
size_t ingot_packed_panel_bytes(const ingot_packed_form *form, size_t rowLength);

/// Packs up to 16 unpacked rows.
///
/// `codes` has `rowLength` for each row, `scales` and `minimums` one for each group; where scales are
/// nested, `bases` and `minimumBases` have one for each 256 columns, of which the others are
/// multiples. False when a code is not in the table or a scale cannot be held.
bool ingot_pack_codes(const ingot_packed_form *form, const uint8_t *codes, const float *scales,
                      const float *_Nullable minimums, const float *_Nullable bases,
                      const float *_Nullable minimumBases, size_t rowCount, size_t rowLength,
                      void *panel);

/// Activations in 8 bits, row after row.
typedef struct ingot_rounded_rows {
    /// rows × rowLength
    int8_t *codes;
    /// What a code stands for: rows × rowLength / blockLength. With blocks of 32 they are rounded to
    /// F16.
    float *scales;
    /// The scales before that rounding.
    float *steps;
    /// Sums of 16 codes: rows × rowLength / 16.
    int32_t *sums;
} ingot_rounded_rows;

/// Rounds rows as `ingot_quantize_activations` does.
void ingot_round_rows(ingot_isa isa, const float *values, size_t stride, size_t rowCount,
                      size_t rowLength, uint32_t blockLength, const ingot_rounded_rows *rows);

/// What rounded rows need for products with one form: for every row and group the integer that a sum
/// starts from, and the factor of the minimum.
typedef struct ingot_prepared_rows {
    int32_t *starts;
    float *factors;
} ingot_prepared_rows;

void ingot_prepare_rows(ingot_isa isa, const ingot_packed_form *form,
                        const ingot_rounded_rows *rows, size_t rowCount, size_t rowLength,
                        const ingot_prepared_rows *prepared);

/// `result[m][n] = keep * result[m][n] + y[m][firstOutput + n]`, with y as integer_product.h has it
/// and equal to it bit by bit.
void ingot_packed_product(ingot_isa isa, const ingot_packed_form *form, size_t rowLength,
                          const void *panels, size_t firstOutput, size_t outputCount,
                          const ingot_rounded_rows *rows, const ingot_prepared_rows *prepared,
                          size_t rowCount, float *result, size_t resultStride, bool keep);

/// Kinds of floats in panels.
typedef enum ingot_packed_float : uint32_t {
    INGOT_PACKED_F32 = 0,
    INGOT_PACKED_F16 = 1,
    INGOT_PACKED_BF16 = 2,
} ingot_packed_float;

/// `result[m][n] = keep * result[m][n] + y[m][firstOutput + n]` in F32: stretches of 256 columns are
/// summed from zero by fused multiply-add, column by column, and added one after the other, as an
/// ordered product does.
void ingot_packed_float_product(ingot_isa isa, ingot_packed_float kind, size_t rowLength,
                                const void *panels, size_t firstOutput, size_t outputCount,
                                const float *input, size_t inputStride, size_t rowCount,
                                float *result, size_t resultStride, bool keep);

/// The same with a matrix of codes, whose values are made on the way.
void ingot_packed_decoded_product(ingot_isa isa, const ingot_packed_form *form, size_t rowLength,
                                  const void *panels, size_t firstOutput, size_t outputCount,
                                  const float *input, size_t inputStride, size_t rowCount,
                                  float *result, size_t resultStride, bool keep);

#pragma clang assume_nonnull end

#endif
