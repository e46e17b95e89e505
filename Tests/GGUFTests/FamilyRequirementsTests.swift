import GGUF
import Quantization
import TensorCore
import Testing

/// Keys, counts and tensors that readers of one family ask for.
@Suite struct FamilyRequirementsTests {
    private static func places(
        _ architecture: String, _ entries: [String: MetadataValue?], tensors: [String] = []
    ) -> [String] {
        var metadata = Metadata()
        metadata["general.architecture"] = .string(ByteString(architecture))
        for (key, value) in [
            ("context_length", MetadataValue.uint32(64)), ("embedding_length", .uint32(8)),
            ("block_count", .uint32(2)), ("attention.layer_norm_rms_epsilon", .float32(1e-5)),
        ] {
            metadata["\(architecture).\(key)"] = value
        }
        for (key, value) in entries { metadata["\(architecture).\(key)"] = value }
        metadata["tokenizer.ggml.model"] = .string("no_vocab")
        let described = tensors.compactMap { name in
            Shape([8]).map { TensorDescription(name: name, shape: $0, format: .F32) }
        }
        return ReaderRequirements(metadata: metadata, tensors: described, path: "m.gguf")
            .faults(in: [.blocks, .keys, .tensors]).compactMap(\.place)
    }

    @Test func aPlainModelLacksNothing() {
        #expect(FamilyRequirementsTests.places("llama", [:]).isEmpty)
        #expect(FamilyRequirementsTests.places("unheard-of", [:]).isEmpty)
    }

    @Test(
        arguments: [
            ("llama", "context_length", nil), ("llama", "attention.layer_norm_rms_epsilon", nil),
            ("llama", "block_count", MetadataValue.uint32(513)),
            ("llama", "block_count", .uint32(0)),
            ("llama", "rope.scaling.type", .string("su")),
            ("llama", "expert_used_count", .uint32(2)), ("llama", "expert_group_count", .uint32(1)),
        ] as [(String, String, MetadataValue?)])
    func faultsAreNamed(_ architecture: String, _ key: String, _ value: MetadataValue?) {
        #expect(
            FamilyRequirementsTests.places(architecture, [key: value])
                == ["\(architecture).\(key)"])
    }

    @Test func expertsAndGroupsGoTogether() {
        func places(_ entries: [String: MetadataValue?]) -> [String] {
            FamilyRequirementsTests.places(
                "llama",
                ["expert_count": .uint32(8), "expert_used_count": .uint32(2)]
                    .merging(entries) { $1 })
        }
        #expect(places([:]).isEmpty)
        #expect(places(["expert_used_count": .uint32(9)]) == ["llama.expert_used_count"])
        #expect(places(["expert_used_count": nil]) == ["llama.expert_used_count"])
        #expect(places(["expert_group_count": .uint32(8)]) == ["llama.expert_group_count"])
        #expect(
            places(["expert_group_count": .uint32(4), "expert_group_used_count": .uint32(4)])
                == ["llama.expert_group_used_count"])
    }

    @Test func matricesAndBiasesAreAsked() {
        #expect(
            FamilyRequirementsTests.places("olmo2", [:], tensors: ["token_embd.weight"])
                == ["output.weight"])
        #expect(FamilyRequirementsTests.places("olmo2", [:], tensors: ["output.weight"]).isEmpty)
        // A vocabulary has no tensors.
        #expect(FamilyRequirementsTests.places("olmo2", [:]).isEmpty)
        #expect(
            FamilyRequirementsTests.places(
                "starcoder2", ["attention.layer_norm_epsilon": .float32(1e-5)],
                tensors: ["blk.0.ffn_up.weight", "blk.1.ffn_up.weight", "blk.1.ffn_up.bias"])
                == ["blk.0.ffn_up.bias"])
    }
}
