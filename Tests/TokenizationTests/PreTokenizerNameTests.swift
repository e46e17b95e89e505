import Foundation
import TensorCore
import TestSupport
import Testing
import Tokenization

@Suite("Pre-tokenizer names from definitions")
struct PreTokenizerNameTests {
    private static let rest = #"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
    private static let words = #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+"#
    /// The same with another spelling of the contractions.
    private static let spelled =
        #"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?\p{L}+"#
    private static let deepSeek =
        ##"[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"##
        + #"| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#

    struct Definition: Sendable, CustomTestStringConvertible {
        var name: String
        var modelType: String
        var patterns: [String]
        var normalizer = "null"
        var digits: Bool?
        var usesRegex = false
        var removed = false
        var testDescription: String { "\(name) (\(modelType))" }
    }

    static let definitions: [Definition] = [
        .init(name: "llama-bpe", modelType: "llama", patterns: [words + #"|\p{N}{1,3}"# + rest]),
        .init(name: "llama-bpe", modelType: "new", patterns: [spelled + #"|\p{N}{1,3}"# + rest]),
        .init(
            name: "dbrx", modelType: "dbrx", patterns: [words + #"|\p{N}{1,3}"# + rest],
            removed: true),
        .init(name: "glm4", modelType: "glm4", patterns: [words + #"|\p{N}{1,3}"# + rest]),
        .init(
            name: "qwen2", modelType: "qwen3", patterns: [words + #"|\p{N}"# + rest],
            normalizer: #"{"type":"NFC"}"#),
        .init(
            name: "qwen2", modelType: "new", patterns: [spelled + #"|\p{N}{1}"# + rest],
            normalizer: #"{"type":"NFC"}"#),
        .init(
            name: "stablelm2", modelType: "stablelm", patterns: [words + #"|\p{N}"# + rest],
            normalizer: #"{"type":"NFC"}"#),
        .init(
            name: "deepseek-v3", modelType: "deepseek_v3",
            patterns: [#"\p{N}{1,3}"#, "[一-龥぀-ゟ゠-ヿ]+", deepSeek],
            normalizer: #"{"type":"Sequence","normalizers":[]}"#),
        .init(
            name: "deepseek-coder", modelType: "llama",
            patterns: [#"[\r\n]"#, #"\s?\p{L}+"#, #"\s?\p{P}+"#, "[一-龥ࠀ-一가-퟿]+"], digits: true),
        .init(name: "bloom", modelType: "bloom", patterns: [#" ?[^(\s|[.,!?…。，、।۔،])]+"#]),
        .init(name: "gpt-2", modelType: "unheard-of", patterns: [], usesRegex: true),
        .init(
            name: "olmo", modelType: "unheard-of", patterns: [],
            normalizer: #"{"type":"NFC"}"#, usesRegex: true),
        .init(
            name: "mpt", modelType: "mpt", patterns: [], normalizer: #"{"type":"NFC"}"#,
            usesRegex: true),
        .init(
            name: "starcoder", modelType: "gpt_bigcode", patterns: [], digits: true,
            usesRegex: true),
        .init(
            name: "tekken", modelType: "mistral",
            patterns: [
                #"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|"#
                    + #"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"#
                    + #"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
            ]),
    ]

    @Test("published definitions", arguments: definitions)
    func published(_ definition: Definition) throws {
        #expect(try name(definition) == definition.name)
    }

    @Test("a normalizer that no name stands for is an error with a way out")
    func unknownNormalizer() throws {
        var definition = Self.definitions[0]
        definition.normalizer = #"{"type":"NFKC"}"#
        let error = #expect(throws: TokenizationError.self) { try name(definition) }
        #expect(error?.description.contains(#"normalizer: {"type": "NFKC"}"#) ?? false)
        #expect(error?.description.contains("--pre NAME") ?? false)
        #expect(try name(definition, pre: "llama-bpe") == "llama-bpe")
    }

    private func name(_ definition: Definition, pre: String? = nil) throws -> String {
        let behavior =
            definition.removed
            ? #""behavior":"Removed","invert":true"# : #""behavior":"Isolated","invert":false"#
        var steps = try definition.patterns.map { pattern in
            let text = String(decoding: try JSONEncoder().encode(pattern), as: UTF8.self)
            return #"{"type":"Split","pattern":{"Regex":\#(text)},\#(behavior)}"#
        }
        if let digits = definition.digits {
            steps.append(#"{"type":"Digits","individual_digits":\#(digits)}"#)
        }
        steps.append(
            #"{"type":"ByteLevel","add_prefix_space":false,"use_regex":\#(definition.usesRegex)}"#)
        let json = """
            {"normalizer":\(definition.normalizer),
            "pre_tokenizer":{"type":"Sequence","pretokenizers":[\(steps.joined(separator: ","))]},
            "model":{"type":"BPE","vocab":{"a":0},"merges":[]}}
            """
        return try Fixtures.withTemporaryFolder { folder in
            try json.write(toFile: "\(folder)/tokenizer.json", atomically: false, encoding: .utf8)
            let tokenizer = try HFTokenizer.load(
                directory: folder, modelType: definition.modelType, vocabularySize: 1, pre: pre)
            return tokenizer.vocabulary.pre
        }
    }
}
