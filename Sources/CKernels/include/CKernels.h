#ifndef INGOT_CKERNELS_H
#define INGOT_CKERNELS_H

// Kernels for encoding, decoding and conversion, compiled once per instruction set.
//
// Every function takes the instruction set to use and returns false when it has no kernel for it
// (the caller then runs the scalar reference in Swift). Passing a set that the processor lacks is
// a programmer's error. Pointers need no alignment. Results are equal on every set, bit by bit.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

#ifdef __cplusplus
extern "C" {
#endif

/// The instruction sets that kernels are compiled for.
typedef enum ingot_isa : uint32_t {
    /// The reference in Swift.
    INGOT_SCALAR = 0,
    /// Baseline x86-64, four lanes.
    INGOT_SSE2 = 1,
    /// AVX2 and F16C, eight lanes.
    INGOT_AVX2 = 2,
    /// AVX-512 F, BW, DQ and VL, sixteen lanes.
    INGOT_AVX512 = 3,
    /// Arm64, four lanes.
    INGOT_NEON = 4,
    INGOT_ISA_COUNT = 5,
} ingot_isa;

/// Whether this processor and this build have the instruction set.
bool ingot_isa_supported(ingot_isa isa);

/// Encodes one block by the scalar reference. Kernels call it for blocks whose numbers are so
/// extreme that lanes would part from the reference. `variance` is the row's, for the formats
/// whose importance weights need it.
typedef void (*ingot_reference)(const float *values, const float *_Nullable importance,
                                float variance, void *block);

/// The kernels of a format; those on grids have `ingot_grid_kernels`. Which formats have kernels
/// is told by the list in formats.h.
typedef struct __attribute__((swift_attr("@Sendable"))) ingot_kernels {
    /// Encodes `rowCount` rows of `rowLength` values, whole blocks each; `importance` has one
    /// weight per column or is null.
    bool (*encode)(ingot_isa isa, const float *rows, size_t rowCount, size_t rowLength,
                   const float *_Nullable importance, void *destination,
                   ingot_reference reference);
    /// Decodes `elementCount` values, whole blocks.
    bool (*decode)(ingot_isa isa, const void *source, size_t elementCount,
                   float *destination);
    /// Unpacks `elementCount` values, whole blocks, to what `ingot_code_form` describes: a code
    /// each, and a scale and (where the format has them) a minimum for every group.
    bool (*unpack)(ingot_isa isa, const void *source, size_t elementCount, uint8_t *codes,
                   float *scales, float *_Nullable minimums);
} ingot_kernels;

/// Conversions between binary32 and the 16-bit formats; rounding to nearest, ties to even.
bool ingot_f32_to_f16(ingot_isa isa, const float *source, size_t count, void *destination);
bool ingot_f32_to_bf16(ingot_isa isa, const float *source, size_t count, void *destination);
bool ingot_f16_to_f32(ingot_isa isa, const void *source, size_t count, float *destination);
bool ingot_bf16_to_f32(ingot_isa isa, const void *source, size_t count, float *destination);

/// The largest of the values' bit patterns without their signs: that of the largest magnitude, or
/// of an infinity or a NaN if there is one.
bool ingot_largest_magnitude(ingot_isa isa, const float *values, size_t count, uint32_t *bits);

#pragma clang assume_nonnull end

#include "grids.h"
#include "formats.h"
#include "inference.h"
#include "integer_product.h"
#include "packed.h"
#include "attention.h"
#include "ordered.h"
#include "feedback.h"

#ifdef __cplusplus
}
#endif

#endif
