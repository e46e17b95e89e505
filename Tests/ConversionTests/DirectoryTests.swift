import Conversion
import Foundation
import GGUF
import Safetensors
import TensorCore
import TestSupport
import Testing

/// Directories that are spelled differently convert alike; impossible ones are refused.
@Suite struct DirectoryTests {
    /// The digest of `llama` converted from `folder`, which must be called `llama`.
    static func digest(_ folder: String) throws -> String {
        try Fixtures.withTemporaryFolder { output in
            try write(try ConversionSource(directory: folder), to: output + "/out.gguf")
            return try sha256(ofFile: output + "/out.gguf")
        }
    }

    @Test func theOlderSpellingOfTheConfigurationGivesTheSameFile() throws {
        let expected = try ExpectedFile("llama").sha256
        try Checkpoints.with(name: "llama") { folder in
            try Checkpoints.edit(
                "config.json", in: folder,
                [
                    "dtype": nil, "rope_parameters": nil, "head_dim": nil,
                    "torch_dtype": "bfloat16", "rope_theta": 500000, "rope_scaling": NSNull(),
                ])
            #expect(try DirectoryTests.digest(folder) == expected)
            // The name is the directory's, whichever way it is spelled.
            #expect(try DirectoryTests.digest(folder + "/") == expected)
            #expect(try DirectoryTests.digest(folder + "/.") == expected)
        }
    }

    @Test func shardsGiveTheSameFile() throws {
        let expected = try ExpectedFile("llama").sha256
        try Checkpoints.with(name: "llama") { folder in
            let path = folder + "/model.safetensors"
            let whole = try SafetensorsFile(path: path)
            try FileManager.default.removeItem(atPath: path)
            // Names in order over the shards, so that the tensors' order is the same.
            let middle = whole.tensors.count / 2
            var map: [String: String] = [:]
            for (name, tensors) in [
                ("a.safetensors", whole.tensors[..<middle]),
                ("b.safetensors", whole.tensors[middle...]),
            ] {
                let writer = try SafetensorsWriter(
                    path: "\(folder)/\(name)",
                    tensors: tensors.map {
                        .init(name: $0.name, dataType: $0.dataType, shape: $0.shape)
                    })
                for (index, tensor) in tensors.enumerated() {
                    let bytes = try whole.file.read(at: tensor.offset, count: tensor.byteCount)
                    try bytes.withUnsafeBytes { try writer.write($0, tensor: index) }
                    map[tensor.name] = name
                }
                try writer.finish()
            }
            let index = try JSONSerialization.data(withJSONObject: ["weight_map": map])
            try index.write(to: URL(filePath: folder + "/model.safetensors.index.json"))
            #expect(try DirectoryTests.digest(folder) == expected)
        }
    }

    /// Opens a damaged copy of the tiny model and gives the message of the error.
    static func message(_ damage: (String) throws -> Void) throws -> String {
        try Checkpoints.with { folder in
            try TinyModel.write(to: folder)
            _ = try ConversionSource(directory: folder)
            try damage(folder)
            do {
                _ = try ConversionSource(directory: folder)
                Issue.record("accepted")
                return ""
            } catch let error as any IngotError {
                return "\(error)".replacingOccurrences(of: folder, with: "")
            }
        }
    }

    static func kind(_ damage: (String) throws -> Void) throws -> ConversionError.Kind? {
        try Checkpoints.with { folder in
            try TinyModel.write(to: folder)
            try damage(folder)
            return #expect(throws: ConversionError.self) {
                try ConversionSource(directory: folder)
            }?.kind
        }
    }

    @Test func missingTensorsAreNamed() throws {
        let kind = try DirectoryTests.kind { folder in
            try TinyModel.write(
                to: folder, tensors: TinyModel.tensors.filter { !$0.name.contains("q_proj") })
        }
        #expect(kind == .missingTensors(["model.layers.0.self_attn.q_proj.weight"]))
        let layers = try DirectoryTests.kind { folder in
            try Checkpoints.edit("config.json", in: folder, ["num_hidden_layers": 2])
        }
        guard case .missingTensors(let names)? = layers else {
            Issue.record("found \(String(describing: layers))")
            return
        }
        #expect(names.count == 9)
        #expect(names.contains("model.layers.1.mlp.up_proj.weight"))
    }

    @Test func tensorsWithoutAPlaceAreNamed() throws {
        let kind = try DirectoryTests.kind { folder in
            try TinyModel.write(
                to: folder,
                tensors: TinyModel.tensors + [
                    ("model.layers.1.mlp.up_proj.weight", [12, 8]), ("model.extra", [1]),
                    ("model.layers.0.self_attn.rotary_emb.inv_freq", [2]),
                ])
        }
        #expect(kind == .unmappedTensors(["model.extra", "model.layers.1.mlp.up_proj.weight"]))
    }

    @Test func tensorsThatNobodyNeedsAreLeftOut() throws {
        try Checkpoints.with { folder in
            try TinyModel.write(
                to: folder,
                tensors: TinyModel.tensors + [
                    ("model.layers.0.self_attn.rotary_emb.inv_freq", [2]),
                    ("model.layers.0.attention.masked_bias", [1]),
                ])
            #expect(
                try ConversionSource(directory: folder).tensors.count == TinyModel.tensors.count)
        }
    }

    @Test func shapesAreCheckedAgainstTheConfiguration() throws {
        let wide = try DirectoryTests.kind { folder in
            try Checkpoints.edit("config.json", in: folder, ["intermediate_size": 16])
        }
        let found = try #require(Shape([8, 12]))
        #expect(wide == .shapeMismatch(found: found, expected: [8, 16]))
        let vocabulary = try DirectoryTests.kind { folder in
            try Checkpoints.edit("config.json", in: folder, ["vocab_size": 600])
        }
        #expect(vocabulary == .vocabularyMismatch(rows: 512, vocabSize: 600))
    }

    @Test func sizesThatTheConfigurationLeavesOutAreNamed() throws {
        let message = try DirectoryTests.message { folder in
            let path = folder + "/config.json"
            try OutputFile.write(
                Array(
                    String(decoding: try InputFile.contents(path: path), as: UTF8.self)
                        .replacing(/"intermediate_size": *[0-9]+,?/, with: "").utf8), to: path)
        }
        #expect(message.contains("config.json does not say intermediate_size (11008)"))
    }

    @Test func undecodableTypesAreRefused() throws {
        let kind = try DirectoryTests.kind { folder in
            try TinyModel.write(to: folder) { $0.contains("up_proj") ? .C64 : .F32 }
        }
        #expect(kind == .unsupportedDataType("C64"))
    }

    @Test func methodsOfQuantizationThatAreNotKnownAreRefused() throws {
        let message = try DirectoryTests.message { folder in
            try TinyModel.write(to: folder) { $0.contains("up_proj") ? .I8 : .F32 }
            try Checkpoints.edit(
                "config.json", in: folder,
                ["quantization_config": ["quant_method": "hqq"]])
        }
        #expect(message.contains("quantization_config: the weights are quantized by the method"))
        #expect(message.contains("method hqq"))
    }

    @Test func anAdapterIsRefused() throws {
        let message = try DirectoryTests.message { folder in
            for name in ["config.json", "model.safetensors"] {
                try FileManager.default.removeItem(atPath: folder + "/" + name)
            }
            try OutputFile.write(
                Array(#"{"base_model_name_or_path": "org/base"}"#.utf8),
                to: folder + "/adapter_config.json")
            try OutputFile.write([0], to: folder + "/adapter_model.safetensors")
        }
        #expect(message.contains("adapter (LoRA)") && message.contains("org/base"))
        #expect(message.contains("merge_and_unload"))
    }

    @Test func aDirectoryWithoutConfigurationIsRefused() throws {
        let kind = try DirectoryTests.kind { folder in
            try FileManager.default.removeItem(atPath: folder + "/config.json")
        }
        #expect(kind == .missingFile("config.json"))
        #expect(throws: FileError.self) { try ConversionSource(directory: "/nonexistent") }
    }

    @Test func messagesSayWhatToDo() throws {
        let pickled = try DirectoryTests.message { folder in
            try FileManager.default.removeItem(atPath: folder + "/model.safetensors")
            try OutputFile.write([0x80], to: folder + "/pytorch_model.bin")
        }
        #expect(pickled.contains("pickle"))
        #expect(pickled.contains("save_pretrained"))
        let unknown = try DirectoryTests.message { folder in
            try Checkpoints.edit(
                "config.json", in: folder, ["architectures": ["LlamaForCausalLMOfNext"]])
        }
        #expect(unknown.hasPrefix("/config.json: architectures: the model class LlamaForCausal"))
        #expect(unknown.contains("among them LlamaForCausalLM, "))
    }

    @Test(arguments: ["", "{", "[]", "null", "{\"architectures\":[\"LlamaForCausalLM\"]"])
    func damagedConfigurationsAreRefused(_ text: String) throws {
        _ = try DirectoryTests.message { folder in
            try Checkpoints.replace("config.json", in: folder, text)
        }
    }

    /// A damaged byte anywhere in the configuration gives an error or a source, never a trap.
    @Test func anyConfigurationIsReadOrRefused() throws {
        let seed: UInt64 = 0xC0F1
        var random = SeededRandom(seed: seed)
        try Checkpoints.with { folder in
            try TinyModel.write(to: folder)
            let sound = try InputFile.contents(path: folder + "/config.json")
            for _ in 0..<200 {
                var bytes = sound
                let index = Int.random(in: bytes.indices, using: &random)
                bytes[index] = Array("09-.e\"[{]},: n".utf8).randomElement(using: &random) ?? 0
                try OutputFile.write(bytes, to: folder + "/config.json")
                _ = try? ConversionSource(directory: folder)
            }
        }
    }

    @Test func aBaseModelWithoutItsPrefixConverts() throws {
        try Checkpoints.with { folder in
            try TinyModel.write(
                to: folder,
                tensors: TinyModel.tensors.map { (String($0.name.dropFirst(6)), $0.shape) })
            try Checkpoints.edit("config.json", in: folder, ["architectures": ["LlamaModel"]])
            let source = try ConversionSource(directory: folder)
            #expect(source.tensors.count == TinyModel.tensors.count)
            #expect(source.tensors.first?.name == "token_embd.weight")
        }
    }

    @Test func dynamicRotaryScalingIsNotSilent() throws {
        try Checkpoints.with { folder in
            func saysSo() throws -> Bool {
                try ConversionSource(directory: folder).notices.contains { $0.contains("dynamic") }
            }
            #expect(try !saysSo())
            try Checkpoints.edit(
                "config.json", in: folder,
                ["rope_parameters": ["rope_type": "dynamic", "factor": 2, "rope_theta": 10000]])
            #expect(try ConversionSource(directory: folder).notices.count == 1)
        }
    }

    @Test func aTiedHeadThatIsThereIsWritten() throws {
        try Checkpoints.with { folder in
            try TinyModel.write(
                to: folder, tensors: TinyModel.tensors + [("lm_head.weight", [512, 8])])
            try Checkpoints.edit("config.json", in: folder, ["tie_word_embeddings": true])
            #expect(
                try ConversionSource(directory: folder).tensors.first?.name == "output.weight")
        }
    }

    @Test func embeddingModelsSayHowTheyPool() throws {
        try Checkpoints.with(copyOf: "qwen3") { folder in
            try OutputFile.write(
                Array(
                    #"[{"type":"a.Transformer","path":""},{"type":"a.Pooling","path":"1_P"}]"#.utf8),
                to: folder + "/modules.json")
            try FileManager.default.createDirectory(
                atPath: folder + "/1_P", withIntermediateDirectories: true)
            try OutputFile.write(
                Array(#"{"pooling_mode_lasttoken":true}"#.utf8), to: folder + "/1_P/config.json")
            let metadata = try ConversionSource(directory: folder).metadata
            #expect(metadata["qwen3.pooling_type"] == .uint32(3))
            try Checkpoints.replace(
                "modules.json", in: folder, #"[{"type":"a.Pooling","path":"../x"}]"#)
            #expect(throws: ConversionError.self) { try ConversionSource(directory: folder) }
        }
    }
}
