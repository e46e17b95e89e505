import Deployment
import Foundation
import TensorCore
import TestSupport
import Testing

@Suite struct CompatibilityTests {
    /// A quantized directory, as far as its configuration goes.
    @discardableResult
    private func withDirectory<Result>(
        _ quantization: String?, architecture: String = "LlamaForCausalLM",
        _ body: (ModelFacts) throws -> Result
    ) throws -> Result {
        try Fixtures.withTemporaryFolder { folder in
            let tiny = Fixtures.path("tiny-llama")
            try FileManager.default.copyItem(
                atPath: "\(tiny)/model.safetensors", toPath: "\(folder)/model.safetensors")
            var config = String(
                decoding: try InputFile.contents(path: "\(tiny)/config.json"), as: UTF8.self)
            config.replace("LlamaForCausalLM", with: architecture)
            if let quantization {
                config = "{\"quantization_config\": \(quantization)," + config.dropFirst()
            }
            try OutputFile.write(Array(config.utf8), to: "\(folder)/config.json")
            return try body(ModelFacts(path: folder))
        }
    }

    private static func compressed(
        _ weights: String, format: String, activations: String = "null"
    ) -> String {
        """
        {"quant_method": "compressed-tensors", "format": "\(format)", "config_groups": {"group_0":
        {"targets": ["Linear"], "weights": \(weights), "input_activations": \(activations)}}}
        """
    }

    static let int4 = #"{"num_bits": 4, "type": "int", "symmetric": true, "group_size": 128}"#
    static let fp8 = #"{"num_bits": 8, "type": "float", "symmetric": true, "strategy": "channel"}"#
    static let dynamic = #"{"num_bits": 8, "type": "float", "dynamic": true}"#

    /// Configurations, and the engines that take them.
    static let forms: [(String?, Set<Engine>)] = [
        (nil, [.vllm, .tgi, .sglang, .tensorrtLLM]),
        (compressed(int4, format: "pack-quantized"), [.vllm, .tgi, .sglang]),
        (
            compressed(fp8, format: "float-quantized", activations: dynamic),
            [.vllm, .tgi, .sglang, .tensorrtLLM]
        ),
        (
            #"{"quant_method": "gptq", "bits": 4, "group_size": 128, "sym": true, "desc_act": false}"#,
            [.vllm, .tgi, .sglang, .tensorrtLLM]
        ),
        (
            #"{"quant_method": "gptq", "bits": 4, "group_size": 128, "sym": true, "desc_act": true}"#,
            []
        ),
        (
            #"{"quant_method": "gptq", "bits": 3, "group_size": 128, "sym": true, "desc_act": false}"#,
            []
        ),
        (
            #"{"quant_method": "awq", "bits": 4, "group_size": 128, "version": "gemm"}"#,
            [.vllm, .tgi, .sglang]
        ),
        (
            #"{"quant_method": "fp8", "weight_block_size": [128, 128]}"#,
            [.vllm, .sglang, .tensorrtLLM]
        ),
        (#"{"quant_method": "modelopt", "quant_algo": "NVFP4"}"#, [.vllm, .sglang, .tensorrtLLM]),
        (#"{"quant_method": "bitsandbytes", "load_in_4bit": true}"#, [.sglang]),
        (#"{"group_size": 64, "bits": 4}"#, []),
    ]

    @Test func directoriesGoWhereTheyCan() throws {
        for (form, takers) in Self.forms {
            try withDirectory(form) { model in
                for engine in [Engine.vllm, .tgi, .sglang, .tensorrtLLM] {
                    if takers.contains(engine) {
                        #expect(throws: Never.self, "\(form ?? "") \(engine)") {
                            try engine.check(model)
                        }
                    } else {
                        let error = #expect(
                            throws: DeploymentError.self, "\(form ?? "") \(engine)"
                        ) { try engine.check(model) }
                        #expect(error?.remedy?.contains("ingot quantize") == true)
                        #expect(error?.description.contains("\n") == false)
                    }
                }
            }
        }
    }

    @Test func filesGoWhereTheyCan() throws {
        try TinyModel.withFile { path in
            let model = try ModelFacts(path: path)
            for engine in [Engine.ollama, .llamaCpp, .ingot, .sglang] { try engine.check(model) }
            for engine in [Engine.vllm, .tgi, .tensorrtLLM] {
                let error = #expect(throws: DeploymentError.self) { try engine.check(model) }
                #expect(error?.problem.contains("GGUF") == true)
            }
        }
        let directory = try ModelFacts(path: Fixtures.path("tiny-llama"))
        for engine in [Engine.ollama, .llamaCpp, .ingot] {
            #expect(throws: DeploymentError.self) { try engine.check(directory) }
        }
    }

    @Test func familiesThatAreUnknownHereAreDeployed() throws {
        try withDirectory(nil, architecture: "NewForCausalLM") { model in
            try Engine.vllm.check(model)
            #expect(!model.isEncoder && model.contextLength == 1024)
        }
        try withDirectory(nil, architecture: "NewModel") { model in
            #expect(model.isEncoder)
            #expect(throws: DeploymentError.self) { try Engine.tgi.check(model) }
        }
    }
}
