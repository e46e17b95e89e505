import Calibration
import Checkpoints
import Foundation
import Planning
import Quantization
import Safetensors
import TensorCore
import TestSupport
import Testing

/// Types of directories in plans of serving.
@Suite struct ServedTypeTests {
    private static let dense = Fixtures.path("tiny-llama")

    private func form(_ name: String) throws -> CheckpointForm {
        try #require(CheckpointForm.named(name)?.form)
    }

    /// The bytes of the tensors that a directory holds.
    private func storedBytes(_ folder: String) throws -> Int {
        try SafetensorsFile(path: folder + "/model.safetensors").tensors
            .reduce(0) { $0 + $1.byteCount }
    }

    /// Writes a directory, with what a text tells where the form asks for it.
    private func write(_ source: String, _ form: CheckpointForm, to output: String) throws {
        let plan = try CheckpointPlan(CheckpointModel(directory: source), form: form)
        let tokens: [[Int32]] = [Array(3..<99)]
        let calibration =
            plan.needsText
            ? try CheckpointCalibration(
                plan, windows: CalibrationWindows(fitting: tokens, validation: tokens),
                effort: .fast, texts: ["t"]) : nil
        _ = try CheckpointWriter.write(plan, to: output, calibration: calibration)
    }

    @Test(arguments: CheckpointForm.all.map(\.name))
    func plansTheBytesThatAreWritten(_ name: String) throws {
        try Fixtures.withTemporaryFolder { folder in
            let form = try form(name)
            // Two forms have no place for experts.
            let source = folder + "/model"
            let isDense = ["W4A16_ASYM", "W8A8_STATIC"].contains(name)
            try (isDense ? RandomModel.dense : .mixture()).write(to: source)
            let typed = try CheckpointLadder(ModelAtPath(path: source))
                .typed(name, form: form, scope: nil)
            #expect(typed.needsImportance == form.needsActivations)
            try write(source, form, to: folder + "/out")
            let bytes = try storedBytes(folder + "/out")
            #expect(typed.model.work.byteCount == bytes)
            let shape = try ServingShape(context: 256)
            #expect(try MemoryNeed(typed.model, shape).weights == bytes)
        }
    }

    @Test func aQuantizedDirectoryIsPlannedAsItIsStored() throws {
        try Fixtures.withTemporaryFolder { folder in
            let (source, out) = (folder + "/mixture", folder + "/out")
            try RandomModel.mixture().write(to: source)
            try write(source, form("W4A16"), to: out)
            let stored = try #require(try ModelAtPath(path: out).asStored())
            #expect(stored.type == "W4A16 g128")
            #expect(stored.weightsFrom.contains("quantized already (compressed-tensors)"))
            #expect(stored.checkpoint?.isStored == true)
            #expect(stored.checkpoint?.engines.contains("vLLM") == true)
            #expect(try stored.model.work.byteCount == storedBytes(out))
            // Experts are told apart, so that a step reads the same as was planned.
            let ladder = try CheckpointLadder(ModelAtPath(path: source))
            let planned = try ladder.typed("W4A16", form: form("W4A16"), scope: nil)
            #expect(stored.model.work == planned.model.work)
            #expect(stored.model.work.expertByteCount > 0)
            #expect(try ModelAtPath(path: source).asStored() == nil)
        }
    }

    @Test func aConfigurationPromisesTheSameBytes() throws {
        try Fixtures.withTemporaryFolder { folder in
            let source = folder + "/mixture"
            try RandomModel.mixture().write(to: source)
            let whole = try CheckpointLadder(ModelAtPath(path: source))
            let bare = try CheckpointLadder(ModelAtPath(path: source + "/config.json"))
            for name in ["W4A16", "FP8_DYNAMIC", "NVFP4", "GPTQ"] {
                let (one, other) = (
                    try whole.typed(name, form: form(name), scope: nil),
                    try bare.typed(name, form: form(name), scope: nil)
                )
                #expect(one.model.work == other.model.work, "\(name)")
                #expect(other.weightsFrom == "by the family's rules for config.json")
            }
        }
    }

    @Test func groupsOfOnesOwnAreCounted() throws {
        let ladder = try CheckpointLadder(ModelAtPath(path: Self.dense))
        func bytes(_ word: String) throws -> Int {
            let named = try #require(CheckpointForm.named(word))
            return try ladder.typed(word, form: named.form, scope: named.scope).model.work.byteCount
        }
        #expect(try bytes("W4A16_G32") > bytes("W4A16"))
        #expect(try bytes("W4A16") > bytes("W4A16_CHANNEL"))
        #expect(CheckpointForm.reported("W4A16 g64")?.scope == .group(64))
        #expect(CheckpointForm.reported("W4A16 channel")?.scope == .channel)
        #expect(CheckpointForm.reported("BF16") == nil)
    }

    private func plan(
        _ names: [String], on devices: [String], planned: String? = nil
    ) throws -> ServingPlan {
        let place = try ModelAtPath(path: Self.dense)
        let ladder = try CheckpointLadder(place)
        let types = try names.map { name in
            (
                typed: try ladder.typed(name, form: form(name), scope: nil),
                divergence: Double?.none
            )
        }
        return try ServingPlan(
            of: place,
            types.first { $0.typed.type == planned }?.typed ?? types[0].typed,
            ServingShape(context: 512, slots: 8), load: ServingLoad(),
            devices: devices.map { try HardwareTable.builtIn.device(named: $0) }, ladder: types)
    }

    @Test func theBestTypeIsOneThatTheDeviceComputesIn() throws {
        let plan = try plan(
            ["FP8_DYNAMIC", "W8A8", "W4A16", "NVFP4", "MXFP4"],
            on: ["T4", "A100 80GB", "H100", "MI300X", "M4", "CPU 8 × DDR5-4800"])
        #expect(
            plan.bestTypes.map(\.checkpointType)
                == ["W8A8", "W8A8", "FP8_DYNAMIC", "FP8_DYNAMIC", nil, "W8A8"])
        #expect(plan.bestTypes.allSatisfy { $0.type == nil })
        let obstacles = try #require(plan.types.first { $0.type == "MXFP4" }).places
        #expect(obstacles[0].obstacle?.contains("compute capability 8.0") == true)
        #expect(obstacles[1].obstacle == nil)
    }

    @Test(arguments: [
        ("NVFP4", "B200", ["vLLM", "SGLang", "TensorRT-LLM", "transformers"], "TGI"),
        ("W4A16", "A100 80GB", ["vLLM", "SGLang", "TGI", "transformers"], "TensorRT-LLM"),
        ("MODELOPT_FP8", "H100", ["vLLM", "SGLang", "TensorRT-LLM"], "transformers"),
        ("MXFP4", "T4", ["llama.cpp"], "vLLM"),
        ("NVFP4", "MI300X", ["llama.cpp"], "vLLM"),
        ("W8A8", "CPU 8 × DDR5-4800", ["vLLM", "transformers"], "llama.cpp, Ollama, Ingot"),
        ("W8A8", "M4 Max", ["llama.cpp"], "vLLM"),
    ])
    func enginesAreThoseThatReadTheType(
        _ type: String, _ device: String, _ engines: [String], _ refused: String
    ) throws {
        let plan = try plan([type], on: [device])
        #expect(plan.engines.choices.map(\.engine) == engines)
        #expect(plan.engines.obstacles.contains { $0.engine == refused })
        #expect(plan.serverOptions == ["--max-model-len", "512", "--max-num-seqs", "8"])
    }
}
