import Conversion
import Foundation
import GGUF
import Quantization
import TensorCore
import TestSupport
import Testing

/// Directories in which several files speak of one thing, or one of them is not what it seems.
@Suite struct SeveralSourcesTests {
    private static let pointer = """
        version https://git-lfs.github.com/spec/v1
        oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393
        size 12345

        """

    @Test(arguments: [
        ("llama", "model.safetensors"), ("llama", "tokenizer.json"), ("llama", "config.json"),
        ("llama", "generation_config.json"), ("llama", "tokenizer_config.json"),
        ("llama", "special_tokens_map.json"),
        ("llama-spm", "tokenizer.model"),
    ])
    func aGitLFSPointerIsNamedInThePlaceOfAnyFile(_ checkpoint: String, _ file: String) throws {
        try Checkpoints.with(copyOf: checkpoint) { folder in
            try Checkpoints.replace(file, in: folder, SeveralSourcesTests.pointer)
            let error = #expect(throws: FileError.self) { try ConversionSource(directory: folder) }
            #expect(error?.kind == .placeholder(.gitLFSPointer))
            #expect(error?.path.hasSuffix(file) == true)
        }
    }

    @Test(arguments: ["model.safetensors", "config.json", "tokenizer.json"])
    func aWebPageIsNamedInThePlaceOfAFile(_ file: String) throws {
        try Checkpoints.with { folder in
            try Checkpoints.replace(file, in: folder, "<!doctype html>\n<html class=\"\">")
            let error = #expect(throws: FileError.self) { try ConversionSource(directory: folder) }
            #expect(error?.kind == .placeholder(.webPage))
        }
    }

    @Test func aConfigurationThatWasLeftBehindChangesNothing() throws {
        let plain = try Checkpoints.with { try bytes(of: ConversionSource(directory: $0)) }
        for (file, key) in [
            ("config.json", "quantization_config"), ("config.json", "compression_config"),
            ("config.json", "text_config"),
        ] {
            try Checkpoints.with { folder in
                let left: [String: Any] = ["quant_method": "mxfp4"]
                try Checkpoints.edit(
                    file, in: folder,
                    [key: key == "text_config" ? ["quantization_config": left] : left])
                let source = try ConversionSource(directory: folder)
                #expect(source.warnings.count == 1)
                #expect(source.warnings.first?.contains("mxfp4") == true)
                #expect(try bytes(of: source) == plain)
            }
        }
        try Checkpoints.with { folder in
            try Checkpoints.replace(
                "hf_quant_config.json", in: folder, #"{"quantization":{"quant_algo":"FP8"}}"#)
            let source = try ConversionSource(directory: folder)
            #expect(source.warnings.first?.contains("hf_quant_config.json") == true)
            #expect(try bytes(of: source) == plain)
        }
    }

    /// A GGUF file of a source, in memory.
    private func bytes(of source: ConversionSource) throws -> [UInt8] {
        try Fixtures.withTemporaryFolder { folder in
            try write(source, to: folder + "/x.gguf")
            return try InputFile.contents(path: folder + "/x.gguf")
        }
    }

    @Test func theWeightsTakenAreNamedBesideTheOthers() throws {
        try Checkpoints.with { folder in
            try Checkpoints.replace("model.fp16.safetensors", in: folder, "not read")
            let source = try ConversionSource(directory: folder)
            #expect(source.warnings.count == 1)
            for name in ["model.safetensors", "model.fp16.safetensors"] {
                #expect(source.warnings.first?.contains(name) == true)
            }
        }
    }

    @Test func generationSettingsThatAreNotJSONAreLeftAside() throws {
        try Checkpoints.with { folder in
            try Checkpoints.replace("generation_config.json", in: folder, "{\"a\": }")
            let source = try ConversionSource(directory: folder)
            #expect(source.notices.contains { $0.hasPrefix("generation_config.json") })
        }
    }

    @Test func aConfigurationWithAByteOrderMarkIsRead() throws {
        try Checkpoints.with { folder in
            let text = try String(contentsOfFile: folder + "/config.json", encoding: .utf8)
            try Checkpoints.replace(
                "config.json", in: folder, "\u{FEFF}" + text.replacing("\n", with: "\r\n"))
            let source = try ConversionSource(directory: folder)
            #expect(!source.tensors.isEmpty)
        }
    }
}
