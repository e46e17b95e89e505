// Walking over the super-blocks of rows, LANES at a time.

/// Runs a statement for every batch of super-blocks in an encoder. It can use `x`, which can be
/// read for LANES super-blocks of which `present` are there, `columns`, the importance weights of
/// each super-block or null, and `blocks`, where they are to be stored.
#define FOR_EACH_BATCH(statement)                                                        \
    do {                                                                                 \
        size_t per_row = rowLength / 256, total = rowCount * per_row;                    \
        const float *weights[LANES];                                                     \
        for (size_t first = 0; first < total; first += LANES) {                          \
            size_t present = total - first < LANES ? total - first : LANES;              \
            const float *x = rows + first * 256;                                         \
            float padded[LANES * 256];                                                   \
            if (present < LANES) {                                                       \
                memcpy(padded, x, present * 1024);                                       \
                memset(padded + present * 256, 0, (LANES - present) * 1024);             \
                x = padded;                                                              \
            }                                                                            \
            for (size_t s = 0; s < LANES && importance; s++) {                           \
                weights[s] = importance + (first + s) % per_row * 256;                   \
            }                                                                            \
            const float *const *columns = importance ? weights : 0;                      \
            uint8_t *blocks = destination + first * BLOCK_BYTES;                         \
            statement;                                                                   \
        }                                                                                \
    } while (0)
