import Foundation
import TensorCore
import TestSupport
import Testing
import Tokenization

@Suite("Hugging Face tokenizers as GGUF vocabularies")
struct HFTokenizerTests {
    @Test(
        "committed checkpoints give the peer's vocabulary",
        .enabled(if: Checkpoints.haveCommitted, "fixtures/conformance has no checkpoints"),
        arguments: Checkpoints.committed)
    func committed(name: String) throws { try compare(name) }

    @Test(
        "all checkpoints give the peer's vocabulary",
        .enabled(if: Checkpoints.haveAll, "INGOT_CONFORMANCE is not set"),
        arguments: Checkpoints.all)
    func all(name: String) throws { try compare(name) }

    private func compare(_ name: String) throws {
        let tokenizer = try HFTokenizer.load(directory: Checkpoints.directory(name))
        let vocabulary = tokenizer.vocabulary
        let expected = try Checkpoints.expectedMetadata(name)
        #expect(vocabulary.model.rawValue == expected["tokenizer.ggml.model"]?.text)
        #expect(vocabulary.pre == expected["tokenizer.ggml.pre"]?.text)
        let lists: [(String, [UInt8]?)] = [
            ("tokens", PythonJSON.list(vocabulary.tokens)),
            ("token_type", PythonJSON.list(vocabulary.types.map { $0.rawValue })),
            ("scores", vocabulary.scores.map { PythonJSON.list($0) }),
            ("merges", vocabulary.merges.isEmpty ? nil : PythonJSON.list(vocabulary.merges)),
        ]
        for (key, bytes) in lists {
            let digest = expected["tokenizer.ggml.\(key)"]?["sha256"]?.text
            #expect(bytes.map { sha256($0) } == digest, "\(name): \(key)")
        }
        // What the family adds by itself is the converter's business.
        let added: Set<Vocabulary.SpecialRole> = name == "gemma" ? [.eot] : []
        for role in Vocabulary.SpecialRole.allCases where !added.contains(role) {
            #expect(
                vocabulary.specialIDs[role].map { Int($0) }
                    == expected[role.metadataKey]?.integer, "\(name): \(role)")
        }
        #expect(vocabulary.addBOS == expected["tokenizer.ggml.add_bos_token"]?.boolean)
        #expect(vocabulary.addEOS == expected["tokenizer.ggml.add_eos_token"]?.boolean)
        #expect(vocabulary.addSEP == expected["tokenizer.ggml.add_sep_token"]?.boolean)
        #expect(vocabulary.chatTemplate == expected["tokenizer.chat_template"]?.bytes)
    }

    @Test("pieces with merges have types by name and text, and are joined in the merges' order")
    func merges() throws {
        let definition =
            #"{"added_tokens":[{"id":9,"content":"<|tool_call>","special":true},{"id":10,"content":"<turn|>","special":true},{"id":11,"content":"<|turn>","special":true}],"normalizer":{"type":"Replace","pattern":{"String":" "},"content":"▁"},"pre_tokenizer":null,"post_processor":null,"decoder":{"type":"Sequence","decoders":[{"type":"ByteFallback"}]},"model":{"type":"BPE","byte_fallback":true,"unk_token":"<unk>","vocab":{"<pad>":0,"<eos>":1,"<bos>":2,"<unk>":3,"<0x41>":4,"▁":5,"a":6,"b":7,"ab":8,"<|tool_call>":9,"<turn|>":10,"<|turn>":11,"▁a":12},"merges":[["a","b"],["▁","a"]]}}"#
        try Fixtures.withTemporaryFolder { folder in
            try Data(definition.utf8).write(to: URL(fileURLWithPath: folder + "/tokenizer.json"))
            try Data(#"{"eot_token":"<turn|>","bos_token":"<bos>"}"#.utf8)
                .write(to: URL(fileURLWithPath: folder + "/tokenizer_config.json"))
            let vocabulary = try HFTokenizer.load(
                directory: folder, vocabularySize: 13, model: .sentencePieceMerges
            ).vocabulary
            #expect(vocabulary.model.rawValue == "gemma4")
            #expect(
                vocabulary.types.map(\.rawValue) == [3, 3, 3, 3, 6, 1, 1, 1, 1, 4, 3, 1, 1])
            #expect(vocabulary.scores?.allSatisfy { $0 == -1000 } == true)
            #expect(vocabulary.merges == ["a b", "▁ a"])
            var plain = vocabulary
            plain.addBOS = false
            plain.addSpacePrefix = false
            let tokenizer = try Tokenizer(vocabulary: plain)
            #expect(try tokenizer.encode("b ab a".utf8) == [7, 5, 8, 12])
        }
    }
}
