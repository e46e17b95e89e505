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

        let floats = Set(model.matricesInFloats.map(\.name))
        let coded = Set(source.tensors.filter { $0.format.codes != nil }.map(\.name))
            .subtracting(floats)
        let reference = ReferenceDecoder(description: description, source: source.decoded) {
            coded.contains($1) ? Self.rounded($0) : $0
        }
        let expected = windows.flatMap { reference.logits($0) }.flatMap { $0.map { Float($0) } }
        // The reference has more digits, so that now and then it rounds a number next to the middle
        // between two codes the other way, and it does not round sums to F16 for the minimums.
        let (error, change) = (distance(found, expected), distance(found, exact))
        #expect(
            change > 0 && error < change / 4, "\(variant): \(error) of \(change), seeds 31, 32")
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

    /// Blocks of 32 rounded to multiples of a 127th of their largest magnitude.
    private static func rounded(_ row: [Double]) -> [Double] {
        stride(from: 0, to: row.count, by: 32).flatMap { start -> [Double] in
            let values = row[start..<start + 32].map { Float($0) }
            let peak = values.map(\.magnitude).max() ?? 0
            let step = Double(HalfFloat.float(fromF16: HalfFloat.f16(from: peak / 127)))
            return values.map {
                peak == 0 ? 0 : Double(($0 * (127 / peak)).rounded(.toNearestOrEven)) * step
            }
        }
    }

    private func distance(_ left: [Float], _ right: [Float]) -> Float {
        zip(left, right).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot()
    }
}
