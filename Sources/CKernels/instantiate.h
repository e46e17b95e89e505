// Compiles KERNEL_FILE once per instruction set. A kernel file includes this header first; it is
// then included again, with ISA (the suffix of all names), LANES and HAS_F16C defined.

#pragma STDC FP_CONTRACT OFF
#include "CKernels.h"
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#define PASTE2(a, b) a##_##b
#define PASTE(a, b) PASTE2(a, b)
/// A name of the instruction set that is being compiled.
#define K(name) PASTE(name, ISA)
#define INLINE static inline __attribute__((always_inline, unused))
#define UNROLL _Pragma("clang loop unroll(full)")

/// What an encoder and a decoder look like for one instruction set.
typedef void (*ingot_encoder)(const float *rows, size_t rowCount, size_t rowLength,
                              const float *importance, uint8_t *destination,
                              ingot_reference reference);
typedef void (*ingot_decoder)(const uint8_t *source, size_t elementCount, float *destination);
/// And what gives the codes and scales themselves.
typedef void (*ingot_unpacker)(const uint8_t *source, size_t elementCount, uint8_t *codes,
                               float *scales, float *minimums);

#if defined(__x86_64__)

#define ISA sse2
#define LANES 4
#define HAS_F16C 0
#include KERNEL_FILE
#undef ISA
#undef LANES
#undef HAS_F16C

#pragma clang attribute push(__attribute__((target("avx2,f16c"))), apply_to = function)
#define ISA avx2
#define LANES 8
#define HAS_F16C 1
#include KERNEL_FILE
#undef ISA
#undef LANES
#undef HAS_F16C
#pragma clang attribute pop

#pragma clang attribute push(                                                            \
    __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,f16c"))), apply_to = function)
#define ISA avx512
#define LANES 16
#define HAS_F16C 1
#include KERNEL_FILE
#undef ISA
#undef LANES
#undef HAS_F16C
#pragma clang attribute pop

#define TABLE(name)                                                                      \
    {[INGOT_SSE2] = PASTE(name, sse2),                                                   \
     [INGOT_AVX2] = PASTE(name, avx2),                                                   \
     [INGOT_AVX512] = PASTE(name, avx512),                                               \
     [INGOT_NEON] = 0}

#elif defined(__aarch64__)

#define ISA neon
#define LANES 4
#define HAS_F16C 0
#include KERNEL_FILE
#undef ISA
#undef LANES
#undef HAS_F16C

#define TABLE(name) {[INGOT_NEON] = PASTE(name, neon)}

#else
#define TABLE(name) {[INGOT_NEON] = 0}
#endif

/// The scalar set unpacks with the kernel of the processor's baseline: there is nothing to round.
#if defined(__x86_64__)
#define BASELINE INGOT_SSE2
#else
#define BASELINE INGOT_NEON
#endif

/// Defines the kernels that Swift takes, for the functions `encode_name`, `decode_name` and
/// `unpack_name` of every set.
#define DEFINE_KERNELS(name)                                                             \
    static bool encode_##name(ingot_isa isa, const float *rows, size_t rowCount,         \
                              size_t rowLength, const float *importance,                 \
                              void *destination, ingot_reference reference) {            \
        static const ingot_encoder table[INGOT_ISA_COUNT] = TABLE(encode_##name);        \
        if (isa >= INGOT_ISA_COUNT || !table[isa]) return false;                         \
        table[isa](rows, rowCount, rowLength, importance, destination, reference);       \
        return true;                                                                     \
    }                                                                                    \
    static bool decode_##name(ingot_isa isa, const void *source, size_t elementCount,    \
                              float *destination) {                                      \
        static const ingot_decoder table[INGOT_ISA_COUNT] = TABLE(decode_##name);        \
        if (isa >= INGOT_ISA_COUNT || !table[isa]) return false;                         \
        table[isa](source, elementCount, destination);                                   \
        return true;                                                                     \
    }                                                                                    \
    static bool unpack_##name(ingot_isa isa, const void *source, size_t elementCount,    \
                              uint8_t *codes, float *scales, float *minimums) {          \
        static const ingot_unpacker table[INGOT_ISA_COUNT] = TABLE(unpack_##name);       \
        if (isa == INGOT_SCALAR) isa = BASELINE;                                         \
        if (isa >= INGOT_ISA_COUNT || !table[isa]) return false;                         \
        table[isa](source, elementCount, codes, scales, minimums);                       \
        return true;                                                                     \
    }                                                                                    \
    const ingot_kernels ingot_kernels_##name = {encode_##name, decode_##name,            \
                                                unpack_##name};
