#ifndef INGOT_CKERNELS_H
#define INGOT_CKERNELS_H

#include <stdint.h>

#include "inference.h"

#endif
