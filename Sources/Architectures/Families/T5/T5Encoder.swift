import TensorCore

extension ModelFamily {
    /// The encoder of T5 alone, of which sentence embeddings are made.
    public static let t5Encoder = ModelFamily(
        name: "T5Encoder",
        architecture: "t5encoder",
        classes: ["T5EncoderModel"],
        defaults: t5Defaults + [.same("num_hidden_layers", as: "num_layers")],
        keys: .t5(blocks: [.count("block_count", "num_layers")]) + [.fileType],
        tensors: [.t5Encoder, .t5Embeddings, .ignoring("lm_head.weight")],
        checks: .t5,
        tokenizer: .init(model: "t5"))
}
