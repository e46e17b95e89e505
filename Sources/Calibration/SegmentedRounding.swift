import Quantization

/// What a group's matrices are rounded with: for each stretch of columns its own.
struct SegmentedRounding: Sendable {
    private let rowLength: Int
    private let parts: [(columns: Range<Int>, rounding: PreparedRounding)]

    /// Puts together what the stretches of rows of a length are rounded with, in their order.
    init(rowLength: Int, _ parts: [(columns: Range<Int>, rounding: PreparedRounding)]) {
        self.rowLength = rowLength
        self.parts = parts
    }

    /// The shrinkages that were chosen, of each format and stretch.
    var shrinks: [Double] { parts.flatMap(\.rounding.shrinks) }

    /// How often damping was raised.
    var retryCount: Int { parts.reduce(0) { $0 + $1.rounding.retryCount } }

    /// The tensors without feedback: those that have it in no stretch.
    var plainReasons: [(tensor: Int, reason: CalibrationOutcome.Reason)] {
        guard let first = parts.first else { return [] }
        return first.rounding.plainReasons.filter { entry in
            parts.dropFirst().allSatisfy { part in
                part.rounding.plainReasons.contains { $0 == entry }
            }
        }
    }

    /// Encodes whole rows.
    func encode(
        _ rows: UnsafePointer<Float>, rowCount: Int, tensor: Int, as format: Format,
        into destination: UnsafeMutableRawPointer
    ) {
        guard parts.count > 1 else {
            parts.first?.rounding.encode(
                rows, rowCount: rowCount, tensor: tensor, as: format, into: destination)
            return
        }
        let rowByteCount = format.byteRange(of: 0..<rowLength).count
        for part in parts {
            let bytes = format.byteRange(of: part.columns)
            let count = part.columns.count
            let values = UnsafeMutablePointer<Float>.allocate(capacity: rowCount * count)
            let blocks = UnsafeMutableRawPointer.allocate(
                byteCount: rowCount * bytes.count, alignment: 64)
            defer {
                values.deallocate()
                blocks.deallocate()
            }
            for row in 0..<rowCount {
                (values + row * count).update(
                    from: rows + row * rowLength + part.columns.lowerBound, count: count)
            }
            part.rounding.encode(
                values, rowCount: rowCount, tensor: tensor, as: format, into: blocks)
            for row in 0..<rowCount {
                (destination + row * rowByteCount + bytes.lowerBound).copyMemory(
                    from: blocks + row * bytes.count, byteCount: bytes.count)
            }
        }
    }
}
