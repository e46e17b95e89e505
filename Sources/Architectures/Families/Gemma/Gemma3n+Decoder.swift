import TensorCore

extension DecoderRule {
    /// Several rows for every token (AltUp), a short way beside attention (LAuReL), norms of values,
    /// unscaled scores, hidden rows that keep their largest values, blocks that take an earlier one's
    /// keys and values, embeddings for blocks.
    static let gemma3n = custom { model throws(DecoderDescriptionError) in
        let sizes = try model.sizes()
        let width = sizes.width
        let windows = try model.windows(blockCount: sizes.blockCount, fullEvery: 5)
        let cutoffs = try model.cutoffs(blockCount: sizes.blockCount)
        let length = try model.count("embedding_length_per_layer_input")
        let localBase = try model.positiveNumber("rope.freq_base_swa") ?? 10000
        var decoder = try model.decoder(
            .init(
                pairing: .halves, hasPostNorms: true, activation: .geluTanh, windowPeriod: 5,
                scalesEmbeddings: true)
        ) { index, block throws(DecoderDescriptionError) in
            let name = "blk.\(index)"
            if windows[index] != nil {
                block.attention.rotary?.removeScaling()
                block.attention.rotary?.base = Double(localBase)
            }
            block.attention.queryNorm = try model.norm(.rootMeanSquare, "\(name).attn_q_norm")
            block.attention.scale = 1
            let source = try model.keySource(of: index, windows, headsKV: sizes.headsKV)
            if let source {
                block.attention.takeKeys(of: source)
            } else {
                block.attention.keyNorm = try model.norm(.rootMeanSquare, "\(name).attn_k_norm")
                block.attention.valueNorm = block.attention.keyNorm
                block.attention.valueNorm?.weight = nil
            }
            if case .dense(var network) = block.feedForward {
                network.cutoff = cutoffs[index]
                block.feedForward = .dense(network)
            }
            block.laurel = try model.laurel(name, width: width)
            block.alternatingUpdates = try model.alternatingUpdates(name, width: width)
            if index == 0 { block.alternatingUpdates?.expansion = "altup_proj.weight" }
            if index == sizes.blockCount - 1 {
                block.alternatingUpdates?.merging = "altup_unembd_proj.weight"
            }
            block.layerInput = try model.layerInput(name, width: width, length: length)
        }
        decoder.logitSoftCap = try model.positiveNumber("final_logit_softcapping")
        decoder.layerEmbedding = try model.layerEmbedding(
            length: length, blockCount: sizes.blockCount, width: width)
        return decoder
    }
}

extension DecoderMetadata {
    /// How far above the mean of its row a hidden value must be in each block; a number of −∞ is how
    /// files say that all stay.
    fileprivate func cutoffs(blockCount: Int) throws(DecoderDescriptionError) -> [Float?] {
        let suffix = "activation_sparsity_scale"
        guard let value = metadata[key(suffix)] else {
            return [Float?](repeating: nil, count: blockCount)
        }
        guard case .float32s(let scales) = value, scales.count == blockCount,
            scales.allSatisfy({ $0.isFinite || $0 == -.infinity })
        else { throw invalid(suffix, expected: "\(blockCount) numbers") }
        return scales.map { $0.isFinite ? $0 : nil }
    }

    /// The short way past a block's mixer; its first matrix tells how short.
    fileprivate func laurel(
        _ block: String, width: Int
    ) throws(DecoderDescriptionError) -> BlockDescription.Laurel {
        let rank = rowCount("\(block).laurel_l.weight") ?? 64
        return .init(
            left: projection("\(block).laurel_l", outputs: rank, inputs: width),
            right: projection("\(block).laurel_r", outputs: width, inputs: rank),
            norm: try norm(.rootMeanSquare, "\(block).laurel_post_norm"))
    }

    /// The rows beside the one that a block works on.
    fileprivate func alternatingUpdates(
        _ block: String, width: Int
    ) throws(DecoderDescriptionError) -> BlockDescription.AlternatingUpdates {
        let count = try count("altup.num_inputs")
        guard (2...DecoderMetadata.mostAlternates).contains(count) else {
            throw invalid(
                "altup.num_inputs", expected: "a number from 2 to \(DecoderMetadata.mostAlternates)"
            )
        }
        let active = try optionalCountOrZero("altup.active_idx") ?? 0
        guard active < count else {
            throw invalid("altup.active_idx", expected: "a number below \(count)")
        }
        return .init(
            count: count, active: active,
            norm: try norm(.rootMeanSquare, "\(block).altup_router_norm"),
            router: projection("\(block).altup_router", outputs: count, inputs: width),
            prediction: projection(
                "\(block).altup_predict_coef", outputs: count * count, inputs: count),
            correction: projection("\(block).altup_correct_coef", outputs: count, inputs: count),
            inputScale: "\(block).altup_correct_scale.weight")
    }

    /// The most rows of a token that are believed; models have 4.
    private static let mostAlternates = 64
}
