import GGUF
import Quantization
import TensorCore

/// Pieces of tensors that are decoded one by one, however long their rows are.
struct TensorPieces: Sendable {
    /// A piece of a tensor.
    struct Piece: Sendable {
        let tensor: Int
        /// The values, counted from the tensor's first; whole blocks of every format.
        let elements: Range<Int>
    }

    /// The pieces, in the order of the tensors.
    let pieces: [Piece]
    /// The values of a piece, a multiple of every format's block.
    static let elementCount = 1 << 16

    /// Cuts the tensors with these numbers.
    init(_ tensors: some Sequence<Int>, of source: any TensorSource) {
        pieces = tensors.flatMap { tensor in
            let count = source.tensors[tensor].shape.elementCount
            return stride(from: 0, to: count, by: TensorPieces.elementCount).map {
                Piece(tensor: tensor, elements: $0..<min($0 + TensorPieces.elementCount, count))
            }
        }
    }
}

/// Reads and decodes pieces for one thread.
final class PieceReader {
    private let stored = ScratchBuffer()
    private let decoded = ScratchBuffer()

    /// The values of a piece; `nil` when its format is only carried along.
    func values(
        _ elements: Range<Int>, ofTensor tensor: Int, in source: any TensorSource
    ) throws -> UnsafeMutableBufferPointer<Float>? {
        let format = source.tensors[tensor].format
        guard let decode = format.decode else { return nil }
        let bytes = try bytes(elements, ofTensor: tensor, in: source)
        let values = decoded.floats(elements.count)
        guard let base = bytes.baseAddress, let floats = values.baseAddress else { return nil }
        decode(UnsafeRawPointer(base), elements.count, floats)
        return values
    }

    /// The stored bytes of a piece.
    func bytes(
        _ elements: Range<Int>, ofTensor tensor: Int, in source: any TensorSource
    ) throws -> UnsafeMutableRawBufferPointer {
        let range = source.tensors[tensor].format.byteRange(of: elements)
        let bytes = stored.bytes(range.count)
        try source.readBytes(range, ofTensor: tensor, into: bytes)
        return bytes
    }
}

/// A reader for each worker.
///
/// A worker number belongs to one thread at a time.
struct PieceReaders: @unchecked Sendable {
    private let readers: [PieceReader]

    init(count: Int) { readers = (0..<count).map { _ in PieceReader() } }

    subscript(worker: Int) -> PieceReader { readers[worker] }
}
