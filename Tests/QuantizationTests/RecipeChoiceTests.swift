import Foundation
import Quantization
import TensorCore
import TestSupport
import Testing

/// Recipes on deep synthetic models of many families, and with options, against llama.cpp
/// (`scripts/fixtures/recipe-choices.py`).
@Suite struct RecipeChoiceTests {
    /// One run of the peer: `Q4_K_M+imatrix pure` on a model.
    struct Case: CustomTestStringConvertible, Sendable {
        let model: String
        let facts: JSON
        let key: String
        let expected: String
        var testDescription: String { "\(model) \(key)" }
    }

    static let cases: [Case] = {
        let path = Fixtures.path("recipes/choices.json")
        guard let models = try? RecipeConformanceTests.json(path).members else { return [] }
        return models.flatMap { model -> [Case] in
            let choices = model.value["choices"]?.members ?? []
            return choices.indices.map { index in
                // "=": the matrix changes nothing, see the line before.
                let text = choices[index].value.text ?? ""
                let expected = text == "=" ? choices[index - 1].value.text ?? "" : text
                return Case(
                    model: model.key.description, facts: model.value,
                    key: choices[index].key.description, expected: expected)
            }
        }
    }()

    @Test func casesAreThere() { #expect(Self.cases.count > 1000) }

    @Test(arguments: cases)
    func choosesThePeersFormats(_ test: Case) throws {
        let words = test.key.split(separator: " ", maxSplits: 1).map(String.init)
        let type = words[0].split(separator: "+")
        let recipe = try Recipe.parse(String(type[0]))
        let options = try Self.options(words.count > 1 ? words[1] : "")
        let model = try Self.model(test.facts, withImportance: type.count > 1)
        let found: [String]
        do throws(RecipeError) {
            found = try recipe.choose(model, options: options).map(\.format.name)
        } catch {
            switch error.kind {
            // Where an option leaves no way to encode a tensor, the peer aborts or
            // finds that it wrote nonsense.
            case .importanceRequired:
                #expect(
                    test.expected.contains("imatrix") || test.expected.contains("importance")
                        || test.expected == "error: abort")
            case .noFormatFits:
                #expect(
                    test.expected.contains("no tensor type fallback")
                        || test.expected.contains("validation failed")
                        || test.expected == "error: abort")
            default: Issue.record("\(error)")
            }
            return
        }
        let expected = Self.expanded(test.expected)
        #expect(found.count == expected.count)
        for (index, tensor) in model.tensors.enumerated() where found[index] != expected[index] {
            Issue.record("\(tensor.name): \(found[index]), expected \(expected[index])")
        }
    }

    /// `Q4_K*3 F32` as a list of four names.
    static func expanded(_ text: String) -> [String] {
        text.split(separator: " ").flatMap { run in
            let parts = run.split(separator: "*")
            return Array(
                repeating: String(parts[0]), count: parts.count > 1 ? Int(parts[1]) ?? 0 : 1)
        }
    }

    /// The options that a case's key spells out.
    static func options(_ text: String) throws -> RecipeOptions {
        var options = RecipeOptions()
        var rest = Substring(text)
        if rest.hasPrefix("pure") {
            options.isPure = true
            rest = rest.dropFirst("pure".count).drop { $0 == " " }
        }
        let isOverride = rest.hasPrefix("tensor ")
        if isOverride { rest = rest.dropFirst("tensor ".count) }
        for word in rest.split(separator: " ") {
            let entry = word.hasSuffix(",") ? String(word.dropLast()) : String(word)
            if entry == "leave-output" {
                options.leavesOutput = true
            } else if entry.hasPrefix("output=") {
                options.outputFormat = try Self.format(entry)
            } else if entry.hasPrefix("embedding=") {
                options.tokenEmbeddingFormat = try Self.format(entry)
            } else {
                let pattern = entry.prefix(while: { $0 != "=" })
                options.overrides.append(
                    try TensorOverride(pattern: String(pattern), format: Self.format(entry)))
            }
        }
        return options
    }

    private static func format(_ entry: String) throws -> Format {
        try #require(Format.named(String(entry.drop { $0 != "=" }.dropFirst())))
    }

    static func model(_ facts: JSON, withImportance: Bool) throws -> RecipeModel {
        let row = try #require(facts["row"]?.integer)
        let blockCount = try #require(facts["blockCount"]?.integer)
        var shapes: [String: [Int]] = [
            "token_embd.weight": [2, row], "output_norm.weight": [row],
        ]
        if facts["hasOutput"]?.boolean == true { shapes["output.weight"] = [2, row] }
        for name in facts["others"]?.array ?? [] { shapes[name.text ?? ""] = [2, row] }
        for block in 0..<blockCount {
            for part in facts["parts"]?.array ?? [] {
                let text = part.text ?? ""
                let stem = text.hasSuffix("*") ? String(text.dropLast()) : text
                shapes["blk.\(block).\(stem).weight"] = text == stem ? [2, row] : [2, 2, row]
            }
        }
        let names = shapes.keys.sorted { RecipeModel.isWrittenBefore($0, $1) }
        return RecipeModel(
            architecture: facts["architecture"]?.text ?? "", blockCount: blockCount,
            headCount: try #require(facts["headCount"]?.integer),
            headCountKV: try #require(facts["headCountKV"]?.integer),
            expertCount: try #require(facts["expertCount"]?.integer),
            hasImportanceMatrix: withImportance,
            tensors: try names.map { name in
                let dimensions = shapes[name] ?? []
                return RecipeModel.Tensor(
                    name: name, shape: try #require(Shape(dimensions)),
                    format: dimensions.count > 1 ? .F16 : .F32,
                    hasImportance: withImportance && name.hasPrefix("blk.") && dimensions.count > 1)
            })
    }
}
