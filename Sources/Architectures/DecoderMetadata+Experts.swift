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

    /// A count that may be 0, `nil` when the key is missing.
    func optionalCountOrZero(_ suffix: String) throws(DecoderDescriptionError) -> Int? {
        metadata[key(suffix)]?.integer == 0 ? 0 : try optionalCount(suffix)
    }

    /// The experts of a block.
    func experts(
        _ style: ExpertStyle, block: String, width: Int, denseHidden: Int
    ) throws(DecoderDescriptionError) -> BlockDescription.FeedForward {
        let count = try count("expert_count")
        let usedCount = try self.count("expert_used_count")
        guard count <= DecoderMetadata.mostExperts else {
            throw invalid("expert_count", expected: "at most \(DecoderMetadata.mostExperts)")
        }
        guard usedCount <= count else {
            throw invalid("expert_used_count", expected: "at most the \(count) experts")
        }
        let hidden = try optionalCount("expert_feed_forward_length") ?? denseHidden
        let stacked = present("\(block).ffn_gate_up_exps.weight") != nil
        func made(_ suffix: String, hidden: Int) -> BlockDescription.Network {
            BlockDescription.Network(
                activation: style.activation, isGated: style.isGated,
                input: (style.isGated ? ["gate", "up"] : ["up"]).map {
                    projection("\(block).ffn_\($0)_\(suffix)", outputs: hidden, inputs: width)
                },
                output: projection("\(block).ffn_down_\(suffix)", outputs: width, inputs: hidden))
        }
        var network = made("exps", hidden: hidden)
        if stacked {
            network.input = [
                projection("\(block).ffn_gate_up_exps", outputs: 2 * hidden, inputs: width)
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
        // A scale of 0 is how older files say that there is none.
        if let scale = try number("expert_weights_scale"), scale != 0 {
            experts.weightScale = scale
        }
        experts.groups = try groups(count: count, usedCount: usedCount, of: experts)
        if let hidden = try sharedHidden(style.shared) {
            var shared = made("shexp", hidden: hidden)
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
        default: throw invalid(suffix, expected: "1 (softmax), 2 (sigmoid) or 3 (of the chosen)")
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
