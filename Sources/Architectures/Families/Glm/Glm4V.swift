import TensorCore

extension ModelFamily {
    /// The language model of GLM-4.1V: GLM-4 whose rotation has sections, of halves and not of
    /// neighbours in its file.
    public static let glm4V: ModelFamily = {
        var family = glm4
        family.name = "Glm4V"
        family.classes = ["Glm4vForConditionalGeneration"]
        family.defaults =
            family.defaults.filter { $0.key != "head_dim" } + [
                .computed("glm_rotary_dim") { $0.glmRotaryDimension() }
            ]
        family.tensors = glm4VTensors
        family.export = nil
        return family
    }()

    /// GLM-4 with queries and keys by halves where the rotation has sections.
    static let glm4VTensors: TensorModules = [
        .ends(),
        .blocks(
            .norm("input_layernorm", "attn_norm"),
            .norm("post_self_attn_layernorm", "post_attention_norm"),
            .norm("post_attention_layernorm", "ffn_norm"),
            .norm("post_mlp_layernorm", "post_ffw_norm"), .stackedNetwork),
        .blocks(where: !hasSections, .attention(biases: .optional)),
        .blocks(
            where: hasSections, partlyTurned("q", .headCount),
            partlyTurned("k", .keyValueHeadCount),
            .init("self_attn.v_proj", "attn_v", [.keyValueHeads, .hidden], bias: .optional),
            .init("self_attn.o_proj", "attn_output", [.hidden, .queryHeads])),
    ]

    private static let hasSections = TensorRule.Condition {
        configuration, _ throws(ArchitectureError) in
        try RotaryParameters(configuration).sections() != nil
    }

    /// Queries or keys, of each of whose heads the part that turns becomes first and second halves
    /// where the rotation has sections.
    private static func partlyTurned(_ role: String, _ heads: Dimension) -> TensorModules {
        let turned = Dimension.key("glm_rotary_dim")
        func rule(_ suffix: String, _ inner: [Dimension], _ presence: TensorRule.Presence)
            -> [TensorRule]
        {
            let shape = [heads * .head] + inner
            let pairs = TensorView.reshaped([heads * .head / 2, 2] + inner)
            let rows = TensorView.reshaped(shape)
            return TensorModules.tensors(
                [.init("self_attn.\(role)_proj.\(suffix)", shape)],
                into: [
                    .init(
                        "attn_\(role).\(suffix)", shape,
                        [
                            .init(
                                0,
                                pairs.narrowed(
                                    0, from: .turn * (.head / 2), count: turned / 2
                                ).permuted([1, 0] + inner.indices.map { $0 + 2 })),
                            .init(
                                0,
                                rows.narrowed(
                                    0, from: .turn * .head + turned, count: .head - turned)),
                        ], repeats: heads)
                ], presence: presence
            ).rules
        }
        return .init(rule("weight", [.hidden], .required) + rule("bias", [], .optional))
    }
}

extension ModelConfiguration {
    /// How many elements of a head turn.
    fileprivate func glmRotaryDimension() -> JSON? {
        guard let width = self["hidden_size"]?.integer,
            let heads = self["num_attention_heads"]?.integer, heads > 0, width >= heads
        else { return nil }
        let head = self["head_dim"]?.integer ?? width / heads
        let scaling = self["rope_parameters"] ?? self["rope_scaling"]
        let share =
            scaling?["partial_rotary_factor"]?.double ?? self["partial_rotary_factor"]?.double
            ?? 0.5
        guard (0...1).contains(share), (0..<(1 << 32)).contains(head) else { return nil }
        return .integer(Int(Double(head) * share))
    }
}
