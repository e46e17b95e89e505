import Foundation
import Safetensors
import TensorCore
import TestSupport
import Testing

/// Hugging Face directories, plain and quantized, where the evaluating commands take GGUF files.
@Suite(.serialized) struct EvaluatedDirectoryTests {
    private static let tiny = Fixtures.path("conformance/convert/checkpoints/llama")
    private static let text = [
        "-f", Fixtures.path("conformance/convert/text.txt"), "-c", "64", "--chunks", "2", "-q",
    ]

    /// Copies the model with its projections as 8-bit integers, a scale for each row, as
    /// compressed-tensors stores them.
    private static func quantize(to folder: String) throws {
        let manager = FileManager.default
        try manager.createDirectory(atPath: folder, withIntermediateDirectories: true)
        for name in try manager.contentsOfDirectory(atPath: tiny) where !name.hasPrefix("model.") {
            try OutputFile.write(
                InputFile.contents(path: "\(tiny)/\(name)"), to: "\(folder)/\(name)")
        }
        let config = try JSON.parse(path: folder + "/config.json")
        let quantization = try JSON.parse(
            Array(
                """
                {"quant_method": "compressed-tensors", "format": "int-quantized",
                 "ignore": ["lm_head"], "config_groups": {"group_0": {"targets": ["Linear"],
                 "weights": {"num_bits": 8, "type": "int", "strategy": "channel"}}}}
                """.utf8))
        let members =
            (config.members ?? []) + [.init(key: "quantization_config", value: quantization)]
        try OutputFile.write(JSON.object(members).written(), to: folder + "/config.json")
        var tensors: [SafetensorsWriter.Tensor] = []
        var contents: [[UInt8]] = []
        for tensor in try Checkpoint(directory: tiny).modelTensors(quantization: nil).tensors {
            var values = [Float](repeating: 0, count: tensor.shape.elementCount)
            try values.withUnsafeMutableBufferPointer { buffer in
                guard let base = buffer.baseAddress else { return }
                try tensor.readElements(
                    0..<tensor.shape.elementCount, into: base, scratch: ScratchBuffer())
            }
            var (codes, scales) = (ByteBuilder(), ByteBuilder())
            guard tensor.name.hasSuffix("_proj.weight") else {
                for value in values { codes.append(value) }
                tensors.append(.init(name: tensor.name, dataType: .F32, shape: tensor.shape))
                contents.append(codes.bytes)
                continue
            }
            let length = tensor.shape.rowLength
            for row in 0..<tensor.shape.rowCount {
                let part = values[row * length..<(row + 1) * length]
                let scale = max(part.map(abs).max() ?? 0, 1e-10) / 127
                scales.append(scale)
                for value in part { codes.append(Int8((value / scale).rounded())) }
            }
            let shape = try #require(Shape([tensor.shape.rowCount, 1]))
            tensors.append(.init(name: tensor.name, dataType: .I8, shape: tensor.shape))
            tensors.append(.init(name: tensor.name + "_scale", dataType: .F32, shape: shape))
            contents += [codes.bytes, scales.bytes]
        }
        let writer = try SafetensorsWriter(path: folder + "/model.safetensors", tensors: tensors)
        for (index, bytes) in contents.enumerated() {
            try bytes.withUnsafeBytes { try writer.write($0, tensor: index) }
        }
        try writer.finish()
    }

    @Test func aQuantizedDirectoryIsMeasuredAsTheFileThatIsMadeOfIt() throws {
        try Fixtures.withTemporaryFolder { folder in
            let directory = folder + "/w8"
            try Self.quantize(to: directory)
            let file = folder + "/w8.gguf"
            var outcome = try Tool.run(
                ["convert", "-q", directory, "--outfile", file, "--outtype", "f32"])
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            let figures = try [directory, directory + "/", file].map { model in
                let outcome = try Tool.run(["perplexity", model, "--json"] + Self.text)
                #expect(outcome.exitCode == 0, "\(outcome.errors)")
                return try JSON.parse(Array(outcome.output.utf8))["perplexity"]?.double
            }
            #expect(figures[0] != nil)
            #expect(Set(figures).count == 1)
            outcome = try Tool.run(["compare", file, directory, "--json"] + Self.text)
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            let mean = try JSON.parse(Array(outcome.output.utf8))["levels"]?.array?.first?[
                "divergence"]?["mean"]?["value"]?.double
            #expect(try abs(#require(mean)) < 1e-6)
        }
    }

    @Test func aQuantizedDirectoryIsALevelBesideFiles() throws {
        try Fixtures.withTemporaryFolder { folder in
            let directory = folder + "/w8"
            try Self.quantize(to: directory)
            let base = folder + "/base.gguf"
            let quantized = folder + "/q4.gguf"
            #expect(try Tool.run(["convert", "-q", Self.tiny, "--outfile", base]).exitCode == 0)
            #expect(try Tool.run(["quantize", "-q", base, quantized, "Q4_K_M"]).exitCode == 0)
            let outcome = try Tool.run(
                ["report", base, quantized, directory, "--json", "--max-kld", "W8A16=0.01"]
                    + Self.text)
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            let levels = try #require(JSON.parse(Array(outcome.output.utf8))["levels"]?.array)
            #expect(levels.map { $0["name"]?.text } == ["Q4_K_M", "W8A16"])
            #expect(levels[1]["fileName"]?.text == "w8")
            let bytes = try InputFile(path: directory + "/model.safetensors").byteCount
            #expect(levels[1]["fileByteCount"]?.integer == bytes)
            // Projections take 8 bits, embeddings 32, here.
            let bits = try #require(levels[1]["bitsPerWeight"]?.double)
            #expect(bits > 8 && bits < 32)
            func divergence(_ level: JSON) -> Double? {
                level["divergence"]?["mean"]?["value"]?.double
            }
            let found = try #require(divergence(levels[1]))
            #expect(found > 0)
            #expect(try found < #require(divergence(levels[0])))
        }
    }

    @Test func aDamagedDirectoryIsRefusedBeforeAnythingIsMeasured() throws {
        try Fixtures.withTemporaryFolder { folder in
            let directory = folder + "/w8"
            try Self.quantize(to: directory)
            try FileManager.default.removeItem(atPath: directory + "/model.safetensors")
            for command in [
                ["perplexity", directory], ["compare", Self.tiny, directory],
                ["report", Self.tiny, directory, "--json"],
            ] {
                let outcome = try Tool.run(command + Self.text)
                #expect(outcome.exitCode == 65, "\(outcome.errors)")
                #expect(outcome.errors.hasPrefix("error: \(directory)"), "\(outcome.errors)")
            }
        }
    }
}
