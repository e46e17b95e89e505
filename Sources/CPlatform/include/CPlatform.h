#ifndef INGOT_CSYSTEM_H
#define INGOT_CSYSTEM_H

#include <stddef.h>
#include <stdint.h>

// Calls of the operating system that Swift's modules of the C library do not show.

/// Has the system begin to write what is dirty of a file to its disk, and returns without waiting
/// for the end of it. Does nothing where the system has no such call: a later flush does it all.
void ingot_start_writeback(int descriptor);

/// The number of processors that this process may run on; 0 where the system does not tell.
int ingot_processor_count(void);

/// Tells the processor that a loop waits for another thread.
static inline void ingot_pause(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/// Reads memory once, as fast as it comes; the sum keeps the reading alive.
uint64_t ingot_read_memory(const void *memory, size_t byteCount);

#endif
