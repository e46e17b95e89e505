import Architectures
import GGUF
import Inference
import Quantization
import TensorCore
import TestSupport
import Testing

/// Tensors in memory, every matrix whose rows are whole blocks quantized.
private final class QuantizedSource: TensorSource {
    let path = "quantized"
    let metadata: Metadata
    let tensors: [TensorDescription]
    let files: [InputFile] = []
    /// The decoded values.
    let decoded: RandomSource
    private let bytes: [[UInt8]]

    init(_ source: RandomSource) {
        metadata = source.metadata
        // Several formats in one stack: signed codes of 8 and of 4 bits, and codes with a minimum.
        let formats = [Format.Q8_0, .Q4_0, .Q5_1]
        var (tensors, bytes, values): ([TensorDescription], [[UInt8]], [[Float]]) = ([], [], [])
        for (number, tensor) in source.tensors.enumerated() {
            let format = formats[number % formats.count]
            let length = tensor.shape.rowLength
            guard tensor.shape.rank > 1, format.fits(rowLength: length), let encode = format.encode,
                let decode = format.decode,
                let count = format.byteCount(
                    rowLength: length, rowCount: tensor.shape.elementCount / length)
            else {
                tensors.append(tensor)
                values.append(source.values[number])
                bytes.append([])
                continue
            }
            var block = [UInt8](repeating: 0, count: count)
            var back = source.values[number]
            block.withUnsafeMutableBytes { block in
                guard let base = block.baseAddress else { return }
                encode(back, back.count / length, length, nil, base)
                decode(base, back.count, &back)
            }
            tensors.append(
                TensorDescription(name: tensor.name, shape: tensor.shape, format: format))
            bytes.append(block)
            values.append(back)
        }
        self.tensors = tensors
        self.bytes = bytes
        decoded = RandomSource(metadata: metadata, tensors: tensors, values: values)
    }

    func readRows(
        _ rows: Range<Int>, ofTensor tensor: Int, into destination: UnsafeMutablePointer<Float>,
        scratch: ScratchBuffer
    ) throws {
        try decoded.readRows(rows, ofTensor: tensor, into: destination, scratch: scratch)
    }

    func readBytes(
        ofRows rows: Range<Int>, ofTensor tensor: Int,
        into destination: UnsafeMutableRawBufferPointer
    ) throws {
        let format = tensors[tensor].format
        let length = tensors[tensor].shape.rowLength
        let row = length / format.blockElementCount * format.blockByteCount
        destination.copyBytes(from: bytes[tensor][rows.lowerBound * row..<rows.upperBound * row])
    }
}

@Suite("Activations in 8 bits")
struct ActivationsTests {
    @Test("every option of a block", arguments: DecoderVariant.all)
    func option(_ variant: DecoderVariant) throws {
        let description = variant.decoder
        let source = QuantizedSource(try randomModel(description, seed: 31).source)
        let model = try Model(source: source, description: description)
        let windows = randomWindows(3, length: 14, seed: 32)
        func logits(_ activations: Activations, threads: Int) throws -> [Float] {
            try collectLogits(
                Decoder(
                    models: [model], activations: activations,
                    pool: WorkerPool(threadCount: threads)),
                windows: windows, scored: 0..<14
            )[0].flatMap { $0 }
        }
        let found = try logits(.q8, threads: 1)
        let exact = try logits(.f32, threads: 1)
        #expect(try logits(.q8, threads: 3) == found, "\(variant): threads change the result")

        // Rounding noise is another draw wherever a number is moved over the middle between two
        // codes, and may choose another expert; a row or a matrix taken for another gives a
        // difference as large as the logits themselves.
        let (change, size) = (distance(found, exact), distance(exact, exact.map { _ in 0 }))
        #expect(change > 0 && change < size / 3, "\(variant): \(change) of \(size), seeds 31, 32")
    }

    @Test("Matrices stored as floats, or of few rows, are named")
    func matricesInFloats() throws {
        let source = QuantizedSource(try randomModel(seed: 1).source)
        let model = try Model(source: source, description: DecoderVariant.plain)
        // Their rows have 28 and 40 columns.
        #expect(
            Set(model.matricesInFloats.map(\.name)) == [
                "blk.0.attn_output.weight", "blk.0.ffn_down.weight", "blk.1.attn_output.weight",
                "blk.1.ffn_down.weight",
            ])
    }

    private func distance(_ left: [Float], _ right: [Float]) -> Float {
        zip(left, right).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot()
    }
}
