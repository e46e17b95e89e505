import Architectures
import Conversion
import Foundation
import GGUF
import Quantization
import TensorCore
import TestSupport
import Testing

/// What the reference converter wrote for a checkpoint.
struct ExpectedFile: Sendable {
    struct Key: Sendable {
        let name: String
        let type: String
        /// A short value's JSON, or the count and digest of a long array.
        let value: String
    }
    struct Tensor: Sendable, Equatable {
        let name: String
        let type: String
        let dimensions: [Int]
        let sha256: String
    }
    let keys: [Key]
    let tensors: [Tensor]
    let sha256: String

    init(_ name: String) throws {
        let path = "\(Fixtures.anyConformance)/convert/expected/\(name).json"
        let json = try JSON.parse(path: path)
        keys = try #require(json["metadata"]?.array).map { entry in
            let types = (entry["type"]?.array ?? []).compactMap(\.text)
            let type = types.count == 2 ? "ARRAY[\(types[1])]" : types.first ?? ""
            return Key(
                name: entry["key"]?.text ?? "", type: type,
                value: ExpectedFile.show(entry["value"] ?? .null))
        }
        tensors = try #require(json["tensors"]?.array).map { entry in
            Tensor(
                name: entry["name"]?.text ?? "", type: entry["type"]?.text ?? "",
                dimensions: (entry["dims"]?.array ?? []).compactMap(\.integer),
                sha256: entry["sha256"]?.text ?? "")
        }
        sha256 = try #require(json["file_sha256"]?.text)
    }

    private static func show(_ value: JSON) -> String {
        switch value {
        case .bool(let value): "\(value)"
        case .integer(let value): "\(Double(value))"
        case .real(let value): "\(value)"
        case .string(let value): value.description
        case .array(let values): values.map(show).joined(separator: ",")
        case .object: "\(value["count"]?.integer ?? -1) values"
        case .null: "null"
        }
    }

    /// A value as `show` prints it.
    static func show(_ value: MetadataValue) -> String {
        switch value {
        case .strings(let values): "\(values.count) values"
        case .int32s(let values): "\(values.count) values"
        case .float32s(let values): "\(values.count) values"
        case .bool(let value): "\(value)"
        case .bools(let values): values.map { "\($0)" }.joined(separator: ",")
        case .float32(let value): "\(Double(value))"
        default: value.integer.map { "\(Double($0))" } ?? value.text ?? "?"
        }
    }
}

@Suite struct ConformanceTests {
    private static let checkpoints = Fixtures.anyConformance + "/convert/checkpoints"

    /// The checkpoints whose class a family has.
    static let available: [String] = {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: checkpoints)) ?? []
        return names.filter { name in
            let path = "\(checkpoints)/\(name)/config.json"
            guard let config = try? JSON.parse(path: path) else { return false }
            return (try? ModelFamily.of(config: config, path: path)) != nil
        }.sorted()
    }()

    @Test func theCommittedCheckpointsAreThere() {
        #expect(Set(["llama", "llama-spm", "llama-odd", "qwen3"]).isSubset(of: Self.available))
    }

    @Test(
        "every checkpoint has a family",
        .enabled(if: Fixtures.fullConformance != nil, "INGOT_CONFORMANCE names no folder"))
    func everyCheckpointHasAFamily() throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: Self.checkpoints)
            .filter { Fixtures.exists("\(Self.checkpoints)/\($0)/config.json") }
        #expect(names.count >= 30)
        #expect(Set(names).subtracting(Self.available).isEmpty)
    }

    @Test("F16 files are the reference converter's to the byte", arguments: available)
    func identity(_ name: String) throws {
        let expected = try ExpectedFile(name)
        let source = try ConversionSource(
            directory: "\(Fixtures.anyConformance)/convert/checkpoints/\(name)")

        // Keys and tensors first: they tell where two files differ.
        #expect(source.metadata.entries.map(\.key) == expected.keys.map(\.name))
        for key in expected.keys {
            let value = try #require(source.metadata[key.name], "\(key.name)")
            #expect(value.typeName == key.type, "\(key.name)")
            #expect(ExpectedFile.show(value) == key.value, "\(key.name)")
        }
        #expect(source.tensors.map(\.name) == expected.tensors.map(\.name))
        try Fixtures.withTemporaryFolder { folder in
            let path = folder + "/\(name).gguf"
            try write(source, to: path)
            let file = try GGUFFile(path: path)
            for (index, tensor) in expected.tensors.enumerated() where index < file.tensors.count {
                let bytes = try file.file.read(
                    at: file.offsets[index], count: file.byteCounts[index])
                let found = ExpectedFile.Tensor(
                    name: file.tensors[index].name, type: file.tensors[index].format.name,
                    dimensions: file.tensors[index].shape.dimensions.reversed(),
                    sha256: TestSupport.sha256(bytes))
                #expect(found == tensor)
            }
            #expect(try TestSupport.sha256(ofFile: path) == expected.sha256)
            // Chunks that end inside a head give the same data.
            for (index, tensor) in expected.tensors.enumerated() {
                let bytes = try data(ofTensor: index, of: source, step: 7)
                #expect(TestSupport.sha256(bytes) == tensor.sha256, "\(tensor.name)")
            }
        }
    }

    /// A converted real model, when its directory is there: `INGOT_SMOLLM2` names it.
    static let realModelPath = ProcessInfo.processInfo.environment["INGOT_SMOLLM2"]

    @Test(
        "a real model is the reference converter's to the byte",
        .enabled(if: realModelPath != nil, "INGOT_SMOLLM2 does not name the directory smollm2-768"))
    func realModel() throws {
        let directory = try #require(ConformanceTests.realModelPath)
        try Fixtures.withTemporaryFolder { folder in
            let path = folder + "/model.gguf"
            try write(try ConversionSource(directory: directory), to: path)
            #expect(
                try TestSupport.sha256(ofFile: path)
                    == "52391e70479210950148d2485f1f5d1e1894a98414cbd4b353227ccb785f1690")
        }
    }
}
