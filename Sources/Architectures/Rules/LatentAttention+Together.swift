import TensorCore

extension TensorModules {
    /// A decoder with latent attention (MLA) whose expansion to keys and values stays one matrix.
    ///
    /// - Parameter network: The modules of a layer's network.
    @inline(never)
    static func latentDecoderTogether(_ network: Self) -> Self {
        let isCompressed = TensorRule.Condition { configuration, _ in
            configuration["q_lora_rank"] != nil
        }
        let attention = "model.layers.{bid}.self_attn."
        let (rank, queryRank) = (Dimension.key("kv_lora_rank"), Dimension.key("q_lora_rank"))
        let (nope, value) = (Dimension.key("qk_nope_head_dim"), Dimension.key("v_head_dim"))
        let queries = Dimension.headCount * (nope + .key("qk_rope_head_dim"))
        return [
            .ends(), .blocks(.preNorms()),
            .blocks(
                of: attention, where: !isCompressed, .init("q_proj", "attn_q", [queries, .hidden])),
            .blocks(
                of: attention, where: isCompressed,
                .init("q_a_proj", "attn_q_a", [queryRank, .hidden]),
                .norm("q_a_layernorm", "attn_q_a_norm", queryRank),
                .init("q_b_proj", "attn_q_b", [queries, queryRank])),
            .blocks(
                of: attention,
                .init(
                    "kv_a_proj_with_mqa", "attn_kv_a_mqa",
                    [rank + .key("qk_rope_head_dim"), .hidden]),
                .norm("kv_a_layernorm", "attn_kv_a_norm", rank),
                .init("kv_b_proj", "attn_kv_b", [.headCount * (nope + value), rank]),
                .init("o_proj", "attn_output", [.hidden, .headCount * value])),
            .blocks(network),
        ]
    }
}
