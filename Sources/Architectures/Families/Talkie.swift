import TensorCore

extension ModelFamily {
    /// Talkie: norms without weights, gains of matrices and heads, and the embeddings added again after
    /// every block.
    public static let talkie = ModelFamily(
        name: "Talkie", architecture: "talkie", classes: ["TalkieForCausalLM"],
        // The model's own code: TalkieConfig
        defaults: [
            .integer("num_hidden_layers", 40),
            .same("num_key_value_heads", as: "num_attention_heads"),
            .quotient("head_dim", "hidden_size", by: "num_attention_heads"),
        ],
        keys: .common + [
            // The model's norms have PyTorch's usual ε: the distance from 1 to the next F32.
            .constant("attention.layer_norm_rms_epsilon", .float32(Float(1).ulp))
        ],
        tensors: [
            .init("model.embed", "token_embd", [.vocabulary, .hidden]),
            .init("lm_head", "output", [.vocabulary, .hidden]),
            .tensor("lm_head", "output.weight", [.vocabulary, .hidden]),
            .blocks(
                of: "model.blocks.{bid}.",
                .turnedBack("attn.attn_query.weight", "attn_q.weight", .headCount),
                .turnedBack("attn.attn_key.weight", "attn_k.weight", .keyValueHeadCount),
                .init("attn.attn_value", "attn_v", [.keyValueHeads, .hidden]),
                .init("attn.attn_resid", "attn_output", [.hidden, .queryHeads]),
                .tensor(
                    "attn.head_gain.head_g", "attn_q_norm.weight", [.headCount, 1],
                    from: [.headCount]),
                .tensor("attn_gain.a_g", "attn_output.scale", [1]),
                .init("mlp.mlp_gate", "ffn_gate", [.feedForward, .hidden]),
                .init("mlp.mlp_linear", "ffn_up", [.feedForward, .hidden]),
                .init("mlp.mlp_resid", "ffn_down", [.hidden, .feedForward]),
                .tensor("mlp_gain.a_g", "ffn_down.scale", [1]),
                .tensor("embed_skip.a_g", "layer_output_scale.weight", [1])),
        ],
        checkpoint: .init(layerScalars: [
            .init("lm_head_gain.w_g", "talkie.logit_scale", shape: [1])
        ]),
        decoder: .custom { model throws(DecoderDescriptionError) in
            let norm = BlockDescription.Norm(
                .rootMeanSquare, epsilon: try model.epsilon(of: .rootMeanSquare), weight: nil)
            var decoder = try model.decoder(
                .init(pairing: .halves, hasPreNorms: false, hasOutputNorm: false)
            ) { index, block in
                let name = "blk.\(index)"
                block.attentionNorm = norm
                block.feedForwardNorm = norm
                block.attention.queryNorm = norm
                block.attention.keyNorm = norm
                block.attention.normAfterRotation = true
                block.attention.queryGains = "\(name).attn_q_norm.weight"
                block.mixerGain = model.present("\(name).attn_output.scale")
                block.feedForwardGain = model.present("\(name).ffn_down.scale")
                block.embeddingGain = "\(name).layer_output_scale.weight"
            }
            decoder.embeddingNorm = norm
            decoder.outputNorm = norm
            decoder.logitScale = try model.numbers("talkie.logit_scale", blockCount: 1)[0]
            return decoder
        })
}

extension TensorModules {
    /// Queries or keys of a model that turns heads the other way round: the second half of each head
    /// changes its sign.
    fileprivate static func turnedBack(
        _ source: String, _ name: String, _ heads: Dimension
    ) -> Self {
        let rows = heads * .head
        let all = TensorView.reshaped([rows, .hidden])
        func half(_ number: Int, times factors: [TensorRule.Factor]) -> TensorRule.Part {
            .init(
                0,
                all.narrowed(
                    0, from: .turn * .head + .constant(number) * (.head / 2), count: .head / 2),
                times: factors)
        }
        return .tensors(
            [.init(source, [rows, .hidden])],
            into: [
                .init(
                    name, [rows, .hidden],
                    [half(0, times: []), half(1, times: [.init(constant: -1)])], repeats: heads)
            ])
    }
}
