// Included by packed.c once per instruction set: `NAME(x)` gives each copy its own names, `DOT` says
// what multiplies integers.

#define INLINE static inline __attribute__((always_inline, unused))
#define UNROLL _Pragma("clang loop unroll(full)")

INLINE vf NAME(load)(const float *p) { vf v; memcpy(&v, p, sizeof v); return v; }
INLINE vb NAME(load_codes)(const uint8_t *p) { vb v; memcpy(&v, p, sizeof v); return v; }
INLINE vb NAME(right)(vb v, int count) { return (vb)((vw)v >> (uint16_t)count); }
INLINE vb NAME(left)(vb v, int count) { return (vb)((vw)v << (uint16_t)count); }
INLINE vb NAME(bits)(int value) { return (vb){0} + (uint8_t)value; }
INLINE vf NAME(splat)(float value) { return value - (vf){0}; }

#if DOT == DOT_VNNI
#define HALVES HALF_AVX512
#elif DOT == DOT_AVX2
#define HALVES HALF_AVX2
#else
#define HALVES HALF_PLAIN
#endif
#include "wide_halves.h"
#undef HALVES

// Sixteen binary16 numbers.
INLINE vf NAME(load_halves)(const uint8_t *p) {
    halves bits;
    memcpy(&bits, p, sizeof bits);
    return NAME(widen_halves)(bits);
}

// Sixteen bfloat16 numbers.
INLINE vf NAME(load_brains)(const uint8_t *p) {
    halves bits;
    memcpy(&bits, p, sizeof bits);
    return (vf)(__builtin_convertvector(bits, vi) << 16);
}

INLINE vf NAME(load_multiples)(const uint8_t *p) {
    signed_bytes bytes;
    memcpy(&bytes, p, sizeof bytes);
    return __builtin_convertvector(__builtin_convertvector(bytes, vi), vf);
}

INLINE vb NAME(lookup)(vb table, vb places) {
#if DOT == DOT_VNNI
    return (vb)_mm512_shuffle_epi8((__m512i)table, (__m512i)places);
#elif DOT == DOT_AVX2
    __m256i part[2], entries;
    memcpy(part, &places, sizeof part);
    memcpy(&entries, &table, sizeof entries);
    part[0] = _mm256_shuffle_epi8(entries, part[0]);
    part[1] = _mm256_shuffle_epi8(entries, part[1]);
    memcpy(&places, part, sizeof places);
    return places;
#elif DOT == DOT_NEON
    uint8x16_t part[4], entries;
    memcpy(part, &places, sizeof part);
    memcpy(&entries, &table, sizeof entries);
    UNROLL for (int i = 0; i < 4; i++) part[i] = vqtbl1q_u8(entries, part[i]);
    memcpy(&places, part, sizeof places);
    return places;
#else
    vb found;
    for (int i = 0; i < 64; i++) found[i] = table[places[i] & 15];
    return found;
#endif
}

// Codes of columns 4 s to 4 s + 3 of 32 columns whose low bits are at `p`.
INLINE vb NAME(codes)(const uint32_t bits, const bool has_table, vb table, const uint8_t *p,
                      const int s) {
    if (bits == 8) return NAME(load_codes)(p + 64 * s);
    if (bits >= 4) {
        vb low = NAME(load_codes)(p + 64 * (s / 2));
        low = (s % 2 ? NAME(right)(low, 4) : low) & NAME(bits)(15);
        if (has_table) return NAME(lookup)(table, low);
        if (bits == 5) {
            vb high = NAME(load_codes)(p + 256);
            high = s <= 4 ? NAME(left)(high, 4 - s) : NAME(right)(high, s - 4);
            return low | (high & NAME(bits)(16));
        }
        if (bits == 6) {
            vb high = NAME(load_codes)(p + 256 + 64 * (s / 4));
            high = s % 4 <= 2 ? NAME(left)(high, 4 - 2 * (s % 4)) : NAME(right)(high, 2);
            return low | (high & NAME(bits)(48));
        }
        return low;
    }
    vb low = NAME(load_codes)(p + 64 * (s / 4));
    low = NAME(right)(low, 2 * (s % 4)) & NAME(bits)(3);
    if (bits == 2) return low;
    vb high = NAME(load_codes)(p + 128);
    high = s <= 2 ? NAME(left)(high, 2 - s) : NAME(right)(high, s - 2);
    return low | (high & NAME(bits)(4));
}

// Adds to every output the products of its four codes with four activations.
INLINE vi NAME(dot)(vi sum, vb codes, const int8_t *acts, const bool wide) {
#if DOT == DOT_VNNI
    (void)wide;
    int32_t four;
    memcpy(&four, acts, 4);
    return (vi)_mm512_dpbusd_epi32((__m512i)sum, (__m512i)codes, _mm512_set1_epi32(four));
#elif DOT == DOT_AVX2
    int32_t word;
    memcpy(&word, acts, 4);
    const __m256i four = _mm256_set1_epi32(word), ones = _mm256_set1_epi16(1);
    __m256i part[2], total[2];
    memcpy(part, &codes, sizeof part);
    memcpy(total, &sum, sizeof total);
    UNROLL for (int i = 0; i < 2; i++) {
        __m256i pairs;
        if (wide) {
            // Signed codes: two products of at most 128 and 127 fit in 16 bits.
            __m256i w = _mm256_xor_si256(part[i], _mm256_set1_epi8((char)128));
            pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(w), _mm256_sign_epi8(four, w));
        } else {
            pairs = _mm256_maddubs_epi16(part[i], four);
        }
        total[i] = _mm256_add_epi32(total[i], _mm256_madd_epi16(pairs, ones));
    }
    memcpy(&sum, total, sizeof sum);
    return sum;
#elif DOT == DOT_NEON
    int32_t word;
    memcpy(&word, acts, 4);
    const int8x16_t four = vreinterpretq_s8_s32(vdupq_n_s32(word));
    uint8x16_t part[4];
    int32x4_t total[4];
    memcpy(part, &codes, sizeof part);
    memcpy(total, &sum, sizeof total);
    UNROLL for (int i = 0; i < 4; i++) {
        if (wide) part[i] = veorq_u8(part[i], vdupq_n_u8(128));
        total[i] = vdotq_s32(total[i], vreinterpretq_s8_u8(part[i]), four);
    }
    memcpy(&sum, total, sizeof sum);
    return sum;
#else
    (void)wide;
    for (int n = 0; n < 16; n++) {
        sum[n] += codes[4 * n] * acts[0] + codes[4 * n + 1] * acts[1] + codes[4 * n + 2] * acts[2] +
                  codes[4 * n + 3] * acts[3];
    }
    return sum;
#endif
}

// Where the scales of a panel are read.
struct NAME(scale_reader) {
    const uint8_t *next;
    // Of nested scales: what the multiples count, and where those of the minimums are.
    vf base, minimum_base;
    const uint8_t *minimums;
};

// At the first group of 256 columns, or of one scale.
INLINE void NAME(begin_scales)(struct NAME(scale_reader) *reader, const uint32_t group,
                               const int scaling, const bool has_minimum, float unit) {
    if (scaling != INGOT_SCALES_NESTED) return;
    reader->base = NAME(load_halves)(reader->next) * unit;
    if (has_minimum) reader->minimum_base = NAME(load_halves)(reader->next + 32) * unit;
    reader->next += has_minimum ? 64 : 32;
    reader->minimums = reader->next + 16 * (256 / group);
}

INLINE void NAME(end_scales)(struct NAME(scale_reader) *reader, const int scaling,
                             const bool has_minimum) {
    if (scaling == INGOT_SCALES_NESTED && has_minimum) reader->next = reader->minimums;
}

INLINE vf NAME(next_scale)(struct NAME(scale_reader) *reader, const int scaling) {
    if (scaling == INGOT_SCALES_NESTED) {
        reader->next += 16;
        return reader->base * NAME(load_multiples)(reader->next - 16);
    }
    if (scaling == INGOT_SCALES_F16) {
        reader->next += 32;
        return NAME(load_halves)(reader->next - 32);
    }
    reader->next += 64;
    return NAME(load)((const float *)(reader->next - 64));
}

INLINE vf NAME(next_minimum)(struct NAME(scale_reader) *reader, const int scaling) {
    if (scaling == INGOT_SCALES_NESTED) {
        reader->minimums += 16;
        return reader->minimum_base * NAME(load_multiples)(reader->minimums - 16);
    }
    return NAME(next_scale)(reader, scaling);
}

// Products of T rows with one panel.
INLINE void NAME(panel)(const int T, const uint32_t bits, const bool has_table,
                        const uint32_t group, const uint32_t block, const int scaling,
                        const bool has_minimum, const struct packed_product *p,
                        const uint8_t *panel, vb table, size_t row, vf *total) {
    const size_t length = p->length, groups = length / group, blocks = length / block;
    const int8_t *acts = p->rows->codes + row * length;
    const float *act_scales = p->rows->scales + row * blocks;
    const int32_t *starts = p->prepared->starts + row * groups;
    const float *factors = p->prepared->factors + row * groups;
    struct NAME(scale_reader) reader = {.next = panel + code_bytes(length, bits)};
    UNROLL for (int t = 0; t < T; t++) total[t] = (vf){0};
    for (size_t b = 0; b < blocks; b++) {
        vf part[8];
        UNROLL for (int t = 0; t < T; t++) part[t] = (vf){0};
        NAME(begin_scales)(&reader, group, scaling, has_minimum, p->form->unit);
        for (uint32_t unit = 0; unit < block; unit += 32) {
            // With few rows reading is what takes time.
            UNROLL for (uint32_t i = 0; T <= 2 && i < bits; i++)
                __builtin_prefetch(panel + 64 * i + AHEAD);
            vi sums[8];
            UNROLL for (int s = 0; s < 8; s++) {
                if (s % (int)(group / 4) == 0) {
                    UNROLL for (int t = 0; t < T; t++)
                        sums[t] = (vi){0} + starts[(size_t)t * groups];
                    starts++;
                }
                vb codes = NAME(codes)(bits, has_table, table, panel, s);
                UNROLL for (int t = 0; t < T; t++) {
                    sums[t] = NAME(dot)(sums[t], codes, acts + (size_t)t * length + 4 * s,
                                        is_wide(bits, has_table));
                }
                if ((s + 1) % (int)(group / 4) != 0) continue;
                vf scale = NAME(next_scale)(&reader, scaling);
                UNROLL for (int t = 0; t < T; t++)
                    part[t] += __builtin_convertvector(sums[t], vf) * scale;
                if (!has_minimum) continue;
                vf minimum = NAME(next_minimum)(&reader, scaling);
                UNROLL for (int t = 0; t < T; t++)
                    total[t] += minimum * NAME(splat)(factors[(size_t)t * groups]);
                factors++;
            }
            panel += 64 * bits;
            acts += 32;
        }
        NAME(end_scales)(&reader, scaling, has_minimum);
        UNROLL for (int t = 0; t < T; t++)
            total[t] += part[t] * NAME(splat)(act_scales[(size_t)t * blocks]);
        act_scales++;
    }
}

// Puts the wanted lanes of a panel's sums where they belong.
INLINE void NAME(put)(vf sum, float *to, size_t low, size_t high, bool keep) {
    if (low == 0 && high == 16) {
        if (keep) sum = NAME(load)(to) + sum;
        memcpy(to, &sum, sizeof sum);
        return;
    }
    float lanes[16];
    memcpy(lanes, &sum, sizeof lanes);
    for (size_t n = low; n < high; n++) to[n - low] = keep ? to[n - low] + lanes[n] : lanes[n];
}

INLINE void NAME(panels)(const uint32_t bits, const bool has_table, const uint32_t group,
                         const uint32_t block, const int scaling, const bool has_minimum,
                         const struct packed_product *p) {
    vb table;
    UNROLL for (int i = 0; i < 4; i++) memcpy((char *)&table + 16 * i, p->form->table, 16);
    size_t last = p->first_output + p->output_count;
    for (size_t panel = p->first_output / 16; 16 * panel < last; panel++) {
        const uint8_t *from = p->panels + panel * p->panel_bytes;
        size_t low = 16 * panel < p->first_output ? p->first_output - 16 * panel : 0;
        size_t high = last - 16 * panel < 16 ? last - 16 * panel : 16;
        float *column = p->result + (16 * panel + low - p->first_output);
        size_t row = 0;
        vf total[8];
#define ROWS(T)                                                                          \
    for (; row + T <= p->row_count; row += T) {                                          \
        NAME(panel)(T, bits, has_table, group, block, scaling, has_minimum, p, from, table,  \
                    row, total);                                                         \
        UNROLL for (int t = 0; t < T; t++)                                               \
            NAME(put)(total[t], column + (row + (size_t)t) * p->result_stride, low, high,    \
                      p->keep);                                                          \
    }
#if DOT == DOT_VNNI
        ROWS(8)
#endif
#if DOT != DOT_PLAIN
        ROWS(4)
#endif
#if DOT == DOT_VNNI
        ROWS(2)
#endif
        ROWS(1)
#undef ROWS
    }
}

// MARK: Floats

// The values of some of 256 columns of a panel of codes, `(column, 16)`; whole groups of 32.
INLINE void NAME(decode)(const uint32_t bits, const bool has_table, const uint32_t group,
                         const int scaling, const bool has_minimum,
                         const ingot_packed_form *form, const uint8_t *panel, size_t length,
                         size_t first, size_t count, float *out) {
    const size_t kinds = has_minimum ? 2 : 1;
    vb table;
    UNROLL for (int i = 0; i < 4; i++) memcpy((char *)&table + 16 * i, form->table, 16);
    struct NAME(scale_reader) reader = {.next = panel + code_bytes(length, bits)};
    if (scaling == INGOT_SCALES_NESTED)
        reader.next += first / 256 * kinds * (32 + 16 * (256 / group));
    else
        reader.next += first / group * kinds * (scaling == INGOT_SCALES_F16 ? 32 : 64);
    panel += first / 32 * 64 * bits;
    NAME(begin_scales)(&reader, group, scaling, has_minimum, form->unit);
    if (scaling == INGOT_SCALES_NESTED) {
        reader.next += first % 256 / group * 16;
        reader.minimums += first % 256 / group * 16;
    }
    const vi offset = (vi){0} + (int32_t)form->offset;
    for (size_t k = 0; k < count; k += 32, panel += 64 * bits) {
        vf scale = {0}, minimum = {0};
        UNROLL for (int s = 0; s < 8; s++, out += 64) {
            if (s % (int)(group / 4) == 0) {
                scale = NAME(next_scale)(&reader, scaling);
                if (has_minimum) minimum = NAME(next_minimum)(&reader, scaling);
            }
            vi codes = (vi)NAME(codes)(bits, has_table, table, panel, s);
            UNROLL for (int j = 0; j < 4; j++) {
                vi code = (codes >> (8 * j)) & 255;
                vf value = scale * __builtin_convertvector(code - offset, vf);
                if (has_minimum) value += minimum;
                memcpy(out + 16 * j, &value, sizeof value);
            }
        }
    }
}

#define FUNCTIONS(b, table, group, block, kind, minimum)                                 \
    static void NAME(multiply_##b##_##table##_##group##_##block##_##kind##_##minimum)(   \
        const struct packed_product *p) {                                                \
        NAME(panels)(b, table, group, block, INGOT_SCALES_##kind, minimum, p);           \
    }                                                                                    \
    static void NAME(decode_##b##_##table##_##group##_##block##_##kind##_##minimum)(     \
        const ingot_packed_form *form, const uint8_t *panel, size_t length, size_t first,    \
        size_t count, float *out) {                                                      \
        NAME(decode)(b, table, group, INGOT_SCALES_##kind, minimum, form, panel, length, first,  \
                     count, out);                                                        \
    }
PACKED_FORMS(FUNCTIONS)
#undef FUNCTIONS

static void NAME(multiply)(const struct packed_product *p) {
    const ingot_packed_form *form = p->form;
#define PICK(b, table, group, block, kind, minimum)                                      \
    if (MATCHES(b, table, group, block, kind, minimum)) {                                \
        NAME(multiply_##b##_##table##_##group##_##block##_##kind##_##minimum)(p);        \
        return;                                                                          \
    }
    PACKED_FORMS(PICK)
#undef PICK
    __builtin_trap();
}

typedef void (*NAME(decoder))(const ingot_packed_form *, const uint8_t *, size_t, size_t, size_t,
                              float *);

static NAME(decoder) NAME(decoder_of)(const ingot_packed_form *form) {
#define PICK(b, table, group, block, kind, minimum)                                      \
    if (MATCHES(b, table, group, block, kind, minimum))                                  \
        return NAME(decode_##b##_##table##_##group##_##block##_##kind##_##minimum);
    PACKED_FORMS(PICK)
#undef PICK
    __builtin_trap();
}

INLINE vf NAME(load_floats)(const ingot_packed_float kind, const uint8_t *p) {
    if (kind == INGOT_PACKED_F16) return NAME(load_halves)(p);
    if (kind == INGOT_PACKED_BF16) return NAME(load_brains)(p);
    return NAME(load)((const float *)p);
}

// Adds to the sums of T rows with P panels what some columns give.
INLINE void NAME(add_columns)(const int T, const int P, const ingot_packed_float kind,
                              const uint8_t *panels, size_t panel_bytes, const float *input,
                              size_t stride, size_t count, vf *sums) {
    const size_t step = kind == INGOT_PACKED_F32 ? 64 : 32;
    for (size_t k = 0; k < count; k++) {
        vf weights[4];
        UNROLL for (int i = 0; i < P; i++)
            __builtin_prefetch(panels + (size_t)i * panel_bytes + k * step + AHEAD);
        UNROLL for (int i = 0; i < P; i++)
            weights[i] = NAME(load_floats)(kind, panels + (size_t)i * panel_bytes + k * step);
        UNROLL for (int t = 0; t < T; t++) {
            vf value = NAME(splat)(input[(size_t)t * stride + k]);
            UNROLL for (int i = 0; i < P; i++)
                sums[t * P + i] = __builtin_elementwise_fma(value, weights[i], sums[t * P + i]);
        }
    }
}

// Columns of P panels of codes whose values are made at a time: they stay in the first cache.
#define MADE_COLUMNS(P) ((P) == 1 ? 256 : 64)

// Products of T rows with P panels over a stretch of columns, for the lanes from `low` to `high`.
INLINE void NAME(float_stretch)(const int T, const int P, const ingot_packed_float kind,
                                const struct float_product *p, NAME(decoder) decode,
                                const uint8_t *panels, size_t row, size_t first, size_t count,
                                float *column, size_t low, size_t high) {
    const float *input = p->input + row * p->input_stride + first;
    vf sums[12];
    UNROLL for (int i = 0; i < T * P; i++) sums[i] = (vf){0};
    if (decode) {
        float values[P * MADE_COLUMNS(P) * 16] __attribute__((aligned(64)));
        for (size_t k = 0; k < count; k += MADE_COLUMNS(P)) {
            size_t some = count - k < MADE_COLUMNS(P) ? count - k : MADE_COLUMNS(P);
            for (int i = 0; i < P; i++)
                decode(p->form, panels + (size_t)i * p->panel_bytes, p->length, first + k, some,
                       values + i * MADE_COLUMNS(P) * 16);
            NAME(add_columns)(T, P, INGOT_PACKED_F32, (const uint8_t *)values,
                              MADE_COLUMNS(P) * 64, input + k, p->input_stride, some, sums);
        }
    } else {
        NAME(add_columns)(T, P, kind, panels + first * (kind == INGOT_PACKED_F32 ? 64 : 32),
                          p->panel_bytes, input, p->input_stride, count, sums);
    }
    UNROLL for (int t = 0; t < T; t++)
        UNROLL for (int i = 0; i < P; i++)
            NAME(put)(sums[t * P + i], column + (row + (size_t)t) * p->result_stride + 16 * i,
                      low, high, p->keep || first > 0);
}

INLINE void NAME(float_panels)(const ingot_packed_float kind, const struct float_product *p) {
    float values[16 * INGOT_PACKED_DEPTH] __attribute__((aligned(64)));
    size_t last = p->first_output + p->output_count, panel = p->first_output / 16;
    NAME(decoder) decode = p->form ? NAME(decoder_of)(p->form) : 0;
    while (16 * panel < last) {
        const uint8_t *from = p->panels + panel * p->panel_bytes;
        size_t low = 16 * panel < p->first_output ? p->first_output - 16 * panel : 0;
        size_t high = last - 16 * panel < 16 ? last - 16 * panel : 16;
        float *column = p->result + (16 * panel + low - p->first_output);
        // Four panels at a time keep the multipliers busy with one row, two with two.
        size_t together = p->row_count == 1 ? 4 : p->row_count == 2 ? 2 : 1;
        if (low != 0 || 16 * (panel + together) > last) together = 1;
        for (size_t first = 0; first < p->length; first += INGOT_PACKED_DEPTH) {
            size_t count = p->length - first;
            if (count > INGOT_PACKED_DEPTH) count = INGOT_PACKED_DEPTH;
            if (together == 4) {
                NAME(float_stretch)(1, 4, kind, p, decode, from, 0, first, count, column, 0, 16);
                continue;
            }
            if (together == 2) {
                NAME(float_stretch)(2, 2, kind, p, decode, from, 0, first, count, column, 0, 16);
                continue;
            }
            // Values are made once for all rows.
            const uint8_t *at = from;
            if (decode) {
                decode(p->form, from, p->length, first, count, values);
                at = (const uint8_t *)values - first * 64;
            }
            size_t row = 0;
#define ROWS(T)                                                                          \
    for (; row + T <= p->row_count; row += T)                                            \
        NAME(float_stretch)(T, 1, kind, p, 0, at, row, first, count, column, low, high);
            ROWS(12)
            ROWS(4)
            ROWS(1)
#undef ROWS
        }
        panel += together;
    }
}

static void NAME(multiply_floats)(const struct float_product *p) {
    switch (p->kind) {
    case INGOT_PACKED_F16: NAME(float_panels)(INGOT_PACKED_F16, p); return;
    case INGOT_PACKED_BF16: NAME(float_panels)(INGOT_PACKED_BF16, p); return;
    case INGOT_PACKED_F32: NAME(float_panels)(INGOT_PACKED_F32, p); return;
    }
}

static const struct packed_kernels NAME(packed_table) = {
    NAME(multiply),
    NAME(multiply_floats),
    DOT == DOT_AVX2 || DOT == DOT_NEON ? 128 : 0,
};

#undef INLINE
#undef UNROLL
