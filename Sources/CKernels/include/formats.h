#ifndef INGOT_FORMATS_H
#define INGOT_FORMATS_H

// The formats that have kernels. Included by CKernels.h.
//
// A row here declares `ingot_kernels_NAME`, which the format's file here defines and its file under
// Sources/Quantization/Formats names.

#pragma clang assume_nonnull begin

/// One row per format: GRID for those whose kernels look points of a grid up, BLOCK for the others.
#define INGOT_FORMATS(BLOCK, GRID)                                                       \
    BLOCK(Q4_0)                                                                          \
    BLOCK(Q4_1)                                                                          \
    BLOCK(Q5_0)                                                                          \
    BLOCK(Q5_1)                                                                          \
    BLOCK(Q8_0)                                                                          \
    BLOCK(Q2_K)                                                                          \
    BLOCK(Q3_K)                                                                          \
    BLOCK(Q4_K)                                                                          \
    BLOCK(Q5_K)                                                                          \
    BLOCK(Q6_K)                                                                          \
    GRID(IQ2_XXS)                                                                        \
    GRID(IQ2_XS)                                                                         \
    GRID(IQ3_XXS)                                                                        \
    GRID(IQ1_S)                                                                          \
    BLOCK(IQ4_NL)                                                                        \
    GRID(IQ3_S)                                                                          \
    GRID(IQ2_S)                                                                          \
    BLOCK(IQ4_XS)                                                                        \
    GRID(IQ1_M)                                                                          \
    BLOCK(TQ1_0)                                                                         \
    BLOCK(TQ2_0)                                                                         \
    BLOCK(MXFP4)                                                                         \
    BLOCK(NVFP4)                                                                         \
    BLOCK(Q1_0)                                                                          \
    BLOCK(Q2_0)

#define INGOT_DECLARE_KERNELS(name) extern const ingot_kernels ingot_kernels_##name;
#define INGOT_DECLARE_GRID_KERNELS(name) extern const ingot_grid_kernels ingot_kernels_##name;
INGOT_FORMATS(INGOT_DECLARE_KERNELS, INGOT_DECLARE_GRID_KERNELS)

#pragma clang assume_nonnull end

#endif
