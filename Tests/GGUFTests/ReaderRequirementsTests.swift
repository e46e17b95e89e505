import GGUF
import TensorCore
import Testing

/// Files that llama.cpp would not load are told from those that it would.
@Suite struct ReaderRequirementsTests {
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
        return ReaderRequirements.faults(in: metadata, tensors: tensors).map(\.place)
    }

    @Test func aPlainModelLacksNothing() {
        #expect(ReaderRequirementsTests.places("llama", [:]).isEmpty)
        #expect(ReaderRequirementsTests.places("unheard-of", [:]).isEmpty)
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
            ReaderRequirementsTests.places(architecture, [key: value])
                == ["\(architecture).\(key)"])
    }

    @Test func expertsAndGroupsGoTogether() {
        func places(_ entries: [String: MetadataValue?]) -> [String] {
            ReaderRequirementsTests.places(
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
        #expect(ReaderRequirementsTests.places("olmo2", [:]) == ["output.weight"])
        #expect(ReaderRequirementsTests.places("olmo2", [:], tensors: ["output.weight"]).isEmpty)
        #expect(
            ReaderRequirementsTests.places(
                "starcoder2", ["attention.layer_norm_epsilon": .float32(1e-5)],
                tensors: ["blk.0.ffn_up.weight", "blk.1.ffn_up.weight", "blk.1.ffn_up.bias"])
                == ["blk.0.ffn_up.bias"])
    }
}
