import Foundation
import GGUF
import TensorCore
import TestSupport
import Testing

/// Command lines about checkpoints: one-step quantization, split output, vocabularies, metadata.
///
/// Digests are those of files that the peer's converter wrote for the same directory.
@Suite struct CheckpointCommandTests {
    static let tiny = Fixtures.path("conformance/convert/checkpoints/llama")
    static let imatrix = Fixtures.path("conformance/quantize/llama.imatrix.gguf")

    private func run(_ arguments: String...) throws -> Tool.Outcome {
        let outcome = try Tool.run(arguments)
        #expect(outcome.exitCode == 0, "\(outcome.errors)")
        return outcome
    }

    private func files(in folder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
    }

    /// What is left aside is said even when notes are not wanted; what is written is as without it.
    @Test func whatIsLeftAsideIsAWarning() throws {
        try Fixtures.withTemporaryFolder { parent in
            let folder = parent + "/llama"
            try FileManager.default.copyItem(atPath: Self.tiny, toPath: folder)
            try OutputFile.write(
                Array("---\nlicense: &l mit\n---\n".utf8), to: folder + "/README.md")
            try OutputFile.write([0], to: folder + "/model.fp16.safetensors")
            try OutputFile.write(
                Array(#"{"quantization":{"quant_algo":"FP8"}}"#.utf8),
                to: folder + "/hf_quant_config.json")
            let output = parent + "/out.gguf"
            for command in [
                ["convert", "-q", folder, "--outfile", output],
                ["quantize", "-q", folder, output, "F16"],
            ] {
                let outcome = try Tool.run(command)
                #expect(outcome.exitCode == 0, "\(outcome.errors)")
                for word in ["README.md", "model.fp16.safetensors", "hf_quant_config.json"] {
                    #expect(outcome.errors.contains(word), "\(command[0]) \(word)")
                }
            }
            let plain = parent + "/plain.gguf"
            _ = try run("quantize", "-q", Self.tiny, plain, "F16")
            #expect(try sha256(ofFile: output) == sha256(ofFile: plain))
        }
    }

    // MARK: One step

    @Test func oneStepGivesTheBytesOfTwo() throws {
        try Fixtures.withTemporaryFolder { folder in
            for type in ["f16", "bf16"] {
                let converted = "\(folder)/\(type).gguf"
                _ = try run("convert", "-q", Self.tiny, "--outfile", converted, "--outtype", type)
                for recipe in ["Q4_K_M", "Q8_0", "IQ4_XS", "TQ1_0", "F32", "BF16", "COPY"] {
                    let (one, two) = (folder + "/one.gguf", folder + "/two.gguf")
                    _ = try run("quantize", "-q", converted, two, recipe)
                    _ = try run("quantize", "-q", "--outtype", type, Self.tiny, one, recipe)
                    #expect(try sha256(ofFile: one) == sha256(ofFile: two), "\(type) \(recipe)")
                }
            }
            let weighted = ["--imatrix", Self.imatrix, "--tensor-type", "attn_v=q6_k"]
            for (input, output) in [(folder + "/f16.gguf", "two"), (Self.tiny, "one")] {
                let outcome = try Tool.run(
                    ["quantize", "-q"] + weighted + [input, "\(folder)/\(output).gguf", "IQ2_XS"])
                #expect(outcome.exitCode == 0, "\(outcome.errors)")
            }
            #expect(
                try sha256(ofFile: folder + "/one.gguf") == sha256(ofFile: folder + "/two.gguf"))
            // The converter takes every type of the quantizer.
            _ = try run(
                "convert", "-q", Self.tiny, "--outfile", folder + "/x-{ftype}.gguf", "--outtype",
                "Q4_K_M")
            _ = try run("quantize", "-q", folder + "/f16.gguf", folder + "/two.gguf", "Q4_K_M")
            #expect(
                try sha256(ofFile: folder + "/x-q4_k_m.gguf")
                    == sha256(ofFile: folder + "/two.gguf"))
        }
    }

    @Test func aLadderOfADirectoryIsSplitVerifiedAndRecorded() throws {
        try Fixtures.withTemporaryFolder { folder in
            _ = try run(
                "quantize", "-q", "--verify", "--provenance", "--resume", "--split-max-tensors",
                "8", Self.tiny, folder + "/levels/", "Q8_0", "Q4_K_M")
            let names = ["Q4_K_M", "Q8_0"].flatMap { type in
                (1...3).flatMap { number in
                    let name = "llama-\(type)-0000\(number)-of-00003.gguf"
                    return [name, name + ".provenance.json"]
                }
            }
            #expect(try files(in: folder + "/levels") == names)
            for type in ["Q8_0", "Q4_K_M"] {
                let outcome = try run(
                    "verify", "\(folder)/levels/llama-\(type)-00001-of-00003.gguf")
                #expect(outcome.output.contains("21 SHA-256 digests as recorded"))
            }
            let record = try JSON.parse(path: "\(folder)/levels/\(names[1])")
            let sources = record["predicate"]?["buildDefinition"]?["resolvedDependencies"]
            #expect(sources?.array?.first?["name"]?.text == "model.safetensors")
            // Parts are the whole: quantized to what they are, they become one file again.
            _ = try run("quantize", "-q", Self.tiny, folder + "/whole.gguf", "Q8_0")
            _ = try run(
                "quantize", "-q", "\(folder)/levels/llama-Q8_0-00001-of-00003.gguf",
                folder + "/again.gguf", "COPY")
            let (whole, again) = (
                try GGUFFile(path: folder + "/whole.gguf"),
                try GGUFFile(path: folder + "/again.gguf")
            )
            #expect(whole.tensors == again.tensors)
            #expect(again.metadata["split.count"] == nil)
        }
    }

    /// GGUF's `llama` means SiLU; the configuration of a directory for engines says GELU as before.
    @Test func whatReadersComputeOtherwiseIsToldOfGGUFFilesAlone() throws {
        try Fixtures.withTemporaryFolder { folder in
            let model = folder + "/model"
            try FileManager.default.copyItem(atPath: Self.tiny, toPath: model)
            let path = URL(filePath: model + "/config.json")
            let config = try String(contentsOf: path, encoding: .utf8)
            try config.replacing("\"silu\"", with: "\"gelu\"")
                .write(to: path, atomically: true, encoding: .utf8)
            for command in [["convert", "-q", model, "--outfile"], ["quantize", "-q", model]] {
                let end = command[0] == "quantize" ? ["Q8_0"] : []
                let told = try Tool.run(command + [folder + "/a.gguf"] + end)
                #expect(told.exitCode == 0)
                #expect(told.errors.contains("hidden_act: \"gelu\" is not carried over"))
                try FileManager.default.removeItem(atPath: folder + "/a.gguf")
                let refused = try Tool.run(command + [folder + "/a.gguf"] + end + ["--strict"])
                #expect(refused.exitCode == 65)
                #expect(try files(in: folder) == ["model"])
            }
            let engines = try Tool.run(["quantize", "-q", model, folder + "/fp8/", "FP8_DYNAMIC"])
            #expect(engines.exitCode == 0)
            #expect(!engines.errors.contains("hidden_act"))
            #expect(try JSON.parse(path: folder + "/fp8/config.json")["hidden_act"]?.text == "gelu")
        }
    }

    @Test func valuesBeyondF16AreNamed() throws {
        try Fixtures.withTemporaryFolder { folder in
            let model = folder + "/model"
            try Self.copyWithLargeValue(to: model)
            var outcome = try Tool.run(["convert", "-q", model, "--outfile", folder + "/a.gguf"])
            #expect(outcome.exitCode == 0)
            #expect(outcome.errors.contains("blk.0.attn_v.weight: 1 values are beyond F16's range"))
            try FileManager.default.removeItem(atPath: folder + "/a.gguf")
            outcome = try Tool.run([
                "convert", "-q", "--strict", model, "--outfile", folder + "/a.gguf",
            ])
            #expect(outcome.exitCode == 65)
            outcome = try Tool.run(["quantize", "-q", model, folder + "/a.gguf", "Q8_0"])
            #expect(outcome.exitCode == 65)
            #expect(outcome.errors.contains("blk.0.attn_v.weight"))
            #expect(outcome.errors.contains("--outtype bf16"))
            #expect(try files(in: folder) == ["model"])
            _ = try run(
                "quantize", "-q", "--outtype", "bf16", model, folder + "/a.gguf", "Q8_0")
        }
    }

    /// Copies the checkpoint with one BF16 value replaced by 2^100.
    private static func copyWithLargeValue(to folder: String) throws {
        let manager = FileManager.default
        try manager.createDirectory(atPath: folder, withIntermediateDirectories: true)
        for name in try manager.contentsOfDirectory(atPath: tiny) {
            try OutputFile.write(
                InputFile.contents(path: "\(tiny)/\(name)"), to: "\(folder)/\(name)")
        }
        let path = folder + "/model.safetensors"
        var bytes = try InputFile.contents(path: path)
        let length = Int(bytes[0]) | Int(bytes[1]) << 8 | Int(bytes[2]) << 16
        let header = try JSON.parse(Array(bytes[8..<8 + length]))
        let tensor = try #require(header["model.layers.0.self_attn.v_proj.weight"])
        let offset = try #require(tensor["data_offsets"]?.array?.first?.integer)
        bytes.replaceSubrange(8 + length + offset..<8 + length + offset + 2, with: [0x80, 0x71])
        try OutputFile.write(bytes, to: path)
    }

    // MARK: Splits

    static let splits: [(options: [String], digests: [String])] = [
        (
            [],
            [
                "abda38e398fe5e5a6bb682a5fd6725cd1b30f012e1fb80825c0cd7aff3febee0",
                "05c313ef3ce51aa69e1743c974d9d04271fb76575e1be195a2a3d44ec9babd82",
                "6d0d8b25968727b49a5cc9ba7a6beea22378be44521a23c7c47a54f7afb657c1",
                "07edf69dcfe43b1150a00f1da836aea6d757bc58669680aa0ece2e9d047ad771",
                "ee3dfc8f362fcfd04d59a8c411432c1ff51ce617c34370cdbedf264c2f980519",
            ]
        ),
        (
            ["--no-tensor-first-split"],
            [
                "aa8ed4733238c67761b8375c30eba040714edd7245189f1c44e73160ad82ca0a",
                "76bce6f9c6181117dcae7861220dfd5f5513977bfd0b8ba8506f1354bb57f62e",
                "486038ace8c86a208c61421632a968dda955171657b8df9d674148bd76d92e44",
                "bef55b2c0b2aa67cedb878685a633f8e2ab4ccbcdb659994ea2fa66b300bcc27",
                "d9fbbcfbd17bfc40c1bf3245c276c162a4e179f648f83362a3a1ea5ca31706f8",
                "066dfc92bbd163f4c71a7b8f977aa738bb0079f7dfdd7ff3e5f49a6444079afe",
            ]
        ),
    ]

    @Test(arguments: splits)
    func splitsAreThePeers(options: [String], digests: [String]) throws {
        try Fixtures.withTemporaryFolder { folder in
            let outcome = try Tool.run(
                ["convert", "-q", Self.tiny, "--outfile", folder + "/m.gguf"]
                    + ["--split-max-tensors", "5"] + options)
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            let names = digests.indices.map { "m-0000\($0 + 1)-of-0000\(digests.count).gguf" }
            #expect(try files(in: folder) == names)
            for (name, digest) in zip(names, digests) {
                #expect(try sha256(ofFile: "\(folder)/\(name)") == digest, "\(name)")
            }
        }
    }

    @Test func filesStayBelowTheSizeAskedFor() throws {
        try Fixtures.withTemporaryFolder { folder in
            _ = try run(
                "convert", "-q", Self.tiny, "--outfile", folder + "/m.gguf", "--split-max-size",
                "600K")
            let names = try files(in: folder)
            #expect(names.count == 6)
            for name in names {
                let file = try GGUFFile(path: "\(folder)/\(name)")
                #expect(file.byteCounts.reduce(0, +) <= 600_000)
                #expect(file.metadata["split.tensors.count"] == .int32(21))
            }
            // What fits one file is one file.
            _ = try run(
                "convert", "-q", Self.tiny, "--outfile", folder + "/one.gguf", "--split-max-size",
                "1G")
            #expect(try GGUFFile(path: folder + "/one.gguf").metadata["split.count"] == nil)
        }
    }

    @Test(arguments: [
        ["--split-max-size", "0.5G"], ["--split-max-size", "-3"], ["--split-max-tensors", "-1"],
        ["--split-max-size", "9223372036854775807G"], ["--bigendian"], ["--json"],
        ["--vocab-only", "--split-max-tensors", "3"], ["--outtype", "q4_x"],
    ])
    func optionsThatMakeNoSenseAreRefused(options: [String]) throws {
        try Fixtures.withTemporaryFolder { folder in
            let outcome = try Tool.run(
                ["convert", Self.tiny, "--outfile", folder + "/m.gguf"] + options)
            #expect(outcome.exitCode == 64)
            #expect(try files(in: folder).isEmpty)
        }
    }

    // MARK: Vocabulary, metadata, dry run

    @Test func aVocabularyIsThePeersAndNeedsNoWeights() throws {
        try Fixtures.withTemporaryFolder { folder in
            let model = folder + "/llama"
            try FileManager.default.createDirectory(
                atPath: model, withIntermediateDirectories: true)
            for name in try files(in: Self.tiny) where !name.hasSuffix("safetensors") {
                try FileManager.default.copyItem(
                    atPath: "\(Self.tiny)/\(name)", toPath: "\(model)/\(name)")
            }
            let path = folder + "/vocab.gguf"
            _ = try run("convert", "-q", "--vocab-only", model, "--outfile", path)
            #expect(
                try sha256(ofFile: path)
                    == "6942ed2551f9d75b3bd331dca6269b88c90761fd8d762ee13cf244253cc35bb4")
            #expect(try GGUFFile(path: path).tensors.isEmpty)
        }
    }

    @Test func metadataIsSetFromAFile() throws {
        try Fixtures.withTemporaryFolder { folder in
            let (set, path) = (folder + "/set.json", folder + "/m.gguf")
            try OutputFile.write(
                Array(
                    """
                    {"general.name": "Ünï", "general.url": "https://x", "general.size_label": null,
                     "general.tags": ["a"], "general.sampling.temp": 0.25, "general.tgas": 1,
                     "general.base_models": [{"name": "B", "organization": "O"}]}
                    """.utf8), to: set)
            let outcome = try run("convert", Self.tiny, "--outfile", path, "--metadata", set)
            #expect(outcome.errors.contains("general.tgas"))
            let metadata = try GGUFFile(path: path).metadata
            #expect(metadata["general.name"]?.text == "Ünï")
            #expect(metadata["general.url"]?.text == "https://x")
            #expect(metadata["general.tags"] == .strings(["a"]))
            #expect(metadata["general.sampling.temp"] == .float32(0.25))
            #expect(metadata["general.base_model.0.organization"]?.text == "O")
            _ = try run(
                "convert", "-q", Self.tiny, "--outfile", path, "--metadata", set, "--model-name",
                "Mine")
            #expect(try GGUFFile(path: path).metadata["general.name"]?.text == "Mine")
            for text in ["[]", #"{"general.name": 3}"#, #"{"general.tags": "a"}"#, "{"] {
                try OutputFile.write(Array(text.utf8), to: set)
                let outcome = try Tool.run([
                    "convert", Self.tiny, "--outfile", path, "--metadata", set,
                ])
                #expect(outcome.exitCode == 65, "\(text)")
                #expect(outcome.errors.contains("set.json"), "\(text)")
            }
        }
    }

    @Test(arguments: ["f16", "auto", "Q4_K_M"], [[], ["--split-max-tensors", "9"]])
    func aDryRunTellsTheSizeToTheByte(type: String, options: [String]) throws {
        try Fixtures.withTemporaryFolder { folder in
            let arguments =
                [Self.tiny, "--outfile", folder + "/m.gguf", "--outtype", type] + options
            let dry = try Tool.run(["convert", "--dry-run", "--json"] + arguments)
            #expect(dry.exitCode == 0, "\(dry.errors)")
            #expect(try files(in: folder).isEmpty)
            let plan = try JSON.parse(Array(dry.output.utf8))
            #expect(try Tool.run(["convert", "-q"] + arguments).exitCode == 0)
            var sum = 0
            for file in plan["files"]?.array ?? [] {
                let path = try #require(file["path"]?.text)
                let count = try InputFile(path: path).byteCount
                #expect(file["byteCount"]?.integer == count)
                sum += count
            }
            #expect(plan["fileByteCount"]?.integer == sum && sum > 0)
            let memory = try #require(plan["memoryByteCount"]?.integer)
            #expect((1 << 20..<200 << 20).contains(memory))
        }
    }
}
