import Foundation
import GGUF
import Planning
import Quantization
import TensorCore
import TestSupport
import Testing

/// What llama.cpp said that it allocates, model by model.
///
/// `fixtures/planning/llama-cache.json` has the metadata and tensors of small models of 64
/// architectures, and for each up to four shapes with the MiB of its log lines.
struct AllocationTests {
    struct Case: CustomTestStringConvertible {
        let json: JSON
        var testDescription: String { json["metadata"]?["general.architecture"]?.text ?? "?" }

        static let all: [Case] = {
            let path = Fixtures.path("planning/llama-cache.json")
            return ((try? JSON.parse(path: path))?.array ?? []).map(Case.init)
        }()

        var metadata: Metadata {
            var metadata = Metadata()
            for member in json["metadata"]?.members ?? [] {
                metadata[member.key.description] = Case.value(member.value)
            }
            return metadata
        }

        private static func value(_ json: JSON) -> MetadataValue? {
            if let flag = json.boolean { return .bool(flag) }
            if let integer = json.integer { return .uint32(UInt32(integer)) }
            if let number = json.double { return .float32(Float(number)) }
            if let text = json.text { return .string(text) }
            let values = json.array ?? []
            if let flags = values.map(\.boolean) as? [Bool] { return .bools(flags) }
            if let integers = values.map(\.integer) as? [Int] {
                return .int32s(integers.map { Int32($0) })
            }
            return .float32s(values.compactMap(\.double).map { Float($0) })
        }

        func model() throws -> PlannedModel {
            let tensors = try (json["tensors"]?.array ?? []).map { entry in
                let parts = entry.array ?? []
                let shape = try #require(Shape(parts.dropFirst().compactMap(\.integer)))
                return (
                    TensorDescription(name: parts[0].text ?? "", shape: shape, format: .F16),
                    shape.rank > 1 ? Format.F16 : .F32
                )
            }
            return try PlannedModel(metadata: metadata, tensors: tensors, path: testDescription)
        }

        func shapes() throws -> [(shape: ServingShape, expected: JSON)] {
            try (json["shapes"]?.array ?? []).map { entry in
                let format = entry["format"]?.text.flatMap(Format.named) ?? .F16
                return (
                    try ServingShape(
                        context: entry["context"]?.integer ?? 0,
                        slots: entry["slots"]?.integer ?? 0, keyFormat: format,
                        valueFormat: format, isUnified: entry["unified"]?.boolean ?? false), entry
                )
            }
        }
    }

    @Test func theFixtureIsWhole() {
        #expect(Case.all.count == 64)
    }

    @Test(arguments: Case.all)
    func keysValuesAndStatesTakeWhatIsAllocated(_ model: Case) throws {
        let planned = try model.model()
        for (shape, expected) in try model.shapes() {
            let need = try MemoryNeed(planned, shape)
            let place = "\(shape.context) × \(shape.slots)"
            #expect(Self.agrees(need.cache, expected["cache"]), "cache, \(place)")
            #expect(Self.agrees(need.states, expected["states"]), "states, \(place)")
            // A margin, which covers about what is reserved; T5's cross attention aside.
            if !model.testDescription.hasPrefix("t5") {
                let logged = expected["compute"]?.double ?? .infinity
                #expect(Double(need.compute) / 1_048_576 >= 0.8 * logged, "compute, \(place)")
            }
        }
    }

    /// Whether bytes are what the log says in MiB; of two caches it prints two rounded numbers.
    private static func agrees(_ bytes: Int, _ logged: JSON?) -> Bool {
        guard let logged = logged?.double else { return false }
        return abs(Double(bytes) / 1_048_576 - logged) <= 0.0101
    }
}
