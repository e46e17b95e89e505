import TensorCore

extension ModelFamily {
    /// OLMo 3: OLMo 2 with a sliding window in three layers of four, whose rotary parameters are
    /// their own.
    ///
    /// GGUF tells it from OLMo 2 by the window.
    public static let olmo3 = ModelFamily(
        name: "Olmo3",
        architecture: "olmo2",
        classes: ["Olmo3ForCausalLM"],
        // transformers: Olmo3Config
        defaults: olmo2Defaults + [
            .real("rope_theta", 500_000), .real("rope_local_base_freq", 500_000),
            .integer("sliding_window", 4096),
        ],
        keys: .common + [
            .count("attention.sliding_window", "sliding_window"),
            .slidingWindowPattern { configuration throws(ArchitectureError) in
                if let layers = try configuration.slidingLayers() { return layers }
                return try configuration.slidingLayers(period: 4)
            },
        ],
        tensors: [.ends(), .blocks(.olmo2Layer)],
        checks: [.activation(.silu)],
        export: .init(
            modelType: "olmo3", presence: [("blk.0.attn_q.bias", "attention_bias")],
            fits: { $0.value("attention.sliding_window") != nil },
            // Each kind of layer has its rotation; only this spelling names both.
            computed: { source in
                func rotation(_ key: String) -> JSON {
                    .object([
                        .init(key: "rope_type", value: .text("default")),
                        .init(
                            key: "rope_theta", value: source.value(key)?.json ?? .real(500_000)),
                    ])
                }
                return [
                    (
                        "rope_parameters",
                        .object([
                            .init(key: "full_attention", value: rotation("rope.freq_base")),
                            .init(key: "sliding_attention", value: rotation("rope.freq_base_swa")),
                        ])
                    )
                ]
            }),
        decoder: .olmo2)
}
