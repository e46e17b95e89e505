import TensorCore

extension DecoderMetadata {
    /// DeepSeek V4's decoder: compressed attention and experts between hyper-connections.
    func compressedDecoder() throws(DecoderDescriptionError) -> DecoderDescription {
        let (blockCount, width) = (try blockCount(), try count("embedding_length"))
        let limits = (
            routed: try limits("swiglu_clamp_exp"), shared: try limits("swiglu_clamp_shexp")
        )
        let tableCount = try optionalCountOrZero("hash_layer_count") ?? 0
        var blocks: [BlockDescription] = []
        for index in 0..<blockCount {
            let name = "blk.\(index)"
            let feedForward = try experts(
                .init(
                    scoring: .softplusRoot, normalisesWeights: true, shared: .counted),
                block: name, width: width, denseHidden: count("expert_feed_forward_length"))
            guard case .experts(var experts) = feedForward else {
                throw invalid("expert_count", expected: "experts in every block")
            }
            experts.network.activation =
                limits.routed[index].map { .cutSwiGLU(limit: $0) } ?? .silu
            experts.shared?.activation =
                limits.shared[index].map { .cutSwiGLU(limit: $0) } ?? .silu
            if index < tableCount { experts.table = "\(name).ffn_gate_tid2eid.weight" }
            var block = BlockDescription(
                attentionNorm: try norm(.rootMeanSquare, "\(name).attn_norm"),
                mixer: .compressed(try compressedAttention(index, width: width)),
                feedForwardNorm: try norm(.rootMeanSquare, "\(name).ffn_norm"),
                feedForward: .experts(experts))
            block.streams = .init(
                count: try streamCount(),
                mixer: .learned(try learnedConnection("\(name).hc_attn", width: width)),
                feedForward: .learned(try learnedConnection("\(name).hc_ffn", width: width)))
            blocks.append(block)
        }
        blocks[blockCount - 1].streams?.head = .learned(
            try learnedConnection("output_hc", width: width, isHead: true))
        return DecoderDescription(
            architecture: architecture, contextLength: try count("context_length"),
            embeddingLength: width, tokenEmbedding: "token_embd.weight", blocks: blocks,
            outputNorm: try norm(.rootMeanSquare, "output_norm"),
            output: present("output.weight") ?? "token_embd.weight")
    }

    /// The number of residual streams.
    func streamCount() throws(DecoderDescriptionError) -> Int {
        let count = try count("hyper_connection.count")
        guard (2...DecoderMetadata.mostStreams).contains(count) else {
            throw invalid(
                "hyper_connection.count", expected: "2 to \(DecoderMetadata.mostStreams) streams")
        }
        return count
    }

    /// More streams than any model has.
    private static let mostStreams = 64

    /// A hyper-connection of which tensors have the weights.
    ///
    /// - Parameters:
    ///   - name: What stands in front of `_fn`, `_base` and `_scale`.
    ///   - isHead: Whether it is what makes one row behind the last block.
    func learnedConnection(
        _ name: String, width: Int, isHead: Bool = false
    ) throws(DecoderDescriptionError) -> BlockDescription.LearnedConnection {
        let count = try streamCount()
        let steps = try optionalCountOrZero("hyper_connection.sinkhorn_iterations") ?? 0
        guard steps <= DecoderMetadata.mostBlocks, count * width <= DecoderMetadata.largest else {
            throw invalid("hyper_connection.sinkhorn_iterations", expected: "a few steps")
        }
        let outputs = isHead ? count : steps > 0 ? count * (2 + count) : 2 * count
        return .init(
            matrix: projection("\(name)_fn", outputs: outputs, inputs: count * width),
            base: "\(name)_base.weight", scale: "\(name)_scale.weight", stepCount: steps,
            epsilon: try number("hyper_connection.epsilon") ?? 1e-6,
            normEpsilon: try epsilon(of: .rootMeanSquare),
            magnitude: try number("hyper_connection.magnitude") ?? 2)
    }

    /// The attention of a block.
    private func compressedAttention(
        _ index: Int, width: Int
    ) throws(DecoderDescriptionError) -> BlockDescription.CompressedAttention {
        let name = "blk.\(index)"
        let (heads, length) = (try count("attention.head_count"), try count("attention.key_length"))
        let rank = try count("attention.q_lora_rank")
        let groups = try count("attention.output_group_count")
        let groupRank = try count("attention.output_lora_rank")
        guard heads % groups == 0, heads * length <= DecoderMetadata.largest,
            groups * groupRank <= DecoderMetadata.largest
        else {
            throw invalid(
                "attention.output_group_count", expected: "a divisor of the \(heads) heads")
        }
        let ratio = try compressRatio(index)
        var rotary = try rotary(pairing: .interleaved, turned: length, keyLength: length)
        rotary.offset = length - rotary.dimensionCount
        if ratio > 0 {
            rotary.base = Double(
                try positiveNumber("attention.compress_rope_freq_base") ?? Float(rotary.base))
            rotary.magnitude = 1
        } else {
            rotary.removeScaling()
        }
        let norm = try norm(.rootMeanSquare, "\(name).attn_q_a_norm")
        var attention = BlockDescription.CompressedAttention(
            headCount: heads, headLength: length,
            queryInput: projection("\(name).attn_q_a", outputs: rank, inputs: width),
            queryInputNorm: norm,
            queries: projection("\(name).attn_q_b", outputs: heads * length, inputs: rank),
            queryNorm: .init(.rootMeanSquare, epsilon: norm.epsilon, weight: nil),
            keys: projection("\(name).attn_kv", outputs: length, inputs: width),
            keyNorm: try self.norm(.rootMeanSquare, "\(name).attn_kv_a_norm"), rotary: rotary,
            window: try count("attention.sliding_window"), sinks: "\(name).attn_sinks.weight",
            groupCount: groups,
            groups: projection(
                "\(name).attn_output_a", outputs: groups * groupRank,
                inputs: heads * length / groups),
            output: projection(
                "\(name).attn_output_b", outputs: width, inputs: groups * groupRank))
        guard ratio > 0 else { return attention }
        attention.compressor = try compressor(
            "\(name).attn_compressor", ratio: ratio, length: length, width: width)
        guard ratio == DecoderMetadata.overlappingRatio else { return attention }
        let (pickers, short) = (
            try count("attention.indexer.head_count"), try count("attention.indexer.key_length")
        )
        guard pickers * short <= DecoderMetadata.largest, short >= rotary.dimensionCount else {
            throw invalid(
                "attention.indexer.key_length", expected: "\(rotary.dimensionCount) or more")
        }
        attention.indexer = .init(
            headCount: pickers,
            queries: projection(
                "\(name).indexer.attn_q_b", outputs: pickers * short, inputs: rank),
            weights: projection("\(name).indexer.proj", outputs: pickers, inputs: width),
            compressor: try compressor(
                "\(name).indexer_compressor", ratio: ratio, length: short, width: width),
            pickCount: try count("attention.indexer.top_k"))
        return attention
    }

    /// The ratio at which compressed rows overlap and are picked.
    private static let overlappingRatio = 4

    /// How many positions a block makes a row of; 0 where it makes none.
    private func compressRatio(_ index: Int) throws(DecoderDescriptionError) -> Int {
        let suffix = "attention.compress_ratios"
        guard let ratios = metadata[key(suffix)]?.integers, ratios.indices.contains(index),
            (0...DecoderMetadata.largest).contains(ratios[index])
        else { throw invalid(suffix, expected: "a number for each block") }
        return ratios[index]
    }

    private func compressor(
        _ name: String, ratio: Int, length: Int, width: Int
    ) throws(DecoderDescriptionError) -> BlockDescription.Compressor {
        let overlaps = ratio == DecoderMetadata.overlappingRatio
        let outputs = overlaps ? 2 * length : length
        guard ratio * outputs <= DecoderMetadata.largest else {
            throw invalid("attention.compress_ratios", expected: "rows of fewer positions")
        }
        return .init(
            ratio: ratio, length: length, overlaps: overlaps,
            values: projection("\(name)_kv", outputs: outputs, inputs: width),
            gates: projection("\(name)_gate", outputs: outputs, inputs: width),
            places: "\(name)_ape.weight", norm: try norm(.rootMeanSquare, "\(name)_norm"))
    }
}
