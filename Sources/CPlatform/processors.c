#if defined(__linux__)
#define _GNU_SOURCE
#include <sched.h>
#endif
#include "CPlatform.h"

int ingot_processor_count(void) {
#if defined(__linux__)
    // Sets are as long as the system's; 8192 processors are the most that Linux is built for.
    unsigned long bits[8192 / 8 / sizeof(unsigned long)];
    cpu_set_t *set = (cpu_set_t *)bits;
    if (sched_getaffinity(0, sizeof bits, set) == 0) return CPU_COUNT_S(sizeof bits, set);
#endif
    return 0;
}
