#ifndef INGOT_GRIDS_H
#define INGOT_GRIDS_H

// Kernels for the formats on grids: IQ1, IQ2 and IQ3. Included by CKernels.h.

#pragma clang assume_nonnull begin

/// The tables of a grid, which belong to `GridCodebook` in Swift.
///
/// A packed point has four bits for each coordinate, the first lowest: with four coordinates their
/// code, with eight the code and above it the place modulo four. So the four bits are an index in
/// a table of 16 errors, of which a vector of eight numbers has the half or two quarters.
typedef struct ingot_grid {
    /// Codes of every point.
    const uint8_t *codes;
    /// For every key the number of its point, or -1 minus the start of its list.
    const int32_t *places;
    /// Lists: the count, then points by distance, then the first again up to a multiple of 8 with
    /// four coordinates, of 16 with eight.
    const uint16_t *neighbours;
    /// Packed points, where `neighbours` has their numbers.
    const uint32_t *packedNeighbours;
    /// Packed points by number.
    const uint32_t *packedPoints;
} ingot_grid;

/// Like `ingot_kernels`, but without a reference: kernels on grids are exact for any numbers. There
/// are no minimums either.
typedef struct __attribute__((swift_attr("@Sendable"))) ingot_grid_kernels {
    bool (*encode)(ingot_isa isa, const ingot_grid *grid, const float *rows, size_t rowCount,
                   size_t rowLength, const float *_Nullable importance, void *destination);
    bool (*decode)(ingot_isa isa, const ingot_grid *grid, const void *source,
                   size_t elementCount, float *destination);
    bool (*unpack)(ingot_isa isa, const ingot_grid *grid, const void *source,
                   size_t elementCount, uint8_t *codes, float *scales);
} ingot_grid_kernels;

#pragma clang assume_nonnull end

#endif
