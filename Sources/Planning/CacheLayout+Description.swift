import Architectures
public import TensorCore

extension CacheLayout {
    /// Reads from a model's metadata what it keeps.
    ///
    /// Where Ingot runs the family, the layers are those of its description; otherwise the general
    /// keys of GGUF tell.
    ///
    /// - Parameters:
    ///   - hasTensor: Whether the model has a tensor of this name.
    ///   - path: The file that errors name.
    /// - Throws: `PlanningError` when the metadata do not tell.
    public init(
        metadata: Metadata, hasTensor: @escaping (String) -> Bool, path: String
    ) throws(PlanningError) {
        guard
            let description = try? DecoderDescription(
                metadata: metadata, hasTensor: hasTensor, path: path),
            // What is described of these is an encoder; they are given a cache all the same.
            !description.architecture.hasPrefix("t5")
        else {
            try self.init(keysOf: metadata, path: path)
            return
        }
        let keys = LayerKeys(metadata, path: path)
        // Files from before the keys `_mla` are run with whole keys and values.
        let isLatent = keys.has("attention.key_length_mla")
        let ignoresWindows =
            switch description.architecture {
            case "phi3": true
            case "exaone4": description.blocks.count != 64
            default: false
            }
        let layers = description.blocks.map { block in
            var layer = Layer(stateLength: block.parallelMixer?.stateLength ?? 0)
            if case .channelMix(let mix) = block.feedForward { layer.stateLength += mix.key.inputs }
            switch block.mixer {
            case .absent: break
            case .compressed(let attention):
                // The reference keeps the window's keys, and a row for every so many positions.
                layer.attention = Attention(
                    headCount: 1, keyLength: attention.headLength, valueLength: 0,
                    window: attention.window)
            case .recurrence(let recurrence): layer.stateLength += recurrence.stateLength
            case .attention(let attention):
                // Encoders see a text whole; and some layers look into an earlier one's cache.
                guard attention.isCausal, attention.source == nil else { break }
                let window = ignoresWindows ? nil : attention.window ?? attention.chunk
                if let latent = attention.latent, isLatent {
                    layer.attention = Attention(
                        headCount: 1, keyLength: latent.rank + latent.rotatedLength,
                        valueLength: 0, window: window)
                } else {
                    layer.attention = Attention(
                        headCount: attention.headCountKV, keyLength: attention.keyLength,
                        valueLength: attention.valueLength, window: window)
                }
            }
            return layer
        }
        self.init(layers: layers)
    }
}

extension BlockDescription.Recurrence {
    /// The numbers of a text's state: the last inputs of the convolution, and the memory.
    ///
    /// The limits of descriptions keep the products small.
    fileprivate var stateLength: Int {
        switch kind {
        case .shortConvolution(let convolution): (convolution.length - 1) * output.inputs
        case .selectiveScan(let scan):
            (scan.convolution.length - 1) * output.inputs + scan.stateLength * output.inputs
        case .headScan(let scan):
            (scan.convolution.length - 1) * scan.width + scan.stateLength * scan.width
        case .stateSpace(let space):
            (space.convolution.length - 1) * space.channelCount + space.stateLength * space.width
        case .deltaRule(let rule):
            (rule.convolution.length - 1) * rule.channelCount + rule.keyLength * rule.valueWidth
        case .kimiDelta(let delta):
            delta.convolutions.reduce(0) { $0 + ($1.length - 1) * delta.width }
                + delta.headLength * delta.width
        case .lightning(let lightning): lightning.headLength * lightning.width
        case .timeMix(let mix): output.outputs + mix.headLength * mix.width
        }
    }
}
