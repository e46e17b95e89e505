#ifndef INGOT_CALIBRATION_MIX_H
#define INGOT_CALIBRATION_MIX_H

#include <stddef.h>

// The built-in calibration texts, mix.jsonl.zst of this folder; NOTE.md tells of them.

/// The compressed file's first byte.
const unsigned char *ingot_calibration_mix(void);

/// The compressed file's length in bytes.
size_t ingot_calibration_mix_size(void);

#endif
