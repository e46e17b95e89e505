import CKernels
import Quantization
import TensorCore

/// The rows that products with matrices in memory take in, rounded as the matrices want them.
///
/// `@unchecked Sendable`: one thread rounds rows, and nobody does while they are multiplied.
final class RoundedInput: @unchecked Sendable {
    private let workers: ResidentWorkers?
    private let codes = ScratchBuffer()
    private let scales = ScratchBuffer()
    private let floats = ScratchBuffer()
    private var rowCount = 0
    private var rowLength = 0
    private var blockLength = 0
    /// What forms need beside the rows, and the forms of the rows that are here now.
    private var prepared: [(form: ingot_packed_form, buffer: ScratchBuffer)] = []
    private var preparedCount = 0

    /// Codes and their scales.
    private(set) var rows: ingot_rounded_rows?

    /// - Parameter workers: The threads that share rows.
    init(_ workers: ResidentWorkers?) { self.workers = workers }

    /// Rounds rows.
    ///
    /// - Returns: What a product in F32 takes: the rows, rounded where that is to floats.
    func round(
        _ input: UnsafePointer<Float>, stride: Int, count: Int, length: Int, to rounding: Rounding
    ) -> (rows: UnsafePointer<Float>, stride: Int) {
        rows = nil
        preparedCount = 0
        switch rounding {
        case .none: return (input, stride)
        case .codes(let blockLength):
            (rowCount, rowLength, self.blockLength) = (count, length, blockLength)
            roundToCodes(input, stride: stride)
            return (input, stride)
        case .floats(let format):
            guard let base = floats.floats(count * length).baseAddress else {
                return (input, stride)
            }
            workers.share(rows: count, length: length) { rows in
                for row in rows {
                    Rounding.round(
                        input + row * stride, count: length, to: format, into: base + row * length)
                }
            }
            return (UnsafePointer(base), length)
        }
    }

    private func roundToCodes(_ input: UnsafePointer<Float>, stride: Int) {
        let scaleCount = rowCount * (rowLength / blockLength)
        let room = scales.floats(2 * scaleCount + rowCount * (rowLength / 16))
        guard let codes = codes.bytes(rowCount * rowLength).baseAddress,
            let scales = room.baseAddress
        else { return }
        let rows = ingot_rounded_rows(
            codes: codes.assumingMemoryBound(to: Int8.self), scales: scales,
            steps: scales + scaleCount,
            sums: UnsafeMutableRawPointer(scales + 2 * scaleCount)
                .assumingMemoryBound(to: Int32.self))
        workers.share(rows: rowCount, length: rowLength) { range in
            var some = rows.from(row: range.lowerBound, rowLength, blockLength)
            ingot_round_rows(
                InstructionSet.current.isa, input + range.lowerBound * stride, stride, range.count,
                rowLength, UInt32(blockLength), &some)
        }
        self.rows = rows
    }

    /// What a product with a form needs beside the rounded rows; valid until the next are rounded.
    func prepare(_ form: ingot_packed_form) -> ingot_prepared_rows? {
        guard let rows else { return nil }
        let rowGroups = rowLength / Int(form.groupLength)
        let groups = rowCount * rowGroups
        for index in 0..<preparedCount where prepared[index].form.prepares(as: form) {
            return pieces(prepared[index].buffer, groups)
        }
        if preparedCount == prepared.count { prepared.append((form, ScratchBuffer())) }
        prepared[preparedCount].form = form
        guard let pieces = pieces(prepared[preparedCount].buffer, groups) else { return nil }
        preparedCount += 1
        workers.share(rows: rowCount, length: rowGroups) { range in
            let first = range.lowerBound
            var (form, some) = (form, rows.from(row: first, rowLength, blockLength))
            var prepared = ingot_prepared_rows(
                starts: pieces.starts + first * rowGroups,
                factors: pieces.factors + first * rowGroups)
            ingot_prepare_rows(
                InstructionSet.current.isa, &form, &some, range.count, rowLength, &prepared)
        }
        return pieces
    }

    private func pieces(_ buffer: ScratchBuffer, _ groups: Int) -> ingot_prepared_rows? {
        guard let base = buffer.floats(2 * groups).baseAddress else { return nil }
        return ingot_prepared_rows(
            starts: UnsafeMutableRawPointer(base).assumingMemoryBound(to: Int32.self),
            factors: base + groups)
    }
}

extension ingot_rounded_rows {
    /// The rows from one on.
    fileprivate func from(row: Int, _ length: Int, _ blockLength: Int) -> ingot_rounded_rows {
        let scale = row * (length / blockLength)
        return ingot_rounded_rows(
            codes: codes + row * length, scales: scales + scale, steps: steps + scale,
            sums: sums + row * (length / 16))
    }
}

extension ingot_packed_form {
    /// Whether rows are prepared for two forms alike.
    fileprivate func prepares(as other: ingot_packed_form) -> Bool {
        groupLength == other.groupLength && blockLength == other.blockLength
            && offset == other.offset && hasMinimum == other.hasMinimum && bits == other.bits
            && hasTable == other.hasTable
    }
}
