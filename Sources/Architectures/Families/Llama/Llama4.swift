import TensorCore

extension ModelFamily {
    /// The text part of Llama 4: three of four layers see a chunk of the text and turn, the fourth
    /// sees all and does not; experts beside a shared network in every layer or every other.
    public static let llama4 = ModelFamily(
        name: "Llama4",
        architecture: "llama4",
        classes: ["Llama4ForCausalLM", "Llama4ForConditionalGeneration"],
        // transformers: Llama4TextConfig
        defaults: [
            .integer("vocab_size", 202048), .integer("hidden_size", 5120),
            .integer("intermediate_size", 8192), .integer("intermediate_size_mlp", 16384),
            .integer("num_hidden_layers", 48), .integer("num_attention_heads", 40),
            .integer("num_key_value_heads", 8),
            .same("num_key_value_heads", as: "num_attention_heads"),
            .integer("head_dim", 128),
            .quotient("head_dim", "hidden_size", by: "num_attention_heads"),
            .integer("max_position_embeddings", 131072), .real("rms_norm_eps", 1e-5),
            .real("rope_theta", 500_000), .integer("num_experts_per_tok", 1),
            .integer("num_local_experts", 16), .integer("interleave_moe_layer_step", 1),
            .boolean("use_qk_norm", true), .integer("attention_chunk_size", 8192),
            .boolean("attn_temperature_tuning", true), .integer("floor_scale", 8192),
            .real("attn_scale", 0.1),
            // Everywhere but in this class `intermediate_size` is that of dense networks.
            .replacement("intermediate_size_moe", by: "intermediate_size"),
            .replacement("intermediate_size", by: "intermediate_size_mlp"),
        ],
        keys: .common + .llama + [
            .count("interleave_moe_layer_step", "interleave_moe_layer_step"),
            .count("expert_feed_forward_length", "intermediate_size_moe"),
            .entries { configuration throws(ArchitectureError) in
                try configuration.llama4IsUniform()
                    ? [.init("{arch}.attention.sliding_window", .uint32(0))] : []
            },
        ],
        tensors: [
            .ends(), .blocks(.preNorms(), .attention(biases: .optional, outputBias: .optional)),
            .blocks(where: !.sparseLlama4, .gatedNetwork("feed_forward")),
            .blocks(
                of: "model.layers.{bid}.feed_forward.", where: .sparseLlama4,
                .init("router", "ffn_gate_inp", [.experts, .hidden]),
                .gatedNetwork(
                    "shared_expert", width: .key("intermediate_size_moe"), suffix: "_shexp"),
                .transposedExperts(width: .key("intermediate_size_moe"))),
        ],
        rotary: .llama3,
        checks: [
            .activation(.silu),
            .departing { configuration throws(ArchitectureError) in
                // The published model with 128 experts is the one without norms of heads.
                let count = try configuration.integer("num_local_experts")
                try configuration.require("use_qk_norm", count != 128)
            },
            .departing { configuration throws(ArchitectureError) in
                try configuration.reviewLlama4Rotation()
            },
            .departing { configuration throws(ArchitectureError) in
                try configuration.reviewLlama4Chunks()
            },
            .refusing { configuration throws(ArchitectureError) in
                let step = try configuration.integer("interleave_moe_layer_step") ?? 1
                try configuration.requireList(
                    "moe_layers",
                    (0..<configuration.numHiddenLayers())
                        .filter { step > 0 && ($0 + 1) % step == 0 }.map { .integer($0) },
                    "the layers that interleave_moe_layer_step gives")
            },
            .noting { configuration throws(ArchitectureError) in
                try configuration.llama4Losses()
            },
        ],
        export: .init(
            modelType: "llama4_text",
            words: [
                "feed_forward_length": "intermediate_size_mlp",
                "expert_feed_forward_length": "intermediate_size",
                "expert_count": "num_local_experts",
                "interleave_moe_layer_step": "interleave_moe_layer_step",
                "attention.sliding_window": nil,
            ],
            presence: [("blk.0.attn_q.bias", "attention_bias")],
            computed: { source in
                var entries: [ConfigurationExport.Entry] = [
                    ("use_qk_norm", .bool(source.integer("expert_count") != 128))
                ]
                if source.integer("attention.sliding_window") == 0,
                    let count = source.integer("block_count"),
                    (1...ModelConfiguration.layerLimit).contains(count)
                {
                    let layers = 0..<count
                    entries.append(("no_rope_layers", .array(layers.map { _ in .integer(1) })))
                    entries.append(
                        ("layer_types", .array(layers.map { _ in .text("full_attention") })))
                }
                return entries
            }),
        // One expert of many beside a shared network, blocks of two kinds.  Three of four turn and
        // see their own chunk of the text; the fourth knows no positions and scales its queries
        // with the position.
        decoder: .custom { model throws(DecoderDescriptionError) in
            let style = DecoderStyle(
                pairing: .interleaved,
                experts: .init(
                    scoring: .sigmoid, normalisesWeights: false, shared: .single, mayMiss: true))
            // A window of 0 says that all blocks are alike; the files do not give the chunk's length.
            let isMixed = try model.optionalCountOrZero("attention.sliding_window") != 0
            let epsilon = try model.norm(.rootMeanSquare, "output_norm").epsilon
            // The model with 128 experts does without norms of heads; its file does not say so.
            let hasHeadNorms = try model.optionalCountOrZero("expert_count") != 128
            return try model.decoder(style) { index, block in
                if case .experts(var experts) = block.feedForward {
                    experts.weighsInput = true
                    block.feedForward = .experts(experts)
                }
                if isMixed, (index + 1) % 4 == 0 {
                    block.attention.rotary = nil
                    block.attention.temperature = .init(scale: 0.1, length: 8192)
                    return
                }
                if isMixed { block.attention.chunk = 8192 }
                guard hasHeadNorms else { return }
                let norm = BlockDescription.Norm(.rootMeanSquare, epsilon: epsilon, weight: nil)
                block.attention.queryNorm = norm
                block.attention.keyNorm = norm
                block.attention.normAfterRotation = true
            }

        })

}

extension TensorRule.Condition {
    /// The blocks with experts: every so many, the last of each run.
    fileprivate static let sparseLlama4 = TensorRule.Condition {
        configuration, block throws(ArchitectureError) in
        let step = try configuration.integer("interleave_moe_layer_step") ?? 1
        return step > 0 && (block + 1) % step == 0
    }
}

extension ModelConfiguration {
    /// Whether all layers see the whole text, which files say by a window of 0.
    fileprivate func llama4IsUniform() throws(ArchitectureError) -> Bool {
        guard let types = self["layer_types"]?.array else { return false }
        return types.allSatisfy { $0.text == "full_attention" }
    }

    fileprivate func requireList(
        _ key: String, _ expected: [JSON], _ meaning: String
    ) throws(ArchitectureError) {
        guard let found = self[key]?.array, !found.isEmpty, found != expected else { return }
        throw inexpressible(key, found: "another list", expected: meaning)
    }

    /// Layers without positions are every fourth, or none.
    fileprivate func reviewLlama4Rotation() throws(ArchitectureError) {
        let isUniform = try llama4IsUniform()
        let count = try numHiddenLayers()
        try requireList(
            "no_rope_layers",
            (1...count).map { .integer(isUniform || $0 % 4 != 0 ? 1 : 0) },
            isUniform ? "rotation in all layers" : "rotation in all layers but every fourth")
        guard self["no_rope_layers"]?.array?.isEmpty ?? true else { return }
        let interval = try integer("no_rope_layer_interval") ?? 4
        guard isUniform ? interval > count : interval == 4 else {
            throw inexpressible(
                "no_rope_layer_interval", found: "\(interval)",
                expected: isUniform ? "none" : "4")
        }
    }

    /// Layers that see the whole text are every fourth, or all.
    fileprivate func reviewLlama4Chunks() throws(ArchitectureError) {
        guard try !llama4IsUniform() else { return }
        try requireList(
            "layer_types",
            (1...numHiddenLayers()).map {
                .text($0 % 4 != 0 ? "chunked_attention" : "full_attention")
            },
            "chunks in all layers but every fourth")
    }

    /// Numbers for which readers take the published models'.
    fileprivate func llama4Losses() throws(ArchitectureError) -> [String] {
        guard try !llama4IsUniform() else { return [] }
        var lost: [String] = []
        for (key, usual) in [("attention_chunk_size", 8192.0), ("floor_scale", 8192)] {
            if let value = try number([key]), value != usual {
                lost.append(
                    "\(key), \(self[key]?.integer ?? 0), is not carried over; readers of \(architecture) take 8192"
                )
            }
        }
        let scale = try number(["attn_scale"]) ?? 0.1
        if self["attn_temperature_tuning"]?.boolean == false || scale != 0.1 {
            lost.append(
                "attn_temperature_tuning and attn_scale are not carried over; readers of \(architecture) "
                    + "tune by 0.1")
        }
        return lost
    }
}
