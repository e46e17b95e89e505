import Architectures
import Conversion
import Foundation
import GGUF
import Quantization
import TensorCore
import TestSupport
import Testing

/// Draft models, whose tokenizer and layers are another model's.
@Suite struct DraftTests {
    private static let config: [String: any Sendable] = [
        "architectures": ["LlamaForCausalLMEagle3"], "vocab_size": 512, "draft_vocab_size": 3,
        "hidden_size": 4, "intermediate_size": 6, "num_hidden_layers": 1,
        "num_attention_heads": 2, "num_key_value_heads": 1, "target_hidden_size": 5,
        "eagle_aux_hidden_state_layer_ids": [2, 1, 0],
    ]
    private static let tensors: [(name: String, shape: [Int])] = [
        ("fc.weight", [4, 15]), ("norm.weight", [4]), ("lm_head.weight", [3, 4]),
        ("midlayer.hidden_norm.weight", [4]), ("midlayer.input_layernorm.weight", [4]),
        ("midlayer.post_attention_layernorm.weight", [4]),
        ("midlayer.self_attn.q_proj.weight", [4, 8]),
        ("midlayer.self_attn.k_proj.weight", [2, 8]),
        ("midlayer.self_attn.v_proj.weight", [2, 8]),
        ("midlayer.self_attn.o_proj.weight", [4, 4]), ("midlayer.mlp.gate_proj.weight", [6, 4]),
        ("midlayer.mlp.up_proj.weight", [6, 4]), ("midlayer.mlp.down_proj.weight", [4, 6]),
    ]
    private static let target =
        Fixtures.projectRoot.appending(path: "fixtures/conformance/convert/checkpoints/llama").path

    private var model: SyntheticModel {
        SyntheticModel(config: DraftTests.config, tensors: DraftTests.tensors)
    }

    @Test func tokenizerAndLayersAreTheTargets() throws {
        try model.with { folder in
            let source = try ConversionSource(
                directory: folder,
                options: .init(outputType: .f32, pre: "llama-bpe", target: DraftTests.target))
            #expect(source.metadata["general.architecture"] == .string("eagle3"))
            #expect(source.metadata["eagle3.target_hidden_size"] == .uint32(5))
            #expect(source.metadata["eagle3.target_layers"]?.integers?.first == 2)
            #expect(source.metadata["eagle3.norm_before_fc"] == .bool(false))
            #expect(source.tensors.contains { $0.name == "blk.0.attn_norm_2.weight" })
            #expect(source.tensors.first { $0.name == "fc.weight" }?.shape.dimensions == [4, 15])
        }
    }

    @Test func theTargetMustBeNamed() throws {
        _ = try model.with { folder in
            #expect {
                _ = try ConversionSource(directory: folder, options: .init(outputType: .f32))
            } throws: { error in "\(error)".contains("--target-model-dir") }
        }
    }
}
