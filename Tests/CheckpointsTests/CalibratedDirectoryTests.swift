import Calibration
import Checkpoints
import Foundation
import Quantization
import Safetensors
import TensorCore
import TestSupport
import Testing

/// Scales that come of a text, and columns that are scaled by it.
@Suite struct CalibratedDirectoryTests {
    private static let source = Fixtures.path("tiny-llama")
    private static let tokens = (0..<4).map { row in (0..<32).map { Int32(row * 397 + $0 * 31) } }

    /// Writes the first block of the embedded model in a form.
    private func write(
        _ name: String, to path: String, cacheScales: Bool = false, effort: RoundingEffort = .fast
    ) throws -> StoredDirectory {
        let (form, scope) = try #require(CheckpointForm.named(name))
        var options = CheckpointPlan.Options()
        options.scope = scope
        options.ignored = ["layers\\.[1-5]"]
        options.hasCacheScales = cacheScales
        let plan = try CheckpointPlan(
            CheckpointModel(directory: Self.source), form: form, options: options)
        let calibration = try CheckpointCalibration(
            plan, windows: CalibrationWindows(fitting: Self.tokens, validation: Self.tokens),
            effort: effort, texts: ["t"])
        _ = try CheckpointWriter.write(plan, to: path, calibration: calibration)
        return StoredDirectory(path: path)
    }

    /// A row has one scale and, with asymmetric integers, one zero point for all of its groups in memory.
    @Test(arguments: ["W4A16_CHANNEL", "W4A16_ASYM_CHANNEL", "GPTQ_CHANNEL"])
    func rowsHaveOneScaleAndZeroPoint(_ name: String) throws {
        try Fixtures.withTemporaryFolder { folder in
            let out = try write(name, to: folder + "/out")
            let original = StoredDirectory(path: Self.source)
            for module in ["self_attn.k_proj", "mlp.down_proj"].map({ "model.layers.0." + $0 }) {
                let distance = StoredDirectory.distance(
                    try out.weights(module), try original.weights(module))
                #expect(distance < 0.25, "\(module)")
            }
        }
    }

    @Test func cacheScalesOfCompressedTensors() throws {
        try Fixtures.withTemporaryFolder { folder in
            let out = try write("FP8_DYNAMIC", to: folder + "/out", cacheScales: true)
            for name in ["k_scale", "v_scale"] {
                let full = "model.layers.5.self_attn." + name
                #expect(try out.stored(full)?.shape.dimensions == [1])
                #expect(try out.stored(full)?.dataType == .BF16)
                #expect(try out.elements(full)[0] > 0)
            }
            let scheme = try out.quantization()["kv_cache_scheme"]
            #expect(scheme?["num_bits"]?.integer == 8)
            #expect(scheme?["strategy"]?.text == "tensor")
            #expect(scheme?["dynamic"]?.boolean == false)
        }
    }

    @Test func cacheScalesOfModelOpt() throws {
        try Fixtures.withTemporaryFolder { folder in
            let out = try write("MODELOPT_FP8", to: folder + "/out", cacheScales: true)
            for name in ["k_proj.k_scale", "v_proj.v_scale"] {
                let full = "model.layers.5.self_attn." + name
                #expect(try out.stored(full)?.shape.dimensions == [])
                #expect(try out.stored(full)?.dataType == .F32)
            }
            let file = try JSON.parse(path: folder + "/out/hf_quant_config.json")
            #expect(file["quantization"]?["kv_cache_quant_algo"]?.text == "FP8")
        }
    }

    @Test(arguments: [
        ("FP8", "input_scale", DataType.BF16, [1]),
        ("W8A8_STATIC", "input_scale", .BF16, [1]),
        ("NVFP4", "input_global_scale", .F32, [1]),
        ("MODELOPT_NVFP4", "input_scale", .F32, []),
    ])
    func staticScales(_ name: String, _ suffix: String, _ type: DataType, _ shape: [Int]) throws {
        try Fixtures.withTemporaryFolder { folder in
            let out = try write(name, to: folder + "/out")
            let query = "model.layers.0.self_attn.q_proj.\(suffix)"
            #expect(try out.stored(query)?.dataType == type)
            #expect(try out.stored(query)?.shape.dimensions == shape)
            let value = try out.elements(query)[0]
            // The inverse is stored in one form alone.
            #expect(name == "NVFP4" ? value > 1 : value > 0 && value < 1)
            #expect(try out.elements("model.layers.0.self_attn.v_proj.\(suffix)")[0] == value)
        }
    }

    /// What columns are multiplied by the norm before them, or the rows before them, take back.
    @Test func scaledColumnsLeaveTheFunction() throws {
        try Fixtures.withTemporaryFolder { folder in
            let out = try write("AWQ", to: folder + "/out")
            let original = StoredDirectory(path: Self.source)
            let block = "model.layers.0."
            func product(_ directory: StoredDirectory, _ norm: String, _ module: String) throws
                -> [Float]
            {
                let scales = try directory.elements(block + norm + ".weight")
                return try directory.weights(block + module).enumerated()
                    .map { $0.element * scales[$0.offset % scales.count] }
            }
            var changed = false
            for (norm, module) in [
                ("input_layernorm", "self_attn.q_proj"), ("input_layernorm", "self_attn.v_proj"),
                ("post_attention_layernorm", "mlp.gate_proj"),
            ] {
                let expected = try product(original, norm, module)
                #expect(
                    try StoredDirectory.distance(product(out, norm, module), expected) < 0.2,
                    "\(module)")
                let name = block + norm + ".weight"
                changed = try changed || out.elements(name) != original.elements(name)
            }
            #expect(changed)
            // An output of the network's last matrix for an input of its second.
            func chain(_ directory: StoredDirectory) throws -> [Float] {
                let scales = try directory.elements(block + "post_attention_layernorm.weight")
                let up = try directory.weights(block + "mlp.up_proj")
                let down = try directory.weights(block + "mlp.down_proj")
                return (0..<16).map { (row: Int) -> Float in
                    (0..<768).reduce(Float(0)) { (sum: Float, inner: Int) -> Float in
                        sum + down[row * 768 + inner] * up[inner * 256 + row] * scales[row]
                    }
                }
            }
            #expect(try StoredDirectory.distance(chain(out), chain(original)) < 0.25)
        }
    }
}
