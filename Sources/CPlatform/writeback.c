#if defined(__linux__)
#define _GNU_SOURCE
#include <fcntl.h>
#endif
#include "CPlatform.h"

void ingot_start_writeback(int descriptor) {
#if defined(__linux__)
    // Zero bytes: to the end of the file. What fails here is reported by the flush.
    (void)sync_file_range(descriptor, 0, 0, SYNC_FILE_RANGE_WRITE);
#else
    (void)descriptor;
#endif
}
