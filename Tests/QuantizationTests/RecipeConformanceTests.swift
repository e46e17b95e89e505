import Foundation
import Quantization
import TensorCore
import TestSupport
import Testing

/// The formats that recipes choose, against those that llama.cpp chose for the same models.
@Suite struct RecipeConformanceTests {
    /// A model, a file type, with or without importance matrix.
    struct Case: CustomTestStringConvertible, Sendable {
        let model: String
        let type: String
        let withImportance: Bool
        let expected: JSON
        var testDescription: String { "\(model) \(type)\(withImportance ? " +imatrix" : "")" }
    }

    static let models = ["llama", "llama-odd", "smollm2", "qwen3moe", "gemma3"].filter {
        Fixtures.exists("\(Fixtures.anyConformance)/quantize/\($0).json")
    }

    static let cases: [Case] = models.flatMap { model -> [Case] in
        let path = "\(Fixtures.anyConformance)/quantize/\(model).json"
        guard let file = try? json(path), let members = file.members else { return [] }
        return members.map { member in
            let parts = member.key.description.split(separator: "+")
            return Case(
                model: model, type: String(parts[0]), withImportance: parts.count > 1,
                expected: member.value)
        }
    }

    @Test(arguments: cases)
    func choosesThePeersFormats(_ test: Case) throws {
        if let message = test.expected["error"]?.text {
            let error = #expect(throws: RecipeError.self) {
                let recipe = try Recipe.parse(test.type)
                _ = try recipe.choose(
                    Self.model(test.model, withImportance: test.withImportance))
            }
            switch error?.kind {
            case .importanceRequired: #expect(message.contains("requires an importance matrix"))
            case .notWritable: #expect(message.contains("invalid ftype"))
            case .noFormatFits: #expect(message.contains("no tensor type fallback"))
            default: Issue.record("unexpected \(String(describing: error)) for \(message)")
            }
            return
        }
        let recipe = try Recipe.parse(test.type)
        let model = try Self.model(test.model, withImportance: test.withImportance)
        let choices = try recipe.choose(model)
        let expected = try #require(test.expected["tensors"]?.members)
        #expect(!expected.isEmpty)
        var found: [String: String] = [:]
        for (tensor, choice) in zip(model.tensors, choices) {
            found[tensor.name] = choice.format.name
        }
        for member in expected {
            let name = member.key.description
            #expect(found[name] == member.value.array?[0].text, "\(name)")
        }
        // What is not listed stayed a vector of F32.
        for (name, format) in found where !expected.contains(where: { $0.key == ByteString(name) })
        {
            #expect(format == "F32", "\(name)")
        }
    }

    @Test func everyFileTypeIsCompared() {
        let types = Set(Self.cases.map(\.type))
        for recipe in Recipe.all where recipe.fileType != nil {
            #expect(types.contains(recipe.name), "\(recipe)")
        }
        #expect(Self.cases.count == Self.models.count * 72)
    }

    static func json(_ path: String) throws -> JSON {
        try JSON.parse([UInt8](Data(contentsOf: URL(filePath: path))))
    }

    /// What the converter wrote for `name`, as a recipe sees it.
    static func model(_ name: String, withImportance: Bool) throws -> RecipeModel {
        let file = try json("\(Fixtures.anyConformance)/convert/expected/\(name).json")
        var metadata: [String: JSON] = [:]
        for entry in file["metadata"]?.array ?? [] {
            metadata[entry["key"]?.text ?? ""] = entry["value"]
        }
        let architecture = try #require(metadata["general.architecture"]?.text)
        func count(_ key: String) -> Int? { metadata["\(architecture).\(key)"]?.integer }
        let entries = try importanceEntries(
            "\(Fixtures.anyConformance)/quantize/\(name).imatrix.gguf")
        #expect(!entries.isEmpty)
        let tensors = try (file["tensors"]?.array ?? []).map { tensor in
            let name = try #require(tensor["name"]?.text)
            return RecipeModel.Tensor(
                name: name,
                shape: try #require(
                    Shape((tensor["dims"]?.array ?? []).compactMap(\.integer).reversed())),
                format: try #require(Format.named(tensor["type"]?.text ?? "")),
                hasImportance: withImportance && entries.contains(name))
        }
        let headCount = try #require(count("attention.head_count"))
        return RecipeModel(
            architecture: architecture, blockCount: try #require(count("block_count")),
            headCount: headCount, headCountKV: count("attention.head_count_kv") ?? headCount,
            expertCount: count("expert_count") ?? 0, hasImportanceMatrix: withImportance,
            tensors: tensors.sorted { RecipeModel.isWrittenBefore($0.name, $1.name) })
    }

    /// The names of the tensors that an importance matrix speaks of: what stands before `.in_sum2`,
    /// back to the zero bytes of the name's length.
    static func importanceEntries(_ path: String) throws -> Set<String> {
        let bytes = try Data(contentsOf: URL(filePath: path))
        let mark = Data(".in_sum2".utf8)
        var entries: Set<String> = []
        var place = bytes.startIndex
        while let range = bytes[place...].range(of: mark) {
            let name = bytes[..<range.lowerBound].reversed().prefix { $0 > 0x20 }.reversed()
            entries.insert(String(decoding: Array(name), as: UTF8.self))
            place = range.upperBound
        }
        return entries
    }
}
