import TensorCore

extension DecoderMetadata {
    /// The length of the shared network's hidden row, `nil` where there is none.
    private func sharedHidden(
        _ shared: ExpertStyle.Shared
    ) throws(DecoderDescriptionError) -> Int? {
        switch shared {
        case .none: return nil
        case .single: return try count("expert_feed_forward_length")
        case .stated:
            let length = try optionalCountOrZero("expert_shared_feed_forward_length") ?? 0
            if length > 0 { return length }
        case .counted: break
        }
        guard let count = try optionalCountOrZero("expert_shared_count"), count > 0 else {
            return nil
        }
        let length = try self.count("expert_feed_forward_length")
        let product = length.multipliedReportingOverflow(by: count)
        guard !product.overflow, product.partialValue <= DecoderMetadata.largest else {
            throw invalid("expert_shared_count", expected: "a few experts")
        }
        return product.partialValue
    }

    /// A count of a block with experts: of an array its own, otherwise that of all.
    private func own(
        _ suffix: String, _ block: String
    ) throws(DecoderDescriptionError) -> Int? {
        guard let counts = metadata[key(suffix)]?.integers else { return try optionalCount(suffix) }
        guard let number = Int(block.dropFirst("blk.".count)), counts.indices.contains(number),
            (1...DecoderMetadata.largest).contains(counts[number])
        else { throw invalid(suffix, expected: "a number above 0 for \(block)") }
        return counts[number]
    }

    /// What makes the rows of a block's experts shorter, where it has that.
    private func narrowing(
        _ block: String, width: Int
    ) throws(DecoderDescriptionError) -> BlockDescription.Experts.Narrowing? {
        for (name, suffix) in [("latent", "moe_latent_size"), ("routed", "expert_latent_length")] {
            guard present("\(block).ffn_\(name)_down.weight") != nil else { continue }
            let length = try count(suffix)
            guard length <= width else {
                throw invalid(suffix, expected: "at most the \(width) of a row")
            }
            let norm = "\(block).ffn_\(name)_norm"
            return .init(
                down: projection("\(block).ffn_\(name)_down", outputs: length, inputs: width),
                norm: present("\(norm).weight") == nil
                    ? nil : try self.norm(.rootMeanSquare, norm),
                up: projection("\(block).ffn_\(name)_up", outputs: width, inputs: length))
        }
        return nil
    }

    /// A count that may be 0, `nil` when the key is missing.
    func optionalCountOrZero(_ suffix: String) throws(DecoderDescriptionError) -> Int? {
        metadata[key(suffix)]?.integer == 0 ? 0 : try optionalCount(suffix)
    }

    /// The experts of a block.
    func experts(
        _ style: ExpertStyle, block: String, width: Int, denseHidden: Int
    ) throws(DecoderDescriptionError) -> BlockDescription.FeedForward {
        // Of the blocks of a hybrid only some have experts.
        if metadata[key("expert_used_count")]?.integers != nil,
            present("\(block).ffn_gate_inp.weight") == nil
        {
            return .absent
        }
        let count = try count("expert_count")
        guard let usedCount = try own("expert_used_count", block) else {
            throw missing("expert_used_count")
        }
        guard count <= DecoderMetadata.mostExperts else {
            throw invalid("expert_count", expected: "at most \(DecoderMetadata.mostExperts)")
        }
        guard usedCount <= count else {
            throw invalid("expert_used_count", expected: "at most the \(count) experts")
        }
        let hidden = try own("expert_feed_forward_length", block) ?? denseHidden
        let narrowing = try narrowing(block, width: width)
        let stacked = present("\(block).ffn_gate_up_exps.weight") != nil
        func made(_ suffix: String, hidden: Int, width: Int) -> BlockDescription.Network {
            BlockDescription.Network(
                activation: style.activation, isGated: style.isGated,
                input: (style.isGated ? ["gate", "up"] : ["up"]).map {
                    projection("\(block).ffn_\($0)_\(suffix)", outputs: hidden, inputs: width)
                },
                output: projection("\(block).ffn_down_\(suffix)", outputs: width, inputs: hidden))
        }
        let length = narrowing?.down.outputs ?? width
        var network = made("exps", hidden: hidden, width: length)
        if stacked {
            network.input = [
                projection("\(block).ffn_gate_up_exps", outputs: 2 * hidden, inputs: length)
            ]
        }
        let choiceBias = present("\(block).exp_probs_b.bias")
        var experts = BlockDescription.Experts(
            count: count, usedCount: usedCount,
            router: projection("\(block).ffn_gate_inp", outputs: count, inputs: width),
            scoring: try scoring(style, hasChoiceBias: choiceBias != nil),
            normalisesWeights: try flag(
                "expert_weights_norm", standard: style.normalisesWeights), network: network)
        experts.choiceBias = choiceBias
        experts.narrowing = narrowing
        // A scale of 0 is how older files say that there is none.
        if let scale = try number("expert_weights_scale"), scale != 0 {
            experts.weightScale = scale
        }
        experts.groups = try groups(count: count, usedCount: usedCount, of: experts)
        if let hidden = try sharedHidden(style.shared) {
            var shared = made("shexp", hidden: hidden, width: width)
            if style.isGated, present("\(block).ffn_gate_shexp.weight") == nil {
                shared.input = [
                    projection("\(block).ffn_up_shexp", outputs: 2 * hidden, inputs: width)
                ]
            }
            experts.shared = shared
            if present("\(block).ffn_gate_inp_shexp.weight") != nil {
                experts.sharedGate = projection(
                    "\(block).ffn_gate_inp_shexp", outputs: 1, inputs: width)
            }
        }
        return .experts(experts)
    }

    private func scoring(
        _ style: ExpertStyle, hasChoiceBias: Bool
    ) throws(DecoderDescriptionError) -> BlockDescription.Experts.Scoring {
        let suffix = "expert_gating_func"
        guard let value = metadata[key(suffix)], value.integer != 0 else {
            return style.scoring ?? (hasChoiceBias ? .sigmoid : .softmax)
        }
        switch value.integer {
        case 1: return .softmax
        case 2: return .sigmoid
        case 3: return .softmaxOfChosen
        case 4: return .softplusRoot
        default:
            throw invalid(
                suffix,
                expected: "1 (softmax), 2 (sigmoid), 3 (of the chosen) or 4 (root of softplus)")
        }
    }

    private func groups(
        count: Int, usedCount: Int, of experts: BlockDescription.Experts
    ) throws(DecoderDescriptionError) -> BlockDescription.Experts.Groups? {
        guard let groupCount = try optionalCountOrZero("expert_group_count"), groupCount > 1 else {
            return nil
        }
        guard count % groupCount == 0 else {
            throw invalid("expert_group_count", expected: "a divisor of the \(count) experts")
        }
        let used = try self.count("expert_group_used_count")
        guard used <= groupCount, used * (count / groupCount) >= usedCount else {
            throw invalid(
                "expert_group_used_count",
                expected: "at most \(groupCount) groups with at least \(usedCount) experts")
        }
        return .init(
            count: groupCount, usedCount: used,
            score: experts.choiceBias == nil ? .largest : .topTwoSum)
    }
}
