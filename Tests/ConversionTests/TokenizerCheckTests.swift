import Conversion
import Foundation
import TensorCore
import TestSupport
import Testing
import Tokenization

/// The tokens of a converted file against those of the directory's own definition.
@Suite struct TokenizerCheckTests {
    private static let checkpoints = Fixtures.anyConformance + "/convert/checkpoints"

    /// Every directory that the fixtures and the conformance data have.
    static let directories: [String] = {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: checkpoints)) ?? []
        return [Fixtures.path("tiny-llama")]
            + names.sorted().map { "\(checkpoints)/\($0)" }
            .filter { Fixtures.exists($0 + "/config.json") }
    }()

    private func source(_ directory: String, pre: String? = nil) throws -> ConversionSource {
        try ConversionSource(
            directory: directory, options: .init(pre: pre, isVocabularyOnly: true))
    }

    /// What may differ in the data: no reader normalizes, marks of words are characters, and Phi-3
    /// is known by its name.
    private static let known = ["normalized to NFC", "marks beginnings of words", "model's name"]

    @Test(arguments: directories)
    func everyDirectoryAgreesWithItsFile(directory: String) throws {
        let source = try source(directory)
        let result = try TokenizerCheck(source.tokenizer, metadata: source.metadata).run()
        #expect(result.equalCount > 650)
        #expect(result.unencodableCount == 0)
        for limit in result.limits {
            #expect(Self.known.contains { limit.sentence.contains($0) }, "\(limit)")
        }
    }

    @Test func theCommittedDirectoriesAreThere() { #expect(Self.directories.count >= 5) }

    /// The first difference after something was done to the metadata of a checkpoint's file.
    private func difference(
        _ checkpoint: String, pre: String? = nil, _ damage: (inout Metadata) -> Void = { _ in }
    ) throws -> TokenizerDifference? {
        let source = try source(
            "\(Fixtures.conformance)/convert/checkpoints/\(checkpoint)", pre: pre)
        var metadata = source.metadata
        damage(&metadata)
        do {
            _ = try TokenizerCheck(source.tokenizer, metadata: metadata).run()
            return nil
        } catch let difference as TokenizerDifference {
            return difference
        }
    }

    @Test func anUndamagedFilePasses() throws {
        #expect(try difference("llama") == nil)
        #expect(try difference("llama-spm") == nil)
    }

    @Test func swappedTokensAreFound() throws {
        let found = try #require(
            try difference("llama") { metadata in
                guard case .strings(let tokens)? = metadata["tokenizer.ggml.tokens"] else { return }
                var list = Array(tokens)
                list.swapAt(70, 71)
                metadata["tokenizer.ggml.tokens"] = .strings(.init(list))
            })
        #expect(found.expected != found.found)
        #expect(found.exitCode == .badData)
        #expect("\(found)".contains("they differ from token \(found.position) on"))
    }

    @Test func missingMergesAreFound() throws {
        let found = try difference("qwen3") { metadata in
            guard case .strings(let merges)? = metadata["tokenizer.ggml.merges"] else { return }
            metadata["tokenizer.ggml.merges"] = .strings(.init(Array(merges).dropLast(60)))
        }
        #expect("\(try #require(found))".contains("tokens or merges differ"))
    }

    @Test func theRulesOfAnotherPreTokenizerAreFound() throws {
        let found = try #require(try difference("qwen3", pre: "gpt-2"))
        #expect("\(found)".contains("\"gpt-2\""))
        #expect("\(found)".contains("--pre"))
    }

    @Test func aSpaceThatIsNotMeantIsFound() throws {
        let found = try #require(
            try difference("llama-spm") {
                $0["tokenizer.ggml.add_space_prefix"] = .bool(false)
            })
        #expect("\(found)".contains("add_space_prefix"))
    }

    @Test func aMissingBeginningOfTextIsFound() throws {
        let found = try #require(
            try difference("llama") { $0["tokenizer.ggml.add_bos_token"] = .bool(false) })
        #expect(found.addsSpecial)
        #expect("\(found)".contains("bos_token"))
    }

    @Test func aControlTokenThatTheFileTakesForTextIsFound() throws {
        let found = try #require(
            try difference("llama") { metadata in
                guard case .int32s(let types)? = metadata["tokenizer.ggml.token_type"] else {
                    return
                }
                metadata["tokenizer.ggml.token_type"] = .int32s(
                    .init(types.map { $0 == 3 ? 1 : $0 }))
            })
        #expect("\(found)".contains("is an added token"))
    }

    // MARK: What no file can say

    /// The notices of a conversion and the result of the check, after a change of `tokenizer.json`.
    private func limits(
        _ change: (inout [String: Any]) -> Void
    ) throws -> (notices: [String], result: TokenizerCheck.Result) {
        try Checkpoints.with { folder in
            let path = folder + "/tokenizer.json"
            let data = try Data(contentsOf: URL(filePath: path))
            var json = try #require(
                try JSONSerialization.jsonObject(with: data) as? [String: Any])
            change(&json)
            let edited = try JSONSerialization.data(withJSONObject: json)
            try Checkpoints.replace(
                "tokenizer.json", in: folder, String(decoding: edited, as: UTF8.self))
            let source = try source(folder, pre: "llama-bpe")
            return (
                source.notices,
                try TokenizerCheck(source.tokenizer, metadata: source.metadata).run()
            )
        }
    }

    @Test(
        arguments: [
            (["type": "Lowercase"], "lower-cased (Lowercase)"),
            (["type": "StripAccents"], "accents are removed (StripAccents)"),
            (["type": "NFKC"], "normalized to NFKC"),
            (["type": "Strip", "strip_left": true, "strip_right": true], "(Strip)"),
            (
                ["type": "Replace", "pattern": ["String": "a"], "content": "b"],
                "\"a\" is replaced by \"b\""
            ),
        ] as [([String: any Sendable], String)])
    func whatIsDoneToTheTextIsSaid(step: [String: any Sendable], sentence: String) throws {
        let (notices, result) = try limits { $0["normalizer"] = step }
        #expect(notices.contains { $0.contains(sentence) }, "\(notices)")
        #expect(result.limits.contains { $0.sentence.contains(sentence) && $0.count > 5 })
    }

    @Test func normalizationToNFCIsForTheCheckOnly() throws {
        let (notices, result) = try limits { $0["normalizer"] = ["type": "NFC"] }
        #expect(!notices.contains { $0.contains("NFC") })
        #expect(result.limits.map(\.text).first == "cafe\u{301}")
        #expect(result.notices.first?.contains(#""cafe\u{301}" for one"#) ?? false)
    }

    @Test func propertiesOfAddedTokensAreSaid() throws {
        let (notices, result) = try limits { json in
            var tokens = json["added_tokens"] as? [[String: Any]] ?? []
            tokens[0]["lstrip"] = true
            tokens[1]["rstrip"] = true
            tokens[2]["single_word"] = true
            json["added_tokens"] = tokens
        }
        for sentence in ["before it; readers keep", "after it; readers keep", "whole word only"] {
            #expect(notices.contains { $0.contains(sentence) }, "\(notices)")
            #expect(result.limits.contains { $0.sentence.contains(sentence) })
        }
    }

    @Test(arguments: ["end_of_word_suffix", "continuing_subword_prefix"])
    func marksOfWordsAreSaidAndFailTheCheck(key: String) throws {
        try Checkpoints.with { folder in
            let path = folder + "/tokenizer.json"
            let text = try String(contentsOfFile: path, encoding: .utf8)
            func marked(_ mark: String) -> String {
                text.replacing("\"\(key)\":null", with: "\"\(key)\":\"\(mark)\"")
                    .replacing("\"\(key)\": null", with: "\"\(key)\": \"\(mark)\"")
            }
            let set = marked("@")
            #expect(set != text)
            try Checkpoints.replace("tokenizer.json", in: folder, set)
            let source = try source(folder)
            #expect(source.notices.contains { $0.contains(key) }, "\(source.notices)")
            #expect(throws: (any Error).self) {
                try TokenizerCheck(source.tokenizer, metadata: source.metadata).run()
            }
            // An empty mark is none.
            try Checkpoints.replace("tokenizer.json", in: folder, marked(""))
            #expect(!(try self.source(folder)).notices.contains { $0.contains(key) })
        }
    }

    @Test func whatASentencePieceModelLosesIsSaid() throws {
        try Checkpoints.with(copyOf: "llama-spm") { folder in
            let path = folder + "/tokenizer.model"
            // normalizer_spec with remove_extra_whitespaces, trainer_spec with
            // treat_whitespace_as_suffix: a later message is merged into an earlier one.
            let more: [UInt8] = [0x1A, 2, 0x20, 1, 0x12, 3, 0xC0, 0x01, 1]
            let model = [UInt8](try Data(contentsOf: URL(filePath: path))) + more
            try FileManager.default.removeItem(atPath: path)
            try OutputFile.write(model, to: path)
            let source = try source(folder)
            #expect(source.notices.contains { $0.contains("treat_whitespace_as_suffix") })
            #expect(source.notices.contains { $0.contains("remove_extra_whitespaces") })
            let result = try TokenizerCheck(source.tokenizer, metadata: source.metadata).run()
            #expect(result.limits.count >= 2)
        }
    }
}
