import Architectures
import Conversion
import Foundation
import GGUF
import Quantization
import Safetensors
import TensorCore
import TestSupport
import Testing

/// What the families' rules do with values, on models whose values tell where they come from.
@Suite struct TensorRuleTests {
    /// Compares a matrix (or a stack of them) with a stored element for each place.
    private func expect(
        _ tensor: Converted?, is shape: [Int], _ stored: ([Int]) -> Float,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let tensor = try #require(tensor, sourceLocation: sourceLocation)
        #expect(tensor.shape == shape, sourceLocation: sourceLocation)
        var expected: [Float] = []
        for index in 0..<shape.reduce(1, *) {
            var rest = index
            var place: [Int] = []
            for side in shape.reversed() {
                place.insert(rest % side, at: 0)
                rest /= side
            }
            expected.append(stored(place))
        }
        #expect(tensor.values == expected, sourceLocation: sourceLocation)
    }

    /// A model with one layer of the delta rule: 2 key heads of 2, 4 value heads of 3; `mixer` are
    /// the projections in which its forms differ.
    private func deltaModel(
        _ className: String, mixer: [(name: String, shape: [Int])],
        further: [(name: String, shape: [Int])]
    ) -> SyntheticModel {
        let layer = "model.layers.0."
        return SyntheticModel(
            config: [
                "architectures": [className], "vocab_size": 512, "hidden_size": 8,
                "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
                "num_key_value_heads": 1, "head_dim": 4, "linear_key_head_dim": 2,
                "linear_value_head_dim": 3, "linear_num_key_heads": 2,
                "linear_num_value_heads": 4, "linear_conv_kernel_dim": 2,
                "layer_types": ["linear_attention"], "num_experts": 2,
                "num_experts_per_tok": 1, "moe_intermediate_size": 4,
                "shared_expert_intermediate_size": 4,
            ],
            // First, so that its values are small.
            tensors: [(layer + "linear_attn.A_log", [4])]
                + mixer.map { (layer + "linear_attn." + $0.name, $0.shape) }
                + [
                    (layer + "linear_attn.dt_bias", [4]),
                    (layer + "linear_attn.conv1d.weight", [20, 1, 2]),
                    (layer + "linear_attn.norm.weight", [3]),
                    (layer + "linear_attn.out_proj.weight", [8, 12]),
                    (layer + "input_layernorm.weight", [8]),
                    (layer + "post_attention_layernorm.weight", [8]),
                    ("model.embed_tokens.weight", [512, 8]), ("model.norm.weight", [8]),
                ] + further)
    }

    @Test func valueHeadsTakeTurns() throws {
        let layer = "model.layers.0."
        func network(_ layer: String) -> [(name: String, shape: [Int])] {
            [
                (layer + "mlp.gate_proj.weight", [16, 8]),
                (layer + "mlp.up_proj.weight", [16, 8]),
                (layer + "mlp.down_proj.weight", [8, 16]),
            ]
        }
        let predictor = "mtp.layers.0."
        let model = deltaModel(
            "Qwen3_5ForCausalLM",
            mixer: [
                ("in_proj_qkv.weight", [20, 8]), ("in_proj_z.weight", [12, 8]),
                ("in_proj_a.weight", [4, 8]), ("in_proj_b.weight", [4, 8]),
            ],
            further: network(layer) + network(predictor) + [
                ("mtp.fc.weight", [8, 16]), ("mtp.norm.weight", [8]),
                ("mtp.pre_fc_norm_embedding.weight", [8]),
                ("mtp.pre_fc_norm_hidden.weight", [8]),
                (predictor + "input_layernorm.weight", [8]),
                (predictor + "post_attention_layernorm.weight", [8]),
                (predictor + "self_attn.q_proj.weight", [16, 8]),
                (predictor + "self_attn.k_proj.weight", [4, 8]),
                (predictor + "self_attn.v_proj.weight", [4, 8]),
                (predictor + "self_attn.o_proj.weight", [8, 8]),
                (predictor + "self_attn.q_norm.weight", [4]),
                (predictor + "self_attn.k_norm.weight", [4]),
            ])
        let converted = try model.convert()
        let mixer = layer + "linear_attn."
        /// The stored value head that stands at a place.
        func head(_ place: Int) -> Int { place % 2 * 2 + place / 2 }
        /// The stored row of a value.
        func row(_ place: Int) -> Int { head(place / 3) * 3 + place % 3 }
        try expect(converted["blk.0.attn_qkv.weight"], is: [20, 8]) {
            let stored = $0[0] < 8 ? $0[0] : 8 + row($0[0] - 8)
            return model.value(mixer + "in_proj_qkv.weight", stored * 8 + $0[1])
        }
        try expect(converted["blk.0.ssm_conv1d.weight"], is: [20, 2]) {
            let stored = $0[0] < 8 ? $0[0] : 8 + row($0[0] - 8)
            return model.value(mixer + "conv1d.weight", stored * 2 + $0[1])
        }
        try expect(converted["blk.0.attn_gate.weight"], is: [12, 8]) {
            model.value(mixer + "in_proj_z.weight", row($0[0]) * 8 + $0[1])
        }
        try expect(converted["blk.0.ssm_alpha.weight"], is: [4, 8]) {
            model.value(mixer + "in_proj_a.weight", head($0[0]) * 8 + $0[1])
        }
        try expect(converted["blk.0.ssm_beta.weight"], is: [4, 8]) {
            model.value(mixer + "in_proj_b.weight", head($0[0]) * 8 + $0[1])
        }
        try expect(converted["blk.0.ssm_out.weight"], is: [8, 12]) {
            model.value(mixer + "out_proj.weight", $0[0] * 12 + row($0[1]))
        }
        try expect(converted["blk.0.ssm_dt.bias"], is: [4]) {
            model.value(mixer + "dt_bias", head($0[0]))
        }
        try expect(converted["blk.0.ssm_a"], is: [4]) {
            Float(-exp(Double(model.value(mixer + "A_log", head($0[0])))))
        }
        // The layer that predicts a further token is the block behind the last.
        try expect(converted["blk.1.nextn.eh_proj.weight"], is: [8, 16]) {
            model.value("mtp.fc.weight", $0[0] * 16 + $0[1])
        }
        try expect(converted["blk.1.nextn.shared_head_norm.weight"], is: [8]) {
            model.value("mtp.norm.weight", $0[0]) + 1
        }
        try expect(converted["blk.1.attn_q.weight"], is: [16, 8]) {
            model.value(predictor + "self_attn.q_proj.weight", $0[0] * 8 + $0[1])
        }
    }

    @Test func rowsOfKeyHeadsAreSorted() throws {
        let layer = "model.layers.0.mlp."
        let model = deltaModel(
            "Qwen3NextForCausalLM",
            mixer: [("in_proj_qkvz.weight", [32, 8]), ("in_proj_ba.weight", [8, 8])],
            further: [
                (layer + "gate.weight", [2, 8]), (layer + "experts.down_proj", [2, 8, 4]),
                (layer + "experts.gate_up_proj", [2, 8, 8]),
                (layer + "shared_expert_gate.weight", [1, 8]),
                (layer + "shared_expert.gate_proj.weight", [4, 8]),
                (layer + "shared_expert.up_proj.weight", [4, 8]),
                (layer + "shared_expert.down_proj.weight", [8, 4]),
            ])
        let converted = try model.convert()
        let name = "model.layers.0.linear_attn.in_proj_qkvz.weight"
        // A key head has 2 rows of its query, 2 of its key, 6 of values and 6 of gates.
        try expect(converted["blk.0.attn_qkv.weight"], is: [20, 8]) {
            let row = $0[0]
            let stored =
                row < 8
                ? row % 4 / 2 * 16 + row / 4 * 2 + row % 2 : (row - 8) / 6 * 16 + 4 + (row - 8) % 6
            return model.value(name, stored * 8 + $0[1])
        }
        try expect(converted["blk.0.attn_gate.weight"], is: [12, 8]) {
            model.value(name, ($0[0] / 6 * 16 + 10 + $0[0] % 6) * 8 + $0[1])
        }
        try expect(converted["blk.0.ssm_ba.weight"], is: [8, 8]) {
            model.value("model.layers.0.linear_attn.in_proj_ba.weight", $0[0] * 8 + $0[1])
        }
    }

    @Test func matricesAreTransposed() throws {
        let layer = "transformer.h.0."
        var tensors: [(name: String, shape: [Int])] = [
            ("transformer.wte.weight", [512, 8]), ("transformer.wpe.weight", [16, 8]),
            (layer + "attn.bias", [1, 1, 16, 16]),
        ]
        for name in ["transformer.ln_f", layer + "ln_1", layer + "ln_2"] {
            tensors.append((name + ".weight", [8]))
            tensors.append((name + ".bias", [8]))
        }
        for (name, shape) in [
            ("attn.c_attn", [8, 24]), ("attn.c_proj", [8, 8]), ("mlp.c_fc", [8, 32]),
            ("mlp.c_proj", [32, 8]),
        ] {
            tensors.append(("\(layer)\(name).weight", shape))
            tensors.append(("\(layer)\(name).bias", [shape[1]]))
        }
        let model = SyntheticModel(
            config: [
                "architectures": ["GPT2LMHeadModel"], "vocab_size": 512, "n_embd": 8, "n_head": 2,
                "n_layer": 1, "n_positions": 16,
            ], tensors: tensors)
        let converted = try model.convert()
        try expect(converted["blk.0.attn_qkv.weight"], is: [24, 8]) {
            model.value(layer + "attn.c_attn.weight", $0[1] * 24 + $0[0])
        }
        try expect(converted["blk.0.ffn_down.weight"], is: [8, 32]) {
            model.value(layer + "mlp.c_proj.weight", $0[1] * 8 + $0[0])
        }
        #expect(converted["output.weight"] == nil)
        // The same names without the prefix.
        var short = model
        short.tensors = tensors.map { (String($0.name.dropFirst(12)), $0.shape) }
        #expect(
            try short.convert()["blk.0.attn_qkv.weight"]?.values
                == converted["blk.0.attn_qkv.weight"]?.values)
    }

    @Test func headsOfThreeAreRegrouped() throws {
        let layer = "gpt_neox.layers.0."
        var tensors: [(name: String, shape: [Int])] = [
            ("gpt_neox.embed_in.weight", [512, 8]), ("embed_out.weight", [512, 8]),
        ]
        for name in [
            "gpt_neox.final_layer_norm", layer + "input_layernorm",
            layer + "post_attention_layernorm",
        ] {
            tensors.append((name + ".weight", [8]))
            tensors.append((name + ".bias", [8]))
        }
        for (name, shape) in [
            ("attention.query_key_value", [24, 8]), ("attention.dense", [8, 8]),
            ("mlp.dense_h_to_4h", [12, 8]), ("mlp.dense_4h_to_h", [8, 12]),
        ] {
            tensors.append(("\(layer)\(name).weight", shape))
            tensors.append(("\(layer)\(name).bias", [shape[0]]))
        }
        let model = SyntheticModel(
            config: [
                "architectures": ["GPTNeoXForCausalLM"], "vocab_size": 512, "hidden_size": 8,
                "num_attention_heads": 2, "num_hidden_layers": 1, "intermediate_size": 12,
                "rotary_pct": 0.5,
            ], tensors: tensors)
        let converted = try model.convert()
        func row(_ row: Int) -> Int { row % 8 / 4 * 12 + row / 8 * 4 + row % 4 }
        try expect(converted["blk.0.attn_qkv.weight"], is: [24, 8]) {
            model.value(layer + "attention.query_key_value.weight", row($0[0]) * 8 + $0[1])
        }
        try expect(converted["blk.0.attn_qkv.bias"], is: [24]) {
            model.value(layer + "attention.query_key_value.bias", row($0[0]))
        }
    }

    @Test func groupsOfQueriesAreRegrouped() throws {
        let layer = "transformer.h.0."
        var tensors: [(name: String, shape: [Int])] = [
            ("transformer.word_embeddings.weight", [512, 16]),
            (layer + "self_attention.query_key_value.weight", [32, 16]),
            (layer + "self_attention.dense.weight", [16, 16]),
            (layer + "mlp.dense_h_to_4h.weight", [64, 16]),
            (layer + "mlp.dense_4h_to_h.weight", [16, 64]),
        ]
        for name in ["transformer.ln_f", layer + "ln_attn", layer + "ln_mlp"] {
            tensors.append((name + ".weight", [16]))
            tensors.append((name + ".bias", [16]))
        }
        let model = SyntheticModel(
            config: [
                "architectures": ["FalconForCausalLM"], "vocab_size": 512, "hidden_size": 16,
                "num_attention_heads": 4, "num_kv_heads": 2, "num_hidden_layers": 1,
                "new_decoder_architecture": true,
            ], tensors: tensors)
        let converted = try model.convert()
        // Two groups of two queries, a key and a value, each of four rows.
        let heads = [0, 1, 4, 5, 2, 6, 3, 7]
        try expect(converted["blk.0.attn_qkv.weight"], is: [32, 16]) {
            model.value(
                layer + "self_attention.query_key_value.weight",
                (heads[$0[0] / 4] * 4 + $0[0] % 4) * 16 + $0[1])
        }
        try expect(converted["blk.0.attn_norm_2.weight"], is: [16]) {
            model.value(layer + "ln_attn.weight", $0[0])
        }
    }

    @Test func latentAttentionIsSplit() throws {
        let layer = "model.layers.0."
        let model = SyntheticModel(
            config: [
                "architectures": ["DeepseekV2ForCausalLM"], "vocab_size": 512, "hidden_size": 8,
                "num_attention_heads": 2, "num_hidden_layers": 1, "intermediate_size": 12,
                "q_lora_rank": NSNull(), "kv_lora_rank": 6, "qk_nope_head_dim": 3,
                "qk_rope_head_dim": 2, "v_head_dim": 5, "first_k_dense_replace": 1,
                "n_routed_experts": 2, "num_experts_per_tok": 1,
            ],
            tensors: [
                ("model.embed_tokens.weight", [512, 8]), ("model.norm.weight", [8]),
                (layer + "input_layernorm.weight", [8]),
                (layer + "post_attention_layernorm.weight", [8]),
                (layer + "self_attn.q_proj.weight", [10, 8]),
                (layer + "self_attn.kv_a_proj_with_mqa.weight", [8, 8]),
                (layer + "self_attn.kv_a_layernorm.weight", [6]),
                (layer + "self_attn.kv_b_proj.weight", [16, 6]),
                (layer + "self_attn.o_proj.weight", [8, 10]),
                (layer + "mlp.gate_proj.weight", [12, 8]), (layer + "mlp.up_proj.weight", [12, 8]),
                (layer + "mlp.down_proj.weight", [8, 12]),
            ])
        let converted = try model.convert()
        let name = layer + "self_attn.kv_b_proj.weight"
        try expect(converted["blk.0.attn_k_b.weight"], is: [2, 6, 3]) {
            model.value(name, ($0[0] * 8 + $0[2]) * 6 + $0[1])
        }
        try expect(converted["blk.0.attn_v_b.weight"], is: [2, 5, 6]) {
            model.value(name, ($0[0] * 8 + 3 + $0[1]) * 6 + $0[2])
        }
    }

    @Test func expertsAreStacked() throws {
        let model = SyntheticModel.experts()
        let converted = try model.convert()
        for (name, shape) in [("down", [11, 8, 6]), ("gate", [11, 6, 8]), ("up", [11, 6, 8])] {
            try expect(converted["blk.0.ffn_\(name)_exps.weight"], is: shape) {
                model.value(
                    "model.layers.0.mlp.experts.\($0[0]).\(name)_proj.weight",
                    $0[1] * shape[2] + $0[2])
            }
        }
        let order = ["attn_norm", "ffn_down_exps", "ffn_gate_exps", "ffn_up_exps", "ffn_gate_inp"]
        let positions = order.compactMap { converted["blk.0.\($0).weight"]?.position }
        #expect(positions == Array(positions[0]..<positions[0] + 5))
    }

    @Test func mergedExpertsAreSplit() throws {
        let model = SyntheticModel.experts(merged: true)
        let converted = try model.convert()
        for (name, start) in [("gate", 0), ("up", 6)] {
            try expect(converted["blk.0.ffn_\(name)_exps.weight"], is: [11, 6, 8]) {
                model.value(
                    "model.layers.0.mlp.experts.gate_up_proj",
                    ($0[0] * 12 + start + $0[1]) * 8 + $0[2])
            }
        }
        try expect(converted["blk.0.ffn_down_exps.weight"], is: [11, 8, 6]) {
            model.value(
                "model.layers.0.mlp.experts.down_proj", ($0[0] * 8 + $0[1]) * 6 + $0[2])
        }
    }

    @Test func columnsOfExpertsBecomeRows() throws {
        let model = try FamilyExportTests.model("Llama4", ["interleave_moe_layer_step": 2])
        let converted = try model.convert()
        let experts = "model.layers.1.feed_forward.experts."
        for (name, start) in [("gate", 0), ("up", 12)] {
            try expect(converted["blk.1.ffn_\(name)_exps.weight"], is: [4, 12, 16]) {
                model.value(
                    experts + "gate_up_proj", ($0[0] * 16 + $0[2]) * 24 + start + $0[1])
            }
        }
        try expect(converted["blk.1.ffn_down_exps.weight"], is: [4, 16, 12]) {
            model.value(experts + "down_proj", ($0[0] * 12 + $0[2]) * 16 + $0[1])
        }
        // Blocks without experts are wider.
        #expect(converted["blk.0.ffn_gate.weight"]?.shape == [20, 16])
        #expect(converted["blk.1.ffn_gate_shexp.weight"]?.shape == [12, 16])
    }

    @Test func layersBehindTheLastAreLeftOut() throws {
        var model = try FamilyExportTests.model("DeepseekV3", ["num_key_value_heads": 4])
        let plain = try model.convert()
        model.tensors.append(("model.layers.4.eh_proj.weight", [16, 32]))
        model.tensors.append(("model.layers.4.self_attn.o_proj.weight", [16, 16]))
        #expect(try Set(model.convert().keys) == Set(plain.keys))
        try model.with { folder in
            let notices = try ConversionSource(
                directory: folder, options: .init(pre: "llama-bpe")
            ).notices
            #expect(
                notices.contains("2 tensors of layers that predict further tokens are left out"))
        }
    }

    @Test func numbersThatLayersLearnedBecomeMetadata() throws {
        let model = try FamilyExportTests.model("Apertus", [:])
        try model.with { folder in
            let source = try ConversionSource(
                directory: folder, options: .init(outputType: .f32, pre: "llama-bpe"))
            for name in ["alpha_n", "alpha_p", "beta", "eps"] {
                #expect(
                    source.metadata["xielu.\(name)"]
                        == .float32s(
                            (0..<4).map { model.value("model.layers.\($0).mlp.act_fn.\(name)", 0) })
                )
            }
            #expect(!source.tensors.contains { $0.name.contains("act_fn") })
        }
        var damaged = model
        damaged.tensors.removeAll { $0.name == "model.layers.2.mlp.act_fn.beta" }
        #expect("\(try damaged.refusal())".contains("model.layers.2.mlp.act_fn.beta"))
        damaged = model
        damaged.tensors = damaged.tensors.map {
            $0.name == "model.layers.2.mlp.act_fn.beta" ? ($0.name, [2]) : $0
        }
        #expect("\(try damaged.refusal())".contains("model.layers.2.mlp.act_fn.beta"))
    }

    @Test func interleavedColumnsBecomeRows() throws {
        let model = SyntheticModel.gptOss(packed: false)
        let converted = try model.convert()
        let experts = "model.layers.0.mlp.experts."
        for (name, start) in [("gate", 0), ("up", 1)] {
            try expect(converted["blk.0.ffn_\(name)_exps.weight"], is: [3, 32, 64]) {
                model.value(
                    experts + "gate_up_proj", ($0[0] * 64 + $0[2]) * 64 + 2 * $0[1] + start)
            }
            try expect(converted["blk.0.ffn_\(name)_exps.bias"], is: [3, 32]) {
                model.value(experts + "gate_up_proj_bias", $0[0] * 64 + 2 * $0[1] + start)
            }
        }
        try expect(converted["blk.0.ffn_down_exps.weight"], is: [3, 64, 32]) {
            model.value(experts + "down_proj", ($0[0] * 32 + $0[2]) * 64 + $0[1])
        }
    }

    @Test func packedExpertsStayPacked() throws {
        let model = SyntheticModel.gptOss(packed: true)
        let converted = try model.convert()
        let magnitudes: [Float] = [0, 0.5, 1, 1.5, 2, 3, 4, 6]
        // The value of column `column` in row `row` of all experts' rows.
        func value(_ name: String, row: Int, column: Int, blockCount: Int) -> Float {
            let experts = "model.layers.0.mlp.experts.\(name)"
            let block = row * blockCount + column / 32
            guard let codes = model.bytes[experts + "_blocks"],
                let exponents = model.bytes[experts + "_scales"]
            else { return .nan }
            let byte = codes[block * 16 + column % 32 / 2]
            let code = Int(column % 2 == 0 ? byte & 0xF : byte >> 4)
            let scale = Float(sign: .plus, exponent: Int(exponents[block]) - 127, significand: 1)
            return (code < 8 ? 1 : -1) * magnitudes[code % 8] * scale
        }
        for (name, start) in [("gate", 0), ("up", 1)] {
            let tensor = converted["blk.0.ffn_\(name)_exps.weight"]
            #expect(tensor?.format == .MXFP4)
            try expect(tensor, is: [3, 32, 64]) {
                value(
                    "gate_up_proj", row: $0[0] * 64 + 2 * $0[1] + start, column: $0[2],
                    blockCount: 2)
            }
        }
        try expect(converted["blk.0.ffn_down_exps.weight"], is: [3, 64, 32]) {
            value("down_proj", row: $0[0] * 64 + $0[1], column: $0[2], blockCount: 1)
        }
        // They come first in the file.
        #expect(converted["blk.0.ffn_down_exps.weight"]?.position == 0)
    }

    /// A Gemma; with the names of a multimodal checkpoint when `prefix` says so.
    private func gemma(_ dataType: DataType, prefix: String = "") -> SyntheticModel {
        var tensors = SyntheticModel.attention
        let layer = "model.layers.0."
        for name in ["pre_feedforward_layernorm", "post_feedforward_layernorm"] {
            tensors.append(("\(layer)\(name).weight", [8]))
        }
        for (name, shape) in [
            ("self_attn.q_norm", [4]), ("self_attn.k_norm", [4]), ("mlp.gate_proj", [12, 8]),
            ("mlp.up_proj", [12, 8]), ("mlp.down_proj", [8, 12]),
        ] {
            tensors.append(("\(layer)\(name).weight", shape))
        }
        tensors = tensors.map { (prefix + $0.name, $0.shape) }
        let text = SyntheticModel.config("Gemma3ForCausalLM", ["query_pre_attn_scalar": 4])
        guard !prefix.isEmpty else {
            return SyntheticModel(config: text, tensors: tensors, dataType: dataType)
        }
        tensors.append(("vision_tower.vision_model.embeddings.weight", [3, 3]))
        tensors.append(("multi_modal_projector.mm_soft_emb_norm.weight", [3]))
        return SyntheticModel(
            config: [
                "architectures": ["Gemma3ForConditionalGeneration"], "text_config": text,
                "vision_config": [:],
            ], tensors: tensors, dataType: dataType)
    }

    @Test(arguments: [DataType.F32, .BF16, .F16])
    func normsAreShifted(_ type: DataType) throws {
        let model = gemma(type)
        let name = "model.layers.0.input_layernorm.weight"
        func stored(_ index: Int) -> Float {
            switch type {
            case .F16: HalfFloat.float(fromF16: HalfFloat.f16(from: model.value(name, index)))
            case .BF16: HalfFloat.float(fromBF16: HalfFloat.bf16(from: model.value(name, index)))
            default: model.value(name, index)
            }
        }
        // The reference adds halves as halves: near 20000 the next one is 16 away.
        try expect(try model.convert()["blk.0.attn_norm.weight"], is: [8]) {
            let sum = stored($0[0]) + 1
            return type == .F16 ? HalfFloat.float(fromF16: HalfFloat.f16(from: sum)) : sum
        }
    }

    @Test func theLanguageModelOfAMultimodalCheckpointIsTaken() throws {
        let plain = try gemma(.F32).convert()
        let model = gemma(.F32, prefix: "language_model.")
        let converted = try model.convert()
        #expect(Set(converted.keys) == Set(plain.keys))
        #expect(converted["blk.0.attn_q.weight"]?.values == plain["blk.0.attn_q.weight"]?.values)
        try model.with { folder in
            let notices = try ConversionSource(
                directory: folder, options: .init(pre: "llama-bpe")
            ).notices
            #expect(
                notices.contains { $0.hasPrefix("2 tensors that are not the language model's") })
        }
    }
}
