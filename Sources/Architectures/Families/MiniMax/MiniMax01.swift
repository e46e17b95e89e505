#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif
import TensorCore

extension ModelFamily {
    /// MiniMax Text 01 and M1: lightning attention in most layers, softmax attention of which a part of
    /// each head turns in the others, experts in all.
    public static let miniMax01 = ModelFamily(
        name: "MiniMax01", architecture: "minimax-01",
        classes: ["MiniMaxText01ForCausalLM", "MiniMaxM1ForCausalLM"],
        // The model's own code: MiniMaxText01Config
        defaults: [
            .integer("num_hidden_layers", 80), .real("rms_norm_eps", 1e-5),
            .same("num_key_value_heads", as: "num_attention_heads"),
            .quotient("head_dim", "hidden_size", by: "num_attention_heads"),
            .same("rotary_dim", as: "head_dim"),
            .computed("layer_kinds") { $0["attn_type_list"] ?? $0["layer_types"] },
        ],
        keys: .common + [
            .entries { configuration in
                guard let tokens = configuration.suppressedTokens, !tokens.isEmpty else {
                    return []
                }
                return [.init("tokenizer.ggml.suppress_tokens", .int32s(tokens))]
            },
            .number("residual_scale", "layernorm_full_attention_alpha"),
            .count("rope.dimension_count", "rotary_dim"),
        ],
        tensors: [
            .ends(), .blocks(.preNorms()),
            .blocks(where: .isSoftmax, .attention()),
            .blocks(
                where: !.isSoftmax,
                .init("self_attn.qkv_proj", "attn_qkv", [3 * .queryHeads, .hidden]),
                .norm("self_attn.norm", "attn_norm_2", .queryHeads),
                .init("self_attn.output_gate", "attn_gate", [.queryHeads, .hidden]),
                .init("self_attn.out_proj", "attn_output", [.hidden, .queryHeads])),
            .blocks(
                of: "model.layers.{bid}.block_sparse_moe.",
                .init("gate", "ffn_gate_inp", [.experts, .hidden]),
                .stackedExperts(.numbered, width: .feedForward)),
        ],
        checkpoint: .init(suppressesEmptyTokens: true),
        checks: [
            .activation(.silu), .without("postnorm_is_missing"),
            .refused(.zero("shared_intermediate_size")),
            .miniMaxResiduals,
        ],
        decoder: .blocks(
            .init(
                pairing: .halves, experts: .init(scoring: .softmax, normalisesWeights: true))
        ) { model, index, block throws(DecoderDescriptionError) in
            block.skipScale = try model.number("residual_scale") ?? 1
            // Blocks with softmax attention have no gate.
            guard model.present("blk.\(index).attn_gate.weight") != nil else { return }
            block.mixer = .recurrence(try model.lightning(index, in: block.attention))
        })
}

extension DecoderMetadata {
    /// Lightning attention, with as many heads as the softmax attention that a block like it has.
    fileprivate func lightning(
        _ index: Int, in attention: BlockDescription.Attention
    ) throws(DecoderDescriptionError) -> BlockDescription.Recurrence {
        let (heads, length) = (attention.headCount, attention.keyLength)
        let inner = heads * length
        guard inner * length <= DecoderMetadata.largest else {
            throw invalid(
                "attention.key_length",
                expected: "a state of at most \(DecoderMetadata.largest) numbers")
        }
        // Later blocks forget more slowly.
        let last = Float(max(1, try blockCount() - 1))
        let share = 1 - Float(index) / last + 1e-5
        let (name, width) = ("blk.\(index)", attention.output.outputs)
        return .init(
            input: [
                projection("\(name).attn_qkv", outputs: 3 * inner, inputs: width),
                projection("\(name).attn_gate", outputs: inner, inputs: width),
            ], output: projection("\(name).attn_output", outputs: width, inputs: inner),
            kind: .lightning(
                .init(
                    headCount: heads, headLength: length,
                    slopes: (1...heads).map { share * exp2(-8 * Float($0) / Float(heads)) },
                    norm: try norm(.rootMeanSquare, "\(name).attn_norm_2"))))
    }
}

extension TensorRule.Condition {
    /// The layers with softmax attention.
    fileprivate static let isSoftmax = TensorRule.Condition {
        configuration, block throws(ArchitectureError) in
        let kinds = configuration["layer_kinds"]?.array ?? []
        guard kinds.indices.contains(block) else {
            throw configuration.fault(
                .invalidValue(
                    found: "nothing for layer \(block)", expected: "a kind for each layer"),
                "attn_type_list")
        }
        return kinds[block].integer == 1 || kinds[block].text == "full_attention"
    }
}

extension ConfigurationCheck {
    /// One factor for what goes past all parts; what they make is added as it is.
    fileprivate static let miniMaxResiduals = refusing { configuration throws(ArchitectureError) in
        let kinds = ["full_attention", "linear_attention", "mlp"]
        let first = try configuration.number(["layernorm_full_attention_alpha"])
        guard first != nil else {
            throw configuration.fault(.missingKey, "layernorm_full_attention_alpha")
        }
        for kind in kinds {
            for (name, expected) in [("alpha", first), ("beta", 1)] {
                let key = "layernorm_\(kind)_\(name)"
                guard let found = try configuration.number([key]), found != expected else {
                    continue
                }
                throw configuration.inexpressible(
                    key, found: "\(found)", expected: "\(expected ?? 1)")
            }
        }
    }
}
