import Architectures
import GGUF
import Quantization
import TensorCore
import TestSupport

/// A tensor source in memory whose values are made up as tensors are asked for by a description.
final class RandomSource: TensorSource {
    let path = "random"
    let metadata: Metadata
    let tensors: [TensorDescription]
    let values: [[Float]]
    let files: [InputFile] = []

    init(metadata: Metadata, tensors: [TensorDescription], values: [[Float]]) {
        self.metadata = metadata
        self.tensors = tensors
        self.values = values
    }

    func readRows(
        _ rows: Range<Int>, ofTensor tensor: Int, into destination: UnsafeMutablePointer<Float>,
        scratch: ScratchBuffer
    ) throws {
        let length = tensors[tensor].shape.rowLength
        for index in rows.lowerBound * length..<rows.upperBound * length {
            destination[index - rows.lowerBound * length] = values[tensor][index]
        }
    }

    func readBytes(
        ofRows rows: Range<Int>, ofTensor tensor: Int,
        into destination: UnsafeMutableRawBufferPointer
    ) throws { fatalError("not read as bytes") }

    func values(of name: String) -> [Float]? {
        tensors.firstIndex { $0.name == name }.map { values[$0] }
    }
}

/// Collects the tensors of a model under construction.
struct RandomModelBuilder {
    var random: SeededRandom
    var metadata = Metadata()
    var tensors: [TensorDescription] = []
    var values: [[Float]] = []

    init(seed: UInt64) { random = SeededRandom(seed: seed) }

    /// Adds a tensor of normal numbers times `spread` plus `center`.
    mutating func add(
        _ name: String, _ dimensions: [Int], spread: Float, center: Float = 0,
        format: Format = .F32
    ) {
        guard let shape = Shape(dimensions) else { return }
        tensors.append(TensorDescription(name: name, shape: shape, format: format))
        values.append((0..<shape.elementCount).map { _ in center + spread * random.normal() })
    }

    var source: RandomSource { RandomSource(metadata: metadata, tensors: tensors, values: values) }

    /// Every tensor that a description names, embeddings included.
    mutating func addAll(of decoder: DecoderDescription, vocabularyCount: Int) {
        add(decoder.tokenEmbedding, [vocabularyCount, decoder.embeddingLength], spread: 1)
        if decoder.output != decoder.tokenEmbedding {
            add(decoder.output, [vocabularyCount, decoder.embeddingLength], spread: 0.3)
        }
        if let bias = decoder.outputBias { add(bias, [vocabularyCount], spread: 0.5) }
        add(decoder.outputNorm, count: decoder.embeddingLength)
        for block in decoder.blocks {
            for norm in [
                block.attentionNorm, block.postAttentionNorm, block.feedForwardNorm,
                block.postFeedForwardNorm,
            ] { add(norm, count: decoder.embeddingLength) }
            add(block.attention.queryNorm, count: block.attention.keyLength)
            add(block.attention.keyNorm, count: block.attention.keyLength)
            for projection in block.attention.input + [block.attention.output]
                + block.feedForward.input + [block.feedForward.output]
            {
                add(
                    projection.weight, [projection.outputs, projection.inputs],
                    spread: 1.5 / Float(projection.inputs).squareRoot())
                if let bias = projection.bias { add(bias, [projection.outputs], spread: 0.3) }
            }
            if let rotary = block.attention.rotary, let factors = rotary.factors,
                !tensors.contains(where: { $0.name == factors })
            {
                add(factors, [rotary.dimensionCount / 2], spread: 0.1, center: 2)
            }
        }
    }

    private mutating func add(_ norm: BlockDescription.Norm?, count: Int) {
        if let weight = norm?.weight { add(weight, [count], spread: 0.2, center: 1) }
        if let bias = norm?.bias { add(bias, [count], spread: 0.2) }
    }
}
