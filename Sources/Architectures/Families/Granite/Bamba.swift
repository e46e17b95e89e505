import TensorCore

extension ModelFamily {
    /// Bamba: layers of Mamba-2's state space between layers of attention, of which a part of each
    /// head turns.
    ///
    /// Files are Granite 4's.
    public static let bamba = ModelFamily(
        name: "Bamba",
        architecture: "granitehybrid",
        classes: ["BambaForCausalLM"],
        // transformers: BambaConfig
        defaults: [
            .integer("vocab_size", 128_000), .integer("hidden_size", 4096),
            .integer("intermediate_size", 14336), .integer("num_hidden_layers", 32),
            .integer("num_attention_heads", 32), .integer("num_key_value_heads", 8),
            .same("num_key_value_heads", as: "num_attention_heads"),
            .integer("max_position_embeddings", 262_144), .real("rms_norm_eps", 1e-5),
            .real("rope_theta", 10000), .integer("mamba_n_heads", 128),
            .integer("mamba_n_groups", 1), .integer("mamba_d_state", 256),
            .integer("mamba_d_conv", 4), .integer("mamba_expand", 2),
            .computed("bamba_rotary_dim") { $0.bambaRotaryDimension() },
            .computed("layer_types") { $0.bambaLayerTypes() },
        ],
        keys: .commonWithoutHeadLength + [.fileType] + .llama + .stateSpace(sizes) + [
            .count("rope.dimension_count", "bamba_rotary_dim"),
            .keyValueHeads(where: .hasAttention),
            .constant("rope.scaling.finetuned", .bool(true)),
        ],
        tensors: [
            .ends(norm: "model.final_layernorm"),
            .blocks(
                .norm("input_layernorm", "attn_norm"), .norm("pre_ff_layernorm", "ffn_norm"),
                .gatedNetwork("feed_forward")),
            .blocks(
                where: .hasAttention, partlyTurned("q", .headCount),
                partlyTurned("k", .keyValueHeadCount),
                .init("self_attn.v_proj", "attn_v", [.keyValueHeads, .hidden]),
                .init("self_attn.o_proj", "attn_output", [.hidden, .queryHeads])),
            .blocks(where: !.hasAttention, .stateSpace("mamba.", sizes)),
        ],
        rotary: .unscaledOrDynamic,
        checks: [
            .activation(.silu), .without("attention_bias", "mlp_bias"), .headsShareWidth,
            .stateSpace(sizes, projectionBias: "mamba_proj_bias", headLength: "mamba_d_head"),
        ],
        export: .init(
            modelType: "bamba",
            words: ["attention.head_count_kv": nil].merging(stateSpaceWords) { $1 },
            rotaryShare: "partial_rotary_factor", fits: { $0.isStateSpace && $0.turnsPartly },
            computed: { source in
                let heads = source.value("attention.head_count_kv")?.integers ?? []
                return source.stateSpaceSizes + [
                    ("num_key_value_heads", heads.max().map { .integer($0) } ?? .null),
                    (
                        "attn_layer_indices",
                        .array(heads.indices.filter { heads[$0] > 0 }.map { .integer($0) })
                    ), ("mamba_conv_bias", .bool(source.anyBlock(has: "ssm_conv1d.bias"))),
                ]
            }))

    private static let sizes = StateSpaceSizes(
        heads: .key("mamba_n_heads"), groups: .key("mamba_n_groups"),
        width: .key("mamba_expand") * .hidden, state: .key("mamba_d_state"),
        kernel: .key("mamba_d_conv"))

    /// Queries or keys, of each of whose heads the part that turns becomes neighbouring pairs.
    private static func partlyTurned(_ role: String, _ heads: Dimension) -> TensorModules {
        let turned = Dimension.key("bamba_rotary_dim")
        let rows = TensorView.reshaped([heads * .head, .hidden])
        return .tensors(
            [.init("self_attn.\(role)_proj.weight", [heads * .head, .hidden])],
            into: [
                .init(
                    "attn_\(role).weight", [heads * .head, .hidden],
                    [
                        .init(
                            0,
                            rows.narrowed(
                                0, from: .turn * .head, count: turned, as: [2, turned / 2]
                            ).permuted([1, 0, 2])),
                        .init(
                            0,
                            rows.narrowed(
                                0, from: .turn * .head + turned, count: .head - turned)),
                    ], repeats: heads)
            ])
    }
}

extension ConfigurationExport.Source {
    /// Whether the file is of a model with state spaces.
    var isStateSpace: Bool { value("ssm.conv_kernel") != nil }
    /// Whether a part of each head turns.
    var turnsPartly: Bool {
        guard let turning = integer("rope.dimension_count"), let head = headLength else {
            return false
        }
        return turning < head
    }

    /// How many times the width the state space has, and how long its heads are.
    var stateSpaceSizes: [ConfigurationExport.Entry] {
        guard let width = integer("embedding_length"), width > 0,
            let inner = integer("ssm.inner_size"), let count = integer("ssm.time_step_rank"),
            count > 0
        else { return [] }
        return [
            ("mamba_expand", .integer(inner / width)), ("mamba_d_head", .integer(inner / count)),
        ]
    }
}

extension ModelFamily {
    /// The words of Granite 4 and Bamba for their state spaces.
    static let stateSpaceWords: [String: String?] = [
        "ssm.conv_kernel": "mamba_d_conv", "ssm.state_size": "mamba_d_state",
        "ssm.group_count": "mamba_n_groups", "ssm.time_step_rank": "mamba_n_heads",
    ]
}

extension ModelConfiguration {
    /// How many elements of a head turn: half where the configuration does not say.
    fileprivate func bambaRotaryDimension() -> JSON? {
        if let count = self["attn_rotary_emb"] { return count }
        guard let width = self["hidden_size"]?.integer,
            let heads = self["num_attention_heads"]?.integer, heads > 0, width >= heads
        else { return nil }
        let head = self["head_dim"]?.integer ?? width / heads
        let share =
            self["rope_parameters"]?["partial_rotary_factor"]?.double
            ?? self["partial_rotary_factor"]?.double ?? 0.5
        guard (0...1).contains(share), (0..<(1 << 32)).contains(head) else { return nil }
        return .integer(Int(Double(head) * share))
    }

    /// The kinds of layers, of which the configuration lists those with attention.
    fileprivate func bambaLayerTypes() -> JSON? {
        guard self["layer_types"] == nil, let count = self["num_hidden_layers"]?.integer,
            (1...ModelConfiguration.layerLimit).contains(count)
        else { return nil }
        let attending = Set(self["attn_layer_indices"]?.array?.compactMap(\.integer) ?? [])
        return .array(
            (0..<count).map { .string(attending.contains($0) ? "attention" : "mamba") })
    }
}
