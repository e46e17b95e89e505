import Foundation
import TestSupport
import Testing

/// Quantized directories in the real packages, where they are installed: one form for each.
///
/// `scripts/compare-engines --install` makes the environments and runs all forms.
@Suite(.serialized) struct EngineTests {
    /// A package, and a form that it takes.
    struct Engine: Sendable, CustomTestStringConvertible {
        let name: String
        let form: String
        var testDescription: String { "\(form) in \(name)" }
    }

    private static let environments = ProcessInfo.processInfo.environment["INGOT_ENGINES"] ?? ""

    private static func isInstalled(_ name: String) -> Bool {
        !environments.isEmpty && Fixtures.exists("\(environments)/\(name)/bin/python")
    }

    private static func check(_ engine: Engine) throws {
        let script = Fixtures.projectRoot.appending(path: "scripts/compare-engines").path
        let outcome = try Tool.run(
            [
                "--environments", environments, "--engines", engine.name, "transformers",
                engine.form,
            ],
            calledAs: script, environment: ["INGOT": Tool.path])
        #expect(outcome.exitCode == 0, "\(outcome.output)\(outcome.errors)")
        #expect(!outcome.output.contains("different"), "\(outcome.output)")
    }

    @Test(
        .enabled(if: isInstalled("transformers"), "INGOT_ENGINES names no transformers"),
        arguments: ["W4A16", "FP8_DYNAMIC", "NVFP4A16"])
    func transformersComputesTheSame(form: String) throws {
        try Self.check(Engine(name: "transformers", form: form))
    }

    @Test(.enabled(if: isInstalled("gptqmodel"), "INGOT_ENGINES names no gptqmodel"))
    func gptqmodelComputesTheSame() throws {
        try Self.check(Engine(name: "gptqmodel", form: "GPTQ"))
    }

    @Test(.enabled(if: isInstalled("modelopt"), "INGOT_ENGINES names no modelopt"))
    func modelOptDecodesTheSame() throws {
        try Self.check(Engine(name: "modelopt", form: "MODELOPT_NVFP4"))
    }

    @Test(.enabled(if: isInstalled("vllm"), "INGOT_ENGINES names no vllm"))
    func vllmComputesTheSame() throws {
        try Self.check(Engine(name: "vllm", form: "W4A16"))
    }
}
