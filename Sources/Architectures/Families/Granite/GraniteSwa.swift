import TensorCore

extension ModelFamily {
    /// Granite with sliding windows, attention sinks, and layers without positions; with experts or
    /// without.
    public static let graniteSwa = ModelFamily(
        name: "GraniteSwa", architecture: "granite_swa",
        classes: ["GraniteSWAForCausalLM", "GraniteMoeSWAForCausalLM"],
        // transformers: GraniteSWAConfig, GraniteMoeSWAConfig
        defaults: .ofType(
            "granite_swa",
            values: [
                "vocab_size": .integer(100_352), "hidden_size": .integer(2560),
                "intermediate_size": .integer(8192), "num_hidden_layers": .integer(24),
                "num_attention_heads": .integer(20), "num_key_value_heads": .integer(4),
                "max_position_embeddings": .integer(8192), "rms_norm_eps": .real(1e-5),
                "tie_word_embeddings": .bool(true),
            ])
            + .ofType(
                "granitemoe_swa",
                values: ["num_local_experts": .integer(8), "num_experts_per_tok": .integer(2)]) + [
                .integer("sliding_window", 128), .computed("rope_theta") { $0.sharedLayerBase },
                .computed("layer_types") { $0.everyFourthLayerSeesAll() },
            ] + graniteDefaults,
        keys: .granite + [
            .count("attention.sliding_window", "sliding_window"),
            .slidingWindowPattern { configuration throws(ArchitectureError) in
                try configuration.slidingLayers()
            },
            .entries { configuration throws(ArchitectureError) in
                try configuration.turningLayers().map {
                    [.init("{arch}.attention.rope_pattern", .bools($0))]
                } ?? []
            }, .sharedNetwork,
        ],
        tensors: [
            .ends(),
            .blocks(
                .preNorms(),
                .attention(biases: .optional, outputBias: .optional, rotaryPairs: true),
                .tensor("self_attn.sinks", "attn_sinks.weight", [.headCount])),
            .blocks(where: !.graniteSwaExperts, .gatedNetwork(bias: .optional)),
            .blocks(
                where: .graniteSwaExperts,
                .init("block_sparse_moe.router.layer", "ffn_gate_inp", [.experts, .hidden]),
                .tensor(
                    "block_sparse_moe.output_linear.weight", "ffn_down_exps.weight",
                    [.experts, .hidden, .feedForward]),
                .tensor(
                    "block_sparse_moe.input_linear.weight", "ffn_gate_up_exps.weight",
                    [.experts, 2 * .feedForward, .hidden]),
                .init(
                    "shared_mlp.input_linear", "ffn_up_shexp",
                    [2 * .key("shared_intermediate_size"), .hidden], presence: .optional),
                .init(
                    "shared_mlp.output_linear", "ffn_down_shexp",
                    [.hidden, .key("shared_intermediate_size")], presence: .optional)),
        ],
        checkpoint: .init(spellings: graniteExpertSpellings),
        rotary: .yarnOrDynamic,
        checks: [
            .activation(.silu), .headsShareWidth,
            .refusing { configuration throws(ArchitectureError) in
                let bases = Set(configuration.layerBases.filter { $0 != 0 })
                guard bases.count > 1 else { return }
                throw configuration.inexpressible(
                    "layer_rope_theta", found: "\(bases.count) bases", expected: "one base")
            },
        ],
        tokenizer: .llama,
        export: .init(
            modelType: "granite_swa",
            words: [
                "attention.scale": "attention_multiplier",
                "embedding_scale": "embedding_multiplier",
                "residual_scale": "residual_multiplier", "logit_scale": "logits_scaling",
                "expert_count": "num_local_experts",
                "expert_shared_feed_forward_length": "shared_intermediate_size",
            ],
            presence: [
                ("blk.0.attn_q.bias", "attention_bias"), ("blk.0.ffn_gate.bias", "mlp_bias"),
            ],
            otherClass: { source in
                source.integer("expert_count") == nil
                    ? nil : ("GraniteMoeSWAForCausalLM", "granitemoe_swa")
            },
            computed: { source in
                guard case .bools(let turns)? = source.value("attention.rope_pattern"),
                    case .float32(let base)? = source.value("rope.freq_base")
                else { return [] }
                return [
                    (
                        "layer_rope_theta",
                        .array(turns.map { $0 ? .real(Double(base)) : .integer(0) })
                    )
                ]
            }),
        decoder: .custom { model throws(DecoderDescriptionError) in
            var turns: [Bool] = []
            if case .bools(let pattern)? = model.metadata[model.key("attention.rope_pattern")] {
                turns = pattern
            }
            let residualScale = try model.number("residual_scale") ?? 1
            let style = DecoderStyle(
                pairing: .interleaved, windowPeriod: 4, fullBlockIsFirst: true,
                experts: .init(
                    scoring: .softmaxOfChosen, normalisesWeights: false, shared: .stated,
                    mayMiss: true))
            var decoder = try model.decoder(style) { index, block in
                block.residualScale = residualScale
                block.attention.sinks = model.present("blk.\(index).attn_sinks.weight")
                if turns.indices.contains(index), !turns[index] { block.attention.rotary = nil }
            }
            decoder.embeddingScale = try model.number("embedding_scale") ?? 1
            decoder.logitScale = 1 / (try model.positiveNumber("logit_scale") ?? 1)
            return decoder
        })
}

extension TensorRule.Condition {
    fileprivate static let graniteSwaExperts = TensorRule.Condition {
        configuration, _ throws(ArchitectureError) in
        try (configuration.integer("num_local_experts") ?? 0) != 0
    }
}

extension ModelConfiguration {
    /// The rotary bases of the layers, 0 where nothing turns; empty where they are not listed.
    fileprivate var layerBases: [Double] {
        (self["layer_rope_theta"]?.array ?? []).map { $0.double ?? 0 }
    }

    /// The base that all turning layers share, where the layers' are listed: it counts before the
    /// model's.
    fileprivate var sharedLayerBase: JSON? {
        layerBases.first { $0 != 0 }.map { .real($0) }
    }

    /// Which layers tell positions, by older and newer words; `nil` where all do.
    fileprivate func turningLayers() throws(ArchitectureError) -> [Bool]? {
        if let older = self["no_rope_layers"]?.array, !older.isEmpty {
            return older.map { $0.boolean ?? ($0.integer != 0) }
        }
        let turns = layerBases.map { $0 != 0 }
        return turns.contains(false) ? turns : nil
    }

    /// The usual types of layers where the configuration does not list them.
    fileprivate func everyFourthLayerSeesAll() -> JSON? {
        guard self["layer_types"] == nil, let count = self["num_hidden_layers"]?.integer,
            (1...ModelConfiguration.layerLimit).contains(count)
        else { return nil }
        return .array(
            (0..<count).map { .string($0 % 4 == 0 ? "full_attention" : "sliding_attention") })
    }
}
