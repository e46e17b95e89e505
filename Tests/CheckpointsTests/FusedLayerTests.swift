import Checkpoints
import Foundation
import TensorCore
import TestSupport
import Testing

/// Layers that engines put together, and layers in blocks that they build without quantization.
@Suite struct FusedLayerTests {
    private func plan(
        _ source: RandomModel, _ name: String, ignoring ignored: [String] = [],
        isGLM: Bool = false
    ) throws -> (plan: CheckpointPlan?, error: CheckpointError?) {
        try Fixtures.withTemporaryFolder { folder in
            try source.write(to: folder + "/m")
            if isGLM { try Self.giveTokens(to: folder + "/m") }
            let form = try #require(CheckpointForm.named(name)?.form)
            var options = CheckpointPlan.Options()
            options.ignored = ignored
            let model = try CheckpointModel(directory: folder + "/m")
            do {
                return (try CheckpointPlan(model, form: form, options: options), nil)
            } catch let error as CheckpointError {
                return (nil, error)
            }
        }
    }

    /// Gives a tokenizer the tokens that GLM must have.
    private static func giveTokens(to folder: String) throws {
        for name in ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"] {
            let url = URL(filePath: folder + "/" + name)
            let text = try String(contentsOf: url, encoding: .utf8)
                .replacingOccurrences(of: "<|im_start|>", with: "[gMASK]")
                .replacingOccurrences(of: "<|im_end|>", with: "<|user|>")
            try Data(text.utf8).write(to: url)
        }
        let url = URL(filePath: folder + "/tokenizer.json")
        var tokenizer = try #require(
            JSONSerialization.jsonObject(with: Data(contentsOf: url)) as? [String: Any])
        var added = try #require(tokenizer["added_tokens"] as? [[String: Any]])
        var further = try #require(added.last)
        further["id"] = 512
        further["content"] = "<|observation|>"
        added.append(further)
        tokenizer["added_tokens"] = added
        try JSONSerialization.data(withJSONObject: tokenizer).write(to: url)
    }

    /// Qwen 3.5: the two large projections of linear attention are one matrix in engines, and the two
    /// small ones another.
    @Test func projectionsOfLinearAttentionShareAGlobalScale() throws {
        try Fixtures.withTemporaryFolder { folder in
            try RandomModel.linearAttention.write(to: folder + "/m")
            let form = try #require(CheckpointForm.named("NVFP4A16")?.form)
            let plan = try CheckpointPlan(CheckpointModel(directory: folder + "/m"), form: form)
            _ = try CheckpointWriter.write(plan, to: folder + "/out")
            let out = StoredDirectory(path: folder + "/out")
            let block = "model.layers.0.linear_attn."
            for pair in [["in_proj_qkv", "in_proj_z"], ["in_proj_b", "in_proj_a"]] {
                let scales = try pair.map {
                    try out.elements(block + $0 + ".weight_global_scale")
                }
                #expect(scales[0] == scales[1], "\(pair)")
            }
        }
    }

    @Test(arguments: [["in_proj_z"], ["in_proj_a"], ["in_proj_qkv"], ["in_proj_b"]])
    func projectionsOfLinearAttentionGoTogether(_ ignored: [String]) throws {
        let error = try plan(RandomModel.linearAttention, "W8A8", ignoring: ignored).error
        #expect(error?.problem.contains("linear_attn.in_proj_") == true)
        #expect(error?.exitCode == .usage)
    }

    /// Blocks of 128 rows must not have rows of two matrices of a stack.
    @Test func smallProjectionsInFrontOfOthersAreNoWholeBlocks() throws {
        let error = try plan(RandomModel.linearAttention, "FP8_BLOCK").error
        #expect(error?.place == "model.layers.0.linear_attn.in_proj_b.weight")
        #expect(
            try plan(
                RandomModel.linearAttention, "FP8_BLOCK", ignoring: ["in_proj_[ab]"]
            ).plan != nil)
    }

    /// No text runs through a block that predicts further tokens: scales of what it takes in are not
    /// known, and it stays as it is where a form has them.
    @Test func predictorsStayWhereInputsHaveScales() throws {
        let plan = try #require(try plan(RandomModel.predictor, "NVFP4", isGLM: true).plan)
        let (first, last) = ("model.layers.0.self_attn.o_proj", "model.layers.1.self_attn.o_proj")
        #expect(plan.ignored.contains(last) && !plan.ignored.contains(first))
        let quantized = plan.tensors.filter(\.isQuantized).map(\.name)
        #expect(quantized.contains { $0.hasPrefix(first) })
        #expect(!quantized.contains { $0.hasPrefix("model.layers.1.") })
    }

    /// What stands around the block that predicts a further token is no layer that engines quantize;
    /// the block itself is.
    @Test func predictorsKeepTheirTablesAndProjection() throws {
        let plan = try #require(try plan(RandomModel.predictor, "FP8_DYNAMIC", isGLM: true).plan)
        let types = Dictionary(
            uniqueKeysWithValues: plan.tensors.map { ($0.name, $0.isQuantized) })
        for name in ["eh_proj", "embed_tokens", "shared_head.head"] {
            #expect(types["model.layers.1.\(name).weight"] == false, "\(name)")
        }
        #expect(plan.ignored.contains("model.layers.1.eh_proj"))
        #expect(types["model.layers.1.self_attn.o_proj.weight"] == true)
        #expect(types["model.layers.1.mlp.experts.1.down_proj.weight"] == true)
    }
}

extension RandomModel {
    /// A block of Qwen 3.5's linear attention: 2 heads of 64 for keys, 4 for values.
    fileprivate static var linearAttention: RandomModel {
        let block = "model.layers.0."
        let mixer = block + "linear_attn."
        return RandomModel(
            [
                "architectures": ["Qwen3_5ForCausalLM"], "model_type": "qwen3_5_text",
                "dtype": "bfloat16", "hidden_size": 128, "intermediate_size": 256,
                "num_hidden_layers": 1, "layer_types": ["linear_attention"],
                "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 64,
                "linear_num_key_heads": 2, "linear_num_value_heads": 4,
                "linear_key_head_dim": 64, "linear_value_head_dim": 64,
                "linear_conv_kernel_dim": 4, "full_attention_interval": 4,
                "rms_norm_eps": 1e-6, "max_position_embeddings": 512, "vocab_size": 512,
                "bos_token_id": 509, "eos_token_id": 510, "hidden_act": "silu",
                "tie_word_embeddings": false,
                "rope_parameters": [
                    "rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 0.25,
                ],
            ],
            [
                ("model.embed_tokens.weight", [512, 128]), ("lm_head.weight", [512, 128]),
                ("model.norm.weight", [128]), (block + "input_layernorm.weight", [128]),
                (block + "post_attention_layernorm.weight", [128]),
                (mixer + "in_proj_qkv.weight", [512, 128]),
                (mixer + "in_proj_z.weight", [256, 128]), (mixer + "in_proj_b.weight", [4, 128]),
                (mixer + "in_proj_a.weight", [4, 128]), (mixer + "conv1d.weight", [512, 1, 4]),
                (mixer + "A_log", [4]), (mixer + "dt_bias", [4]), (mixer + "norm.weight", [64]),
                (mixer + "out_proj.weight", [128, 256]),
                (block + "mlp.gate_proj.weight", [256, 128]),
                (block + "mlp.up_proj.weight", [256, 128]),
                (block + "mlp.down_proj.weight", [128, 256]),
            ])
    }

    /// A dense block of GLM 4.5, and one of experts that predicts a further token.
    fileprivate static var predictor: RandomModel {
        var tensors: [(name: String, shape: [Int])] = [
            ("model.embed_tokens.weight", [520, 128]), ("lm_head.weight", [520, 128]),
            ("model.norm.weight", [128]),
        ]
        for block in ["model.layers.0.", "model.layers.1."] {
            tensors += [
                (block + "input_layernorm.weight", [128]),
                (block + "post_attention_layernorm.weight", [128]),
                (block + "self_attn.q_proj.weight", [256, 128]),
                (block + "self_attn.k_proj.weight", [128, 128]),
                (block + "self_attn.v_proj.weight", [128, 128]),
                (block + "self_attn.o_proj.weight", [128, 256]),
            ]
        }
        func network(_ prefix: String, _ width: Int) -> [(name: String, shape: [Int])] {
            [
                (prefix + "gate_proj.weight", [width, 128]),
                (prefix + "up_proj.weight", [width, 128]),
                (prefix + "down_proj.weight", [128, width]),
            ]
        }
        let last = "model.layers.1."
        tensors += network("model.layers.0.mlp.", 256)
        for expert in 0..<2 { tensors += network(last + "mlp.experts.\(expert).", 128) }
        tensors += network(last + "mlp.shared_experts.", 128)
        tensors += [
            (last + "mlp.gate.weight", [2, 128]), (last + "mlp.gate.e_score_correction_bias", [2]),
            (last + "eh_proj.weight", [128, 256]), (last + "enorm.weight", [128]),
            (last + "hnorm.weight", [128]), (last + "shared_head.norm.weight", [128]),
            (last + "shared_head.head.weight", [520, 128]),
            (last + "embed_tokens.weight", [520, 128]),
        ]
        return RandomModel(
            [
                "architectures": ["Glm4MoeForCausalLM"], "model_type": "glm4_moe",
                "dtype": "bfloat16", "hidden_size": 128, "intermediate_size": 256,
                "moe_intermediate_size": 128, "n_routed_experts": 2, "num_experts_per_tok": 1,
                "n_shared_experts": 1, "n_group": 1, "topk_group": 1, "num_hidden_layers": 1,
                "num_nextn_predict_layers": 1, "first_k_dense_replace": 1,
                "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 128,
                "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "partial_rotary_factor": 0.5,
                "max_position_embeddings": 512, "vocab_size": 520, "bos_token_id": 509,
                "eos_token_id": 510, "hidden_act": "silu", "tie_word_embeddings": false,
                "norm_topk_prob": true, "routed_scaling_factor": 1.0,
            ], tensors)
    }
}
