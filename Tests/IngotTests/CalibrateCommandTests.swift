import Foundation
import GGUF
import TensorCore
import TestSupport
import Testing

/// `quantize --calibrate` as a command line.
@Suite struct CalibrateCommandTests {
    private static let model = Fixtures.path("conformance/convert/checkpoints/llama")
    private static let text = Fixtures.path("conformance/convert/text.txt")

    @Test func theFileSaysHowItWasMadeAndKeepsItsTypes() throws {
        try Fixtures.withTemporaryFolder { folder in
            let plain = try Tool.run(["quantize", "-q", Self.model, folder + "/a.gguf", "Q4_K_M"])
            #expect(plain.exitCode == 0, "\(plain.errors)")
            let outcome = try Tool.run([
                "quantize", Self.model, folder + "/b.gguf", "Q4_K_M", "--calibrate-tokens", "2048",
                "--effort", "fast", "--provenance", "--calibrate-check", Self.text, "--calibrate",
                Self.text,
            ])
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            let (before, after) = (
                try GGUFFile(path: folder + "/a.gguf"), try GGUFFile(path: folder + "/b.gguf")
            )
            #expect(before.tensors == after.tensors)
            #expect(
                before.metadata["general.file_type"] == after.metadata["general.file_type"])
            let digest = try sha256(ofFile: Self.text)
            let note = try #require(after.metadata["ingot.calibration"]?.text)
            #expect(note.hasPrefix("fast;"))
            #expect(note.hasSuffix(";\(digest.prefix(16)) text.txt"))
            #expect(note.split(separator: ";").count == 4)
            let record = try JSON.parse(
                InputFile.contents(path: folder + "/b.gguf.provenance.json", limit: 1 << 20),
                file: "b.gguf.provenance.json")
            let parameters = record["predicate"]?["buildDefinition"]?["externalParameters"]
            let calibration = parameters?["calibration"]
            #expect(calibration?["effort"]?.text == "fast")
            #expect(calibration?["texts"]?.array?.count == 1)
            #expect(calibration?["texts"]?.array?.first?["sha256"]?.text == digest)
            #expect(try Digest.of(after) != Digest.of(before))
        }
    }

    @Test func theMostEffortTunesNormsAndNoByteMore() throws {
        try Fixtures.withTemporaryFolder { folder in
            for effort in ["normal", "best"] {
                let outcome = try Tool.run([
                    "quantize", Self.model, "\(folder)/\(effort).gguf", "Q2_K",
                    "--calibrate-tokens", "2048", "--effort", effort, "--calibrate-check",
                    Self.text,
                    "--verify", "--calibrate", Self.text,
                ])
                #expect(outcome.exitCode == 0, "\(outcome.errors)")
                #expect(outcome.errors.contains("best.gguf: norms") == (effort == "best"))
            }
            let files = try ["normal", "best"].map { try GGUFFile(path: "\(folder)/\($0).gguf") }
            #expect(files[1].tensors == files[0].tensors)
            #expect(files[1].file.byteCount <= files[0].file.byteCount)
        }
    }

    @Test func theFileIsNoLargerThanWithAnImportanceMatrix() throws {
        try Fixtures.withTemporaryFolder { folder in
            let steps = [
                ["convert", "-q", Self.model, "--outfile", "f.gguf"],
                ["imatrix", "-q", "-f", Self.text, "-c", "64", "-o", "i", "f.gguf"],
                ["quantize", "-q", "--imatrix", "i", "f.gguf", "a.gguf", "Q3_K_M"],
                [
                    "quantize", "-q", "--calibrate-tokens", "2048", "--effort", "fast", "f.gguf",
                    "b.gguf", "Q3_K_M", "--calibrate", Self.text,
                ],
            ]
            for step in steps {
                let outcome = try Tool.run(step, in: folder)
                #expect(outcome.exitCode == 0, "\(step): \(outcome.errors)")
            }
            let sizes = try ["a.gguf", "b.gguf"].map {
                try InputFile(path: folder + "/" + $0).byteCount
            }
            #expect(sizes[1] <= sizes[0])
        }
    }

    @Test(arguments: [
        (["--effort", "best"], "--effort says how --calibrate works"),
        (["--calibrate", "--effort", "most"], "expected fast, normal or best"),
        (["--calibrate", "--calibrate-tokens", "100"], "expected at least"),
        (["--calibrate", "--imatrix", "x.gguf"], "do not go together"),
        (["--calibrate=model.gguf"], "put --calibrate last"),
    ])
    func whatDoesNotGoTogetherIsSaid(options: [String], message: String) throws {
        let outcome = try Tool.run(["quantize", Self.model, "out.gguf", "Q4_K_M"] + options)
        #expect(outcome.exitCode == 64)
        #expect(outcome.errors.contains(message), "\(outcome.errors)")
    }

    @Test func memoryIsToldBeforeTheWorkAndALimitHolds() throws {
        func plan(_ options: [String]) throws -> JSON {
            let outcome = try Tool.run(
                ["quantize", "--dry-run", "--json", Self.model, "out.gguf", "Q4_K_M"] + options)
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            return try JSON.parse(Array(outcome.output.utf8))
        }
        let calibrate = ["--calibrate-check", Self.text, "--calibrate", Self.text]
        let (plain, calibrated) = (try plan([]), try plan(calibrate))
        let (before, after) = (
            plain["memoryByteCount"]?.integer ?? 0, calibrated["memoryByteCount"]?.integer ?? 0
        )
        // Moments of inputs of 512 columns, and more.
        #expect(after > before + 16 * 512 * 512)
        let tensors = try #require(calibrated["tensors"]?.array)
        let query = try #require(tensors.first { $0["name"]?.text == "blk.0.attn_q.weight" })
        #expect(query["isCalibrated"]?.boolean == true && query["isOnGrid"]?.boolean == false)
        #expect(plain["tensors"]?.array?.first?["isCalibrated"] == nil)

        let outcome = try Tool.run(
            ["quantize", "--dry-run", Self.model, "out.gguf", "Q4_K_M", "--max-memory", "60M"]
                + calibrate)
        #expect(outcome.exitCode != 0)
        #expect(outcome.errors.contains("expected at least"), "\(outcome.errors)")
    }

    @Test func aTextTooShortIsRefusedAndNothingIsLeft() throws {
        try Fixtures.withTemporaryFolder { folder in
            try OutputFile.write(Array("A few words.".utf8), to: folder + "/short.txt")
            let outcome = try Tool.run([
                "quantize", Self.model, folder + "/out.gguf", "Q4_K_M", "--calibrate",
                folder + "/short.txt",
            ])
            #expect(outcome.exitCode == 65)
            #expect(outcome.errors.contains("short.txt"), "\(outcome.errors)")
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: folder) == ["short.txt"])
        }
    }
}

private enum Digest {
    /// The bytes of a file's first tensor that has blocks.
    static func of(_ file: GGUFFile) throws -> [UInt8] {
        let number = try #require(
            file.tensors.firstIndex { $0.name == "blk.0.attn_q.weight" })
        var bytes = [UInt8](repeating: 0, count: file.byteCounts[number])
        try bytes.withUnsafeMutableBytes {
            try file.readBytes(0..<$0.count, ofTensor: number, into: $0)
        }
        return bytes
    }
}
