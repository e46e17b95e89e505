import Foundation
import Safetensors
import TensorCore
import TestSupport
import Testing

/// Weights as the real packages store them, and the values that the packages decode: made by
/// `scripts/fixtures/quantized-forms.py`.
@Suite struct PackageFormTests {
    /// One form: the tensors of a checkpoint, and the values of its weights.
    struct Form: Sendable, CustomTestStringConvertible {
        let name: String
        let configuration: JSON
        let values: [JSON.Member]
        var testDescription: String { name }

        /// Opens a copy of the checkpoint, changed or not.
        func open<Result>(
            changing change: (inout [UInt8]) throws -> Void = { _ in },
            _ body: ([CheckpointTensor]) throws -> Result
        ) throws -> Result {
            try Fixtures.withTemporaryFolder { folder in
                var bytes = try InputFile.contents(
                    path: Fixtures.path("quantized/\(name).safetensors"), limit: 1 << 24)
                try change(&bytes)
                try Data(bytes).write(to: URL(filePath: folder + "/model.safetensors"))
                let model = try Checkpoint(directory: folder).modelTensors(
                    quantization: QuantizationConfiguration(
                        json: configuration, path: "config.json", place: "quantization_config"))
                return try body(model.tensors)
            }
        }
    }

    static let forms: [Form] = {
        let listing = try? JSON.parse(path: Fixtures.path("quantized/forms.json"))
        return (listing?.members ?? []).map { member in
            Form(
                name: member.key.description, configuration: member.value["configuration"] ?? .null,
                values: member.value["values"]?.members ?? [])
        }
    }()

    @Test func formsAreThere() { #expect(PackageFormTests.forms.count == 20) }

    @Test(arguments: forms)
    func valuesAreThoseThatThePackageDecodes(_ form: Form) throws {
        try form.open { tensors in
            #expect(tensors.count >= form.values.count)
            for expected in form.values {
                let name = expected.key.description
                let tensor = try #require(tensors.first { $0.name == name })
                let shape = expected.value["shape"]?.array?.compactMap(\.integer)
                #expect(tensor.shape.dimensions == shape)
                let count = tensor.shape.elementCount
                let values = try QuantizedCheckpoint.read(tensor, 0..<count)
                var builder = ByteBuilder()
                // The sum makes zeros positive, as the script does.
                for value in values { builder.append(value + 0) }
                #expect(sha256(builder.bytes) == expected.value["sha256"]?.text, "\(name)")
                // Parts of rows, over the borders of blocks.
                for start in stride(from: 0, to: count, by: 509) {
                    let range = start..<min(count, start + 1 + start % 211)
                    #expect(try QuantizedCheckpoint.read(tensor, range) == Array(values[range]))
                }
            }
        }
    }

    /// Nothing of a form is left over that would have no place in the model.
    @Test(arguments: forms)
    func partsAreUsedUp(_ form: Form) throws {
        try form.open { tensors in
            #expect(Set(tensors.map(\.name)) == Set(form.values.map(\.key.description)))
        }
    }
}
