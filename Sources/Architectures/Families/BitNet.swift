import TensorCore

extension ModelFamily {
    /// BitNet b1.58: matrices of −1, 0 and 1 times a number, and norms in front of each layer that
    /// makes an output.
    ///
    /// A checkpoint holds what was trained; a file, what the model computes with.
    public static let bitNet = ModelFamily(
        name: "BitNet",
        architecture: "bitnet",
        classes: ["BitnetForCausalLM", "BitNetForCausalLM"],
        // the model's own BitnetConfig, which is LlamaConfig with other numbers
        defaults: [
            .integer("vocab_size", 32002), .integer("hidden_size", 3200),
            .integer("intermediate_size", 8640), .integer("num_hidden_layers", 26),
            .integer("num_attention_heads", 32),
            .same("num_key_value_heads", as: "num_attention_heads"),
            .quotient("head_dim", "hidden_size", by: "num_attention_heads"),
            .integer("max_position_embeddings", 2048), .real("rms_norm_eps", 1e-5),
            .real("rope_theta", 10000),
        ],
        keys: .common + [
            .constant("rope.scaling.type", .string("linear")),
            .constant("rope.scaling.factor", .float32(1)),
        ],
        tensors: [
            .init("model.embed_tokens", "token_embd", [.vocabulary, .hidden]),
            .norm("model.norm", "output_norm"),
            .copyOfEmbeddings("lm_head.weight"),
            .blocks(
                .preNorms(), .norm("self_attn.inner_attn_ln", "attn_sub_norm", .queryHeads),
                .norm("mlp.ffn_layernorm", "ffn_sub_norm", .feedForward),
                matrix("self_attn.q_proj", "attn_q", [.queryHeads, .hidden]),
                matrix("self_attn.k_proj", "attn_k", [.keyValueHeads, .hidden]),
                matrix("self_attn.v_proj", "attn_v", [.keyValueHeads, .hidden]),
                matrix("self_attn.o_proj", "attn_output", [.hidden, .queryHeads]),
                matrix("mlp.gate_proj", "ffn_gate", [.feedForward, .hidden]),
                matrix("mlp.up_proj", "ffn_up", [.feedForward, .hidden]),
                matrix("mlp.down_proj", "ffn_down", [.hidden, .feedForward])),
        ],
        checkpoint: .init(spellings: [
            .init(".attn_sub_norm.", means: ".inner_attn_ln."),
            .init(".ffn_sub_norm.", means: ".ffn_layernorm."),
        ]),
        rotary: .unscaled,
        checks: [.activation(.silu), .headsShareWidth, .without("attention_bias")],
        decoder: .blocks(.init(pairing: .halves)) {
            model, index, block throws(DecoderDescriptionError) in
            let name = "blk.\(index)"
            block.mixedNorm = try model.norm(.rootMeanSquare, "\(name).attn_sub_norm")
            guard case .dense(var network) = block.feedForward else { return }
            network.hiddenNorm = try model.norm(.rootMeanSquare, "\(name).ffn_sub_norm")
            block.feedForward = .dense(network)
        })

    private static func matrix(
        _ source: String, _ name: String, _ shape: [Dimension]
    ) -> TensorModules {
        .tensor("\(source).weight", "\(name).weight", shape, change: .ternary)
    }
}
