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
}
