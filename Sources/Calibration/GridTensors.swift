import GGUF
import Quantization
import Synchronization
import TensorCore

/// The tensors of a source whose values a format's blocks hold exactly: weights that were trained on
/// its grid, or decoded from a file in it.
///
/// Some rows of each tensor are tried, evenly spread; the others are when they are encoded.
final class GridTensors: Sendable {
    /// Rows of a tensor that are tried.
    private static let sampleRowCount = 8

    private let formats: [Int: Set<Format>]
    private let tensors: [TensorDescription]
    private let strays = Mutex(0)

    init(_ source: any TensorSource, formats: [Int: [Format]]) throws {
        var found: [Int: Set<Format>] = [:]
        let scratch = ScratchBuffer()
        for (tensor, wanted) in formats {
            let own = try wanted.filter {
                try GridTensors.isOnGrid(of: $0, tensor, source, scratch)
            }
            if !own.isEmpty { found[tensor] = Set(own) }
        }
        self.formats = found
        tensors = source.tensors
    }

    /// The tensors by the formats whose grid they are on, in the order of the source.
    var all: [(tensor: Int, format: Format)] {
        formats.keys.sorted().flatMap { tensor in
            (formats[tensor] ?? []).sorted { $0.typeID < $1.typeID }.map { (tensor, $0) }
        }
    }

    /// The rows of such tensors that are not on the grid after all.
    var strayRowCount: Int { strays.withLock { $0 } }

    func contains(_ tensor: Int, _ format: Format) -> Bool {
        formats[tensor]?.contains(format) == true
    }

    /// Encodes rows so that they keep their values; `others` encodes one that is not on the grid.
    func encode(
        _ rows: UnsafePointer<Float>, rowCount: Int, tensor: Int, as format: Format,
        into destination: UnsafeMutableRawPointer,
        others: (UnsafePointer<Float>, UnsafeMutableRawPointer) -> Void
    ) {
        let length = tensors[tensor].shape.rowLength
        let byteCount = format.byteRange(of: 0..<length).count
        for row in 0..<rowCount {
            let (values, place) = (rows + row * length, destination + row * byteCount)
            let isExact = format.encodeExactly(
                values, count: length, storedAs: tensors[tensor].format, into: place)
            if isExact { continue }
            others(values, place)
            strays.withLock { $0 += 1 }
        }
    }

    private static func isOnGrid(
        of format: Format, _ tensor: Int, _ source: any TensorSource, _ scratch: ScratchBuffer
    ) throws -> Bool {
        let description = source.tensors[tensor]
        let (length, rowCount) = (description.shape.rowLength, description.shape.rowCount)
        guard length > 0, rowCount > 0, format.fits(rowLength: length) else { return false }
        var row = [Float](repeating: 0, count: length)
        var bytes = [UInt8](repeating: 0, count: format.byteRange(of: 0..<length).count)
        var hasValues = false
        let count = min(rowCount, sampleRowCount)
        for index in 0..<count {
            let number = index * rowCount / count
            let isExact = try row.withUnsafeMutableBufferPointer { row in
                try bytes.withUnsafeMutableBytes { bytes in
                    guard let values = row.baseAddress, let place = bytes.baseAddress else {
                        return false
                    }
                    try source.readRows(
                        number..<number + 1, ofTensor: tensor, into: values, scratch: scratch)
                    guard row.allSatisfy(\.isFinite) else { return false }
                    return format.encodeExactly(
                        values, count: length, storedAs: description.format, into: place)
                }
            }
            guard isExact else { return false }
            hasValues = hasValues || row.contains { $0 != 0 }
        }
        return hasValues
    }
}
