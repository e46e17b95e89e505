import Calibration
import Checkpoints
import Foundation
import Quantization
import Safetensors
import TensorCore
import TestSupport
import Testing

/// Mixtures of experts in every form.
@Suite struct ExpertTests {
    private static let block = "model.layers.0."
    private static let router = "model.layers.0.mlp.gate"
    /// What engines take no experts in.
    private static let refused = ["W4A16_ASYM", "W8A8_STATIC"]
    private static let tokens: [[Int32]] = (0..<4).map { row in
        (0..<24).map { column in Int32((row * 97 + column * 13) % 512) }
    }

    @Test(arguments: CheckpointForm.all.map(\.name))
    func expertsAreWrittenOneByOneAndRoutersAreLeft(_ name: String) throws {
        try Fixtures.withTemporaryFolder { folder in
            try RandomModel.mixture().write(to: folder + "/m")
            let form = try #require(CheckpointForm.named(name)?.form)
            let model = try CheckpointModel(directory: folder + "/m")
            guard !Self.refused.contains(name) else {
                let error = #expect(throws: CheckpointError.self) {
                    try CheckpointPlan(model, form: form)
                }
                #expect(error?.place == Self.block + "mlp.experts.0.down_proj.weight")
                #expect(error?.remedy?.contains("--list-types") == true)
                return
            }
            let plan = try CheckpointPlan(model, form: form)
            #expect(plan.matrixCount == 4 + 3 * 4)
            #expect(Set(plan.ignored) == [Self.router, "lm_head"])
            let calibration =
                plan.needsText
                ? try CheckpointCalibration(
                    plan,
                    windows: CalibrationWindows(fitting: Self.tokens, validation: Self.tokens),
                    effort: .fast, texts: ["t"]) : nil
            _ = try CheckpointWriter.write(
                plan, to: folder + "/out", calibration: calibration)
            let out = StoredDirectory(path: folder + "/out")
            let original = StoredDirectory(path: folder + "/m")
            #expect(try out.stored(Self.router + ".weight")?.dataType == .BF16)
            for module in ["mlp.experts.3.down_proj", "self_attn.k_proj"].map({ Self.block + $0 }) {
                let suffixes = Set(
                    try out.names().filter { $0.hasPrefix(module + ".") }
                        .map { String($0.dropFirst(module.count)) })
                #expect(suffixes == Set(form.layout.parts.map(\.suffix)))
                guard form.name != "AWQ" else { continue }
                let distance = StoredDirectory.distance(
                    try out.weights(module), try original.weights(module))
                #expect(distance < (form.grid.bits == 8 ? 0.04 : 0.25), "\(module)")
            }
            let listed = String(decoding: try out.quantization().written(), as: UTF8.self)
            #expect(listed.contains("mlp") && listed.contains("gate"))
        }
    }

    /// An expert's two first matrices are one in engines; all experts of a layer take in the same.
    @Test func globalScalesAreSharedWhereEnginesFuse() throws {
        try Fixtures.withTemporaryFolder { folder in
            try RandomModel.mixture().write(to: folder + "/m")
            let form = try #require(CheckpointForm.named("NVFP4")?.form)
            let plan = try CheckpointPlan(CheckpointModel(directory: folder + "/m"), form: form)
            let calibration = try CheckpointCalibration(
                plan, windows: CalibrationWindows(fitting: Self.tokens, validation: Self.tokens),
                effort: .fast, texts: ["t"])
            _ = try CheckpointWriter.write(plan, to: folder + "/out", calibration: calibration)
            let out = StoredDirectory(path: folder + "/out")
            let expert = Self.block + "mlp.experts.1."
            let gate = try out.elements(expert + "gate_proj.weight_global_scale")
            #expect(try out.elements(expert + "up_proj.weight_global_scale") == gate)
            // The number divides: 448 · 6 over the largest magnitude.
            let original = StoredDirectory(path: folder + "/m")
            let largest = try ["gate_proj", "up_proj"]
                .flatMap { try original.weights(expert + $0) }.reduce(0) { max($0, abs($1)) }
            #expect(abs(gate[0] * largest - 2688) < 1)
            let input = try out.elements(expert + "gate_proj.input_global_scale")
            #expect(input[0] > 1)
            #expect(try out.elements(expert + "up_proj.input_global_scale") == input)
            let other = Self.block + "mlp.experts.2.gate_proj.input_global_scale"
            #expect(try out.elements(other) == input)
        }
    }

    @Test func expertsAreLeftAloneTogether() throws {
        try Fixtures.withTemporaryFolder { folder in
            try RandomModel.mixture().write(to: folder + "/m")
            let form = try #require(CheckpointForm.named("W4A16")?.form)
            let model = try CheckpointModel(directory: folder + "/m")
            var options = CheckpointPlan.Options()
            options.ignored = ["experts\\.2"]
            #expect(throws: CheckpointError.self) {
                try CheckpointPlan(model, form: form, options: options)
            }
            options.ignored = ["experts"]
            #expect(try CheckpointPlan(model, form: form, options: options).matrixCount == 4)
        }
    }
}
