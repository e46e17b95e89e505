#include "CPlatform.h"

#include <string.h>

typedef uint64_t lanes __attribute__((vector_size(64)));

uint64_t ingot_read_memory(const void *memory, size_t byteCount) {
    const char *bytes = memory;
    lanes sums[4] = {{0}, {0}, {0}, {0}};
    for (size_t at = 0; at + 256 <= byteCount; at += 256) {
        for (size_t i = 0; i < 4; i++) {
            lanes value;
            memcpy(&value, bytes + at + 64 * i, sizeof value);
            sums[i] ^= value;
        }
    }
    lanes all = sums[0] ^ sums[1] ^ sums[2] ^ sums[3];
    uint64_t sum = 0;
    for (size_t i = 0; i < 8; i++) sum ^= all[i];
    return sum;
}
