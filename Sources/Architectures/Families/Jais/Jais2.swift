import TensorCore

extension ModelFamily {
    /// Jais 2: layer norms, biases, and a network of two matrices with a squared ReLU between.
    public static let jais2 = ModelFamily(
        name: "Jais2",
        architecture: "jais2",
        classes: ["Jais2ForCausalLM"],
        // transformers: Jais2Config
        defaults: [
            .integer("vocab_size", 150_272), .integer("hidden_size", 3328),
            .integer("intermediate_size", 26624), .integer("num_hidden_layers", 32),
            .integer("num_attention_heads", 26),
            .same("num_key_value_heads", as: "num_attention_heads"),
            .quotient("head_dim", "hidden_size", by: "num_attention_heads"),
            .integer("max_position_embeddings", 8192), .real("layer_norm_eps", 1e-5),
            .real("rope_theta", 10000), .boolean("attention_bias", true),
            .boolean("mlp_bias", true), .text("hidden_act", "relu2"),
        ],
        keys: .common + [.wholeHeadTurns],
        tensors: [
            .ends(normBias: .required),
            .blocks(
                .preNorms(bias: .required), .attention(biases: .optional, outputBias: .optional),
                .plainNetwork("mlp.up_proj", "mlp.down_proj", bias: .optional)),
        ],
        rotary: .yarnOrDynamic,
        checks: [.activation(["relu2"])],
        export: .init(
            modelType: "jais2",
            presence: [
                ("blk.0.attn_q.bias", "attention_bias"), ("blk.0.ffn_up.bias", "mlp_bias"),
            ]),
        decoder: .blocks(
            .init(pairing: .halves, norm: .layer, network: .plain, activation: .reluSquared)))
}
