import Checkpoints
import Conversion
import Foundation
import Safetensors
import TensorCore
import TestSupport
import Testing

/// Directories that are broken after they were written, and what the reader makes of them.
@Suite struct DamagedDirectoryTests {
    private static let module = "model.layers.0.mlp.experts.1.up_proj"

    /// Writes a mixture in a form and hands it out to be broken and read.
    private func withDirectory(
        _ name: String, _ body: (_ original: StoredDirectory, _ out: StoredDirectory) throws -> Void
    ) throws {
        try Fixtures.withTemporaryFolder { folder in
            try RandomModel.mixture().write(to: folder + "/m")
            let form = try #require(CheckpointForm.named(name)?.form)
            let plan = try CheckpointPlan(CheckpointModel(directory: folder + "/m"), form: form)
            _ = try CheckpointWriter.write(plan, to: folder + "/out")
            try body(
                StoredDirectory(path: folder + "/m"), StoredDirectory(path: folder + "/out"))
        }
    }

    /// Changes the bytes of tensors, or leaves a tensor out where there are none.
    private func change(
        _ directory: StoredDirectory, _ suffix: String, _ edit: ([UInt8]) -> [UInt8]?
    ) throws {
        let path = directory.path + "/model.safetensors"
        let data = [UInt8](try Data(contentsOf: URL(filePath: path)))
        let length = (0..<8).reduce(0) { $0 | Int(data[$1]) << (8 * $1) }
        let header = try JSON.parse(Array(data[8..<8 + length]), file: path)
        var tensors: [SafetensorsWriter.Tensor] = []
        var contents: [[UInt8]] = []
        for member in header.members ?? [] where member.key != "__metadata__" {
            let name = "\(member.key)"
            let offsets = try #require(member.value["data_offsets"]?.array).compactMap(\.integer)
            let shape = try #require(member.value["shape"]?.array).compactMap(\.integer)
            let type = try #require(member.value["dtype"]?.text.flatMap { DataType(rawValue: $0) })
            var bytes: [UInt8]? = Array(data[8 + length + offsets[0]..<8 + length + offsets[1]])
            if name == Self.module + suffix { bytes = bytes.flatMap(edit) }
            guard let bytes else { continue }
            tensors.append(.init(name: name, dataType: type, shape: try #require(Shape(shape))))
            contents.append(bytes)
        }
        let writer = try SafetensorsWriter(path: path, tensors: tensors)
        for (number, bytes) in contents.enumerated() {
            try bytes.withUnsafeBytes { try writer.write($0, tensor: number) }
        }
        try writer.finish()
    }

    @Test(arguments: [
        ("W4A16", ".weight_scale"), ("W8A8", ".weight_scale"), ("FP8_BLOCK", ".weight_scale"),
        ("NVFP4A16", ".weight_global_scale"), ("MXFP8", ".weight_scale"), ("GPTQ", ".scales"),
        ("AWQ", ".scales"), ("FP8_DEEPSEEK", ".weight_scale_inv"),
    ])
    func aMissingScaleIsNamed(_ form: String, _ suffix: String) throws {
        try withDirectory(form) { _, out in
            try change(out, suffix) { _ in nil }
            let error = #expect(throws: SafetensorsError.self) { try out.weights(Self.module) }
            let said = "\(error?.place ?? "") \(error?.problem ?? "")"
            #expect(said.contains(Self.module), "\(said)")
        }
    }

    @Test func anInverseGlobalScaleIsRefused() throws {
        try withDirectory("NVFP4A16") { _, out in
            try change(out, ".weight_global_scale") { bytes in
                let bits = (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[$1]) << (8 * UInt32($1)) }
                let inverse = (1 / Float(bitPattern: bits)).bitPattern
                return (0..<4).map { UInt8(truncatingIfNeeded: inverse >> (8 * $0)) }
            }
            let error = #expect(throws: SafetensorsError.self) { try out.weights(Self.module) }
            #expect(error?.place == Self.module + ".weight_global_scale")
        }
    }

    @Test func zeroPointsOfTheOtherVersionAreRefused() throws {
        try withDirectory("GPTQ") { _, out in
            try change(out, ".qzeros") { $0.map { $0 &+ 0x11 } }
            let error = #expect(throws: SafetensorsError.self) { try out.weights(Self.module) }
            #expect(error?.place == Self.module + ".qzeros")
        }
    }

    /// No byte tells it: the distance from the original model does.
    @Test(arguments: [("W4A16", ".weight_packed"), ("NVFP4A16", ".weight_packed")])
    func swappedNibblesShowInTheDistance(_ form: String, _ suffix: String) throws {
        try withDirectory(form) { original, out in
            let expected = try original.weights(Self.module)
            #expect(try StoredDirectory.distance(out.weights(Self.module), expected) < 0.25)
            try change(out, suffix) { $0.map { $0 << 4 | $0 >> 4 } }
            #expect(try StoredDirectory.distance(out.weights(Self.module), expected) > 0.9)
        }
    }

    /// Values are those of the tensors; what engines will make of the list is told.
    @Test(arguments: ["W4A16", "AWQ", "FP8_DEEPSEEK", "NVFP4A16"])
    func aWrongListOfLayersIsTold(_ form: String) throws {
        try withDirectory(form) { _, out in
            #expect(try out.warnings().isEmpty)
            let before = try out.weights(Self.module)
            let path = out.path + "/config.json"
            let text = try String(contentsOfFile: path, encoding: .utf8)
            let changed = text.replacing("model.layers.0.mlp.gate", with: Self.module)
            #expect(changed != text)
            try Data(changed.utf8).write(to: URL(filePath: path))
            #expect(try out.weights(Self.module) == before)
            let warnings = try out.warnings()
            #expect(warnings.first?.contains("names \(Self.module), which is quantized") == true)
            // Other methods' engines know routers by their classes.
            let isComplete = ["AWQ", "FP8_DEEPSEEK"].contains(form)
            #expect(warnings.count == (isComplete ? 1 : 2))
            #expect(isComplete || warnings[1].contains("lacks model.layers.0.mlp.gate"))
        }
    }
}
