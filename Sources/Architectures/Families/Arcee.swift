import TensorCore

extension ModelFamily {
    /// Arcee's AFM: Llama's attention, and a plain network with a squared ReLU.
    public static let arcee = ModelFamily(
        name: "Arcee",
        architecture: "arcee",
        classes: ["ArceeForCausalLM"],
        // transformers: ArceeConfig
        defaults: [
            .integer("vocab_size", 32000), .integer("hidden_size", 2560),
            .integer("intermediate_size", 18432), .integer("num_hidden_layers", 32),
            .integer("num_attention_heads", 32),
            .same("num_key_value_heads", as: "num_attention_heads"),
            .integer("max_position_embeddings", 4096), .real("rms_norm_eps", 1e-5),
            .real("rope_theta", 10000),
            .quotient("head_dim", "hidden_size", by: "num_attention_heads"),
        ],
        keys: .common + .llama + .pooling,
        tensors: [
            .ends(),
            .blocks(
                .preNorms(),
                .attention(biases: .optional, outputBias: .optional, rotaryPairs: true),
                .plainNetwork("mlp.up_proj", "mlp.down_proj", bias: .optional)),
        ],
        rotary: .llama3,
        checks: [.activation(["relu2"])],
        tokenizer: .llama,
        export: .init(
            modelType: "arcee", constants: [("hidden_act", .text("relu2"))],
            presence: [
                ("blk.0.attn_q.bias", "attention_bias"), ("blk.0.ffn_up.bias", "mlp_bias"),
            ]),
        // Arcee's AFM: Llama with a squared ReLU and no gate.
        decoder: .blocks(.init(pairing: .interleaved, network: .plain, activation: .reluSquared)))

}
