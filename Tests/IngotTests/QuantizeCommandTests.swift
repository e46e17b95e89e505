import Foundation
import GGUF
import Quantization
import TensorCore
import TestSupport
import Testing

/// Options of `quantize` and what looks after its output, as command lines.
@Suite struct QuantizeCommandTests {
    private func withModel(_ body: (_ folder: String) throws -> Void) throws {
        try Fixtures.withTemporaryFolder { folder in
            let outcome = try Tool.run([
                "convert", "--quiet", Fixtures.path("conformance/convert/checkpoints/llama"),
                "--outfile", folder + "/f16.gguf",
            ])
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            try body(folder)
        }
    }

    private func run(_ arguments: String..., in folder: String) throws {
        let outcome = try Tool.run(arguments, in: folder)
        #expect(outcome.exitCode == 0, "\(arguments): \(outcome.errors)")
    }

    @Test func aFileOfTensorTypesIsReadAsTheOptionsAre() throws {
        try withModel { folder in
            try OutputFile.write(
                Array("ffn_down=q6_k\n\n  attn_v=Q8_0\tblk.1.ffn_up=f16\n".utf8),
                to: folder + "/types.txt")
            try run(
                "quantize", "-q", "--tensor-type-file", "types.txt", "f16.gguf", "a.gguf", "Q4_K_M",
                in: folder)
            try run(
                "quantize", "-q", "--tensor-type", "ffn_down=q6_k", "--tensor-type", "attn_v=q8_0",
                "--tensor-type", "blk.1.ffn_up=f16", "f16.gguf", "b.gguf", "Q4_K_M", in: folder)
            #expect(try sha256(ofFile: folder + "/a.gguf") == sha256(ofFile: folder + "/b.gguf"))
            let formats = Dictionary(
                uniqueKeysWithValues: try GGUFFile(path: folder + "/a.gguf").tensors.map {
                    ($0.name, $0.format.name)
                })
            #expect(formats["blk.0.ffn_down.weight"] == "Q6_K")
            #expect(formats["blk.1.attn_v.weight"] == "Q8_0")
            #expect(formats["blk.1.ffn_up.weight"] == "F16")
            #expect(formats["blk.0.ffn_up.weight"] == "Q4_K")

            try OutputFile.write(Array("ffn_down=q6".utf8), to: folder + "/types.txt")
            let outcome = try Tool.run(
                ["quantize", "--tensor-type-file", "types.txt", "f16.gguf", "c.gguf", "Q4_K_M"],
                in: folder)
            #expect(outcome.exitCode == 64)
            #expect(outcome.errors.contains("no type is called q6"))
            #expect(!Fixtures.exists(folder + "/c.gguf"))
        }
    }

    /// The first pattern that occurs decides, whichever option it stands in.
    @Test func patternsCountInTheOrderOfTheCommandLine() throws {
        try withModel { folder in
            try OutputFile.write(Array("attn_v=q8_0".utf8), to: folder + "/types.txt")
            for (words, format) in [
                (["--tensor-type-file", "types.txt", "--tensor-type", "attn=q6_k"], "Q8_0"),
                (["--tensor-type", "attn=q6_k", "--tensor-type-file", "types.txt"], "Q6_K"),
            ] {
                let outcome = try Tool.run(
                    ["quantize", "-q"] + words + ["f16.gguf", "a.gguf", "Q4_K_M"], in: folder)
                #expect(outcome.exitCode == 0)
                let tensors = try GGUFFile(path: folder + "/a.gguf").tensors
                let value = tensors.first { $0.name == "blk.0.attn_v.weight" }
                #expect(value?.format.name == format)
            }
            let outcome = try Tool.run(
                ["quantize", "-q", "--tensor-type", "attn_x=q6_k", "f16.gguf", "a.gguf", "Q4_K_M"],
                in: folder)
            #expect(outcome.errors.contains("--tensor-type attn_x: no tensor has such a name"))
        }
    }

    @Test func typesMayBeNumbers() throws {
        try withModel { folder in
            try run("quantize", "-q", "f16.gguf", "named.gguf", "Q4_K_M", in: folder)
            let expected = try sha256(ofFile: folder + "/named.gguf")
            for words in [
                ["a.gguf", "15"], ["a.gguf", "15", "2"], ["15"], ["15", "2"], ["15", "0"],
            ] {
                let outcome = try Tool.run(["quantize", "-q", "f16.gguf"] + words, in: folder)
                #expect(outcome.exitCode == 0, "\(words): \(outcome.errors)")
                let path = words.count > 1 && words[0] != "15" ? words[0] : "ggml-model-Q4_K_M.gguf"
                #expect(try sha256(ofFile: "\(folder)/\(path)") == expected)
                try FileManager.default.removeItem(atPath: "\(folder)/\(path)")
            }
            try run("quantize", "-q", "f16.gguf", "levels/", "7", "Q4_K_M", "2", in: folder)
            #expect(Fixtures.exists(folder + "/levels/f16-Q8_0.gguf"))
            #expect(
                try Tool.run(["quantize", "f16.gguf", "a.gguf", "4"], in: folder).exitCode == 64)
        }
    }

    /// Two tokens with one text: GGUF allows it, no reader loads it.
    @Test func aFileThatNoReaderLoadsIsNamedAndNotWritten() throws {
        try withModel { folder in
            let file = try GGUFFile(path: folder + "/f16.gguf")
            var metadata = file.metadata
            guard case .strings(let tokens)? = metadata["tokenizer.ggml.tokens"] else {
                Issue.record("no tokens")
                return
            }
            var texts = Array(tokens)
            texts[300] = texts[299]
            metadata["tokenizer.ggml.tokens"] = .strings(ByteStrings(texts))
            let layout = try GGUFLayout(metadata: metadata, tensors: file.tensors, path: "x")
            let bytes = try InputFile.contents(path: folder + "/f16.gguf", limit: 1 << 26)
            try OutputFile.write(
                layout.header + bytes[(file.offsets.min() ?? 0)...], to: folder + "/twice.gguf")
            let verified = try Tool.run(["verify", "twice.gguf"], in: folder)
            #expect(verified.exitCode == 65)
            #expect(verified.errors.contains("for tokens 299 and 300"))
            let outcome = try Tool.run(["quantize", "twice.gguf", "a.gguf", "Q8_0"], in: folder)
            #expect(outcome.exitCode == 65)
            #expect(!Fixtures.exists(folder + "/a.gguf"))
            #expect(try Tool.run(["verify", "-q", "f16.gguf"], in: folder).exitCode == 0)
        }
    }

    /// Half a matrix, and none at all.
    @Test func tensorsWithoutImportanceAreRaisedOrRefused() throws {
        try withModel { folder in
            func quantize(_ words: String...) throws -> Tool.Outcome {
                try Tool.run(
                    ["quantize", "-q"] + words + ["f16.gguf", "a.gguf", "IQ2_XS"], in: folder)
            }
            let pinned = try JSON.parse(path: Fixtures.path("quantize/restricted-importance.json"))
            let matrix = Fixtures.path(pinned["importanceMatrix"]?.text ?? "")
            let part = ["--imatrix", matrix, "--exclude-weights", "blk.0.attn_q"]
            let raised = try quantize(part[0], part[1], part[2], part[3])
            #expect(raised.exitCode == 0, "\(raised.errors)")
            #expect(raised.errors.contains("raised, IQ2_XS → Q2_K"))
            let tensors = try GGUFFile(path: folder + "/a.gguf").tensors
            #expect(tensors.first { $0.name == "blk.0.attn_q.weight" }?.format.name == "Q2_K")
            #expect(
                try quantize(part[0], part[1], part[2], part[3], "--imatrix-missing", "error")
                    .exitCode == 65)
            #expect(try quantize().exitCode == 65)
            #expect(try quantize("--imatrix-missing", "raise").exitCode == 0)
            #expect(try quantize("--imatrix-missing", "maybe").exitCode == 64)
            let checkpoint = Fixtures.path("conformance/convert/checkpoints/llama")
            for (words, code) in [([], 65), (["--imatrix-missing", "raise"], 0)]
                as [([String], Int32)]
            {
                let outcome = try Tool.run(
                    ["convert", "-q", checkpoint, "--outtype", "IQ2_XS", "--outfile", "b.gguf"]
                        + words, in: folder)
                #expect(outcome.exitCode == code, "\(outcome.errors)")
            }
        }
    }

    /// The digests are of files that llama.cpp's quantizer wrote with the same part of the matrix.
    @Test func importanceOfSomeTensorsGivesThePeersFiles() throws {
        let pinned = try JSON.parse(path: Fixtures.path("quantize/restricted-importance.json"))
        let cases = try #require(pinned["cases"]?.array)
        #expect(cases.count == 9)
        try withModel { folder in
            try FileManager.default.copyItem(
                atPath: Fixtures.path(pinned["importanceMatrix"]?.text ?? ""),
                toPath: folder + "/imatrix.gguf")
            for entry in cases {
                let names = entry["names"]?.array?.compactMap(\.text) ?? []
                let (mode, type) = (entry["mode"]?.text ?? "", entry["type"]?.text ?? "")
                let options = names.flatMap { ["--\(mode)-weights", $0] }
                let outcome = try Tool.run(
                    ["quantize", "-q", "--imatrix", "imatrix.gguf"] + options
                        + ["f16.gguf", "out.gguf", type], in: folder)
                #expect(outcome.exitCode == 0, "\(outcome.errors)")
                #expect(
                    try sha256(ofFile: folder + "/out.gguf") == entry["sha256"]?.text,
                    "\(mode) \(names) \(type)")
            }
        }
    }

    @Test func provenanceVerifyAndDiff() throws {
        try withModel { folder in
            try run("quantize", "-q", "--provenance", "f16.gguf", "q.gguf", "Q4_K_M", in: folder)
            let sidecar = try JSON.parse(path: folder + "/q.gguf.provenance.json")
            #expect(
                sidecar["subject"]?.array?.first?["digest"]?["sha256"]?.text
                    == (try sha256(ofFile: folder + "/q.gguf")))
            #expect(sidecar["_type"]?.text == "https://in-toto.io/Statement/v1")
            let definition = sidecar["predicate"]?["buildDefinition"]
            #expect(
                definition?["resolvedDependencies"]?.array?.first?["digest"]?["sha256"]?.text
                    == (try sha256(ofFile: folder + "/f16.gguf")))
            #expect(definition?["externalParameters"]?["recipe"]?.text == "Q4_K_M")
            let file = try GGUFFile(path: folder + "/q.gguf")
            #expect(
                sidecar["predicate"]?["runDetails"]?["byproducts"]?.array?.count
                    == file.tensors.count)

            let good = try Tool.run(["verify", "q.gguf"], in: folder)
            #expect(good.exitCode == 0)
            #expect(good.output.contains("\(file.tensors.count) SHA-256 digests as recorded"))

            let same = try Tool.run(["diff", "q.gguf", "q.gguf"], in: folder)
            #expect(same.exitCode == 0)
            let other = try Tool.run(["diff", "--json", "f16.gguf", "q.gguf"], in: folder)
            #expect(other.exitCode == 1)
            let difference = try JSON.parse(Array(other.output.utf8))
            #expect(difference["isIdentical"]?.boolean == false)
            let tensor = difference["tensors"]?.array?.first {
                $0["name"]?.text == "blk.0.ffn_up.weight"
            }
            let error = try #require(tensor?["relativeError"]?.double)
            #expect(error > 0.05 && error < 0.15)

            // One bit of one code: every value stays finite, only the digest can tell.
            let tensorIndex = try #require(file.index(ofTensor: "blk.1.ffn_up.weight"))
            var bytes = try InputFile.contents(path: folder + "/q.gguf")
            bytes[file.offsets[tensorIndex] + 100] ^= 1
            try OutputFile.write(bytes, to: folder + "/q.gguf")
            let bad = try Tool.run(["verify", "q.gguf"], in: folder)
            #expect(bad.exitCode == 65)
            #expect(bad.errors.contains("blk.1.ffn_up.weight"))
            #expect(bad.errors.contains("SHA-256"))
        }
    }

    @Test func valuesThatAreNotFiniteAreRefusedUnlessAllowed() throws {
        try withModel { folder in
            let file = try GGUFFile(path: folder + "/f16.gguf")
            let tensor = try #require(file.index(ofTensor: "blk.0.ffn_up.weight"))
            var bytes = try InputFile.contents(path: folder + "/f16.gguf")
            let place = file.offsets[tensor] + 2 * (3 * 256 + 5)
            bytes.replaceSubrange(place..<place + 2, with: [0x00, 0x7E])
            try OutputFile.write(bytes, to: folder + "/bad.gguf")
            let refused = try Tool.run(["quantize", "bad.gguf", "out.gguf", "Q4_K_M"], in: folder)
            #expect(refused.exitCode == 65)
            #expect(refused.errors.contains("blk.0.ffn_up.weight: NaN found in row 3, column 5"))
            #expect(refused.errors.contains("--allow-nonfinite"))
            #expect(!Fixtures.exists(folder + "/out.gguf"))

            let admitted = try Tool.run(
                ["quantize", "-q", "--allow-nonfinite", "bad.gguf", "out.gguf", "Q4_K_M"],
                in: folder)
            #expect(admitted.exitCode == 0)
            #expect(admitted.errors.contains("blk.0.ffn_up.weight: 1 value is NaN or infinite"))
            try run("verify", "out.gguf", in: folder)
        }
    }

    @Test(arguments: ["avx", "AVX2", "avx512f", "neo"])
    func anInstructionSetThatIsNoneIsAUsageError(name: String) throws {
        let outcome = try Tool.run(["--version"], environment: ["INGOT_ISA": name])
        #expect(outcome.exitCode == 64)
        #expect(outcome.errors.contains("INGOT_ISA: found \(name)"))
        #expect(outcome.errors.contains("scalar"))
        let scalar = try Tool.run(["--version"], environment: ["INGOT_ISA": "scalar"])
        #expect(scalar.exitCode == 0)
    }
}
