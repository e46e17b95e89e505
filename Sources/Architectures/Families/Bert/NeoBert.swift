import TensorCore

extension ModelFamily {
    /// NeoBERT: an encoder with norms before attention and network, neighbouring pairs that turn, and
    /// no biases.
    ///
    /// Its fused matrix has each head's query, key and value together.
    public static let neoBert = ModelFamily(
        name: "NeoBert",
        architecture: "neo-bert",
        classes: ["NeoBERT", "NeoBERTLMHead", "NeoBERTForSequenceClassification"],
        // the model's own NeoBERTConfig
        defaults: [
            .integer("vocab_size", 30522), .integer("hidden_size", 768),
            .integer("intermediate_size", 3072), .integer("num_hidden_layers", 28),
            .integer("num_attention_heads", 12), .real("norm_eps", 1e-6), .labelCount,
            .computed("neo_width") { configuration in
                guard let width = configuration["intermediate_size"]?.integer,
                    (0..<(1 << 40)).contains(width)
                else { return nil }
                return .integer(2 * width / 3)
            },
            .same("max_position_embeddings", as: "max_length"),
        ],
        keys: .common + .encoder + [
            .count("feed_forward_length", "neo_width"),
            .constant("rope.freq_base", .float32(10000)),
            .constant("rope.scaling.type", .string("none")),
            .number("attention.layer_norm_rms_epsilon", "norm_eps"),
            .constant("pooling_type", .uint32(2)),
        ],
        tensors: [
            .init("model.encoder", "token_embd", [.vocabulary, .hidden]),
            .norm("model.layer_norm", "enc.output_norm"),
            .blocks(
                of: "model.transformer_encoder.{bid}.", .norm("attention_norm", "attn_norm"),
                .norm("ffn_norm", "ffn_norm"),
                .queriesKeysValuesByHead("qkv", bias: .optional),
                .init("wo", "attn_output", [.hidden, .hidden]),
                .init("ffn.w12", "ffn_up", [2 * .key("neo_width"), .hidden]),
                .init("ffn.w3", "ffn_down", [.hidden, .key("neo_width")])),
            .classifier("dense", "cls", answers: .hidden),
            .only(where: .hasClassLabels, .classifier("classifier", "cls.output")),
            .only(where: !.hasClassLabels, .classifier("classifier", "cls")),
            // The head of training.
            .ignoring("decoder.weight", "decoder.bias", "model.freqs_cis"),
        ],
        rotary: .unscaled,
        checks: [
            .refused(.text("hidden_act", "SwiGLU", "swiglu")), .needing("rope", "rms_norm"),
            .without("ngpt"),
        ],
        tokenizer: .init(leadingKeys: .tokenTypeCount),
        decoder: .custom { model throws(DecoderDescriptionError) in
            var style = DecoderStyle(pairing: .interleaved, hasOutputNorm: false, seesAhead: true)
            style.network = .stacked
            var encoder = try model.decoder(style)
            encoder.outputNorm = try model.norm(.rootMeanSquare, "enc.output_norm")
            return encoder
        })
}
