import TensorCore

extension ModelFamily {
    /// DeciLM 7B and Nvidia's models made of Llama by search (Nemotron 51B, Super, Ultra): Llama's
    /// layers with other numbers of key heads and widths, some without attention or network.
    public static let deci = ModelFamily(
        name: "Deci",
        architecture: "deci",
        classes: ["DeciLMForCausalLM"],
        // the models' own DeciLMConfig
        defaults: [
            .integer("vocab_size", 128_256), .integer("hidden_size", 8192),
            .integer("num_hidden_layers", 80), .integer("num_attention_heads", 64),
            .integer("max_position_embeddings", 131_072), .real("rms_norm_eps", 1e-5),
            .real("rope_theta", 500_000),
            .computed("deci_heads") { $0.deciNumbers(.heads) },
            .computed("deci_key_heads") { $0.deciNumbers(.groups) },
            .computed("deci_widths") { $0.deciNumbers(.width) },
        ],
        keys: MetadataRule.only(
            where: { $0["block_configs"] != nil },
            [
                .rotaryBase, .counts("attention.head_count_kv", "deci_key_heads"),
                .counts("attention.head_count", "deci_heads"),
                .counts("feed_forward_length", "deci_widths"), .blockCount,
                .count("context_length", "max_position_embeddings"),
                .count("embedding_length", "hidden_size"),
                .number("attention.layer_norm_rms_epsilon", "rms_norm_eps"),
                .size("attention.key_length", .hidden / .headCount),
                .size("attention.value_length", .hidden / .headCount),
            ])
            + MetadataRule.only(
                where: { $0["block_configs"] == nil },
                .commonWithoutHeadLength + [
                    .count("attention.key_length", "head_dim"),
                    .count("attention.value_length", "head_dim"),
                ])
            + [.fileType]
            + MetadataRule.only(
                where: { $0["block_configs"] == nil && $0["num_key_value_heads_per_layer"] != nil },
                [.counts("attention.head_count_kv", "deci_key_heads")])
            + .llama,
        tensors: [
            .ends(),
            .blocks(
                where: has("deci_key_heads"), .norm("input_layernorm", "attn_norm"),
                .tensor(
                    "self_attn.q_proj.weight", "attn_q.weight", queries,
                    view: .rotaryPairs(heads: .headCount, of: queries)),
                .tensor(
                    "self_attn.k_proj.weight", "attn_k.weight", keys,
                    view: .rotaryPairs(heads: .listed("deci_key_heads"), of: keys)),
                .init("self_attn.v_proj", "attn_v", keys),
                .init("self_attn.o_proj", "attn_output", [.hidden, .queryHeads])),
            // Layers that have a matrix in place of attention.
            .blocks(
                where: has("deci_heads") && !has("deci_key_heads"),
                .norm("input_layernorm", "attn_norm"),
                .init("self_attn.linear_attn", "attn_output", [.hidden, .hidden])),
            .blocks(
                where: has("deci_widths"), .norm("post_attention_layernorm", "ffn_norm"),
                .gatedNetwork(width: .listed("deci_widths"))),
        ],
        rotary: .llama3,
        checks: [.activation(.silu), .without("attention_bias", "mlp_bias"), .headsShareWidth],
        decoder: .custom { model throws(DecoderDescriptionError) in
            var style = DecoderStyle(pairing: .interleaved)
            style.partsMayMiss = true
            return try model.decoder(style)
        })

    private static let queries: [Dimension] = [.queryHeads, .hidden]
    private static let keys: [Dimension] = [.listed("deci_key_heads") * .head, .hidden]

    private static func has(_ key: String) -> TensorRule.Condition {
        .init { configuration, block throws(ArchitectureError) in
            var configuration = configuration
            configuration.block = block
            return try Dimension.listed(key).size(in: configuration) > 0
        }
    }
}

extension ModelConfiguration {
    fileprivate enum DeciNumber { case heads, groups, width }

    /// A number for every layer.
    fileprivate func deciNumbers(_ number: DeciNumber) -> JSON? {
        guard let heads = self["num_attention_heads"]?.integer, heads > 0,
            let count = self["num_hidden_layers"]?.integer,
            (1...ModelConfiguration.layerLimit).contains(count)
        else { return nil }
        guard let blocks = self["block_configs"]?.array else {
            let value: JSON?
            switch number {
            case .heads: value = .integer(heads)
            case .groups:
                if let list = self["num_key_value_heads_per_layer"] { return list }
                value = self["num_key_value_heads"] ?? .integer(heads)
            case .width: value = self["intermediate_size"]
            }
            return value.map { .array([JSON](repeating: $0, count: count)) }
        }
        return .array(
            blocks.map { block in
                let attention = block["attention"]
                let group = attention?["n_heads_in_group"]?.integer
                switch number {
                case .heads:
                    let isLinear = attention?["replace_with_linear"]?.boolean == true
                    return .integer(group != nil || isLinear ? heads : 0)
                case .groups:
                    guard let group, group > 0 else { return .integer(0) }
                    return .integer(heads / group)
                case .width: return .integer(deciWidth(block["ffn"]?["ffn_mult"]?.double))
                }
            })
    }

    /// Two thirds of a multiple of the width, rounded up to a multiple of 256.
    private func deciWidth(_ multiplier: Double?) -> Int {
        guard let multiplier, (0...1024).contains(multiplier),
            let width = self["hidden_size"]?.integer, (0..<(1 << 32)).contains(width)
        else { return 0 }
        return (Int(2 * multiplier * Double(width) / 3) + 255) / 256 * 256
    }
}

extension MetadataRule {
    /// Rules for some configurations only.
    fileprivate static func only(
        where holds: @escaping @Sendable (ModelConfiguration) -> Bool, _ rules: [MetadataRule]
    ) -> [MetadataRule] {
        rules.map { rule in
            guard case .entries(let make) = rule else { return rule }
            return .entries { configuration throws(ArchitectureError) in
                holds(configuration) ? try make(configuration) : []
            }
        }
    }
}
