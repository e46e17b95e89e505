// Runs every kernel of one instruction set on seeded rows and prints a digest per case.
//
// `scripts/test-neon` compares what it prints on Arm with what it prints on x86, where
// InstructionSetTests prove the same kernels against the reference and llama.cpp's digests. The
// rows are those of Tests/QuantizationTests/BlockInputs.swift. There is no reference in C, so
// blocks that a kernel leaves to it are filled with a mark: it must be left the same ones.

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "CKernels.h"

#if defined(__aarch64__)
static const ingot_isa isa = INGOT_NEON;
#else
static const ingot_isa isa = INGOT_SSE2;
#endif

// SplitMix64, as TestSupport/SeededRandom.swift has it.
static uint64_t state;
static uint64_t next(void) {
    state += 0x9E3779B97F4A7C15;
    uint64_t value = state;
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9;
    value = (value ^ value >> 27) * 0x94D049BB133111EB;
    return value ^ value >> 31;
}
static float unit(void) { return (float)(next() >> 40) * 0x1p-24f; }
static float normal(void) {
    float sum = -6;
    for (int i = 0; i < 12; i++) sum += unit();
    return sum;
}

static const char *const rowKinds[] = {
    "gaussian", "heavyTailed", "uniform",  "positive",  "negative",        "constant",
    "zeros",    "signedZeros", "sparse",   "outliers",  "ties",            "shifted",
    "slightlyShifted", "twoValues", "mixedScales", "subnormal", "tiny",    "small",
    "large",    "huge",        "overflowing"};
enum { rowKindCount = sizeof rowKinds / sizeof *rowKinds };

static float value(int kind, float n, float a, float b, int index) {
    float sign = b < 0.5f ? -1 : 1;
    switch (kind) {
    case 0: return n * 0.02f;
    case 1: return n * n * n * 0.01f;
    case 2: return a - 0.5f;
    case 3: return a + 0.25f;
    case 4: return -a - 0.25f;
    case 5: return 0.37f;
    case 6: return 0;
    case 7: return sign * 0;
    case 8: return a < 0.9f ? sign * 0 : n;
    case 9: return a < 0.03f ? n * 50 : n * 0.02f;
    case 10: return rintf(n * 8) * 0.25f;
    case 11: return 1000 + n * 0x1p-10f;
    case 12: return -3 + n * 0.01f;
    case 13: return sign * 0.75f;
    case 14: return n * ((float)(1 << index / 16 * 7 % 23) * 0x1p-12f);
    case 15: return n * 0x1p-130f;
    case 16: return n * 0x1p-126f;
    case 17: return n * 0x1p-100f;
    case 18: return n * 0x1p18f;
    case 19: return n * 0x1p100f;
    default: return n * 0x1p124f;
    }
}

static const char *const importanceKinds[] = {"absent", "random", "zero", "partlyZero", "spread"};
static float weight(int kind, float n, float a, float b) {
    switch (kind) {
    case 1: return n * n;
    case 2: return 0;
    case 3: return b < 0.4f ? 0 : a;
    default: return b < 0.1f ? a * 0x1p20f : a * 0x1p-20f;
    }
}

// Name, values and bytes of a block, and where it has binary16 numbers, -1 for none.
#define FORMATS(X)                                                                             \
    X(Q4_0, 32, 18, 0, -1) X(Q4_1, 32, 20, 0, 2) X(Q5_0, 32, 22, 0, -1)                        \
    X(Q5_1, 32, 24, 0, 2) X(Q8_0, 32, 34, 0, -1) X(Q2_K, 256, 84, 80, 82)                      \
    X(Q3_K, 256, 110, 108, -1) X(Q4_K, 256, 144, 0, 2) X(Q5_K, 256, 176, 0, 2)                 \
    X(Q6_K, 256, 210, 208, -1) X(IQ4_NL, 32, 18, 0, -1) X(IQ4_XS, 256, 136, 0, -1)             \
    X(MXFP4, 32, 17, -1, -1) X(NVFP4, 64, 36, -1, -1) X(TQ1_0, 256, 54, 52, -1)                \
    X(TQ2_0, 256, 66, 64, -1) X(Q1_0, 128, 18, 0, -1) X(Q2_0, 64, 18, 0, -1)

static const struct {
    const char *name;
    size_t elementCount, byteCount;
    int halves[2];
    const ingot_kernels *kernels;
} formats[] = {
#define X(name, elements, bytes, first, second)                                                \
    {#name, elements, bytes, {first, second}, &ingot_kernels_##name},
    FORMATS(X)
#undef X
};

#define ONE(name) +1
#define NONE(name)
_Static_assert(sizeof formats / sizeof *formats == INGOT_FORMATS(ONE, NONE),
               "a format of formats.h is missing here");

static size_t blockByteCount;
static void mark(const float *values, const float *importance, float variance, void *block) {
    (void)values, (void)importance, (void)variance;
    memset(block, 0xA5, blockByteCount);
}

static uint64_t digest(const void *data, size_t count) {
    const unsigned char *bytes = data;
    uint64_t hash = 0xCBF29CE484222325;
    for (size_t i = 0; i < count; i++) hash = (hash ^ bytes[i]) * 0x100000001B3;
    return hash;
}

/// Digest of numbers, all that are none being equal.
static uint64_t numbersDigest(float *values, size_t count) {
    for (size_t i = 0; i < count; i++) {
        uint32_t nan = 0x7FC00000;
        if (values[i] != values[i]) memcpy(values + i, &nan, 4);
    }
    return digest(values, 4 * count);
}

/// Digest of blocks. The sign of a scale that is no number is the processor's affair: what x86
/// makes of infinity less infinity is negative, what Arm makes of it is not.
static uint64_t blocksDigest(unsigned char *blocks, size_t count, const int *places) {
    for (size_t i = 0; i < 2 * count; i++) {
        if (places[i % 2] < 0) continue;
        unsigned char *half = blocks + i / 2 * blockByteCount + places[i % 2];
        if ((half[1] & 0x7C) == 0x7C && ((half[1] & 3) | half[0])) half[1] &= 0x7F;
    }
    return digest(blocks, count * blockByteCount);
}

static void check(bool done, const char *name) {
    if (done) return;
    fprintf(stderr, "%s has no kernel here\n", name);
    exit(1);
}

enum { maxCount = 5 * 1280 };
static float rows[maxCount], weights[1280], numbers[301 * 256];
static unsigned char bytes[301 * 256];

static void encodeRows(size_t f, size_t rowCount, size_t rowLength, uint64_t seed) {
    size_t count = rowCount * rowLength;
    for (int importance = 0; importance < 5; importance++) {
        state = seed + 100;
        for (size_t i = 0; i < rowLength; i++) {
            float n = normal(), a = unit(), b = unit();
            weights[i] = weight(importance, n, a, b);
        }
        for (int kind = 0; kind < rowKindCount; kind++) {
            state = seed;
            for (size_t i = 0; i < count; i++) {
                float n = normal(), a = unit(), b = unit();
                rows[i] = value(kind, n, a, b, (int)i);
            }
            blockByteCount = formats[f].byteCount;
            size_t blockCount = count / formats[f].elementCount;
            memset(bytes, 0, sizeof bytes);
            check(formats[f].kernels->encode(isa, rows, rowCount, rowLength,
                                             importance ? weights : NULL, bytes, mark),
                  formats[f].name);
            printf("%s %s %s seed %d: %016llx\n", formats[f].name, importanceKinds[importance],
                   rowKinds[kind], (int)seed,
                   (unsigned long long)blocksDigest(bytes, blockCount, formats[f].halves));
        }
    }
}

/// Codes, scales and minimums of random blocks.
static void unpackBlocks(size_t f, size_t count) {
    static uint8_t codes[301 * 256];
    static float scales[301 * 256], minimums[301 * 256];
    memset(codes, 0, sizeof codes), memset(scales, 0, sizeof scales);
    memset(minimums, 0, sizeof minimums);
    check(formats[f].kernels->unpack(isa, bytes, count, codes, scales, minimums), formats[f].name);
    printf("%s unpacked: %016llx %016llx %016llx\n", formats[f].name,
           (unsigned long long)digest(codes, count),
           (unsigned long long)numbersDigest(scales, count / 16),
           (unsigned long long)numbersDigest(minimums, count / 16));
}

/// Rounded activations times codes, for every form of code; token and output counts that leave
/// tiles and panels unfilled.
static void multiply(void) {
    enum { length = 1280, tokens = 19, outputs = 37, panels = 3, tiles = 3 };
    static const ingot_code_form forms[] = {
        {32, 32, 8, 15, false}, {32, 32, 0, 31, true},    {32, 32, 128, 255, false},
        {16, 256, 32, 63, false}, {16, 256, 0, 3, true},  {32, 256, 0, 15, true},
        {32, 256, 127, 254, false}, {16, 32, 12, 24, false}};
    static float values[tokens * length], result[tokens * outputs];
    static int8_t rounded[tiles * length * 8];
    static float scales[tiles * length / 4], steps[tiles * length / 4];
    static int32_t sums[tiles * length / 2];
    static uint8_t packed[panels * length * 16], row[16 * length];
    static float panelScales[panels * length], panelMinimums[panels * length];
    static float rowScales[16 * length / 16], rowMinimums[16 * length / 16];
    for (int kind = 0; kind < rowKindCount; kind++) {
        state = 7;
        for (size_t i = 0; i < tokens * length; i++) {
            float n = normal(), a = unit(), b = unit();
            values[i] = value(kind, n, a, b, (int)(i % length));
        }
        for (size_t f = 0; f < sizeof forms / sizeof *forms; f++) {
            const ingot_code_form *form = forms + f;
            const ingot_q8_rows rows = {rounded, scales, steps, sums};
            const ingot_code_panels all = {packed, panelScales,
                                           form->hasMinimum ? panelMinimums : NULL};
            memset(rounded, 0, sizeof rounded), memset(scales, 0, sizeof scales);
            memset(steps, 0, sizeof steps), memset(sums, 0, sizeof sums);
            ingot_quantize_activations(isa, values, length, tokens, length, form->blockLength, 0,
                                       &rows);
            for (size_t panel = 0; panel < panels; panel++) {
                size_t rowCount = panel < panels - 1 ? 16 : outputs - 16 * (panels - 1);
                for (size_t i = 0; i < sizeof row; i++) row[i] = next() % (form->highest + 1);
                for (size_t i = 0; i < sizeof rowScales / 4; i++) {
                    rowScales[i] = normal(), rowMinimums[i] = normal();
                }
                ingot_pack_panel(form, row, rowScales, form->hasMinimum ? rowMinimums : NULL,
                                 rowCount, length, panel, &all);
            }
            void *scratch = aligned_alloc(
                64, (ingot_integer_product_scratch(form, length) + 127) / 64 * 64);
            for (size_t i = 0; i < tokens * outputs; i++) result[i] = (float)(i % 7);
            ingot_integer_product(isa, form, length, &rows, 0, tokens, &all, 0, outputs, result,
                                  outputs, kind % 2, scratch);
            free(scratch);
            printf("product %s form %zu: %016llx %016llx %016llx\n", rowKinds[kind], f,
                   (unsigned long long)digest(rounded, sizeof rounded),
                   (unsigned long long)numbersDigest(scales, tiles * length / form->blockLength * 8),
                   (unsigned long long)numbersDigest(result, tokens * outputs));
        }
    }
}

/// The largest magnitude of rows of every kind and of lengths that fill no register.
static void findMagnitudes(void) {
    for (int kind = 0; kind < rowKindCount; kind++) {
        state = 11;
        for (size_t i = 0; i < maxCount; i++) {
            float n = normal(), a = unit(), b = unit();
            rows[i] = value(kind, n, a, b, (int)(i % 256));
        }
        for (size_t count = 0; count < 70; count++) {
            uint32_t bits = 0;
            check(ingot_largest_magnitude(isa, rows + count, count, &bits), "magnitude");
            printf("magnitude %s %zu: %08x\n", rowKinds[kind], count, bits);
        }
    }
}

int main(void) {
    static const size_t rowLengths[] = {768, 256, 1280}, rowCounts[] = {1, 5, 3};
    for (size_t f = 0; f < sizeof formats / sizeof *formats; f++) {
        for (uint64_t seed = 0; seed < 3; seed++) {
            encodeRows(f, rowCounts[seed], rowLengths[seed], seed);
        }
        state = 29;
        for (size_t i = 0; i < 301 * formats[f].byteCount; i++) bytes[i] = next() >> 56;
        size_t count = 301 * formats[f].elementCount;
        check(formats[f].kernels->decode(isa, bytes, count, numbers), formats[f].name);
        printf("%s decoded: %016llx\n", formats[f].name,
               (unsigned long long)numbersDigest(numbers, count));
        unpackBlocks(f, count);
    }
    multiply();
    findMagnitudes();
    // Every 16-bit pattern to binary32, and numbers around the halves between them back.
    static uint16_t halves[65536];
    static float wide[65536];
    for (int i = 0; i < 65536; i++) halves[i] = (uint16_t)i;
    check(ingot_f16_to_f32(isa, halves, 65536, wide), "F16");
    printf("F16 decoded: %016llx\n", (unsigned long long)numbersDigest(wide, 65536));
    check(ingot_bf16_to_f32(isa, halves, 65536, wide), "BF16");
    printf("BF16 decoded: %016llx\n", (unsigned long long)numbersDigest(wide, 65536));
    static const uint32_t offsets[] = {0, 0x0FFF, 0x1000, 0x1001, 0x7FFF, 0x8000, 0x8001};
    for (size_t k = 0; k < sizeof offsets / sizeof *offsets; k++) {
        for (uint32_t i = 0; i < 65536; i++) {
            uint32_t pattern = i << 16 | offsets[k];
            memcpy(wide + i, &pattern, 4);
        }
        check(ingot_f32_to_f16(isa, wide, 65536, halves), "F16");
        printf("F16 encoded %x: %016llx\n", offsets[k],
               (unsigned long long)digest(halves, sizeof halves));
        check(ingot_f32_to_bf16(isa, wide, 65536, halves), "BF16");
        printf("BF16 encoded %x: %016llx\n", offsets[k],
               (unsigned long long)digest(halves, sizeof halves));
    }
    return 0;
}
