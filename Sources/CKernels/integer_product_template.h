// Included by integer_product.c once per instruction set: `NAME(x)` gives each copy its own names,
// `DOT` says what multiplies integers.

#define INLINE static inline __attribute__((always_inline, unused))
#define UNROLL _Pragma("clang loop unroll(full)")

typedef float NAME(vf) __attribute__((vector_size(64)));
typedef int32_t NAME(vi) __attribute__((vector_size(64)));
typedef int8_t NAME(vb) __attribute__((vector_size(16)));

// Quantizes one row of `tokens` that lie four codes of each after four of the other.
static void NAME(quantize_row)(const float *values, size_t length, uint32_t block_length,
                               size_t tokens, int8_t *codes, float *scales, float *steps, int32_t *sums) {
    typedef NAME(vf) vf;
    typedef NAME(vi) vi;
    const vi magnitude = (vi){0} + 0x7FFFFFFF;
    for (size_t block = 0; block < length / block_length; block++) {
        const float *x = values + block * block_length;
        vf most = {0};
        vi strange = {0};
        for (uint32_t i = 0; i < block_length; i += 16) {
            vf value;
            memcpy(&value, x + i, sizeof value);
            vf size = (vf)((vi)value & magnitude), difference = value - value;
            vi larger = size > most;
            most = (vf)(((vi)size & larger) | ((vi)most & ~larger));
            strange |= difference != difference;
        }
        float peak = 0;
        int32_t bad = 0;
        for (int lane = 0; lane < 16; lane++) {
            peak = most[lane] > peak ? most[lane] : peak;
            bad |= strange[lane];
        }
        float inverse = peak > 0 ? 127 / peak : 0;
        // So small that its inverse is not a number counts as zero.
        if (!(inverse < __builtin_inff())) inverse = 0;
        float step = inverse == 0 ? 0 : block_length == 32 ? peak / 127 : 1 / inverse;
        if (bad) {
            inverse = 0;
            step = __builtin_nanf("");
        }
        steps[block * tokens] = step;
        scales[block * tokens] = block_length == 32 ? ingot_half_rounded(step) : step;
        for (uint32_t i = 0; i < block_length; i += 16) {
            vf value;
            memcpy(&value, x + i, sizeof value);
            // Adding 1.5 * 2^23 leaves the nearest integer, ties to even, in the low bits.
            vf shifted = value * inverse + 12582912.0f;
            vi whole = (vi)shifted - 0x4B400000;
            if (bad) whole = (vi){0};
            NAME(vb) bytes = __builtin_convertvector(whole, NAME(vb));
            size_t place = block * block_length + i;
            int8_t *out = codes + place * tokens;
            for (int four = 0; four < 4; four++) {
                memcpy(out + four * 4 * tokens, (const int8_t *)&bytes + 4 * four, 4);
            }
            int32_t sum = 0;
            for (int lane = 0; lane < 16; lane++) sum += whole[lane];
            sums[place / 16 * tokens] = sum;
        }
    }
}

// What a block of tokens needs for one form: for every group and token the integer that sums start
// from, so that the offset of the codes falls out, and the factor of the minimum.
static void NAME(prepare)(const ingot_code_form *form, size_t length, const ingot_q8_rows *rows,
                          size_t first_tile, size_t tiles, struct prepared prepared) {
    size_t groups = length / form->groupLength, sixteens = form->groupLength / 16;
    size_t per_block = form->blockLength / form->groupLength;
    // Signed codes where only those can be multiplied.
    int32_t offset = (int32_t)form->offset - (DOT == DOT_NEON && form->highest > 127 ? 128 : 0);
    for (size_t tile = 0; tile < tiles; tile++) {
        const int32_t *sums = rows->sums + (first_tile + tile) * length / 16 * INGOT_TILE_TOKENS;
        const float *steps =
            rows->steps + (first_tile + tile) * (length / form->blockLength) * INGOT_TILE_TOKENS;
        for (size_t group = 0; group < groups; group++) {
            for (size_t t = 0; t < INGOT_TILE_TOKENS; t++) {
                int32_t sum = 0;
                for (size_t i = 0; i < sixteens; i++) {
                    sum += sums[(group * sixteens + i) * INGOT_TILE_TOKENS + t];
                }
                size_t place = (tile * groups + group) * INGOT_TILE_TOKENS + t;
                prepared.starts[place] = -offset * sum;
                if (!form->hasMinimum) continue;
                float factor = steps[group / per_block * INGOT_TILE_TOKENS + t] * (float)sum;
                prepared.factors[place] =
                    form->blockLength == 32 ? ingot_half_rounded(factor) : factor;
            }
        }
#if DOT == DOT_AVX2
        if (form->highest <= NARROW) continue;
        // Of every four codes the even ones, then the odd ones, in 16 bits.
        const int8_t *codes = rows->codes + (first_tile + tile) * length * INGOT_TILE_TOKENS;
        int16_t *wide = prepared.wide + tile * length * INGOT_TILE_TOKENS;
        for (size_t four = 0; four < length / 4; four++) {
            const int8_t *from = codes + four * 32;
            int16_t *to = wide + four * 32;
            UNROLL for (int t = 0; t < INGOT_TILE_TOKENS; t++) {
                to[2 * t] = from[4 * t];
                to[2 * t + 1] = from[4 * t + 2];
                to[16 + 2 * t] = from[4 * t + 1];
                to[16 + 2 * t + 1] = from[4 * t + 3];
            }
        }
#endif
    }
}

#define PRODUCT_TILE                                                                     \
    const uint8_t *codes, const float *scales, const float *minimums, const int8_t *acts,\
        const int16_t *wide, const float *act_scales, const int32_t *starts,             \
        const float *factors, float *out

#if DOT == DOT_VNNI

#define T INGOT_TILE_TOKENS
INLINE void NAME(tile)(const size_t length, const uint32_t group, const uint32_t block,
                       const bool has_minimum, const uint32_t highest, PRODUCT_TILE) {
    (void)highest;
    (void)wide;
    __m512 total[T];
    UNROLL for (int t = 0; t < T; t++) total[t] = _mm512_setzero_ps();
    for (size_t b = 0; b < length / block; b++) {
        __m512 part[T];
        UNROLL for (int t = 0; t < T; t++) part[t] = _mm512_setzero_ps();
        for (uint32_t g = 0; g < block / group; g++) {
            __m512i dot[T];
            UNROLL for (int t = 0; t < T; t++) dot[t] = _mm512_set1_epi32(starts[t]);
            UNROLL for (uint32_t k = 0; k < group / 4; k++) {
                __m512i w = _mm512_loadu_si512(codes + 64 * k);
                UNROLL for (int t = 0; t < T; t++) {
                    int32_t four;
                    memcpy(&four, acts + 4 * T * k + 4 * t, 4);
                    dot[t] = _mm512_dpbusd_epi32(dot[t], w, _mm512_set1_epi32(four));
                }
            }
            codes += 16 * group;
            acts += T * group;
            __m512 scale = _mm512_loadu_ps(scales);
            UNROLL for (int t = 0; t < T; t++) {
                __m512 product = _mm512_mul_ps(_mm512_cvtepi32_ps(dot[t]), scale);
                part[t] = block == group ? product : _mm512_add_ps(part[t], product);
            }
            if (has_minimum) {
                __m512 minimum = _mm512_loadu_ps(minimums);
                UNROLL for (int t = 0; t < T; t++) {
                    __m512 product = _mm512_mul_ps(minimum, _mm512_set1_ps(factors[t]));
                    total[t] = _mm512_add_ps(total[t], product);
                }
                minimums += 16;
                factors += T;
            }
            scales += 16;
            starts += T;
        }
        UNROLL for (int t = 0; t < T; t++) {
            __m512 product = _mm512_mul_ps(part[t], _mm512_set1_ps(act_scales[t]));
            total[t] = _mm512_add_ps(total[t], product);
        }
        act_scales += T;
    }
    UNROLL for (int t = 0; t < T; t++) _mm512_storeu_ps(out + 16 * t, total[t]);
}
#undef T

#elif DOT == DOT_AVX2

// Products of four tokens (of which `acts` is the first) with two vectors of eight outputs.
INLINE void NAME(half_tile)(const size_t length, const uint32_t group, const uint32_t block,
                            const bool has_minimum, const uint32_t highest, PRODUCT_TILE) {
    // Steps of four codes that may be summed in 16 bits.
    const uint32_t steps = highest > NARROW ? 1
                           : highest * 254 * 8 <= 32767 && group == 32 ? 8
                           : highest * 254 * 4 <= 32767 ? 4
                           : highest * 254 * 2 <= 32767 ? 2
                                                        : 1;
    const __m256i ones = _mm256_set1_epi16(1), low = _mm256_set1_epi16(255);
    __m256 total[4][2];
    UNROLL for (int t = 0; t < 4; t++) total[t][0] = total[t][1] = _mm256_setzero_ps();
    for (size_t b = 0; b < length / block; b++) {
        __m256 part[4][2];
        UNROLL for (int t = 0; t < 4; t++) part[t][0] = part[t][1] = _mm256_setzero_ps();
        for (uint32_t g = 0; g < block / group; g++) {
            __m256i dot[4][2];
            UNROLL for (int t = 0; t < 4; t++) dot[t][0] = dot[t][1] = _mm256_set1_epi32(starts[t]);
            if (highest > NARROW) {
                for (uint32_t k = 0; k < group / 4; k++) {
                    __m256i w0 = _mm256_loadu_si256((const __m256i *)(codes + 64 * k));
                    __m256i w1 = _mm256_loadu_si256((const __m256i *)(codes + 64 * k + 32));
                    __m256i even0 = _mm256_and_si256(w0, low), odd0 = _mm256_srli_epi16(w0, 8);
                    __m256i even1 = _mm256_and_si256(w1, low), odd1 = _mm256_srli_epi16(w1, 8);
                    UNROLL for (int t = 0; t < 4; t++) {
                        int32_t first, second;
                        memcpy(&first, wide + 32 * k + 2 * t, 4);
                        memcpy(&second, wide + 32 * k + 16 + 2 * t, 4);
                        __m256i even = _mm256_set1_epi32(first), odd = _mm256_set1_epi32(second);
                        dot[t][0] = _mm256_add_epi32(dot[t][0], _mm256_madd_epi16(even0, even));
                        dot[t][1] = _mm256_add_epi32(dot[t][1], _mm256_madd_epi16(even1, even));
                        dot[t][0] = _mm256_add_epi32(dot[t][0], _mm256_madd_epi16(odd0, odd));
                        dot[t][1] = _mm256_add_epi32(dot[t][1], _mm256_madd_epi16(odd1, odd));
                    }
                }
                wide += INGOT_TILE_TOKENS * group;
            } else {
                for (uint32_t k = 0; k < group / 4; k += steps) {
                    __m256i sum[4][2];
                    UNROLL for (uint32_t s = 0; s < steps; s++) {
                        const uint8_t *from = codes + 64 * (k + s);
                        __m256i w0 = _mm256_loadu_si256((const __m256i *)from);
                        __m256i w1 = _mm256_loadu_si256((const __m256i *)(from + 32));
                        UNROLL for (int t = 0; t < 4; t++) {
                            int32_t word;
                            memcpy(&word, acts + 32 * (k + s) + 4 * t, 4);
                            __m256i four = _mm256_set1_epi32(word);
                            __m256i p0 = _mm256_maddubs_epi16(w0, four);
                            __m256i p1 = _mm256_maddubs_epi16(w1, four);
                            sum[t][0] = s ? _mm256_add_epi16(sum[t][0], p0) : p0;
                            sum[t][1] = s ? _mm256_add_epi16(sum[t][1], p1) : p1;
                        }
                    }
                    UNROLL for (int t = 0; t < 4; t++) {
                        UNROLL for (int j = 0; j < 2; j++) {
                            __m256i pairs = _mm256_madd_epi16(sum[t][j], ones);
                            dot[t][j] = _mm256_add_epi32(dot[t][j], pairs);
                        }
                    }
                }
                acts += INGOT_TILE_TOKENS * group;
            }
            codes += 16 * group;
            UNROLL for (int j = 0; j < 2; j++) {
                __m256 scale = _mm256_loadu_ps(scales + 8 * j);
                UNROLL for (int t = 0; t < 4; t++) {
                    __m256 product = _mm256_mul_ps(_mm256_cvtepi32_ps(dot[t][j]), scale);
                    part[t][j] = block == group ? product : _mm256_add_ps(part[t][j], product);
                }
                if (!has_minimum) continue;
                __m256 minimum = _mm256_loadu_ps(minimums + 8 * j);
                UNROLL for (int t = 0; t < 4; t++) {
                    __m256 product = _mm256_mul_ps(minimum, _mm256_set1_ps(factors[t]));
                    total[t][j] = _mm256_add_ps(total[t][j], product);
                }
            }
            if (has_minimum) {
                minimums += 16;
                factors += INGOT_TILE_TOKENS;
            }
            scales += 16;
            starts += INGOT_TILE_TOKENS;
        }
        UNROLL for (int t = 0; t < 4; t++) {
            __m256 act_scale = _mm256_set1_ps(act_scales[t]);
            UNROLL for (int j = 0; j < 2; j++) {
                total[t][j] = _mm256_add_ps(total[t][j], _mm256_mul_ps(part[t][j], act_scale));
            }
        }
        act_scales += INGOT_TILE_TOKENS;
    }
    UNROLL for (int t = 0; t < 4; t++) {
        _mm256_storeu_ps(out + 16 * t, total[t][0]);
        _mm256_storeu_ps(out + 16 * t + 8, total[t][1]);
    }
}

INLINE void NAME(tile)(const size_t length, const uint32_t group, const uint32_t block,
                       const bool has_minimum, const uint32_t highest, PRODUCT_TILE) {
    for (int t = 0; t < INGOT_TILE_TOKENS; t += 4) {
        NAME(half_tile)(length, group, block, has_minimum, highest, codes, scales, minimums,
                        acts + 4 * t, wide + 2 * t, act_scales + t, starts + t, factors + t,
                        out + 16 * t);
    }
}

#elif DOT == DOT_NEON

// Products of four tokens with eight outputs.
INLINE void NAME(quarter_tile)(const size_t length, const uint32_t group, const uint32_t block,
                               const bool has_minimum, const uint32_t highest, PRODUCT_TILE) {
    (void)wide;
    const uint8x16_t flip = vdupq_n_u8(highest > 127 ? 128 : 0);
    float32x4_t total[4][2];
    UNROLL for (int t = 0; t < 4; t++) total[t][0] = total[t][1] = vdupq_n_f32(0);
    for (size_t b = 0; b < length / block; b++) {
        float32x4_t part[4][2];
        UNROLL for (int t = 0; t < 4; t++) part[t][0] = part[t][1] = vdupq_n_f32(0);
        for (uint32_t g = 0; g < block / group; g++) {
            int32x4_t dot[4][2];
            UNROLL for (int t = 0; t < 4; t++) dot[t][0] = dot[t][1] = vdupq_n_s32(starts[t]);
            for (uint32_t k = 0; k < group / 4; k++) {
                int8x16_t a = vld1q_s8(acts + 32 * k);
                UNROLL for (int j = 0; j < 2; j++) {
                    int8x16_t w =
                        vreinterpretq_s8_u8(veorq_u8(vld1q_u8(codes + 64 * k + 16 * j), flip));
                    dot[0][j] = vdotq_laneq_s32(dot[0][j], w, a, 0);
                    dot[1][j] = vdotq_laneq_s32(dot[1][j], w, a, 1);
                    dot[2][j] = vdotq_laneq_s32(dot[2][j], w, a, 2);
                    dot[3][j] = vdotq_laneq_s32(dot[3][j], w, a, 3);
                }
            }
            codes += 16 * group;
            acts += INGOT_TILE_TOKENS * group;
            UNROLL for (int j = 0; j < 2; j++) {
                float32x4_t scale = vld1q_f32(scales + 4 * j);
                UNROLL for (int t = 0; t < 4; t++) {
                    float32x4_t product = vmulq_f32(vcvtq_f32_s32(dot[t][j]), scale);
                    part[t][j] = block == group ? product : vaddq_f32(part[t][j], product);
                }
                if (!has_minimum) continue;
                float32x4_t minimum = vld1q_f32(minimums + 4 * j);
                UNROLL for (int t = 0; t < 4; t++) {
                    total[t][j] =
                        vaddq_f32(total[t][j], vmulq_f32(minimum, vdupq_n_f32(factors[t])));
                }
            }
            if (has_minimum) {
                minimums += 16;
                factors += INGOT_TILE_TOKENS;
            }
            scales += 16;
            starts += INGOT_TILE_TOKENS;
        }
        UNROLL for (int t = 0; t < 4; t++) {
            float32x4_t act_scale = vdupq_n_f32(act_scales[t]);
            UNROLL for (int j = 0; j < 2; j++) {
                total[t][j] = vaddq_f32(total[t][j], vmulq_f32(part[t][j], act_scale));
            }
        }
        act_scales += INGOT_TILE_TOKENS;
    }
    UNROLL for (int t = 0; t < 4; t++) {
        vst1q_f32(out + 16 * t, total[t][0]);
        vst1q_f32(out + 16 * t + 4, total[t][1]);
    }
}

INLINE void NAME(tile)(const size_t length, const uint32_t group, const uint32_t block,
                       const bool has_minimum, const uint32_t highest, PRODUCT_TILE) {
    for (int t = 0; t < INGOT_TILE_TOKENS; t += 4) {
        for (int n = 0; n < INGOT_PANEL_OUTPUTS; n += 8) {
            NAME(quarter_tile)(length, group, block, has_minimum, highest, codes + 4 * n,
                               scales + n, minimums + n, acts + 4 * t, wide, act_scales + t,
                               starts + t, factors + t, out + 16 * t + n);
        }
    }
}

#else

INLINE void NAME(tile)(const size_t length, const uint32_t group, const uint32_t block,
                       const bool has_minimum, const uint32_t highest, PRODUCT_TILE) {
    (void)highest;
    (void)wide;
    for (int t = 0; t < INGOT_TILE_TOKENS; t++) {
        float total[16] = {0}, part[16];
        for (size_t g = 0; g < length / group; g++) {
            size_t b = g / (block / group);
            int32_t dot[16];
            for (int n = 0; n < 16; n++) dot[n] = starts[g * INGOT_TILE_TOKENS + t];
            for (size_t k = g * group / 4; k < (g + 1) * group / 4; k++) {
                const int8_t *a = acts + 32 * k + 4 * t;
                const uint8_t *w = codes + 64 * k;
                for (int n = 0; n < 16; n++) {
                    dot[n] += w[4 * n] * a[0] + w[4 * n + 1] * a[1] + w[4 * n + 2] * a[2] +
                              w[4 * n + 3] * a[3];
                }
            }
            bool is_first = g % (block / group) == 0;
            bool is_last = (g + 1) % (block / group) == 0;
            for (int n = 0; n < 16; n++) {
                float product = (float)dot[n] * scales[16 * g + n];
                part[n] = is_first ? product : part[n] + product;
                if (has_minimum) {
                    total[n] += minimums[16 * g + n] * factors[g * INGOT_TILE_TOKENS + t];
                }
                if (is_last) total[n] += part[n] * act_scales[b * INGOT_TILE_TOKENS + t];
            }
        }
        memcpy(out + 16 * t, total, sizeof total);
    }
}

#endif

// Some tiles against some panels, for forms known at compile time.
INLINE void NAME(panels)(const struct product *p, const uint32_t group, const uint32_t block,
                         const bool has_minimum, const uint32_t highest) {
    size_t length = p->length, groups = length / group;
    for (size_t panel = p->first_output / 16; 16 * panel < p->first_output + p->output_count;
         panel++) {
        const uint8_t *codes = p->panels->codes + panel * length * 16;
        const float *scales = p->panels->scales + panel * groups * 16;
        const float *minimums = has_minimum ? p->panels->minimums + panel * groups * 16 : scales;
        // Lanes that are wanted, and the column of the first.
        size_t low = 16 * panel < p->first_output ? p->first_output - 16 * panel : 0;
        size_t high = p->first_output + p->output_count - 16 * panel;
        if (high > 16) high = 16;
        float *column = p->result + (16 * panel + low - p->first_output);
        for (size_t tile = 0; tile < p->tiles; tile++) {
            float out[16 * INGOT_TILE_TOKENS] __attribute__((aligned(64)));
            size_t at = p->first_tile + tile;
            NAME(tile)(length, group, block, has_minimum, highest, codes, scales, minimums,
                       p->rows->codes + at * length * INGOT_TILE_TOKENS,
                       p->prepared.wide + tile * length * INGOT_TILE_TOKENS,
                       p->rows->scales + at * (length / block) * INGOT_TILE_TOKENS,
                       p->prepared.starts + tile * groups * INGOT_TILE_TOKENS,
                       p->prepared.factors + tile * groups * INGOT_TILE_TOKENS, out);
            size_t rows = p->row_count - tile * INGOT_TILE_TOKENS;
            if (rows > INGOT_TILE_TOKENS) rows = INGOT_TILE_TOKENS;
            for (size_t t = 0; t < rows; t++) {
                float *to = column + (tile * INGOT_TILE_TOKENS + t) * p->result_stride;
                const float *from = out + 16 * t + low;
                if (p->keep) {
                    for (size_t n = 0; n < high - low; n++) to[n] += from[n];
                } else {
                    memcpy(to, from, (high - low) * sizeof(float));
                }
            }
        }
    }
}

#define FORM(group, block, minimum, highest)                                             \
    static void NAME(form_##group##_##block##_##minimum##_##highest)(const struct product *p) { \
        NAME(panels)(p, group, block, minimum, highest);                                 \
    }
#define FORMS(highest)                                                                   \
    FORM(32, 32, 0, highest)                                                             \
    FORM(32, 32, 1, highest)                                                             \
    FORM(16, 32, 0, highest)                                                             \
    FORM(32, 256, 0, highest)                                                            \
    FORM(32, 256, 1, highest)                                                            \
    FORM(16, 256, 0, highest)                                                            \
    FORM(16, 256, 1, highest)
FORMS(255)
#if DOT == DOT_AVX2
FORMS(16)
FORMS(32)
FORMS(64)
FORMS(129)
#elif DOT == DOT_NEON
FORMS(127)
#endif

#define PICK(group, block, minimum, highest)                                             \
    if (form->groupLength == group && form->blockLength == block &&                      \
        form->hasMinimum == minimum) {                                                   \
        NAME(form_##group##_##block##_##minimum##_##highest)(p);                         \
        return;                                                                          \
    }
#define PICK_FORM(highest)                                                               \
    PICK(32, 32, 0, highest)                                                             \
    PICK(32, 32, 1, highest)                                                             \
    PICK(16, 32, 0, highest)                                                             \
    PICK(32, 256, 0, highest)                                                            \
    PICK(32, 256, 1, highest)                                                            \
    PICK(16, 256, 0, highest)                                                            \
    PICK(16, 256, 1, highest)

static void NAME(multiply)(const ingot_code_form *form, const struct product *p) {
#if DOT == DOT_AVX2
    if (form->highest <= 16) { PICK_FORM(16) }
    if (form->highest <= 32) { PICK_FORM(32) }
    if (form->highest <= 64) { PICK_FORM(64) }
    if (form->highest <= 129) { PICK_FORM(129) }
#elif DOT == DOT_NEON
    if (form->highest <= 127) { PICK_FORM(127) }
#endif
    PICK_FORM(255)
    __builtin_trap();
}

static const struct integer_kernels NAME(table) = {NAME(quantize_row), NAME(prepare),
                                                   NAME(multiply)};

#undef INLINE
#undef UNROLL
#undef PRODUCT_TILE
#undef FORM
#undef FORMS
#undef PICK
#undef PICK_FORM
