#include "calibration_mix.h"

// `#embed` is of C23; in the C that the package is compiled as it is an extension of clang 19 and later.
#pragma clang diagnostic ignored "-Wc23-extensions"

static const unsigned char bytes[] = {
#embed "mix.jsonl.zst"
};

const unsigned char *ingot_calibration_mix(void) { return bytes; }

size_t ingot_calibration_mix_size(void) { return sizeof bytes; }
