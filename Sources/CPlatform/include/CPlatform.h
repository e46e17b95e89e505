#ifndef INGOT_CSYSTEM_H
#define INGOT_CSYSTEM_H

// Calls of the operating system that Swift's modules of the C library do not show.

/// Has the system begin to write what is dirty of a file to its disk, and returns without waiting
/// for the end of it. Does nothing where the system has no such call: a later flush does it all.
void ingot_start_writeback(int descriptor);

#endif
