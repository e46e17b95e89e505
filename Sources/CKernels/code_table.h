// Formats whose 4-bit codes stand for the entries of a table.

#define codes16 K(codes16)
#define entries16 K(entries16)
typedef uint8_t codes16 __attribute__((ext_vector_type(16)));
typedef int8_t entries16 __attribute__((ext_vector_type(16)));

#define table_entries K(table_entries)
/// The entries that 16 codes, each below 16, stand for.
INLINE entries16 table_entries(const int8_t *table, codes16 codes) {
    entries16 entries;
#if LANES >= 8
    memcpy(&entries, table, 16);
    return (entries16)_mm_shuffle_epi8((__m128i)entries, (__m128i)codes);
#elif defined(__aarch64__)
    memcpy(&entries, table, 16);
    return (entries16)vqtbl1q_s8((int8x16_t)entries, (uint8x16_t)codes);
#else
    uint8_t places[16];
    int8_t found[16];
    memcpy(places, &codes, 16);
    for (int i = 0; i < 16; i++) found[i] = table[places[i]];
    memcpy(&entries, found, 16);
    return entries;
#endif
}

#define decode_codes K(decode_codes)
/// Decodes 16 codes, each below 16.
INLINE void decode_codes(const int8_t *table, codes16 codes, float scale, float *out) {
    entries16 entries = table_entries(table, codes);
    UNROLL for (int i = 0; i < 16; i += LANES) {
        vsb part;
        memcpy(&part, (const int8_t *)&entries + i, sizeof part);
        store(out + i, scale * __builtin_convertvector(__builtin_convertvector(part, vi), vf));
    }
}

#define decode_nibbles K(decode_nibbles)
/// Decodes 32 codes from 16 bytes: byte i is code i | code i + 16 << 4.
INLINE void decode_nibbles(const int8_t *table, const uint8_t *bytes, float scale, float *out) {
    codes16 both;
    memcpy(&both, bytes, 16);
    decode_codes(table, both & 15, scale, out);
    decode_codes(table, both >> 4, scale, out + 16);
}

#define unpack_nibbles K(unpack_nibbles)
/// The entries of 32 codes in 16 bytes as in `decode_nibbles`, with `offset` added.
INLINE void unpack_nibbles(const int8_t *table, int offset, const uint8_t *bytes, uint8_t *out) {
    codes16 both;
    memcpy(&both, bytes, 16);
    codes16 low = (codes16)table_entries(table, both & 15) + (uint8_t)offset;
    codes16 high = (codes16)table_entries(table, both >> 4) + (uint8_t)offset;
    memcpy(out, &low, 16);
    memcpy(out + 16, &high, 16);
}
