import TensorCore

extension ModelFamily {
    /// Granite 4: layers of Mamba-2's state space between layers of attention, dense or with experts
    /// beside a shared network.
    ///
    /// Models without a state space are `granite` or `granitemoe` files.
    public static let graniteHybrid = ModelFamily(
        name: "GraniteHybrid",
        architecture: "granitehybrid",
        variants: [
            .init("granitemoe") { configuration throws(ArchitectureError) in
                guard try !configuration.hasStateSpaces() else { return false }
                return try configuration.integer("num_experts_per_tok") ?? 0 != 0
            },
            .init("granite") { configuration throws(ArchitectureError) in
                try !configuration.hasStateSpaces()
            },
        ],
        classes: ["GraniteMoeHybridForCausalLM"],
        // transformers: GraniteMoeHybridConfig
        defaults: graniteDefaults + [
            .integer("num_local_experts", 8), .integer("num_experts_per_tok", 2),
            .integer("shared_intermediate_size", 1024), .integer("mamba_n_heads", 128),
            .integer("mamba_n_groups", 1), .integer("mamba_d_state", 256),
            .integer("mamba_d_conv", 4), .integer("mamba_expand", 2),
            .computed("layer_types") { $0.usualLayerTypes() },
            // Without experts none are chosen, whatever the class assumes.
            .computed("num_experts_per_tok") {
                $0["num_local_experts"]?.integer == 0 ? .integer(0) : $0["num_experts_per_tok"]
            },
        ],
        keys: .granite + [.sharedNetwork] + .stateSpace(graniteStateSpace) + [
            .keyValueHeads(where: .hasAttention),
            .entries { configuration in
                let turns = configuration["position_embedding_type"]?.text == "rope"
                return [.init("{arch}.rope.scaling.finetuned", .bool(turns))]
                    // Without positions there is no limit; the reference converter writes this one.
                    + (turns ? [] : [.init("{arch}.context_length", .uint32(1 << 20))])
            },
        ],
        tensors: [
            .ends(), .blocks(.preNorms()),
            .blocks(
                where: .hasAttention,
                .attention(biases: .optional, outputBias: .optional, rotaryPairs: true)),
            .blocks(where: !.hasAttention, .stateSpace("mamba.", graniteStateSpace)),
            .blocks(where: .graniteExperts, .graniteExperts, .graniteNetwork(suffix: "_shexp")),
            .blocks(where: !.graniteExperts, .graniteNetwork(suffix: "")),
        ],
        checkpoint: .init(spellings: graniteExpertSpellings),
        rotary: .yarnOrDynamic,
        checks: [
            .activation(.silu), .headsShareWidth,
            .init { configuration throws(ArchitectureError) in
                guard try configuration.hasStateSpaces() else { return .init() }
                return try ConfigurationCheck.stateSpace(
                    graniteStateSpace, projectionBias: "mamba_proj_bias",
                    headLength: "mamba_d_head"
                ).run(configuration)
            },
            .refusing { configuration throws(ArchitectureError) in
                let width = try configuration.intermediateSize()
                let shared = try configuration.required("shared_intermediate_size")
                guard try !configuration.hasGraniteExperts(), width != shared else { return }
                throw configuration.inexpressible(
                    "shared_intermediate_size", found: "\(shared)",
                    expected: "the intermediate size \(width)")
            },
        ],
        export: .init(
            modelType: "granitemoehybrid",
            words: [
                "attention.scale": "attention_multiplier",
                "embedding_scale": "embedding_multiplier",
                "residual_scale": "residual_multiplier", "logit_scale": "logits_scaling",
                "expert_shared_feed_forward_length": "shared_intermediate_size",
                "expert_count": "num_local_experts", "attention.head_count_kv": nil,
            ].merging(stateSpaceWords) { $1 },
            fits: { $0.isStateSpace && !$0.turnsPartly },
            computed: { source in
                let entries: [ConfigurationExport.Entry] = [
                    ("attention_bias", .bool(source.anyBlock(has: "attn_q.bias"))),
                    ("mamba_conv_bias", .bool(source.anyBlock(has: "ssm_conv1d.bias"))),
                    ("mamba_proj_bias", .bool(false)),
                    (
                        "position_embedding_type",
                        source.value("rope.scaling.finetuned") == .bool(true)
                            ? .text("rope") : .null
                    ),
                ]
                return entries + source.stateSpaceSizes
                    + source.attentionLayers("attention", others: "mamba")
            }),
        // Blocks without key heads are state spaces.
        decoder: .granite(recurrence: .stateSpace))

    private static let graniteStateSpace = StateSpaceSizes(
        heads: .key("mamba_n_heads"), groups: .key("mamba_n_groups"),
        width: .key("mamba_expand") * .hidden, state: .key("mamba_d_state"),
        kernel: .key("mamba_d_conv"))

}

extension TensorRule.Condition {
    /// The layers with attention, which `layer_types` names.
    static let hasAttention = TensorRule.Condition {
        configuration, block throws(ArchitectureError) in
        try configuration.hasAttention(block)
    }

    fileprivate static let graniteExperts = TensorRule.Condition {
        configuration, _ throws(ArchitectureError) in
        try configuration.hasGraniteExperts()
    }
}

extension ModelConfiguration {
    /// Whether a layer has attention, not a state space, by the names of `layer_types`.
    func hasAttention(_ block: Int) throws(ArchitectureError) -> Bool {
        let types = self["layer_types"]?.array ?? []
        let type = types.indices.contains(block) ? types[block].text : nil
        switch type {
        case "attention", "full_attention": return true
        case "mamba", "linear_attention": return false
        default:
            throw fault(
                .invalidValue(
                    found: "no known type of layer \(block)", expected: "mamba or attention"),
                "layer_types")
        }
    }

    fileprivate func hasStateSpaces() throws(ArchitectureError) -> Bool {
        for layer in 0..<(try numHiddenLayers()) where try !hasAttention(layer) { return true }
        return false
    }

    fileprivate func hasGraniteExperts() throws(ArchitectureError) -> Bool {
        try (integer("num_local_experts") ?? 0) != 0
    }

    /// State spaces in all layers, where the configuration does not say.
    fileprivate func usualLayerTypes() -> JSON? {
        guard self["layer_types"] == nil, let count = self["num_hidden_layers"]?.integer,
            (1...ModelConfiguration.layerLimit).contains(count)
        else { return nil }
        return .array([JSON](repeating: .string("mamba"), count: count))
    }
}
