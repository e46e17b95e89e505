import TensorCore

extension ModelFamily {
    /// NVIDIA's Nemotron 3 Puzzle: Nemotron-H whose layers have experts of different widths, and of which
    /// a token takes more in one layer than in another.
    public static let nemotronHPuzzle = ModelFamily(
        name: "NemotronHPuzzle", architecture: "nemotron_h_moe",
        classes: ["NemotronHPuzzleForCausalLM"],
        // The words of the published checkpoints
        defaults: [
            .computed("layers_block_type") { configuration in
                configuration.puzzleBlocks.map { blocks in
                    .array(blocks.map { $0["block_type"] ?? .null })
                }
            },
            .computed("num_hidden_layers") { $0.puzzleBlocks.map { .integer($0.count) } },
            .computed("puzzle_widths") { $0.puzzleNumbers("moe_intermediate_size") },
            .computed("puzzle_used") { $0.puzzleNumbers("num_experts_per_tok") },
            .same("num_key_value_heads", as: "num_attention_heads"),
            .same("head_dim", as: "attention_head_dim"),
            .replacement("n_groups", by: "mamba_n_groups"),
            .replacement("conv_kernel", by: "mamba_d_conv"),
            .integer("n_shared_experts", 1), .real("routed_scaling_factor", 1),
            .boolean("norm_topk_prob", true),
        ],
        keys: .commonWithoutHeadLength + [
            .fileType, .count("vocab_size", "vocab_size"),
            .count("rope.dimension_count") { configuration throws(ArchitectureError) in
                try configuration.hiddenSize() / configuration.numAttentionHeads()
            },
        ] + .stateSpace(nemotronStateSpace) + [
            .keyValueHeads(where: .isLayer(.attention)),
            .entries { _ in
                [
                    .init("{arch}.rope.scaling.finetuned", .bool(false)),
                    .init("{arch}.context_length", .uint32(1 << 20)),
                ]
            },
            .count("attention.key_length", "head_dim"),
            .count("attention.value_length", "head_dim"),
            .puzzle("feed_forward_length", "puzzle_widths"),
            .puzzle("expert_feed_forward_length", "puzzle_widths"),
            .puzzle("expert_used_count", "puzzle_used"),
            .count(
                "expert_shared_feed_forward_length", "moe_shared_expert_intermediate_size"),
            .count("expert_count", "n_routed_experts"),
            .count("expert_shared_count", "n_shared_experts"),
            .flag("expert_weights_norm", "norm_topk_prob"),
            .number("expert_weights_scale", "routed_scaling_factor"),
            .count("expert_group_count", "n_group"), .count("moe_latent_size", "moe_latent_size"),
        ],
        tensors: [.nemotronDecoder, .nemotronExperts(width: .listed("puzzle_widths"))],
        checkpoint: .init(
            spellings: [
                .init(".gate.e_score_correction.bias", means: ".gate.e_score_correction_bias")
            ], foreignPrefixes: ["mtp."]),
        checks: [
            .activation(["relu2"], at: "mlp_hidden_act"),
            .activation(.silu, at: "mamba_hidden_act"), .without("mlp_bias"),
            .stateSpace(
                nemotronStateSpace, projectionBias: "use_bias", headLength: "mamba_head_dim"),
            .refusing { configuration throws(ArchitectureError) in
                guard try configuration.nemotronLayers().contains(.network) else { return }
                throw configuration.inexpressible(
                    "block_configs", found: "mlp", expected: "mamba, attention or moe")
            },
        ],
        decoder: .nemotron)
}

extension ModelConfiguration {
    /// What the layers are, one after the other.
    fileprivate var puzzleBlocks: [JSON]? { self["block_configs"]?.array }

    /// A number of every layer, 0 where it has none.
    fileprivate func puzzleNumbers(_ key: String) -> JSON? {
        puzzleBlocks.map { blocks in .array(blocks.map { .integer($0[key]?.integer ?? 0) }) }
    }
}

extension MetadataRule {
    /// A number of every layer.
    fileprivate static func puzzle(_ key: String, _ name: String) -> Self {
        .entries { configuration throws(ArchitectureError) in
            let numbers = configuration[name]?.array ?? []
            var counts: [Int32] = []
            for number in numbers {
                guard let count = number.integer.flatMap({ Int32(exactly: $0) }), count >= 0 else {
                    throw configuration.fault(
                        .invalidValue(found: "\(number)", expected: "counts"), "block_configs")
                }
                counts.append(count)
            }
            return [.init("{arch}.\(key)", .int32s(counts))]
        }
    }
}
