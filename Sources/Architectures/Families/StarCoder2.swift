import TensorCore

extension ModelFamily {
    /// StarCoder 2: layer norms and a plain GELU network, with biases.
    public static let starCoder2 = ModelFamily(
        name: "StarCoder2",
        architecture: "starcoder2",
        classes: ["Starcoder2ForCausalLM"],
        // transformers: Starcoder2Config
        defaults: [
            .integer("vocab_size", 49152), .integer("hidden_size", 3072),
            .integer("intermediate_size", 12288), .integer("num_hidden_layers", 30),
            .integer("num_attention_heads", 24), .integer("num_key_value_heads", 2),
            .integer("max_position_embeddings", 4096), .real("norm_epsilon", 1e-5),
            .real("rope_theta", 10000), .boolean("tie_word_embeddings", true),
        ],
        keys: .common,
        tensors: [
            .ends(normBias: .required),
            .blocks(
                .preNorms(bias: .required), .attention(biases: .optional, outputBias: .optional),
                .plainNetwork("mlp.c_fc", "mlp.c_proj", bias: .optional)),
        ],
        checks: [.activation(["gelu_pytorch_tanh", "gelu_new", "gelu"]), .lostSlidingWindow],
        export: .init(
            modelType: "starcoder2",
            words: ["attention.layer_norm_epsilon": "norm_epsilon"],
            constants: [("sliding_window", .null)],
            presence: [("blk.0.attn_q.bias", "use_bias")]),
        // Layer norms, biases, a GELU network without a gate.
        decoder: .blocks(
            .init(pairing: .halves, norm: .layer, network: .plain, activation: .geluTanh)))

}
