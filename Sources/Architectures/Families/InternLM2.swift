import TensorCore

extension ModelFamily {
    /// InternLM 2 and 2.5: Llama's shape with queries, keys and values in one matrix, group by group:
    /// a group's queries, its key, its value.
    public static let internLM2 = ModelFamily(
        name: "InternLM2",
        architecture: "internlm2",
        classes: ["InternLM2ForCausalLM"],
        // the model's own InternLM2Config
        defaults: [
            .integer("vocab_size", 103168), .integer("hidden_size", 4096),
            .integer("intermediate_size", 11008), .integer("num_hidden_layers", 32),
            .integer("num_attention_heads", 32),
            .same("num_key_value_heads", as: "num_attention_heads"),
            .integer("max_position_embeddings", 2048), .real("rms_norm_eps", 1e-6),
            .real("rope_theta", 10000),
        ],
        keys: .common,
        tensors: [
            .ends("model.tok_embeddings", output: "output"),
            .blocks(
                .norm("attention_norm", "attn_norm"), .norm("ffn_norm", "ffn_norm"),
                queriesKeysValues,
                .init("attention.wo", "attn_output", [.hidden, .queryHeads]),
                .init("feed_forward.w1", "ffn_gate", [.feedForward, .hidden]),
                .init("feed_forward.w3", "ffn_up", [.feedForward, .hidden]),
                .init("feed_forward.w2", "ffn_down", [.hidden, .feedForward])),
        ],
        rotary: .yarnOrDynamic,
        checks: [.activation(.silu), .without("bias"), .headsShareWidth],
        tokenizer: .init(
            prefixSpace: .amid(always: true), replacements: [.init("eos", "<|im_end|>")],
            unusedPrefix: "[UNUSED"),
        decoder: .blocks(.init(pairing: .interleaved)))

    private static let queriesKeysValues: TensorModules = {
        let queries = Dimension.headCount / .keyValueHeadCount
        let rows: Dimension = .queryHeads + 2 * .keyValueHeads
        let groups = TensorView.reshaped([
            .keyValueHeadCount, queries + 2, 2, .head / 2, .hidden,
        ])
        let straight = TensorView.reshaped([.keyValueHeadCount, queries + 2, .head, .hidden])
        return .tensors(
            [.init("attention.wqkv.weight", [rows, .hidden])],
            into: [
                .init(
                    "attn_q.weight", [.queryHeads, .hidden],
                    groups.narrowed(1, from: 0, count: queries).permuted([0, 1, 3, 2, 4])),
                .init(
                    "attn_k.weight", [.keyValueHeads, .hidden],
                    groups.narrowed(1, from: queries).permuted([0, 1, 3, 2, 4])),
                .init(
                    "attn_v.weight", [.keyValueHeads, .hidden],
                    straight.narrowed(1, from: queries + 1)),
            ])
    }()
}
