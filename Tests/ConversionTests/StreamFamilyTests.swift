import Architectures
import Conversion
import GGUF
import Quantization
import TensorCore
import TestSupport
import Testing

/// Families with several residual streams: packed experts, products, stacks, lists by layer.
@Suite struct StreamFamilyTests {
    private static let options = ConversionSource.Options(outputType: .f32, pre: "llama-bpe")

    /// The values of a tensor of the file that a model becomes.
    private func values(_ name: String, of model: SyntheticModel) throws -> [Float] {
        try model.with { folder in
            let source = try ConversionSource(
                directory: folder, options: StreamFamilyTests.options)
            let place = try #require(source.tensors.firstIndex { $0.name == name })
            return try model.floats(ofTensor: place, of: source, step: 3)
        }
    }

    /// DeepSeek V4's experts stay packed, and come first; what their exponents and codes say is theirs.
    @Test func expertsStayPacked() throws {
        var model = try FamilyExportTests.model(
            "DeepseekV4",
            [
                "num_hidden_layers": 2, "hidden_size": 32, "head_dim": 8, "qk_rope_head_dim": 4,
                "q_lora_rank": 4,
                "num_key_value_heads": 1, "moe_intermediate_size": 32, "n_shared_experts": 1,
                "compress_ratios": [0, 4], "num_hash_layers": 0, "o_groups": 2, "o_lora_rank": 4,
                "index_n_heads": 2, "index_head_dim": 8, "hc_mult": 2,
                "quantization_config": ["quant_method": "fp8"],
            ])
        for tensor in model.tensors where tensor.name.contains(".ffn.experts.") {
            let count = tensor.shape.reduce(1, *)
            // Codes 1 and 2: 0.5 and 1; exponents 127: 1.
            model.bytes[tensor.name] = [UInt8](
                repeating: tensor.name.hasSuffix("scale") ? 127 : 0x21, count: count)
        }
        try model.with { folder in
            let source = try ConversionSource(
                directory: folder, options: StreamFamilyTests.options)
            #expect(source.metadata["general.file_type"] == .uint32(38))
            #expect(
                source.metadata["deepseek4.attention.compress_ratios"] == .int32s([0, 4]))
            let names = source.tensors.prefix(6).map(\.name)
            #expect(
                names
                    == (0..<2).flatMap { block in
                        ["gate", "down", "up"].map { "blk.\(block).ffn_\($0)_exps.weight" }
                    })
            #expect(source.tensors.prefix(6).allSatisfy { $0.format == .MXFP4 })
            let found = try model.floats(ofTensor: 4, of: source, step: 5)
            #expect(found.count > 64)
            #expect(found.enumerated().allSatisfy { $1 == ($0 % 2 == 0 ? 0.5 : 1) })
            #expect(source.tensors.contains { $0.name == "blk.1.indexer_compressor_ape.weight" })
            #expect(!source.tensors.contains { $0.name == "blk.0.attn_compressor_kv.weight" })
        }
    }

    /// Kimi K3 has a norm's weights and a vector that are only used as their product.
    @Test func productsAreOneTensor() throws {
        let model = try FamilyExportTests.model(
            "KimiK3",
            [
                "num_hidden_layers": 2, "hidden_act": "situ", "mla_use_nope": true,
                "kv_lora_rank": 4,
                "qk_nope_head_dim": 4, "qk_rope_head_dim": 2, "v_head_dim": 4,
                "moe_intermediate_size": 32, "hidden_size": 32, "first_k_dense_replace": 2,
                "activation_situ_beta": 2.0, "attn_res_block_size": 1,
                "linear_attn_config": [
                    "full_attn_layers": [2], "head_dim": 4, "num_heads": 4,
                    "short_conv_kernel_size": 3,
                ] as [String: any Sendable],
            ])
        let found = try values("blk.1.attn_res_score.weight", of: model)
        let prefix = "model.layers.1.self_attention_res_"
        for (index, value) in found.enumerated() {
            #expect(
                value == model.value(prefix + "norm.weight", index)
                    * model.value(prefix + "proj.weight", index))
        }
        #expect(found.count == 32)
    }

    /// HRM-Text's high stack follows the low one, and one matrix makes gates, queries, keys and values.
    @Test func stacksFollowEachOther() throws {
        var model = try FamilyExportTests.model("HrmText", ["head_dim": 4, "num_hidden_layers": 1])
        let low = model.tensors.filter { $0.name.hasPrefix("model.layers.0.") }
        model.tensors.removeAll { $0.name.hasPrefix("model.layers.0.") }
        for stack in ["L", "H"] {
            model.tensors += low.map {
                ($0.name.replacing("model.layers", with: "model.\(stack)_module.layers"), $0.shape)
            }
        }
        let name = "model.H_module.layers.0.attn.gqkv_proj.weight"
        let shape = try #require(model.tensors.first { $0.name == name }).shape
        let found = try values("blk.1.attn_k.weight", of: model)
        let count = shape[0] / 4 * shape[1]
        #expect(found == (2 * count..<3 * count).map { model.value(name, $0) })
        try model.with { folder in
            let source = try ConversionSource(
                directory: folder, options: StreamFamilyTests.options)
            #expect(source.metadata["hrm_text.block_count"] == .uint32(8))
            #expect(source.metadata["hrm_text.embedding_scale"] == .float32(50))
        }
    }

    /// Nemotron 3 Puzzle has other experts in every layer.
    @Test func layersHaveExpertsOfTheirOwn() throws {
        let model = try FamilyExportTests.model(
            "NemotronHPuzzle",
            [
                "head_dim": 4, "mamba_num_heads": 2, "mamba_head_dim": 4, "n_groups": 1,
                "ssm_state_size": 4, "conv_kernel": 3, "moe_latent_size": 4, "n_group": 1,
                "moe_shared_expert_intermediate_size": 6, "layer_norm_epsilon": 1e-5,
                "block_configs": [
                    [
                        "block_type": "moe", "moe_intermediate_size": 3,
                        "num_experts_per_tok": 2,
                    ],
                    ["block_type": "attention"],
                    [
                        "block_type": "moe", "moe_intermediate_size": 5,
                        "num_experts_per_tok": 1,
                    ],
                ] as [[String: any Sendable]],
            ])
        try model.with { folder in
            let source = try ConversionSource(
                directory: folder, options: StreamFamilyTests.options)
            let prefix = "nemotron_h_moe."
            #expect(source.metadata[prefix + "expert_used_count"] == .int32s([2, 0, 1]))
            #expect(source.metadata[prefix + "expert_feed_forward_length"] == .int32s([3, 0, 5]))
            let tensor = source.tensors.first { $0.name == "blk.2.ffn_up_exps.weight" }
            #expect(tensor?.shape.dimensions.dropFirst() == [5, 4])
        }
    }

    /// Qwen 4's indexer has one matrix for queries and keys; a kind of layers has two names.
    @Test func indexersAreSplit() throws {
        let model = try FamilyExportTests.model(
            "Qwen4Exp",
            [
                "num_hidden_layers": 2, "head_dim": 4,
                "layer_types": ["linear_attention", "indexed_attention"],
                "linear_num_key_heads": 2, "linear_num_value_heads": 2, "linear_key_head_dim": 4,
                "linear_value_head_dim": 4, "hc_count": 2, "hc_lowrank": 3,
                "indexer_n_heads": 2, "indexer_kv_heads": 1, "indexer_head_dim": 4,
                "indexer_budget": 8, "indexer_compress_ratio": 4, "moe_intermediate_size": 6,
                "shared_expert_intermediate_size": 5, "num_experts_per_tok": 2,
                "eos_token_id": 510,
            ])
        let name = "model.layers.1.self_attn.indexer.index_qk_proj.weight"
        let shape = try #require(model.tensors.first { $0.name == name }).shape
        let found = try values("blk.1.indexer.k_proj.weight", of: model)
        let first = 8 * shape[1]
        #expect(found == (first..<12 * shape[1]).map { model.value(name, $0) })
        try model.with { folder in
            let source = try ConversionSource(
                directory: folder, options: StreamFamilyTests.options)
            #expect(
                source.metadata["qwen4exp.attention.compress_ratios"] == .int32s([0, 4]))
        }
    }
}
