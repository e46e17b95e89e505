import TensorCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

extension ModelFamily {
    /// Gemma 3n, text-only or the language model of a multimodal checkpoint: four streams between blocks
    /// (AltUp), a short way beside attention (LAuReL), embeddings for every layer, hidden rows that keep
    /// their largest values only, layers that take keys and values from an earlier one.
    public static let gemma3n = ModelFamily(
        name: "Gemma3n", architecture: "gemma3n",
        classes: ["Gemma3nForCausalLM", "Gemma3nForConditionalGeneration"],
        // transformers: Gemma3nTextConfig
        defaults: [
            .integer("vocab_size", 262_400), .integer("hidden_size", 2048),
            .integer("num_hidden_layers", 35), .integer("num_attention_heads", 8),
            .integer("num_key_value_heads", 2), .integer("head_dim", 256),
            .integer("max_position_embeddings", 32768), .real("rms_norm_eps", 1e-6),
            .integer("sliding_window", 512), .integer("vocab_size_per_layer_input", 262_144),
            .integer("hidden_size_per_layer_input", 256), .integer("altup_active_idx", 0),
            .integer("altup_num_inputs", 4), .integer("num_kv_shared_layers", 15),
            .integer("laurel_rank", 64), .real("final_logit_softcapping", 30),
            .real("rope_theta", 1_000_000), .real("rope_local_base_freq", 10000),
            .boolean("tie_word_embeddings", true), .integer("intermediate_size", 16384),
            .computed("layer_types") { $0.gemma3nLayerTypes },
            .computed("activation_sparsity_pattern") { $0.gemma3nSparsity },
            .computed("stated_widths") { $0["intermediate_size"]?.array.map { .array($0) } },
            .computed("layer_widths") { $0.gemma3nWidths },
            .computed("intermediate_size") { $0["intermediate_size"]?.array?.first },
        ],
        keys: .common + [
            .gemma3nWidths,
            .entries { configuration throws(ArchitectureError) in
                guard let cap = try configuration.number(["final_logit_softcapping"]), cap != 0
                else { return [] }
                return [.init("{arch}.final_logit_softcapping", .float32(Float(cap)))]
            },
            .count("attention.sliding_window", "sliding_window"),
            .count("altup.active_idx", "altup_active_idx"),
            .count("altup.num_inputs", "altup_num_inputs"),
            .count("embedding_length_per_layer_input", "hidden_size_per_layer_input"),
            .count("attention.shared_kv_layers", "num_kv_shared_layers"), .gemma3nSparsity,
            .slidingWindowPattern { configuration throws(ArchitectureError) in
                try configuration.slidingLayers()
            },
        ],
        tensors: gemma3nTensors,
        checks: [
            .activation(["gelu_pytorch_tanh"], at: "hidden_activation"), .without("attention_bias"),
            .on("altup_correct_scale"), .refused(.number("altup_num_inputs", 4)),
        ],
        tokenizer: .init(keys: { _ in [.init("tokenizer.ggml.add_space_prefix", .bool(false))] }),
        export: .init(
            modelType: "gemma3n_text",
            words: [
                "altup.active_idx": "altup_active_idx", "altup.num_inputs": "altup_num_inputs",
                "attention.shared_kv_layers": "num_kv_shared_layers",
                "embedding_length_per_layer_input": "hidden_size_per_layer_input",
            ], turnsByLayerType: true, tokenizerClass: "GemmaTokenizer",
            computed: { $0.gemma3nSizes }),
        decoder: .gemma3n)

    private static let gemma3nTensors: TensorModules = {
        let length = Dimension.key("hidden_size_per_layer_input")
        let all = Dimension.key("num_hidden_layers") * length
        let rank = Dimension.key("laurel_rank")
        let width = Dimension.listed("layer_widths")
        // Tokens of pictures and sound have no embeddings of their own, and rows of zeros.
        func padded(
            _ source: String, _ name: String, _ rows: Dimension, _ columns: Dimension
        ) -> TensorModules {
            .tensors(
                [.init(source, [rows, columns])],
                into: [.init(name, [.vocabulary, columns], [.init(0)], isPadded: true)])
        }
        return [
            .init("model.embed_tokens", "token_embd", [.vocabulary, .hidden]),
            .norm("model.norm", "output_norm"),
            .init("lm_head", "output", [.vocabulary, .hidden], presence: .unlessTied),
            padded(
                "model.embed_tokens_per_layer.weight", "per_layer_token_embd.weight",
                .key("vocab_size_per_layer_input"), all),
            .init("model.per_layer_model_projection", "per_layer_model_proj", [all, .hidden]),
            .norm("model.per_layer_projection_norm", "per_layer_proj_norm", length),
            .gemma3nStack("altup_projections", "altup_proj"),
            .gemma3nStack("altup_unembed_projections", "altup_unembd_proj"),
            .blocks(
                .gemmaNorms(.none), .norm("self_attn.q_norm", "attn_q_norm", .head),
                // Layers that take those of an earlier one may have none.
                .norm("self_attn.k_norm", "attn_k_norm", .head, presence: .optional),
                .init("self_attn.q_proj", "attn_q", [.queryHeads, .hidden]),
                .init(
                    "self_attn.k_proj", "attn_k", [.keyValueHeads, .hidden], presence: .optional),
                .init(
                    "self_attn.v_proj", "attn_v", [.keyValueHeads, .hidden], presence: .optional),
                .init("self_attn.o_proj", "attn_output", [.hidden, .queryHeads]),
                .gatedNetwork(width: width),
                .init("per_layer_input_gate", "inp_gate", [length, .hidden]),
                .init("per_layer_projection", "proj", [.hidden, length]),
                .norm("post_per_layer_input_norm", "post_norm"),
                .tensor(
                    "altup.correct_output_scale", "altup_correct_scale.weight", [.hidden]),
                .init("altup.correction_coefs", "altup_correct_coef", [4, 4]),
                .init("altup.prediction_coefs", "altup_predict_coef", [16, 4]),
                .init("altup.modality_router", "altup_router", [4, .hidden]),
                .norm("altup.router_norm", "altup_router_norm"),
                .init("laurel.linear_left", "laurel_l", [rank, .hidden]),
                .init("laurel.linear_right", "laurel_r", [.hidden, rank]),
                .norm("laurel.post_laurel_norm", "laurel_post_norm")),
        ]
    }()
}

extension TensorModules {
    /// A matrix for each stream but the first.
    fileprivate static func gemma3nStack(_ source: String, _ name: String) -> Self {
        .tensors(
            [.init("model.\(source).{xid}.weight", [.hidden, .hidden], count: 3)],
            into: [.init("\(name).weight", [3, .hidden, .hidden], [.init(0)])])
    }
}

extension MetadataRule {
    /// The widths of networks, where the configuration lists them.
    fileprivate static let gemma3nWidths = MetadataRule.entries {
        configuration throws(ArchitectureError) in
        guard let widths = configuration["stated_widths"]?.array else { return [] }
        let count = try configuration.numHiddenLayers()
        let numbers = widths.compactMap { $0.integer.flatMap { Int32(exactly: $0) } }
        guard numbers.count == count, widths.count == count, numbers.allSatisfy({ $0 > 0 }) else {
            throw configuration.fault(
                .invalidValue(
                    found: "\(widths.count) values", expected: "\(count) positive integers"),
                "intermediate_size")
        }
        return [.init("{arch}.feed_forward_length", .int32s(numbers))]
    }

    /// How many standard deviations above the mean a hidden value must be to stay; −∞ where all do.
    fileprivate static let gemma3nSparsity = MetadataRule.entries {
        configuration throws(ArchitectureError) in
        let shares = configuration["activation_sparsity_pattern"]?.array ?? []
        let count = try configuration.numHiddenLayers()
        let values = shares.compactMap(\.double)
        guard values.count == count, shares.count == count,
            values.allSatisfy({ (0..<1).contains($0) })
        else {
            throw configuration.fault(
                .invalidValue(
                    found: "\(shares.count) values",
                    expected: "\(count) numbers from 0 to below 1"),
                "activation_sparsity_pattern")
        }
        return [
            .init(
                "{arch}.activation_sparsity_scale",
                .float32s(values.map { normalQuantile(Float($0)) }))
        ]
    }

    /// The number that a normally distributed one is below with probability `share`, in PyTorch's
    /// precision.
    fileprivate static func normalQuantile(_ share: Float) -> Float {
        guard share > 0 else { return -.infinity }
        let target = Double(2 * share - 1)
        // Newton's steps to the inverse of the error function, which is concave above 0.
        var value = 0.0
        for _ in 0..<100 {
            let step = (erf(value) - abs(target)) * Double.pi.squareRoot() / 2 * exp(value * value)
            value -= step
            if abs(step) < 1e-15 { break }
        }
        return Float(target < 0 ? -value : value) * Float(2).squareRoot()
    }
}

extension ConfigurationExport.Source {
    /// Sizes that tensors tell, the limit of logits where there is none, and the shares of values that
    /// are dropped.
    fileprivate var gemma3nSizes: [ConfigurationExport.Entry] {
        var entries: [ConfigurationExport.Entry] = [
            ("laurel_rank", shape("blk.0.laurel_l.weight")?.first.map { .integer($0) } ?? .null),
            (
                "vocab_size_per_layer_input",
                shape("per_layer_token_embd.weight")?.first.map { .integer($0) } ?? .null
            ),
        ]
        if value("final_logit_softcapping") == nil {
            entries.append(("final_logit_softcapping", .integer(0)))
        }
        if case .float32s(let scales)? = value("activation_sparsity_scale") {
            entries.append(
                ("activation_sparsity_pattern", .array(scales.map { .real(share(below: $0)) })))
        }
        return entries
    }

    /// The share with the fewest digits whose quantile this is.
    private func share(below quantile: Float) -> Double {
        guard quantile > -.infinity else { return 0 }
        let share = (1 + erf(Double(quantile) / 2.0.squareRoot())) / 2
        for scale in [1e2, 1e3, 1e4, 1e5, 1e6, 1e7] {
            let short = (share * scale).rounded() / scale
            if MetadataRule.normalQuantile(Float(short)) == quantile { return short }
        }
        return share
    }
}

extension ModelConfiguration {
    /// Every fifth layer sees the whole context.
    fileprivate var gemma3nLayerTypes: JSON? {
        guard self["layer_types"] == nil, let count = gemma3nLayers else { return nil }
        return .array(
            (1...count).map { .text($0 % 5 == 0 ? "full_attention" : "sliding_attention") })
    }

    /// The first ten layers keep one value of twenty.
    fileprivate var gemma3nSparsity: JSON? {
        guard self["activation_sparsity_pattern"]?.array == nil, let count = gemma3nLayers else {
            return nil
        }
        let share = self["activation_sparsity_pattern"]
        return .array((0..<count).map { share ?? .real($0 < 10 && count > 10 ? 0.95 : 0) })
    }

    /// A width for each layer.
    fileprivate var gemma3nWidths: JSON? {
        guard let count = gemma3nLayers, let width = self["intermediate_size"] else { return nil }
        return .array(width.array ?? [JSON](repeating: width, count: count))
    }

    private var gemma3nLayers: Int? {
        self["num_hidden_layers"]?.integer.flatMap {
            (1...ModelConfiguration.layerLimit).contains($0) ? $0 : nil
        }
    }
}
