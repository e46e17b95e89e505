public import Architectures
public import GGUF
import TensorCore

/// A model that can be run: a tensor source whose metadata describe a decoder and whose tensors
/// have the shapes that the description asks for.
///
/// Weights stay where the source keeps them, in the format it keeps them in; a decoder reads them
/// a block at a time.
public struct Model: Sendable {
    /// Where the weights are.
    public let source: any TensorSource
    /// How the decoder runs.
    public let description: DecoderDescription
    /// The number of tokens that have logits.
    public let vocabularyCount: Int

    let catalogue: Catalogue
    let blocks: [BlockPlan]
    let tokenEmbedding: Int
    let output: Int
    let outputBias: [Float]?
    let outputNormWeight: [Float]?
    let outputNormBias: [Float]?
    /// The angle divisors of rotations, by tensor name.
    let rotaryFactors: [String: [Float]]

    /// Opens a GGUF file.
    ///
    /// - Throws: `FileError` or `GGUFError` when it cannot be read, `DecoderDescriptionError` when
    ///   its architecture or metadata are not understood, `InferenceError` when a tensor is missing
    ///   or of the wrong shape or format.
    public init(path: String) throws { try self.init(source: GGUFFile(path: path)) }

    /// Takes the tensors of any source, run as its metadata say.
    public init(source: any TensorSource) throws {
        let catalogue = Catalogue(source)
        try self.init(
            source: source,
            description: DecoderDescription(
                metadata: source.metadata, hasTensor: { catalogue.has($0) }, path: source.path))
    }

    /// Takes the tensors of any source, run as `description` says.
    public init(source: any TensorSource, description: DecoderDescription) throws {
        let catalogue = Catalogue(source)
        let width = description.embeddingLength
        let embedding = try catalogue.matrix(description.tokenEmbedding, rowLength: width)
        let output = try catalogue.matrix(description.output, rowLength: width)
        guard output.rowCount == embedding.rowCount, output.rowCount <= Int(Int32.max) else {
            throw InferenceError(
                .shape(
                    found: "[\(output.rowCount), \(width)]",
                    expected: "[\(embedding.rowCount), \(width)]"), path: source.path,
                place: description.output)
        }
        var blocks: [BlockPlan] = []
        var factors: [String: [Float]] = [:]
        for block in description.blocks {
            blocks.append(try BlockPlan(block, width: width, catalogue: catalogue))
            guard let rotary = block.attention.rotary, let name = rotary.factors,
                factors[name] == nil
            else { continue }
            factors[name] = try catalogue.vector(name, count: rotary.dimensionCount / 2)
        }
        self.source = source
        self.description = description
        self.catalogue = catalogue
        self.blocks = blocks
        vocabularyCount = output.rowCount
        tokenEmbedding = embedding.number
        self.output = output.number
        outputBias = try description.outputBias.map {
            try catalogue.vector($0, count: output.rowCount)
        }
        outputNormWeight = try description.outputNorm?.weight.map {
            try catalogue.vector($0, count: width)
        }
        outputNormBias = try description.outputNorm?.bias.map {
            try catalogue.vector($0, count: width)
        }
        rotaryFactors = factors
    }

    /// The path that messages name.
    public var path: String { source.path }
    /// The context that the model was trained with.
    public var contextLength: Int { description.contextLength }
}
