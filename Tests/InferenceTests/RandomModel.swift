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
    ) throws {
        let length = tensors[tensor].shape.rowLength
        values[tensor][rows.lowerBound * length..<rows.upperBound * length].withUnsafeBytes {
            destination.copyMemory(from: $0)
        }
    }

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
        // Blocks may run twice with the same tensors.
        guard let shape = Shape(dimensions), !tensors.contains(where: { $0.name == name }) else {
            return
        }
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
        if let positions = decoder.positionEmbedding {
            add(positions, [decoder.contextLength, decoder.embeddingLength], spread: 0.5)
        }
        if let segments = decoder.segmentEmbedding {
            add(segments, [2, decoder.embeddingLength], spread: 0.5)
        }
        add(decoder.embeddingNorm, [decoder.embeddingLength])
        add(decoder.outputNorm, [decoder.embeddingLength])
        if let layers = decoder.layerEmbedding {
            let length = decoder.blocks.count * layers.length
            add(layers.embedding, [vocabularyCount, length], spread: 0.5)
            add(layers.projection, [length, decoder.embeddingLength], spread: 0.3)
            add(layers.norm, [layers.length])
        }
        for block in decoder.blocks { add(block, width: decoder.embeddingLength) }
        if case .firstAnd(let name) = decoder.streamStart {
            add(name, [decoder.embeddingLength], spread: 0.5)
        }
        for layer in decoder.poolingLayers { add(layer) }
        guard let head = decoder.classifier else { return }
        let width = decoder.embeddingLength
        if let dense = head.dense { add(dense) }
        add(head.norm, [width])
        add(head.output, [3, width], spread: 0.5)
        if let bias = head.outputBias { add(bias, [3], spread: 0.5) }
    }

    private mutating func add(_ block: BlockDescription, width: Int) {
        for norm in [
            block.attentionNorm, block.postAttentionNorm, block.feedForwardNorm,
            block.postFeedForwardNorm, block.mixerSumNorm, block.feedForwardSumNorm,
        ] { add(norm, [width]) }
        for gain in [block.mixerGain, block.feedForwardGain, block.embeddingGain] {
            if let gain { add(gain, [1], spread: 0.2, center: 0.7) }
        }
        addAlternates(of: block, width: width)
        if let input = block.layerInput {
            add(input.gate)
            add(input.output)
            add(input.norm, [width])
        }
        if let scale = block.outputScale { add(scale, [1], spread: 0.1, center: 0.8) }
        switch block.mixer {
        case .attention(let attention): add(attention)
        case .recurrence(let recurrence): add(recurrence)
        case .compressed(let attention): add(attention)
        case .absent: break
        }
        if let streams = block.streams {
            add(streams.mixer, width: width, count: streams.count)
            add(streams.feedForward, width: width, count: streams.count)
            switch streams.head {
            case .learned(let learned)?: add(learned, scales: 1)
            case .connection(let connection)?:
                add(connection, width: width, count: streams.count)
            case .mean?, .stream?, nil: break
            }
        }
        if let norm = block.mixedNorm, case .attention(let attention) = block.mixer {
            add(norm, [attention.output.inputs])
        }
        if let mixer = block.parallelMixer { add(mixer) }
        switch block.feedForward {
        case .dense(let network): add(network)
        case .experts(let experts):
            add(experts.router)
            if let bias = experts.choiceBias { add(bias, [experts.count], spread: 0.3) }
            if let shared = experts.shared { add(shared) }
            if let narrowing = experts.narrowing {
                add(narrowing.down)
                add(narrowing.up)
                add(narrowing.norm, [narrowing.up.inputs])
            }
            if let gate = experts.sharedGate { add(gate) }
            if let norms = experts.separateNorms {
                for norm in [
                    norms.routerNorm, norms.inputNorm, norms.outputNorm, norms.sharedNorm,
                ] { add(norm, [width]) }
                if let scales = norms.weightScales {
                    add(scales, [experts.count], spread: 0.2, center: 1)
                }
            }
            add(experts.network, parts: [experts.count])
        case .channelMix(let mix):
            add(mix.keyFactors, [width], spread: 0.3, center: 0.5)
            add(mix.key)
            add(mix.output)
            if let receptance = mix.receptance {
                add(receptance.factors, [width], spread: 0.3, center: 0.5)
                add(receptance.matrix)
            }
        case .absent: break
        }
    }

    /// The rows of a token beside the one that a block works on, and the way past its mixer.
    private mutating func addAlternates(of block: BlockDescription, width: Int) {
        if let updates = block.alternatingUpdates {
            for matrix in [updates.router, updates.prediction, updates.correction] { add(matrix) }
            add(updates.norm, [width])
            add(updates.inputScale, [width], spread: 0.2, center: 1)
            for name in [updates.expansion, updates.merging].compactMap({ $0 }) {
                add(name, [updates.count - 1, width, width], spread: 0.3)
            }
        }
        if let laurel = block.laurel {
            add(laurel.left)
            add(laurel.right)
            add(laurel.norm, [width])
        }
    }

    private mutating func add(_ mix: BlockDescription.TimeMix, width: Int) {
        let shift = mix.shift
        add(shift.factors, [shift.parts.count, 1, 1, width], spread: 0.3, center: 0.5)
        if let learned = shift.learned {
            let rank = learned.first.outputs / shift.parts.count
            add(learned.factors, [width], spread: 0.3, center: 0.5)
            add(learned.first)
            add(learned.second, [shift.parts.count, width, rank], spread: 0.3)
        }
        add(mix.decay)
        switch mix.gate {
        case .silu(let matrix)?, .sigmoid(let matrix)?: add(matrix)
        case .lowRank(let factors)?: add(factors)
        case nil: break
        }
        add(mix.norm, [mix.width])
        switch mix.update {
        case .bonus(let name): add(name, [mix.headCount, mix.headLength], spread: 0.5)
        case .gated: break
        case .delta(let delta):
            add(delta.rate)
            for name in [delta.removal, delta.replacement, delta.bonus] {
                add(name, [mix.width], spread: 0.3, center: 0.8)
            }
            if let share = delta.values?.share { add(share) }
        }
    }

    private mutating func add(_ factors: BlockDescription.TimeMix.LowRank) {
        add(factors.first)
        add(factors.second)
        if let base = factors.base { add(base, [factors.second.outputs], spread: 0.5) }
    }

    private mutating func add(
        _ connection: BlockDescription.StreamConnection, width: Int, count: Int
    ) {
        switch connection {
        case .learned(let learned): add(learned, scales: learned.stepCount > 0 ? 3 : 2)
        case .gated(let gated):
            add(gated.norm, [count * width])
            for projection in [gated.down, gated.up, gated.inject].compactMap({ $0 }) {
                add(projection)
            }
        case .kept(let kept): add(kept.score, [width], spread: 0.5)
        case .stacked(let stacked): add(stacked.norm, [width])
        }
    }

    private mutating func add(_ learned: BlockDescription.LearnedConnection, scales: Int) {
        add(learned.matrix)
        add(learned.base, [learned.matrix.outputs], spread: 0.5)
        add(learned.scale, [scales], spread: 0.3, center: 1)
    }

    private mutating func add(_ attention: BlockDescription.CompressedAttention) {
        for projection in [
            attention.queryInput, attention.queries, attention.keys, attention.groups,
            attention.output,
        ] { add(projection) }
        add(attention.queryInputNorm, [attention.queryInput.outputs])
        add(attention.keyNorm, [attention.headLength])
        add(attention.sinks, [attention.headCount], spread: 1)
        for compressor in [attention.compressor, attention.indexer?.compressor].compactMap({ $0 }) {
            add(compressor.values)
            add(compressor.gates)
            add(compressor.places, [compressor.ratio, compressor.values.outputs], spread: 0.5)
            add(compressor.norm, [compressor.length])
        }
        guard let indexer = attention.indexer else { return }
        add(indexer.queries)
        add(indexer.weights)
    }

    private mutating func add(_ recurrence: BlockDescription.Recurrence) {
        for projection in recurrence.input + [recurrence.output] { add(projection) }
        let width = recurrence.output.inputs
        switch recurrence.kind {
        case .shortConvolution(let convolution): add(convolution, channels: width)
        case .deltaRule(let rule):
            add(rule.convolution, channels: rule.channelCount)
            add(rule.decay, [rule.valueHeadCount], spread: 0.1, center: -0.5)
            add(rule.stepBias, [rule.valueHeadCount], spread: 0.3)
            add(rule.norm, [rule.valueLength])
        case .kimiDelta(let delta):
            for convolution in delta.convolutions {
                add(convolution.weight, [1, delta.width, 1, convolution.length], spread: 0.4)
            }
            for matrix in [delta.steps, delta.gates].compactMap({ $0 }) { add(matrix) }
            if delta.bound == nil {
                add(delta.decay, [1, 1, delta.headCount, 1], spread: 0.1, center: -0.5)
            } else {
                add(delta.decay, [delta.headCount, 1], spread: 0.1, center: 1)
            }
            add(delta.stepBias, [delta.width], spread: 0.3)
            add(delta.norm, [delta.headLength])
        case .selectiveScan(let scan):
            add(scan.convolution, channels: width)
            add(scan.parameters)
            add(scan.steps)
            add(scan.decay, [width, scan.stateLength], spread: 0.1, center: -0.5)
            add(scan.skip, [width], spread: 0.5)
            add(scan.norms?.steps, [scan.steps.inputs])
            add(scan.norms?.input, [scan.stateLength])
            add(scan.norms?.output, [scan.stateLength])
        case .headScan(let scan):
            add(scan.convolution, channels: scan.width)
            add(scan.parameters)
            add(scan.steps)
            add(scan.decay, [scan.headCount], spread: 0.1, center: -0.5)
            add(scan.skip, [scan.headCount], spread: 0.5)
            let lengths = [scan.stateLength, scan.stateLength, scan.steps.inputs]
            for (norm, length) in zip(scan.norms, lengths) { add(norm, [length]) }
        case .lightning(let lightning): add(lightning.norm, [lightning.width])
        case .timeMix(let mix): add(mix, width: recurrence.output.outputs)
        case .stateSpace(let space):
            add(space.convolution, channels: space.channelCount)
            add(space.decay, [space.headCount, 1], spread: 0.1, center: -0.5)
            add(space.stepBias, [space.headCount], spread: 0.3)
            add(space.skip, [space.headCount, 1], spread: 0.5)
            add(space.norm, [space.groupCount, width / space.groupCount])
        }
    }

    private mutating func add(_ convolution: BlockDescription.Convolution, channels: Int) {
        add(convolution.weight, [channels, convolution.length], spread: 0.4)
        if let bias = convolution.bias { add(bias, [channels], spread: 0.3) }
    }

    private mutating func add(_ attention: BlockDescription.Attention) {
        let (heads, headsKV) = (attention.headCount, attention.headCountKV)
        switch attention.normScope {
        case .head:
            add(attention.queryNorm, [attention.keyLength])
            add(attention.keyNorm, [attention.keyLength])
        case .eachHead:
            add(attention.queryNorm, [heads, attention.keyLength])
            add(attention.keyNorm, [headsKV, attention.keyLength])
        case .row:
            add(attention.queryNorm, [attention.queryWidth])
            add(attention.keyNorm, [attention.keyWidth])
        }
        add(attention.valueNorm, [attention.valueLength])
        if let gains = attention.queryGains { add(gains, [heads, 1], spread: 0.3, center: 1) }
        for projection in attention.input + [attention.output] { add(projection) }
        if let gate = attention.gate { add(gate) }
        if let bias = attention.relativeBias, !tensors.contains(where: { $0.name == bias.tensor }) {
            add(bias.tensor, [bias.bucketCount, heads], spread: 1)
        }
        if let sinks = attention.sinks { add(sinks, [heads], spread: 1) }
        if let latent = attention.latent {
            add(latent.queryNorm, [latent.queries?.inputs ?? 0])
            if let queries = latent.queries { add(queries) }
            add(latent.norm, [latent.rank])
            add(latent.rotatedNorm, [latent.rotatedLength])
            let staying = attention.keyLength - latent.rotatedLength
            let spread = 1.5 / Float(latent.rank).squareRoot()
            switch latent.expansion {
            case .together(let name):
                add(
                    name, [heads * (staying + attention.valueLength), latent.rank], spread: spread)
            case .apart(let keys, let values):
                add(keys, [heads, latent.rank, staying], spread: spread)
                add(values, [heads, attention.valueLength, latent.rank], spread: spread)
            }
        }
        guard let rotary = attention.rotary else { return }
        for (name, center) in [(rotary.factors, Float(2)), (rotary.longFactors?.tensor, 4)] {
            guard let name, !tensors.contains(where: { $0.name == name }) else { continue }
            add(name, [rotary.dimensionCount / 2], spread: 0.1, center: center)
        }
    }

    private mutating func add(_ network: BlockDescription.Network, parts: [Int] = []) {
        for projection in network.input + [network.output] { add(projection, parts: parts) }
        add(network.hiddenNorm, [network.output.inputs])
    }

    private mutating func add(_ projection: BlockDescription.Projection, parts: [Int] = []) {
        add(
            projection.weight, parts + [projection.outputs, projection.inputs],
            spread: 1.5 / Float(projection.inputs).squareRoot())
        for adapters in projection.adapters {
            add(adapters.first, [adapters.count, adapters.rank, projection.inputs], spread: 0.2)
            add(
                adapters.second, [adapters.count, adapters.outputs.count, adapters.rank],
                spread: 0.5)
        }
        if let bias = projection.bias { add(bias, parts + [projection.outputs], spread: 0.3) }
    }

    private mutating func add(_ norm: BlockDescription.Norm?, _ shape: [Int]) {
        if let weight = norm?.weight { add(weight, shape, spread: 0.2, center: 1) }
        if let bias = norm?.bias { add(bias, shape, spread: 0.2) }
    }
}
