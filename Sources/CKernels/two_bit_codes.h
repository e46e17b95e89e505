// TwoBitCodes: the low two bits of 256 codes.

#define pack_two_bits K(pack_two_bits)
INLINE void pack_two_bits(const uint8_t *codes, uint8_t *bytes) {
    for (int half = 0; half < 2; half++, codes += 128) {
        for (int i = 0; i < 32; i++) {
            bytes[32 * half + i] =
                (uint8_t)((codes[i] & 3) | (codes[i + 32] & 3) << 2 | (codes[i + 64] & 3) << 4 |
                          codes[i + 96] << 6);
        }
    }
}

#define unpack_two_bits K(unpack_two_bits)
INLINE void unpack_two_bits(const uint8_t *bytes, uint8_t *restrict codes) {
    for (int half = 0; half < 2; half++) {
        for (int place = 0; place < 4; place++) {
            for (int i = 0; i < 32; i++) {
                codes[128 * half + 32 * place + i] = bytes[32 * half + i] >> 2 * place & 3;
            }
        }
    }
}
