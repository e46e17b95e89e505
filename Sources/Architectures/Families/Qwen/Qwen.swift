import TensorCore

extension ModelFamily {
    /// The first Qwen: queries, keys and values in one matrix with biases, a network half as wide as
    /// the configuration says.
    public static let qwen = ModelFamily(
        name: "Qwen",
        architecture: "qwen",
        classes: ["QWenLMHeadModel"],
        // the model's own QWenConfig
        defaults: [
            .integer("vocab_size", 151936), .integer("hidden_size", 4096),
            .integer("intermediate_size", 22016), .integer("num_hidden_layers", 32),
            .integer("num_attention_heads", 32), .real("layer_norm_epsilon", 1e-6),
            .same("max_position_embeddings", as: "seq_length"),
            .integer("max_position_embeddings", 8192), .real("rotary_emb_base", 10000),
        ],
        keys: .common + [.renamedEpsilon],
        tensors: [
            .ends("transformer.wte", norm: "transformer.ln_f"),
            .blocks(
                of: "transformer.h.{bid}.", .norm("ln_1", "attn_norm"), .norm("ln_2", "ffn_norm"),
                .init("attn.c_attn", "attn_qkv", [3 * .hidden, .hidden], bias: .required),
                .init("attn.c_proj", "attn_output", [.hidden, .hidden]),
                .init("mlp.w1", "ffn_up", [.feedForward / 2, .hidden]),
                .init("mlp.w2", "ffn_gate", [.feedForward / 2, .hidden]),
                .init("mlp.c_proj", "ffn_down", [.hidden, .feedForward / 2])),
        ],
        rotary: .unscaled,
        checks: [
            .needing("no_bias"), .on("scale_attn_weights"), .number("rotary_pct", 1),
            .refusing { configuration throws(ArchitectureError) in
                guard let length = try configuration.integer("kv_channels") else { return }
                let share = try configuration.headDim()
                guard length != share else { return }
                throw configuration.inexpressible(
                    "kv_channels", found: "\(length)",
                    expected: "\(share), the hidden size shared out among the heads")
            },
            .noting { configuration in
                let options = ["use_dynamic_ntk", "use_logn_attn"].filter {
                    configuration[$0]?.boolean == true
                }
                guard !options.isEmpty else { return [] }
                return [
                    "\(options.joined(separator: " and ")), which count beyond the context of the "
                        + "training only, are not carried over"
                ]
            },
        ],
        decoder: .blocks(.init(pairing: .halves)) { _, _, block in
            guard case .dense(var network) = block.feedForward else { return }
            for index in network.input.indices { network.input[index].outputs /= 2 }
            network.output.inputs /= 2
            block.feedForward = .dense(network)
        })
}
