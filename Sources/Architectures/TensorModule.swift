/// A module of a checkpoint, as its model class names it: a weight and perhaps a bias.
///
/// Families list the modules of a layer with names from the layer's own prefix on; `rules` makes
/// the tensor rules of them.
struct TensorModule: Sendable {
    /// The module's name inside its layer: `self_attn.q_proj`.
    let source: String
    /// The GGUF name inside its block: `attn_q`.
    let name: String
    /// The weight's dimensions, outermost first; the bias has the first of them.
    let shape: [Dimension]
    /// Whether the weight must be there.
    let presence: TensorRule.Presence
    /// Whether there may or must be a bias; `nil` when there is none.
    let bias: TensorRule.Presence?
    /// What happens to the values of both.
    let transform: TensorTransform

    /// A matrix, or whatever has this shape.
    init(
        _ source: String, _ name: String, _ shape: [Dimension], bias: TensorRule.Presence? = nil,
        presence: TensorRule.Presence = .required, transform: TensorTransform = .none
    ) {
        self.source = source
        self.name = name
        self.shape = shape
        self.presence = presence
        self.bias = bias
        self.transform = transform
    }

    /// A norm of the residual stream.
    static func norm(
        _ source: String, _ name: String, bias: TensorRule.Presence? = nil,
        presence: TensorRule.Presence = .required
    ) -> Self {
        .init(source, name, [.hidden], bias: bias, presence: presence)
    }
}

extension [TensorModule] {
    /// The rules of modules whose names follow `layer` in a checkpoint and `block` in a GGUF file.
    func rules(
        in layer: String = "", as block: String = "",
        where condition: TensorRule.Condition = .always
    ) -> [TensorRule] {
        flatMap { module in
            let weight = TensorRule(
                "\(layer)\(module.source).weight", "\(block)\(module.name).weight", module.shape,
                presence: module.presence, where: condition, transform: module.transform)
            guard let bias = module.bias else { return [weight] }
            return [
                weight,
                TensorRule(
                    "\(layer)\(module.source).bias", "\(block)\(module.name).bias",
                    [module.shape[0]], presence: bias, where: condition,
                    transform: module.transform),
            ]
        }
    }

    /// The rules of a decoder's layer: `model.layers.{bid}.` becomes `blk.{bid}.`.
    func inBlocks(
        of layer: String = "model.layers.{bid}.", where condition: TensorRule.Condition = .always
    ) -> [TensorRule] {
        rules(in: layer, as: "blk.{bid}.", where: condition)
    }

    /// Token embeddings, the norm after the last layer, and the output matrix where it is not the
    /// embeddings.
    ///
    /// A checkpoint that carries the output matrix although the two are tied has it written, as
    /// the reference converter does.
    static func ends(
        norm: String = "model.norm", normBias: TensorRule.Presence? = nil,
        output: TensorRule.Presence = .optional, outputBias: TensorRule.Presence? = nil
    ) -> Self {
        [
            .init("model.embed_tokens", "token_embd", [.vocabulary, .hidden]),
            .norm(norm, "output_norm", bias: normBias),
            .init(
                "lm_head", "output", [.vocabulary, .hidden], bias: outputBias, presence: output),
        ]
    }

    /// Separate projections to queries, keys and values, and one back.
    ///
    /// - Parameters:
    ///   - output: The name of the projection back.
    ///   - transform: What happens to queries and keys: reordered for the rotation of neighbouring
    ///     pairs, or nothing.
    static func attention(
        output: String = "self_attn.o_proj", biases: TensorRule.Presence? = nil,
        outputBias: TensorRule.Presence? = nil, rotaryPairs pairs: Bool = false
    ) -> Self {
        [
            .init(
                "self_attn.q_proj", "attn_q", [.queryHeads, .hidden], bias: biases,
                transform: pairs ? .rotaryPairs(.query) : .none),
            .init(
                "self_attn.k_proj", "attn_k", [.keyValueHeads, .hidden], bias: biases,
                transform: pairs ? .rotaryPairs(.keyValue) : .none),
            .init("self_attn.v_proj", "attn_v", [.keyValueHeads, .hidden], bias: biases),
            .init(output, "attn_output", [.hidden, .queryHeads], bias: outputBias),
        ]
    }

    /// A gated feed-forward network.
    static func gatedNetwork(bias: TensorRule.Presence? = nil) -> Self {
        [
            .init("mlp.gate_proj", "ffn_gate", [.feedForward, .hidden], bias: bias),
            .init("mlp.up_proj", "ffn_up", [.feedForward, .hidden], bias: bias),
            .init("mlp.down_proj", "ffn_down", [.hidden, .feedForward], bias: bias),
        ]
    }

    /// A feed-forward network of two matrices.
    static func plainNetwork(
        up: String, down: String, bias: TensorRule.Presence? = nil
    ) -> Self {
        [
            .init(up, "ffn_up", [.feedForward, .hidden], bias: bias),
            .init(down, "ffn_down", [.hidden, .feedForward], bias: bias),
        ]
    }
}
