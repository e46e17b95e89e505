import Conversion
import GGUF
import TensorCore
import TestSupport
import Testing

/// Names, model cards and recommended sampling against what the peer's `gguf` package (0.19) makes
/// of them for a model of the size of `llama`.
@Suite struct GeneralMetadataTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let json: JSON
        var directory: String { json["directory"]?.text ?? "" }
        var testDescription: String { "\(directory) \(json["name_or_path"]?.text ?? "")" }
    }

    static let cases: [Case] = {
        let json = try? JSON.parse(path: Fixtures.path("conversion/general-metadata.json"))
        return (json?.array ?? []).map { Case(json: $0) }
    }()

    @Test func casesAreThere() { #expect(GeneralMetadataTests.cases.count > 50) }

    @Test(arguments: cases)
    func keysAreTheReferences(_ test: Case) throws {
        let metadata = try Checkpoints.with(name: test.directory) { folder in
            if let card = test.json["readme"]?.text {
                try OutputFile.write(Array(card.utf8), to: folder + "/README.md")
            }
            if let name = test.json["name_or_path"]?.text {
                try Checkpoints.edit("config.json", in: folder, ["_name_or_path": name])
            }
            if let generation = test.json["generation_config"]?.members {
                let members = Dictionary(
                    uniqueKeysWithValues: generation.map { ($0.key.description, plain($0.value)) })
                try Checkpoints.edit("generation_config.json", in: folder, members)
            }
            return try ConversionSource(directory: folder).metadata
        }
        let found = metadata.entries.dropFirst(2).prefix { $0.key.hasPrefix("general.") }
        let expected = test.json["expected"]?.array ?? []
        #expect(found.map(\.key) == expected.map { $0.array?[0].text ?? "" })
        for (entry, expected) in zip(found, expected) {
            let type = expected.array?[1].text ?? ""
            #expect(entry.value.typeName.hasPrefix(type), "\(entry.key)")
            switch (entry.value, expected.array?[2]) {
            case (.string(let text), .string(let wanted)?): #expect(text == wanted)
            case (.strings(let texts), .array(let wanted)?):
                #expect(Array(texts) == wanted.compactMap(\.bytes), "\(entry.key)")
            case (let value, let wanted?):
                if let float = value.float {
                    #expect(wanted.double.map { Float($0) } == float, "\(entry.key)")
                } else {
                    #expect(value.integer == wanted.integer, "\(entry.key)")
                }
            default: Issue.record("\(entry.key): nothing expected")
            }
        }
    }

    private func plain(_ value: JSON) -> Any? {
        switch value {
        case .bool(let value): value
        case .integer(let value): value
        case .real(let value): value
        case .string(let value): value.description
        default: nil
        }
    }

    @Test(arguments: [
        "tags: *anchor", "author: &a me", "author: !t me", "? a\n: b", "tags: [a, b", "a: \"open",
        "license: mit\n  - x: y",
        "tags:\n- a\n b: c", "- a\nb: c",
        "x: " + String(repeating: "[", count: 100),
        String(repeating: "- ", count: 100) + "x",
    ])
    func frontMatterThatIsNotUnderstoodIsLeftAside(_ text: String) throws {
        try Checkpoints.with { folder in
            try OutputFile.write(
                Array("---\nlicense: mit\n\(text)\n---\n".utf8), to: folder + "/README.md")
            let source = try ConversionSource(directory: folder)
            #expect(source.warnings.count == 1)
            #expect(source.warnings.first?.contains("README.md: line ") == true)
            #expect(source.metadata["general.license"] == nil)
            #expect(source.metadata["general.tags"] == nil)
        }
    }

    /// A card that is no text, or no file, ends no conversion either.
    @Test func aCardThatCannotBeReadIsLeftAside() throws {
        try Checkpoints.with { folder in
            try Directory.create(folder + "/README.md")
            #expect(try ConversionSource(directory: folder).warnings.count == 1)
        }
    }

    /// Random text between the lines never traps and never hangs.
    @Test func anyFrontMatterIsReadOrLeftAside() throws {
        let seed: UInt64 = 0xCA4D
        var random = SeededRandom(seed: seed)
        let alphabet = Array("ab:- \n\n  [],{}\"'|>#&\\u~".unicodeScalars)
        try Checkpoints.with { folder in
            for _ in 0..<150 {
                var text = "---\n"
                for _ in 0..<Int.random(in: 0...60, using: &random) {
                    text.unicodeScalars.append(alphabet.randomElement(using: &random) ?? "a")
                }
                try Checkpoints.replace("README.md", in: folder, text)
                _ = try ConversionSource(directory: folder)
            }
        }
    }

    @Test func aGivenNameOverrulesAll() throws {
        let source = try Checkpoints.with(name: "a-1M") {
            try ConversionSource(directory: $0, options: .init(name: "Given"))
        }
        #expect(source.metadata["general.name"] == .string("Given"))
    }
}
