import TensorCore

extension DecoderMetadata {
    /// Which blocks have a recurrence: `attention.recurrent_layers`, otherwise all but every
    /// `full_attention_interval`-th.
    private func recurrentBlocks(blockCount: Int) throws(DecoderDescriptionError) -> [Bool] {
        let suffix = "attention.recurrent_layers"
        guard let value = metadata[key(suffix)] else {
            let interval = try optionalCount("full_attention_interval") ?? 4
            return (1...blockCount).map { $0 % interval != 0 }
        }
        // Blocks that predict further tokens are listed too.
        guard case .bools(let blocks) = value, blocks.count >= blockCount else {
            throw invalid(suffix, expected: "true or false for each of \(blockCount) blocks")
        }
        return Array(blocks.prefix(blockCount))
    }

    /// Qwen's decoders with blocks of the gated delta rule between blocks of gated attention.
    ///
    /// Value heads of a key head are neighbours where their gates are one matrix, `ssm_ba`, and take
    /// turns where there are two.
    func deltaDecoder(experts: ExpertStyle?) throws(DecoderDescriptionError) -> DecoderDescription {
        let style = DecoderStyle(
            pairing: .halves, headNorms: .head, feedForwardNorm: "post_attention_norm",
            experts: experts)
        let recurrent = try recurrentBlocks(blockCount: blockCount())
        let (keyHeads, valueHeads) = (
            try count("ssm.group_count"), try count("ssm.time_step_rank")
        )
        let keyLength = try count("ssm.state_size")
        let inner = try count("ssm.inner_size")
        guard valueHeads % keyHeads == 0 else {
            throw invalid("ssm.time_step_rank", expected: "a multiple of \(keyHeads) key heads")
        }
        guard inner % valueHeads == 0 else {
            throw invalid("ssm.inner_size", expected: "a multiple of \(valueHeads) value heads")
        }
        guard keyHeads * keyLength <= DecoderMetadata.largest,
            keyLength * inner <= DecoderMetadata.largest
        else {
            throw invalid(
                "ssm.state_size", expected: "a state of at most \(DecoderMetadata.largest) numbers")
        }
        let kernel = try convolutionLength("ssm.conv_kernel")
        return try decoder(style) { index, block throws(DecoderDescriptionError) in
            let name = "blk.\(index)"
            let width = block.attention.output.outputs
            guard recurrent[index] else {
                guard block.attention.keyLength == block.attention.valueLength else {
                    throw invalid("attention.value_length", expected: "the keys' length")
                }
                // The rows of a query head's gate follow those of its query.
                block.attention.isGated = true
                block.attention.input[0].outputs *= 2
                return
            }
            let isJoined = present("\(name).ssm_ba.weight") != nil
            let rule = BlockDescription.DeltaRule(
                keyHeadCount: keyHeads, valueHeadCount: valueHeads, keyLength: keyLength,
                valueLength: inner / valueHeads, sharing: isJoined ? .neighbours : .turns,
                convolution: .init("\(name).ssm_conv1d.weight", bias: nil, length: kernel),
                decay: "\(name).ssm_a", stepBias: "\(name).ssm_dt.bias",
                norm: try norm(.rootMeanSquare, "\(name).ssm_norm"))
            let gates =
                isJoined
                ? [projection("\(name).ssm_ba", outputs: 2 * valueHeads, inputs: width)]
                : ["alpha", "beta"].map {
                    projection("\(name).ssm_\($0)", outputs: valueHeads, inputs: width)
                }
            block.mixer = .recurrence(
                .init(
                    input: [
                        projection(
                            "\(name).attn_qkv", outputs: rule.channelCount, inputs: width),
                        projection("\(name).attn_gate", outputs: inner, inputs: width),
                    ] + gates,
                    output: projection("\(name).ssm_out", outputs: width, inputs: inner),
                    kind: .deltaRule(rule)))
        }
    }

    /// A decoder whose blocks are recurrences and nothing else.
    func recurrentDecoder(
        _ style: RecurrenceStyle
    ) throws(DecoderDescriptionError) -> DecoderDescription {
        let width = try count("embedding_length")
        return try recurrentDecoder(norm: .rootMeanSquare) {
            _, name throws(DecoderDescriptionError) in
            BlockDescription(
                mixerNorm: try norm(.rootMeanSquare, "\(name).attn_norm"),
                recurrence: try recurrence(style, name, width: width))
        }
    }

    /// A decoder of blocks without attention.
    ///
    /// - Parameters:
    ///   - kind: The norm behind the last block.
    ///   - block: Makes a block of its number and name.
    func recurrentDecoder(
        norm kind: BlockDescription.Norm.Kind,
        block: (Int, String) throws(DecoderDescriptionError) -> BlockDescription
    ) throws(DecoderDescriptionError) -> DecoderDescription {
        var blocks: [BlockDescription] = []
        for index in 0..<(try blockCount()) { blocks.append(try block(index, "blk.\(index)")) }
        return DecoderDescription(
            architecture: architecture, contextLength: try count("context_length"),
            embeddingLength: try count("embedding_length"), tokenEmbedding: "token_embd.weight",
            blocks: blocks, outputNorm: try norm(kind, "output_norm"),
            output: present("output.weight") ?? "token_embd.weight")
    }

    /// The recurrence of a block.
    func recurrence(
        _ style: RecurrenceStyle, _ block: String, width: Int
    ) throws(DecoderDescriptionError) -> BlockDescription.Recurrence {
        switch style {
        case .shortConvolution: try shortConvolution("\(block).shortconv", width: width)
        case .kimiDelta: try kimiDelta(block, width: width)
        case .selectiveScan: try selectiveScan(block, width: width)
        case .stateSpace: try stateSpace(block, width: width)
        case .headScan: try headScan(block, width: width)
        }
    }

    private func selectiveScan(
        _ block: String, width: Int
    ) throws(DecoderDescriptionError) -> BlockDescription.Recurrence {
        let (inner, state) = try stateSizes()
        let rank = try count("ssm.time_step_rank")
        var scan = BlockDescription.SelectiveScan(
            stateLength: state, convolution: try stateConvolution(block),
            parameters: projection("\(block).ssm_x", outputs: rank + 2 * state, inputs: inner),
            steps: projection("\(block).ssm_dt", outputs: inner, inputs: rank),
            decay: "\(block).ssm_a", skip: "\(block).ssm_d")
        // Falcon Mamba's have no weights.
        let names = ["ssm_dt_norm", "ssm_b_norm", "ssm_c_norm"].map { "\(block).\($0).weight" }
        let areWeighted = names.allSatisfy { present($0) != nil }
        let areNormed = try flag("ssm.dt_b_c_rms", standard: areWeighted)
        if areWeighted || areNormed {
            let epsilon = try epsilon(of: .rootMeanSquare)
            let norms = names.map {
                BlockDescription.Norm(
                    .rootMeanSquare, epsilon: epsilon, weight: areWeighted ? $0 : nil)
            }
            scan.norms = .init(steps: norms[0], input: norms[1], output: norms[2])
        }
        return .init(
            input: [projection("\(block).ssm_in", outputs: 2 * inner, inputs: width)],
            output: projection("\(block).ssm_out", outputs: width, inputs: inner),
            kind: .selectiveScan(scan))
    }

    private func stateSpace(
        _ block: String, width: Int
    ) throws(DecoderDescriptionError) -> BlockDescription.Recurrence {
        let (inner, state) = try stateSizes()
        let (heads, groups) = (try count("ssm.time_step_rank"), try count("ssm.group_count"))
        guard inner % heads == 0 else {
            throw invalid("ssm.time_step_rank", expected: "a divisor of \(inner)")
        }
        guard heads % groups == 0, inner % groups == 0, groups * state <= DecoderMetadata.largest
        else { throw invalid("ssm.group_count", expected: "a divisor of the \(heads) heads") }
        let name = "\(block).ssm_norm"
        let space = BlockDescription.StateSpace(
            headCount: heads, groupCount: groups, headLength: inner / heads, stateLength: state,
            convolution: try stateConvolution(block), decay: "\(block).ssm_a",
            stepBias: "\(block).ssm_dt.bias", skip: "\(block).ssm_d",
            norm: present("\(name).weight") == nil ? nil : try norm(.rootMeanSquare, name))
        return .init(
            input: [
                projection(
                    "\(block).ssm_in", outputs: inner + space.channelCount + heads, inputs: width)
            ],
            output: projection("\(block).ssm_out", outputs: width, inputs: inner),
            kind: .stateSpace(space))
    }

    /// The width inside a recurrence, and the numbers of each of its channels' states.
    func stateSizes() throws(DecoderDescriptionError) -> (inner: Int, state: Int) {
        let (inner, state) = (try count("ssm.inner_size"), try count("ssm.state_size"))
        guard inner * state <= DecoderMetadata.largest else {
            throw invalid(
                "ssm.state_size", expected: "a state of at most \(DecoderMetadata.largest) numbers")
        }
        return (inner, state)
    }

    func stateConvolution(
        _ block: String
    ) throws(DecoderDescriptionError) -> BlockDescription.Convolution {
        .init(
            "\(block).ssm_conv1d.weight", bias: present("\(block).ssm_conv1d.bias"),
            length: try convolutionLength("ssm.conv_kernel"))
    }

    private func kimiDelta(
        _ block: String, width: Int
    ) throws(DecoderDescriptionError) -> BlockDescription.Recurrence {
        let (heads, length) = (try count("attention.head_count"), try count("kda.head_dim"))
        let inner = heads * length
        guard inner * length <= DecoderMetadata.largest else {
            throw invalid(
                "kda.head_dim", expected: "a state of at most \(DecoderMetadata.largest) numbers")
        }
        let kernel = try convolutionLength("ssm.conv_kernel")
        // Whole matrices make steps and gates where there are no second ones.
        func second(_ name: String) -> BlockDescription.Projection? {
            present("\(name).weight").map { _ in
                projection(name, outputs: inner, inputs: length)
            }
        }
        let (steps, gates) = (second("\(block).ssm_f_b"), second("\(block).ssm_g_b"))
        var delta = BlockDescription.KimiDelta(
            headCount: heads, headLength: length,
            convolutions: ["q", "k", "v"].map {
                .init("\(block).ssm_conv1d_\($0).weight", bias: nil, length: kernel)
            },
            steps: steps, gates: gates, decay: "\(block).ssm_a",
            stepBias: "\(block).ssm_dt.bias", norm: try norm(.rootMeanSquare, "\(block).ssm_norm"))
        delta.isDecayFlat = heads > 1 && rowCount("\(block).ssm_a") == 1
        if let bound = try number("kda.gate_lower_bound") {
            guard bound < 0 else {
                throw invalid("kda.gate_lower_bound", expected: "a number below 0")
            }
            delta.bound = bound
        }
        return .init(
            input: ["q", "k", "v"].map {
                projection("\(block).attn_\($0)", outputs: inner, inputs: width)
            } + [
                projection(
                    "\(block).ssm_f_a", outputs: steps == nil ? inner : length, inputs: width),
                present("\(block).ssm_g.weight") != nil
                    ? projection("\(block).ssm_g", outputs: inner, inputs: width)
                    : projection(
                        "\(block).ssm_g_a", outputs: gates == nil ? inner : length, inputs: width),
                projection("\(block).ssm_beta", outputs: heads, inputs: width),
            ],
            output: projection("\(block).attn_output", outputs: width, inputs: inner),
            kind: .kimiDelta(delta))
    }

    private func shortConvolution(
        _ name: String, width: Int
    ) throws(DecoderDescriptionError) -> BlockDescription.Recurrence {
        .init(
            input: [projection("\(name).in_proj", outputs: 3 * width, inputs: width)],
            output: projection("\(name).out_proj", outputs: width, inputs: width),
            kind: .shortConvolution(
                .init(
                    "\(name).conv.weight", bias: nil,
                    length: try convolutionLength("shortconv.l_cache"))))
    }

    /// How many positions a convolution takes in.
    private func convolutionLength(_ suffix: String) throws(DecoderDescriptionError) -> Int {
        let length = try count(suffix)
        guard length <= DecoderMetadata.longestConvolution else {
            throw invalid(suffix, expected: "at most \(DecoderMetadata.longestConvolution)")
        }
        return length
    }

    /// The longest convolution that is believed; models have 3 or 4.
    private static let longestConvolution = 256
}
