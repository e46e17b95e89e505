import TensorCore

extension ModelFamily {
    /// iFLYTEK's Spark 2.5: one matrix for queries, keys and values, a gate for every head, layers with
    /// a window that turn another part of a head by another base.
    public static let spark25 = ModelFamily(
        name: "Spark25", architecture: "spark2_5", classes: ["Spark2_5ForCausalLM"],
        // The model's own code: Spark2_5Config
        defaults: [
            .integer("num_hidden_layers", 28),
            .same("num_key_value_heads", as: "num_attention_heads"),
            .real("rms_norm_eps", 1e-6),
        ],
        keys: .common + [
            .count("vocab_size", "vocab_size"),
            .count("attention.sliding_window", "sliding_window"),
            .slidingWindowPattern { configuration throws(ArchitectureError) in
                try configuration.slidingLayers()
            },
            .sparkTurning("rope.dimension_count", "full_attention"),
            .sparkTurning("rope.dimension_count_swa", "sliding_attention"),
        ],
        tensors: [
            .ends(),
            .blocks(
                .preNorms(),
                .init(
                    "self_attn.q_k_v_proj", "attn_qkv",
                    [.queryHeads + 2 * .keyValueHeads, .hidden]),
                .init("self_attn.g_proj", "attn_gate", [.headCount, .hidden]),
                .init("self_attn.o_proj", "attn_output", [.hidden, .queryHeads]),
                .gatedNetwork()),
        ],
        checks: [
            .activation(["gelu"]), .text("gate_attn_act_mode", "sigmoid"),
            .needing("headwise_attn_output_gate"),
            .refusing { configuration throws(ArchitectureError) in
                guard try configuration.slidingLayers() == nil else { return }
                throw configuration.fault(.missingKey, "layer_types")
            },
        ],
        decoder: .custom { model throws(DecoderDescriptionError) in
            let base = try model.positiveNumber("rope.freq_base_swa")
            let turned = try model.optionalCount("rope.dimension_count_swa")
            return try model.decoder(
                .init(pairing: .halves, activation: .gelu, windowPeriod: 0)
            ) { index, block in
                let attention = block.attention
                block.attention.gate = model.projection(
                    "blk.\(index).attn_gate", outputs: attention.headCount,
                    inputs: attention.output.outputs)
                guard attention.window != nil else { return }
                if let base { block.attention.rotary?.base = Double(base) }
                if let turned, turned <= attention.keyLength, turned % 2 == 0 {
                    block.attention.rotary?.dimensionCount = turned
                }
            }
        })
}

extension MetadataRule {
    /// How many elements of a head turn in layers of a kind.
    fileprivate static func sparkTurning(_ key: String, _ kind: String) -> Self {
        .count(key) { configuration throws(ArchitectureError) in
            let parameters = configuration["rope_parameters"]?[kind]
            guard let share = parameters?["partial_rotary_factor"]?.double else {
                throw configuration.fault(
                    .missingKey, "rope_parameters.\(kind).partial_rotary_factor")
            }
            return try configuration.rotaryDimension(ofHeadShare: share)
        }
    }
}
