import Foundation
import GGUF
import Quantization
import TensorCore
import TestSupport
import Testing

/// The binary killed in the middle of its work and started again.
@Suite struct ResumeTests {
    @Test(arguments: [[], ["--resume"]])
    func aKilledRunContinuesToTheSameBytes(options: [String]) throws {
        try Fixtures.withTemporaryFolder { folder in
            // 8 matrices of 2 M values: some seconds of work for the scalar reference.
            let input = folder + "/in.gguf"
            try Self.writeModel(to: input)
            let whole = try Tool.run(["quantize", "-q", input, folder + "/whole.gguf", "IQ4_XS"])
            #expect(whole.exitCode == 0, "\(whole.errors)")
            let output = folder + "/out.gguf"
            let arguments = ["quantize", input, output, "IQ4_XS", "1"]
            let journal = folder + "/.out.gguf.journal"

            let process = Process()
            process.executableURL = URL(filePath: Tool.path)
            process.arguments = options + arguments
            if !options.isEmpty {
                process.arguments = ["quantize"] + options + arguments.dropFirst()
            }
            process.environment = ProcessInfo.processInfo.environment.merging(
                ["INGOT_ISA": "scalar"]) { $1 }
            process.standardOutput = FileHandle.nullDevice
            process.standardError = FileHandle.nullDevice
            try process.run()
            // Killed as soon as the journal has a record: in the middle, whatever the machine.
            while process.isRunning {
                let attributes = try? FileManager.default.attributesOfItem(atPath: journal)
                if let count = attributes?[.size] as? Int, count > 72 { break }
                usleep(2000)
            }
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
            #expect(process.terminationReason == .uncaughtSignal)
            #expect(!Fixtures.exists(output))

            let resumed = try Tool.run(["quantize", "--resume"] + arguments.dropFirst())
            #expect(resumed.exitCode == 0, "\(resumed.errors)")
            #expect(resumed.errors.contains("resumed: "))
            #expect(try sha256(ofFile: output) == sha256(ofFile: folder + "/whole.gguf"))
            let left = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
            #expect(left == ["in.gguf", "out.gguf", "whole.gguf"])
        }
    }

    private static func writeModel(to path: String) throws {
        var metadata = Metadata()
        metadata["general.architecture"] = .string("llama")
        metadata["llama.block_count"] = .uint32(8)
        let shape = try #require(Shape([1024, 2048]))
        let tensors = (0..<8).map {
            TensorDescription(name: "blk.\($0).ffn_up.weight", shape: shape, format: .F32)
        }
        let layout = try GGUFLayout(metadata: metadata, tensors: tensors, path: path)
        let file = try OutputFile(path: path, byteCount: layout.byteCount)
        try file.write(layout.header, at: 0)
        for (index, offset) in layout.offsets.enumerated() {
            var random = SeededRandom(seed: UInt64(index + 1))
            var bytes = ByteBuilder()
            for _ in 0..<shape.elementCount { bytes.append(random.normal()) }
            try file.write(bytes.bytes, at: offset)
        }
        try file.commit()
    }
}
