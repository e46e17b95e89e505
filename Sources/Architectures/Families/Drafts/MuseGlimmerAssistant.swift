import TensorCore

extension ModelFamily {
    /// The draft model of Muse Glimmer: DFlash in the words of transformers.
    public static let museGlimmerAssistant = ModelFamily(
        name: "MuseGlimmerAssistant", architecture: "dflash",
        classes: ["MuseGlimmerAssistantModel"],
        // transformers: MuseGlimmerAssistantConfig
        defaults: [
            .integer("hidden_size", 6656), .integer("intermediate_size", 19968),
            .integer("num_hidden_layers", 5), .integer("num_attention_heads", 32),
            .integer("num_key_value_heads", 8), .integer("head_dim", 128),
            .real("rms_norm_eps", 1e-5), .real("rope_theta", 500_000),
            .integer("max_position_embeddings", 131072), .integer("sliding_window", 2048),
            .integer("block_size", 16), .integer("mask_token_id", 201818),
            .computed("layer_types") { configuration in
                guard configuration["layer_types"] == nil,
                    let count = configuration["num_hidden_layers"]?.integer,
                    (1...ModelConfiguration.layerLimit).contains(count)
                else { return nil }
                return .array((0..<count).map { _ in .text("sliding_attention") })
            },
            .computed("target_layer_ids") {
                $0["target_layer_ids"] ?? .array([1, 13, 25, 37, 49].map { .integer($0) })
            },
        ],
        keys: .common + [
            .count("block_size", "block_size"),
            .entries { configuration throws(ArchitectureError) in
                [try configuration.targetLayers(configuration.draftLayers.map { $0 + 1 })]
            },
            .count("attention.sliding_window", "sliding_window"),
            .slidingWindowPattern { configuration throws(ArchitectureError) in
                try configuration.slidingLayers()
            },
        ],
        tensors: [
            .init("encoder.fc", "fc", [.hidden, .key("fused_length")]),
            .norm("encoder.output_norm_enc", "enc.output_norm"), .norm("norm", "output_norm"),
            .blocks(
                of: "layers.{bid}.", .preNorms(), .headNorms(), .attention(), .gatedNetwork()),
        ],
        checkpoint: CheckpointRules(
            measured: CheckpointRules.dflash.measured, tokenizer: .ofTarget(rules: .target)),
        rotary: .yarnOrDynamic, checks: [.activation(.silu), .hasTarget],
        tokenizer: .init(keys: { $0.maskToken($0["mask_token_id"]) }))
}
