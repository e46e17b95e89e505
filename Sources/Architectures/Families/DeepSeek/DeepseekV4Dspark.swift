import TensorCore

extension ModelFamily {
    /// DSpark made of DeepSeek V4's layers, which a checkpoint of V4 has beside its own.
    public static let deepseekV4Dspark = ModelFamily(
        name: "DeepseekV4Dspark", architecture: "dflash", classes: ["DeepseekV4DSparkModel"],
        defaults: deepseekV4Defaults,
        keys: .deepseekV4(isDraft: true) + [
            .count("block_size", "dspark_block_size"),
            .entries { configuration throws(ArchitectureError) in
                let layers = configuration["dspark_target_layer_ids"]?.array ?? []
                return [
                    try configuration.targetLayers(layers.compactMap(\.integer).map { $0 + 1 })
                ]
            },
        ],
        tensors: [
            // Tensors of the whole draft stand in one of its layers.
            .tensor(
                "mtp.{bid}.main_proj.weight", "fc.weight", [.hidden, .key("fused_length")],
                presence: .optional),
            .tensor(
                "mtp.{bid}.main_norm.weight", "enc.output_norm.weight", [.hidden],
                presence: .optional),
            .tensor(
                "mtp.{bid}.norm.weight", "output_norm.weight", [.hidden], presence: .optional),
            .streamHead("mtp.{bid}.", presence: .optional),
            .tensor(
                "mtp.{bid}.markov_head.markov_w1.weight", "markov_w1.weight",
                [.vocabulary, .key("markov_rank")], presence: .optional),
            .tensor(
                "mtp.{bid}.markov_head.markov_w2.weight", "markov_w2.weight",
                [.vocabulary, .key("markov_rank")], presence: .optional),
            .tensor(
                "mtp.{bid}.confidence_head.proj.weight", "conf_proj.weight",
                [1, .key("confidence_length")], presence: .optional),
            .deepseekV4Blocks("mtp.{bid}."),
            .blocks(
                of: "mtp.{bid}.ffn.gate.", .tensor("bias", "exp_probs_b.bias", [.experts]),
                .ignoring("bias_vl", "tid2eid")),
        ],
        checkpoint: CheckpointRules(
            measured: [
                .init("main_proj.weight", dimension: 1, as: "fused_length"),
                .init("markov_w1.weight", dimension: 1, as: "markov_rank"),
                .init("confidence_head.proj.weight", dimension: 1, as: "confidence_length"),
            ], countedBlocks: TensorPattern("mtp.{bid}."), tokenizer: .ofTarget(rules: .own),
            foreignPrefixes: ["layers.", "embed.", "head.", "norm.", "hc_head"],
            keepsTypes: true, sortsLeading: true),
        rotary: .yarn, checks: deepseekV4Checks + [.hasTarget],
        tokenizer: .init(
            leadsWithTemplate: true, keys: { $0.maskToken($0["dspark_noise_token_id"]) }))
}
