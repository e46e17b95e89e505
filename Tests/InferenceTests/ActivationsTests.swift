import Architectures
import GGUF
import Inference
import Quantization
import TensorCore
import TestSupport
import Testing

/// Tensors in memory, every matrix whose rows are whole blocks quantized.
final class QuantizedSource: TensorSource {
    let path = "quantized"
    let metadata: Metadata
    let tensors: [TensorDescription]
    let files: [InputFile] = []
    /// The decoded values.
    let decoded: RandomSource
    private let bytes: [[UInt8]]

    /// - Parameter formats: Of the first matrix, the second, …, and again from the start. By
    ///   default several in one stack: signed codes of 8 and of 4 bits, and codes with a minimum.
    init(_ source: RandomSource, formats: [Format] = [.Q8_0, .Q4_0, .Q5_1]) {
        metadata = source.metadata
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
        guard !bytes[tensor].isEmpty else {
            try decoded.readBytes(ofRows: rows, ofTensor: tensor, into: destination)
            return
        }
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

    /// The input of a matrix as it is rounded, written down number by number.
    ///
    /// In 8 bits blocks are as long as the format's, at least 32, each divided by its largest
    /// magnitude; for matrices of 16-bit floats numbers are rounded to those.
    private func rounded(_ input: [Double], _ format: Format) -> [Double] {
        if format == .F16 { return input.map { Double(Float(Float16(Float($0)))) } }
        if format == .BF16 {
            return input.map {
                let bits = Float($0).bitPattern
                return Double(Float(bitPattern: (bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF_0000))
            }
        }
        let length = format.blockElementCount == 256 ? 256 : 32
        return stride(from: 0, to: input.count, by: length).flatMap { start -> [Double] in
            let block = input[start..<start + length].map { Float($0) }
            let peak = block.map(abs).max() ?? 0
            guard peak > 0 else { return [Double](repeating: 0, count: length) }
            let step = length == 32 ? Float(Float16(peak / 127)) : 1 / (127 / peak)
            return block.map { Double(($0 * (127 / peak)).rounded(.toNearestOrEven) * step) }
        }
    }

    @Test(
        "logits are those of the values as stored and inputs rounded, formats mixed",
        arguments: [
            [Format.Q4_K, .Q6_K, .Q8_0, .Q5_K, .Q3_K, .Q2_K, .IQ4_XS],
            [Format.F16, .BF16, .Q4_K, .F16, .F32, .Q8_0, .BF16],
            [Format.IQ4_NL, .Q4_K, .TQ2_0, .Q8_0, .Q6_K, .F32, .Q5_K],
        ])
    func reference(_ formats: [Format]) throws {
        var description = DecoderVariant.plain
        description.embeddingLength = 256
        description.blocks = (0..<2).map {
            DecoderVariant.plainBlock(
                $0, hidden: 512, width: 256, keyLength: 64, valueLength: 64)
        }
        let source = QuantizedSource(
            try randomModel(description, seed: 33).source, formats: formats)
        let model = try Model(source: source, description: description)
        let windows = randomWindows(6, length: 2, seed: 34)
        let decoder = try Decoder(
            models: [model], activations: .q8, pool: WorkerPool(threadCount: 1))
        let found = try collectLogits(decoder, windows: windows, scored: 0..<2)[0]
        var reference = ReferenceDecoder(description: description, source: source.decoded)
        let exact = reference
        reference.round = { input, matrix in
            guard let tensor = source.tensors.first(where: { $0.name == matrix }),
                tensor.format != .F32
            else { return input }
            return rounded(input, tensor.format)
        }
        func worst(_ reference: ReferenceDecoder, _ window: Int) -> Float {
            let expected = reference.logits(windows[window]).flatMap { $0.map { Float($0) } }
            return WorstDifference(found[2 * window] + found[2 * window + 1], expected).magnitude
        }
        let differences = windows.indices.map { worst(reference, $0) }.sorted()
        // Where a number lies so near the middle between two codes that F32 and F64 part, a window
        // differs by a rounding step.
        #expect(differences[2] < 2e-4, "\(differences), seeds 33, 34")
        #expect(differences[5] < worst(exact, 0) / 3, "\(differences), seeds 33, 34")
        #expect(worst(exact, 0) > 1e-3)
    }

    @Test("weights held as codes take no more room than is said")
    func memory() throws {
        var description = DecoderVariant.plain
        description.embeddingLength = 256
        description.blocks = [
            DecoderVariant.plainBlock(0, hidden: 512, width: 256, keyLength: 64, valueLength: 64)
        ]
        let source = QuantizedSource(
            try randomModel(description, seed: 35).source, formats: [.Q4_K, .Q6_K])
        let model = try Model(source: source, description: description)
        let weights = source.tensors.filter { $0.name.hasPrefix("blk.") && $0.shape.rank > 1 }
            .reduce(0) { $0 + $1.shape.elementCount }
        let room = { (activations: Activations) in
            try Decoder(models: [model], activations: activations).blockByteCount
        }
        #expect(try room(.f32) >= 4 * weights)
        #expect(Double(try room(.q8)) < 1.5 * Double(weights) + 8192)
    }

    @Test("matrices stored as floats are named")
    func matricesWithoutRounding() throws {
        let source = QuantizedSource(try randomModel(seed: 1).source)
        let model = try Model(source: source, description: DecoderVariant.plain)
        // Their rows have 28 and 40 columns.
        #expect(
            Set(model.matricesWithoutRounding.map(\.name)) == [
                "blk.0.attn_output.weight", "blk.0.ffn_down.weight", "blk.1.attn_output.weight",
                "blk.1.ffn_down.weight",
            ])
    }

    private func distance(_ left: [Float], _ right: [Float]) -> Float {
        zip(left, right).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot()
    }
}
