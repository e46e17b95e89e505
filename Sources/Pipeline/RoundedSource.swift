public import GGUF
import Quantization
public import TensorCore

/// A source whose values are those of the file that it would be written to: rounded to the formats
/// of its tensors.
///
/// Quantizing a checkpoint through it gives the bytes that quantizing the converted file gives,
/// and the converted file is never written.
public struct RoundedSource: ForwardingSource {
    /// The source whose values are rounded.
    public let base: any TensorSource
    private let allowsNonFinite: Bool

    /// Wraps a source.
    ///
    /// - Parameter allowsNonFinite: Whether a value may become infinite.
    public init(_ base: any TensorSource, allowsNonFinite: Bool = false) {
        self.base = base
        self.allowsNonFinite = allowsNonFinite
    }

    /// What the base asks for.
    public func readCount(ofTensor tensor: Int) -> Int? { base.readCount(ofTensor: tensor) }

    /// Decodes rows and rounds them.
    ///
    /// - Throws: `PipelineError` when a finite value is infinite in the format that its tensor is
    ///   rounded to; what the base throws.
    public func readRows(
        _ rows: Range<Int>, ofTensor tensor: Int, into destination: UnsafeMutablePointer<Float>,
        scratch: ScratchBuffer
    ) throws {
        try base.readRows(rows, ofTensor: tensor, into: destination, scratch: scratch)
        let (shape, format) = (tensors[tensor].shape, tensors[tensor].format)
        guard format != .F32, !base.holdsBytes(ofTensor: tensor), let encode = format.encode,
            let decode = format.decode,
            let byteCount = format.byteCount(rowLength: shape.rowLength, rowCount: rows.count)
        else { return }
        let count = rows.count * shape.rowLength
        if format == .F16, !allowsNonFinite {
            let values = UnsafeBufferPointer(start: destination, count: count)
            // Not a number is no magnitude: it is looked for as well.
            if !(largestMagnitude(destination, count) < ChunkWorker.f16Limit),
                let index = values.firstIndex(where: {
                    $0.isFinite && abs($0) >= ChunkWorker.f16Limit
                })
            {
                throw PipelineError(
                    .beyondOuttype(
                        value: "\(values[index])",
                        row: rows.lowerBound + index / shape.rowLength,
                        column: index % shape.rowLength),
                    path: path, place: tensors[tensor].name)
            }
        }
        guard let bytes = scratch.bytes(byteCount).baseAddress else { return }
        encode(destination, rows.count, shape.rowLength, nil, bytes)
        decode(bytes, count, destination)
    }
}
