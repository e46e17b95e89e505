import Calibration
import Checkpoints
import Conversion
import Foundation
import GGUF
import Pipeline
import Quantization
import Safetensors
import TensorCore
import TestSupport
import Testing

/// Whole directories, read back by the readers of checkpoints.
@Suite struct DirectoryTests {
    private static let source = Fixtures.path("tiny-llama")
    private static let layer = "model.layers.0.mlp.up_proj"

    private func form(_ name: String) throws -> CheckpointForm {
        try #require(CheckpointForm.named(name)?.form)
    }

    /// The values of a directory's tensor, codes undone.
    private func values(_ name: String, in directory: String) throws -> [Float] {
        let folder = try HuggingFaceDirectory(path: directory)
        let model = try Checkpoint(directory: directory)
            .modelTensors(quantization: folder.quantization())
        let tensor = try #require(model.tensors.first { $0.name == name })
        var values = [Float](repeating: 0, count: tensor.shape.elementCount)
        try values.withUnsafeMutableBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return }
            try tensor.readElements(0..<buffer.count, into: base, scratch: ScratchBuffer())
        }
        return values
    }

    /// Forms without scales of activations that this version reads.
    private static let readable = [
        "W4A16", "W4A16_ASYM", "W4A16_G32", "W4A16_CHANNEL", "W8A16", "GPTQ", "GPTQ_8BIT", "AWQ",
        "W8A8", "FP8_DYNAMIC", "FP8_BLOCK", "FP8_DEEPSEEK", "NVFP4A16", "MXFP4A16", "MXFP4",
        "MXFP8",
    ]

    @Test(arguments: readable)
    func readBackAsRounded(_ name: String) throws {
        try Fixtures.withTemporaryFolder { folder in
            let out = folder + "/out"
            let model = try CheckpointModel(directory: Self.source)
            let found = try #require(CheckpointForm.named(name))
            var options = CheckpointPlan.Options()
            options.scope = found.scope
            let plan = try CheckpointPlan(model, form: found.form, options: options)
            _ = try CheckpointWriter.write(plan, to: out)
            let original = try values(Self.layer + ".weight", in: Self.source)
            let coded = CodedMatrix(plan.grid, rows: 768, columns: 256)
            let partner = try values("model.layers.0.mlp.gate_proj.weight", in: Self.source)
            let largest = (original + partner).reduce(0) { max($0, abs($1)) }
            if plan.grid.hasGlobalScale { coded.unit = 1 / (448 * 6 / largest) }
            coded.round(0..<768, original, largest: largest)
            let expected = (0..<768).flatMap { row in
                (0..<256).map { coded.value(row: row, column: $0) }
            }
            let written = try values(Self.layer + ".weight", in: out)
            let worst = zip(written, expected).map { abs($0 - $1) }.max() ?? 1
            // Readers divide by the global scale where this multiplies by its inverse.
            #expect(worst <= (plan.grid.hasGlobalScale ? largest * 1e-6 : 0))
            // And that is near the model.
            let error = zip(written, original).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
            let power = original.reduce(0) { $0 + $1 * $1 }
            #expect(error < power * (plan.grid.bits == 4 ? 0.03 : 0.001))
            #expect(
                try values("model.norm.weight", in: out)
                    == values("model.norm.weight", in: Self.source))
        }
    }

    @Test func shardsHaveAnIndex() throws {
        try Fixtures.withTemporaryFolder { folder in
            let plan = try CheckpointPlan(
                CheckpointModel(directory: Self.source), form: form("FP8_DYNAMIC"))
            var options = CheckpointWriter.Options()
            options.shardByteCount = 1_500_000
            let findings = try CheckpointWriter.write(plan, to: folder + "/out", options: options)
            #expect(findings.shardCount > 1)
            let index = try JSON.parse(path: folder + "/out/model.safetensors.index.json")
            #expect(index["metadata"]?["total_size"]?.integer == plan.byteCount)
            #expect(index["weight_map"]?.members?.count == plan.tensors.count)
            #expect(Fixtures.exists(folder + "/out/tokenizer.json"))
            #expect(Fixtures.exists(folder + "/out/README.md"))
            _ = try ConversionSource(directory: folder + "/out")
        }
    }

    @Test func configurationNamesWhatIsLeftAlone() throws {
        let model = try CheckpointModel(directory: Self.source)
        var options = CheckpointPlan.Options()
        options.ignored = ["layers\\.1\\.self_attn\\.o_proj"]
        let plan = try CheckpointPlan(model, form: form("W4A16"), options: options)
        #expect(plan.ignored == ["model.layers.1.self_attn.o_proj", "lm_head"])
        #expect(plan.matrixCount == 6 * 7 - 1)
        try Fixtures.withTemporaryFolder { folder in
            _ = try CheckpointWriter.write(plan, to: folder + "/out")
            let config = try JSON.parse(path: folder + "/out/config.json")
            let quantization = try #require(config["quantization_config"])
            #expect(quantization["format"]?.text == "pack-quantized")
            #expect(quantization["ignore"]?.array?.count == 2)
            let weights = quantization["config_groups"]?["group_0"]?["weights"]
            #expect(weights?["group_size"]?.integer == 128)
            #expect(weights?["symmetric"]?.boolean == true)
            #expect(config["hidden_size"]?.integer == 256)
        }
    }

    @Test func nothingIsWrittenOverADirectoryThatIsNotEmpty() throws {
        try Fixtures.withTemporaryFolder { folder in
            try Data("mine".utf8).write(to: URL(filePath: folder + "/notes.txt"))
            let plan = try CheckpointPlan(
                CheckpointModel(directory: Self.source), form: form("W8A8"))
            #expect(throws: FileError.self) { try CheckpointWriter.write(plan, to: folder) }
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["notes.txt"])
        }
    }

    @Test func staticFormsWantAText() throws {
        try Fixtures.withTemporaryFolder { folder in
            for name in ["FP8", "W8A8_STATIC", "NVFP4", "MODELOPT_FP8", "MODELOPT_NVFP4"] {
                let plan = try CheckpointPlan(
                    CheckpointModel(directory: Self.source), form: form(name))
                let error = #expect(throws: CheckpointError.self) {
                    try CheckpointWriter.write(plan, to: folder + "/out")
                }
                #expect(error?.kind == .needsText(form: name))
            }
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
        }
    }

    @Test func staticScalesAreOfTheLargestInput() throws {
        try Fixtures.withTemporaryFolder { folder in
            let plan = try CheckpointPlan(
                CheckpointModel(directory: Self.source), form: form("MODELOPT_FP8"))
            let tokens: [[Int32]] = [Array(5..<37)]
            let calibration = try CheckpointCalibration(
                plan, windows: CalibrationWindows(fitting: tokens, validation: tokens),
                texts: ["t"])
            _ = try CheckpointWriter.write(plan, to: folder + "/out", calibration: calibration)
            let file = try SafetensorsFile(path: folder + "/out/model.safetensors")
            func scale(_ name: String) throws -> Float {
                let tensor = try #require(file.tensors.first { $0.name == name })
                #expect(tensor.shape.rank == 0)
                var value: Float = 0
                try file.readElements(0..<1, of: tensor, into: &value, scratch: ScratchBuffer())
                return value
            }
            let attention = "model.layers.0.self_attn."
            let query = try scale(attention + "q_proj.input_scale")
            #expect(query > 0 && query < 1)
            #expect(try scale(attention + "k_proj.input_scale") == query)
            // One scale for what engines put together.
            #expect(
                try scale(attention + "q_proj.weight_scale")
                    == scale(attention + "v_proj.weight_scale"))
            let config = try JSON.parse(path: folder + "/out/hf_quant_config.json")
            #expect(config["quantization"]?["quant_algo"]?.text == "FP8")
        }
    }

    @Test(arguments: [("W4A16", Float(0.05)), ("MXFP8", 0.002)])
    func feedbackLosesLessOnTheText(_ name: String, _ limit: Float) throws {
        try Fixtures.withTemporaryFolder { folder in
            let model = try CheckpointModel(directory: Self.source)
            var options = CheckpointPlan.Options()
            options.ignored = ["layers\\.[1-5]", "down_proj", "self_attn"]
            let plan = try CheckpointPlan(model, form: form(name), options: options)
            #expect(plan.matrixCount == 2)
            var random = SeededRandom(seed: 3)
            let tokens = (0..<6).map { _ in (0..<32).map { _ in Int32(random.next() % 4000) } }
            let calibration = try CheckpointCalibration(
                plan, windows: CalibrationWindows(fitting: tokens, validation: tokens),
                effort: .fast, texts: ["t"])
            _ = try CheckpointWriter.write(plan, to: folder + "/a", calibration: calibration)
            _ = try CheckpointWriter.write(plan, to: folder + "/b")
            let original = try values(Self.layer + ".weight", in: Self.source)
            let rounded = try values(Self.layer + ".weight", in: folder + "/a")
            let plain = try values(Self.layer + ".weight", in: folder + "/b")
            #expect(rounded != plain)
            // Feedback spends error of single weights for that of the output.
            let error = zip(rounded, original).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
            let power = original.reduce(0) { $0 + $1 * $1 }
            #expect(error < power * limit)
        }
    }

    @Test func fromGGUFAsFromTheDirectory() throws {
        try Fixtures.withTemporaryFolder { folder in
            let gguf = folder + "/m-bf16.gguf"
            let source = try ConversionSource(
                directory: Self.source, options: .init(outputType: .bf16))
            try PlanWriter.write(try Plan.asDescribed(source, outputPath: gguf))
            let plan = try CheckpointPlan(
                CheckpointModel(gguf: GGUFFile(path: gguf)), form: form("W8A16"))
            _ = try CheckpointWriter.write(plan, to: folder + "/a")
            let other = try CheckpointPlan(
                CheckpointModel(directory: Self.source), form: form("W8A16"))
            _ = try CheckpointWriter.write(other, to: folder + "/b")
            let name = "model.layers.2.self_attn.q_proj.weight"
            #expect(try values(name, in: folder + "/a") == values(name, in: folder + "/b"))
        }
    }
}
