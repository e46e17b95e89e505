extension DecoderRule {
    /// Two sizes of heads, norms of values, unscaled scores, blocks that take an earlier one's keys
    /// and values, embeddings for blocks, experts beside the network.
    static let gemma4 = custom { model throws(DecoderDescriptionError) in
        let style = DecoderStyle(
            pairing: .halves, hasPostNorms: true, activation: .geluTanh, windowPeriod: 6,
            scalesEmbeddings: true)
        let length = try model.optionalCountOrZero("embedding_length_per_layer_input") ?? 0
        let sizes = try model.sizes()
        let attention = try model.gemma4Attention(sizes)
        var decoder = try model.decoder(style) { index, block throws(DecoderDescriptionError) in
            let name = "blk.\(index)"
            block.attention = try attention(index, block.attention)
            if model.present("\(name).ffn_gate_inp.weight") != nil {
                block.feedForward = try model.gemma4Experts(
                    name, width: sizes.width, network: block.feedForward)
            }
            if length > 0 {
                block.layerInput = try model.layerInput(name, width: sizes.width, length: length)
            }
            block.outputScale = model.present("\(name).layer_output_scale.weight")
        }
        decoder.logitSoftCap = try model.positiveNumber("final_logit_softcapping")
        if length > 0 {
            decoder.layerEmbedding = try model.layerEmbedding(
                length: length, blockCount: sizes.blockCount, width: sizes.width)
        }
        return decoder
    }
}

extension DecoderMetadata {
    /// What a block makes of the tokens' rows for it.
    func layerInput(
        _ block: String, width: Int, length: Int
    ) throws(DecoderDescriptionError) -> BlockDescription.LayerInput {
        .init(
            gate: projection("\(block).inp_gate", outputs: length, inputs: width),
            output: projection("\(block).proj", outputs: width, inputs: length),
            norm: try norm(.rootMeanSquare, "\(block).post_norm"))
    }

    /// The rows that tokens have for every block.
    func layerEmbedding(
        length: Int, blockCount: Int, width: Int
    ) throws(DecoderDescriptionError) -> LayerEmbedding {
        guard length * blockCount <= DecoderMetadata.largest else {
            throw invalid(
                "embedding_length_per_layer_input", expected: "rows of a length that models have")
        }
        return LayerEmbedding(
            embedding: "per_layer_token_embd.weight",
            embeddingScale: Float(length).squareRoot(),
            projection: "per_layer_model_proj.weight",
            projectionScale: 1 / Float(width).squareRoot(),
            norm: try norm(.rootMeanSquare, "per_layer_proj_norm"),
            sumScale: Float(0.5).squareRoot(), length: length)
    }

    /// The block whose keys and values one of the last takes, by `attention.shared_kv_layers`: the
    /// last of its kind, with or without a window, that has its own; `nil` where they are its own.
    func keySource(
        of block: Int, _ windows: [Int?], headsKV: [Int]
    ) throws(DecoderDescriptionError) -> Int? {
        let suffix = "attention.shared_kv_layers"
        let shared = try optionalCountOrZero(suffix) ?? 0
        guard shared < windows.count else {
            throw invalid(suffix, expected: "less than \(windows.count)")
        }
        let first = windows.count - shared
        guard block >= first else { return nil }
        let isLocal = windows[block] != nil
        guard let source = (0..<first).last(where: { (windows[$0] != nil) == isLocal }),
            headsKV[source] == headsKV[block]
        else {
            throw invalid(suffix, expected: "a block of the same kind before the last \(shared)")
        }
        return source
    }

    /// How the attention of each block differs from what its metadata give all of them: blocks with a
    /// sliding window (SWA) have heads of another length and turn by a base of their own, and the
    /// last ones take keys and values of an earlier one.
    fileprivate func gemma4Attention(
        _ sizes: DecoderSizes
    ) throws(DecoderDescriptionError) -> (
        Int, BlockDescription.Attention
    ) throws(DecoderDescriptionError) -> BlockDescription.Attention {
        let windows = try windows(blockCount: sizes.blockCount, fullEvery: 6)
        let localLength = try count("attention.key_length_swa")
        let localBase = try positiveNumber("rope.freq_base_swa") ?? 10000
        let localTurned = try optionalCount("rope.dimension_count_swa") ?? localLength
        guard localTurned <= localLength, localTurned % 2 == 0 else {
            throw invalid(
                "rope.dimension_count_swa", expected: "an even number up to \(localLength)")
        }
        guard sizes.keyLength == sizes.valueLength else {
            throw invalid("attention.value_length", expected: "the keys' length")
        }
        return { index, usual throws(DecoderDescriptionError) in
            let isLocal = windows[index] != nil
            var rotary = usual.rotary
            if isLocal {
                rotary?.removeScaling()
                rotary?.base = Double(localBase)
                rotary?.dimensionCount = localTurned
            }
            var attention = try gemma4Attention(
                "blk.\(index)", sizes, index: index,
                length: isLocal ? localLength : sizes.keyLength, rotary: rotary)
            attention.window = windows[index]
            if let source = try keySource(of: index, windows, headsKV: sizes.headsKV) {
                attention.takeKeys(of: source)
            }
            return attention
        }
    }

    /// Attention with heads of one length, whose values may be its keys.
    fileprivate func gemma4Attention(
        _ block: String, _ sizes: DecoderSizes, index: Int, length: Int,
        rotary: BlockDescription.Rotary?
    ) throws(DecoderDescriptionError) -> BlockDescription.Attention {
        let (heads, headsKV) = (sizes.heads[index], sizes.headsKV[index])
        let hasValues = present("\(block).attn_v.weight") != nil
        var attention = BlockDescription.Attention(
            headCount: heads, headCountKV: headsKV, keyLength: length, valueLength: length,
            input: [("q", heads), ("k", headsKV)].map {
                projection("\(block).attn_\($0)", outputs: $1 * length, inputs: sizes.width)
            },
            output: projection(
                "\(block).attn_output", outputs: sizes.width, inputs: heads * length),
            rotary: rotary)
        if hasValues {
            attention.input.append(
                projection("\(block).attn_v", outputs: headsKV * length, inputs: sizes.width))
        }
        attention.valuesAreKeys = !hasValues
        attention.queryNorm = try norm(.rootMeanSquare, "\(block).attn_q_norm")
        attention.keyNorm = try norm(.rootMeanSquare, "\(block).attn_k_norm")
        attention.valueNorm = attention.keyNorm
        attention.valueNorm?.weight = nil
        attention.scale = 1
        return attention
    }

    /// Experts beside a dense network.
    fileprivate func gemma4Experts(
        _ block: String, width: Int, network: BlockDescription.FeedForward
    ) throws(DecoderDescriptionError) -> BlockDescription.FeedForward {
        let form = try experts(
            ExpertStyle(scoring: .softmax, normalisesWeights: true, activation: .geluTanh),
            block: block, width: width, denseHidden: count("expert_feed_forward_length"))
        guard case .experts(var experts) = form, case .dense(let shared) = network else {
            return form
        }
        experts.shared = shared
        var routerNorm = try norm(.rootMeanSquare, "\(block).ffn_gate_inp")
        routerNorm.weight = "\(block).ffn_gate_inp.scale"
        experts.separateNorms = .init(
            routerNorm: routerNorm, routerScale: 1 / Float(width).squareRoot(),
            weightScales: present("\(block).ffn_down_exps.scale"),
            inputNorm: try norm(.rootMeanSquare, "\(block).pre_ffw_norm_2"),
            outputNorm: try norm(.rootMeanSquare, "\(block).post_ffw_norm_2"),
            sharedNorm: try norm(.rootMeanSquare, "\(block).post_ffw_norm_1"))
        return .experts(experts)
    }
}

extension BlockDescription.Attention {
    /// Leaves queries alone, which go to another block's keys and values.
    mutating func takeKeys(of block: Int) {
        source = block
        input = [input[0]]
        keyNorm = nil
        valueNorm = nil
        valuesAreKeys = false
    }
}
