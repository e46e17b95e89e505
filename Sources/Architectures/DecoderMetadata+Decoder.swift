import TensorCore

/// The sizes that the metadata of nearly every decoder give.
struct DecoderSizes {
    let blockCount: Int
    let width: Int
    let heads: [Int]
    let headsKV: [Int]
    let keyLength: Int
    let valueLength: Int
    /// The hidden rows of dense networks.
    let feedForward: [Int]
}

extension DecoderMetadata {
    /// Reads the sizes and checks that they fit each other.
    ///
    /// - Parameter partsMayMiss: Whether blocks may have no key heads, being without attention, or no
    ///   feed-forward network.
    func sizes(partsMayMiss: Bool = false) throws(DecoderDescriptionError) -> DecoderSizes {
        let blockCount = try blockCount()
        let width = try count("embedding_length")
        let found = try counts(
            "attention.head_count", blockCount: blockCount, orZero: partsMayMiss)
        guard let heads = found, let firstHeads = heads.first(where: { $0 > 0 }) else {
            throw missing("attention.head_count")
        }
        let headsKV =
            try counts(
                "attention.head_count_kv", blockCount: blockCount, orZero: partsMayMiss)
            ?? heads
        var feedForward = try counts(
            "feed_forward_length", blockCount: blockCount, orZero: partsMayMiss)
        if feedForward == nil {
            feedForward = try counts("expert_feed_forward_length", blockCount: blockCount)
        }
        guard let feedForward else { throw missing("feed_forward_length") }
        for (heads, headsKV) in zip(heads, headsKV) where headsKV > 0 && heads % headsKV != 0 {
            throw DecoderDescriptionError(
                .invalidValue(
                    found: "\(headsKV) key heads for \(heads) query heads", expected: "a divisor"),
                path: path, key: key("attention.head_count_kv"))
        }
        let standard = max(1, width / firstHeads)
        return DecoderSizes(
            blockCount: blockCount, width: width, heads: heads, headsKV: headsKV,
            keyLength: try optionalCount("attention.key_length") ?? standard,
            valueLength: try optionalCount("attention.value_length") ?? standard,
            feedForward: feedForward)
    }

    /// The scale of scores that goes by the width of the residual stream, not by the key length.
    func scaleByWidth(heads: Int) -> Float {
        let width = metadata[key("embedding_length")]?.integer ?? heads
        return 1 / Float(max(1, width / heads)).squareRoot()
    }

    /// The decoder that most families vary; `change` makes the rest of the variation.
    ///
    /// Norms and matrices that the style asks for must be there; biases, a stacked matrix of
    /// queries, keys and values, and an output matrix of its own are told by presence.
    func decoder(
        _ style: DecoderStyle,
        change: (Int, inout BlockDescription) throws(DecoderDescriptionError) -> Void = { _, _ in }
    ) throws(DecoderDescriptionError) -> DecoderDescription {
        let sizes = try sizes(
            partsMayMiss: style.recurrence != nil || style.partsMayMiss)
        var style = style
        if style.headNormsMayMiss, present("blk.0.attn_q_norm.weight") == nil {
            style.headNorms = nil
        }
        if style.experts?.mayMiss == true, try optionalCountOrZero("expert_count") ?? 0 == 0 {
            style.experts = nil
        }
        var rotary: BlockDescription.Rotary?
        if let pairing = style.pairing {
            rotary = try self.rotary(
                pairing: pairing, turned: sizes.keyLength, keyLength: sizes.keyLength)
        }
        var windows = [Int?](repeating: nil, count: sizes.blockCount)
        if let period = style.windowPeriod {
            windows = try self.windows(
                blockCount: sizes.blockCount, fullEvery: period, first: style.fullBlockIsFirst)
        }
        let scale = try number("attention.scale")
        var blocks: [BlockDescription] = []
        for index in 0..<sizes.blockCount {
            var attention = try attention(style, sizes, index: index, rotary: rotary)
            attention.window = windows[index]
            attention.isCausal = !style.seesAhead
            // A scale of 0 is how files say that it is the usual one.
            if let scale, scale != 0 { attention.scale = scale }
            var block = try self.block(style, sizes, index: index, attention: attention)
            try change(index, &block)
            blocks.append(block)
        }
        var decoder = DecoderDescription(
            architecture: architecture, contextLength: try count("context_length"),
            embeddingLength: sizes.width, tokenEmbedding: "token_embd.weight", blocks: blocks,
            outputNorm: style.hasOutputNorm ? try norm(style.norm, "output_norm") : nil,
            output: present("output.weight") ?? "token_embd.weight")
        decoder.outputBias = present("output.bias")
        if style.hasPositions { decoder.positionEmbedding = "position_embd.weight" }
        if style.scalesEmbeddings { decoder.embeddingScale = Float(sizes.width).squareRoot() }
        return decoder
    }

    private func block(
        _ style: DecoderStyle, _ sizes: DecoderSizes, index: Int,
        attention: BlockDescription.Attention
    ) throws(DecoderDescriptionError) -> BlockDescription {
        let name = "blk.\(index)"
        let hidden = sizes.feedForward[index]
        var block = BlockDescription(
            attentionNorm: nil, attention: attention, feedForwardNorm: nil,
            feedForward: network(style, name, width: sizes.width, hidden: hidden))
        block.arrangement = style.arrangement
        if style.hasPreNorms {
            block.attentionNorm = try norm(style.norm, "\(name).attn_norm")
            if style.arrangement == .sequential {
                block.feedForwardNorm = try norm(style.norm, "\(name).\(style.feedForwardNorm)")
            }
        }
        if style.hasPostNorms {
            block.postAttentionNorm = try norm(style.norm, "\(name).post_attention_norm")
            block.postFeedForwardNorm = try norm(style.norm, "\(name).post_ffw_norm")
        }
        if style.hasSumNorms {
            block.mixerSumNorm = try norm(style.norm, "\(name).attn_output_norm")
            block.feedForwardSumNorm = try norm(style.norm, "\(name).layer_output_norm")
        }
        // A block with a dense network and no router is one of the dense ones.
        let isDense =
            present("\(name).ffn_up.weight") != nil
            && present("\(name).ffn_gate_inp.weight") == nil
        if let experts = style.experts, !isDense {
            block.feedForward = try self.experts(
                experts, block: name, width: sizes.width, denseHidden: hidden)
        }
        if style.partsMayMiss { try leaveOut(&block, sizes, index: index) }
        if let recurrence = style.recurrence, sizes.headsKV[index] == 0 {
            block.mixer = .recurrence(try self.recurrence(recurrence, name, width: sizes.width))
        }
        return block
    }

    /// Leaves out what a block does without.
    private func leaveOut(
        _ block: inout BlockDescription, _ sizes: DecoderSizes, index: Int
    ) throws(DecoderDescriptionError) {
        if sizes.headsKV[index] == 0 {
            guard sizes.heads[index] == 0 else {
                throw invalid(
                    "attention.head_count_kv",
                    expected: "key heads for the query heads of block \(index); a matrix in place "
                        + "of attention is not run")
            }
            block.mixer = .absent
            block.attentionNorm = nil
        }
        if sizes.feedForward[index] == 0 {
            block.feedForward = .absent
            block.feedForwardNorm = nil
        }
    }

    private func attention(
        _ style: DecoderStyle, _ sizes: DecoderSizes, index: Int, rotary: BlockDescription.Rotary?
    ) throws(DecoderDescriptionError) -> BlockDescription.Attention {
        let block = "blk.\(index)"
        let (heads, headsKV) = (sizes.heads[index], sizes.headsKV[index])
        let (queries, keys) = (heads * sizes.keyLength, headsKV * sizes.keyLength)
        let values = headsKV * sizes.valueLength
        let width = sizes.width
        let isStacked = present("\(block).attn_qkv.weight") != nil
        var attention = BlockDescription.Attention(
            headCount: heads, headCountKV: headsKV, keyLength: sizes.keyLength,
            valueLength: sizes.valueLength,
            input: isStacked
                ? [
                    projection(
                        "\(block).attn_qkv", outputs: queries + keys + values, inputs: width)
                ]
                : [
                    projection("\(block).attn_q", outputs: queries, inputs: width),
                    projection("\(block).attn_k", outputs: keys, inputs: width),
                    projection("\(block).attn_v", outputs: values, inputs: width),
                ],
            output: projection(
                "\(block).attn_output", outputs: width, inputs: heads * sizes.valueLength),
            rotary: rotary)
        if let scope = style.headNorms {
            attention.normScope = scope
            attention.queryNorm = try norm(style.norm, "\(block).attn_q_norm")
            attention.keyNorm = try norm(style.norm, "\(block).attn_k_norm")
        }
        return attention
    }

    private func network(
        _ style: DecoderStyle, _ block: String, width: Int, hidden: Int
    ) -> BlockDescription.FeedForward {
        let up = "\(block).ffn_up"
        let down = projection("\(block).ffn_down", outputs: width, inputs: hidden)
        switch style.network {
        case .gated:
            return .gated(
                activation: style.activation,
                gateUp: [
                    projection("\(block).ffn_gate", outputs: hidden, inputs: width),
                    projection(up, outputs: hidden, inputs: width),
                ], down: down)
        case .stacked:
            return .gated(
                activation: style.activation,
                gateUp: [projection(up, outputs: 2 * hidden, inputs: width)], down: down)
        case .plain:
            return .plain(
                activation: style.activation,
                up: projection(up, outputs: hidden, inputs: width), down: down)
        }
    }
}
