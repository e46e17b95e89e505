package import Architectures
package import TensorCore

/// A decoder with a way back: the gradients of its norms' weights, for blocks of attention and a dense
/// network.
///
/// A window at a time is taken through all blocks, of whose inputs the rows are kept, and block by
/// block back, each run again with what the way back needs. All products are ordered: the gradients are
/// the same on every instruction set and number of threads.
///
/// Memory: a block in F32; the window's residual rows before every block; of one block the rows of
/// every step and the attention weights of all heads; the logits of `DivergenceHead`.
package final class DifferentiableDecoder {
    /// The model whose norms are learned.
    package let model: Model
    /// The weights that stand in for the model's, and their gradients.
    package let norms: NormWeights
    private let pool: WorkerPool
    private let decoder: Decoder
    private let outputNorm: NormGradient?
    private var rotaries: (count: Int, tables: RotaryTables)?

    /// Takes a model.
    ///
    /// - Parameter obstacle: What `obstacle` says must be `nil`.
    /// - Throws: As reading the model's tensors does.
    package init(_ model: Model, pool: WorkerPool) throws {
        precondition(
            DifferentiableDecoder.obstacle(in: model.description) == nil,
            "a model that has no backward pass")
        self.model = model
        self.pool = pool
        decoder = try Decoder(models: [model], products: .ordered, pool: pool)
        var values: [String: [Float]] = [:]
        for (name, count) in model.description.trainedNorms {
            values[name] = try model.tensorIndex.vector(name, count: count)
        }
        norms = NormWeights(values)
        outputNorm = try NormGradient(
            model.description.outputNorm, count: model.description.embeddingLength, model)
    }

    /// The mean KL divergence of a window's tokens from a base model's.
    ///
    /// - Parameters:
    ///   - base: The model to compare with, of the same vocabulary.
    ///   - baseRows: What its output matrix takes in of the window; see `outputRows`.
    ///   - addingGradients: Whether the gradients of the norms' weights are added to those of before.
    /// - Throws: `InferenceError` when NaN or infinity appear or memory ends, and as reading does.
    package func divergence(
        of window: [Int32], from base: Model, _ baseRows: [Float], addingGradients: Bool
    ) throws -> Double {
        let width = model.description.embeddingLength
        precondition(
            baseRows.count == window.count * base.description.embeddingLength,
            "a row of the base model for every token")
        var rows = try Rows(window.count, length: width)
        let embedded = try decoder.embed(Batch(windows: [window]))
        embedded.withUnsafeBufferPointer {
            if let first = $0.baseAddress { rows.base.update(from: first, count: $0.count) }
        }
        let rotaries = try tables(window.count)
        var inputs: [Rows] = []
        for number in model.blocks.indices {
            let block = try block(number, rotaries)
            if addingGradients { inputs.append(rows) }
            rows = try block.apply(rows, norms, pool).result
        }
        let hidden = try Rows(copying: rows)
        let strides = (input: width, output: width)
        outputNorm?.apply(
            rows.base, into: hidden.base, rows: rows.count, strides: strides, norms)
        let expected = try Rows(window.count, length: base.description.embeddingLength)
        baseRows.withUnsafeBufferPointer {
            if let first = $0.baseAddress { expected.base.update(from: first, count: $0.count) }
        }
        let divergence = try DivergenceHead(model: model, base: base, pool: pool).divergence(
            hidden, from: expected, wantsGradient: addingGradients)
        guard addingGradients else { return divergence }
        outputNorm?.backward(
            rows.base, hidden.base, rows: rows.count, strides: (width, width), norms)
        var gradient = hidden
        for number in model.blocks.indices.reversed() {
            let block = try block(number, rotaries)
            let tape = try block.apply(inputs.removeLast(), norms, pool).tape
            gradient = try block.backward(gradient, tape, norms, pool)
        }
        return divergence
    }

    /// How many weights of norms are learned.
    package static func normElementCount(of model: Model) -> Int {
        model.description.trainedNorms.reduce(0) { $0 + $1.count }
    }

    /// About how many bytes a window's way there and back takes.
    package static func stepByteCount(of model: Model, windowLength: Int) -> Int {
        let width = model.description.embeddingLength
        let blocks = model.description.blocks
        let largest = blocks.map { BlockGradient.floatCount($0, rows: windowLength, width: width) }
        return 4 * ((blocks.count + 4) * windowLength * width + (largest.max() ?? 0))
            + DivergenceHead.byteCount(model, rows: windowLength)
    }

    private func block(_ number: Int, _ rotaries: RotaryTables) throws -> BlockGradient {
        try BlockGradient(model.description.blocks[number], model, rotaries, pool)
    }

    private func tables(_ count: Int) throws(InferenceError) -> RotaryTables {
        if let rotaries, rotaries.count == count { return rotaries.tables }
        let tables = try RotaryTables(model, count)
        rotaries = (count, tables)
        return tables
    }
}

extension Decoder {
    /// What the first model's output matrix takes in of a window, `(token, E)`.
    package func outputRows(of window: [Int32], in state: ForwardState = ForwardState()) throws
        -> [Float]
    {
        let batch = Batch(windows: [window])
        try observe(batch, in: state) { _ in }
        guard let hidden = state.hidden[0] else { return [] }
        let count = batch.scoredCount * models[0].description.embeddingLength
        return Array(UnsafeBufferPointer(start: hidden.base, count: count))
    }
}

extension DecoderDescription {
    /// The tensors of norms' weights that are learned, with their lengths.
    fileprivate var trainedNorms: [(name: String, count: Int)] {
        var found: [(BlockDescription.Norm?, Int)] = [(outputNorm, embeddingLength)]
        for block in blocks {
            for norm in [
                block.attentionNorm, block.postAttentionNorm, block.feedForwardNorm,
                block.postFeedForwardNorm,
            ] { found.append((norm, embeddingLength)) }
            guard case .attention(let attention) = block.mixer else { continue }
            let isRow = attention.normScope == .row
            found.append(
                (attention.queryNorm, isRow ? attention.queryWidth : attention.keyLength))
            found.append((attention.keyNorm, isRow ? attention.keyWidth : attention.keyLength))
        }
        return found.compactMap { norm, count in norm?.weight.map { ($0, count) } }
    }
}

extension DifferentiableDecoder {
    /// The first mechanism of a model that has no backward pass, in words; `nil` when all have one.
    package static func obstacle(in description: DecoderDescription) -> String? {
        if description.layerEmbedding != nil { return "embeddings for every block" }
        if description.adapterChoice != nil { return "adapters that tokens choose" }
        for block in description.blocks {
            if let obstacle = obstacle(in: block) { return obstacle }
        }
        return nil
    }

    private static func obstacle(in block: BlockDescription) -> String? {
        if block.parallelMixer != nil { return "a recurrence beside attention" }
        if block.streams != nil { return "several residual streams" }
        if block.layerInput != nil { return "embeddings for every block" }
        if block.mixerSumNorm != nil || block.feedForwardSumNorm != nil {
            return "norms of residual rows"
        }
        if block.outputScale != nil || block.outputFactor != 1 { return "scales of blocks" }
        if block.alternatingUpdates != nil || block.laurel != nil {
            return "several rows for a token"
        }
        if block.skipScale != nil { return "normed rows that go past parts" }
        if block.mixerGain != nil || block.feedForwardGain != nil || block.embeddingGain != nil {
            return "gains of a block's parts"
        }
        if block.mixedNorm != nil { return "norms in front of output layers" }
        switch block.feedForward {
        case .experts: return "experts"
        case .channelMix: return "networks that look back"
        case .absent: return "blocks without a feed-forward network"
        case .dense(let network):
            if network.hiddenNorm != nil { return "norms in front of output layers" }
            if network.cutoff != nil { return "hidden rows that keep their largest values" }
            guard NetworkGradient.hasSlope(network.activation) else {
                return "the activation of its networks"
            }
        }
        switch block.mixer {
        case .recurrence: return "a recurrence"
        case .compressed: return "compressed attention"
        case .absent: return "blocks without attention"
        case .attention(let attention): return obstacle(in: attention)
        }
    }

    private static func obstacle(in attention: BlockDescription.Attention) -> String? {
        if attention.latent != nil { return "latent attention" }
        if attention.source != nil { return "keys of other blocks" }
        if attention.isGated || attention.gate != nil || attention.valueScale != 1 {
            return "gated attention"
        }
        if attention.queryGains != nil { return "gains of queries" }
        if attention.sinks != nil { return "attention sinks" }
        if attention.softCap != nil { return "a soft cap of attention scores" }
        if !attention.isCausal { return "attention to what follows" }
        if attention.alibiBias != nil { return "linear biases of attention scores" }
        if attention.inputLimit != nil { return "limits of queries and keys" }
        if attention.temperature != nil { return "a temperature of attention" }
        if attention.valueNorm != nil || attention.valuesAreKeys { return "norms of values" }
        if attention.queryNorm != nil || attention.keyNorm != nil {
            if attention.normAfterRotation { return "norms after rotation" }
            if attention.normScope == .eachHead { return "norms of single heads" }
        }
        return nil
    }
}
