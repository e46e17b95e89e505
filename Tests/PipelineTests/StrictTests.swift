import GGUF
import Pipeline
import Quantization
import TensorCore
import TestSupport
import Testing

@Suite struct StrictTests {
    @Test func fallbacksAreNamed() throws {
        var source = MemorySource.model()
        source.add("blk.0.ffn_down.weight", [8, 320], format: .F16)
        let plan = try Plan.quantize(
            source, recipe: .Q4_K_M, options: QuantizeOptions(), outputPath: "/tmp/never.gguf")
        let problems = plan.strictProblems(importance: nil)
        #expect(problems.map(\.place) == ["blk.0.ffn_down.weight"])
        guard case .fallback(_, to: _, rowLength: 320) = problems.first?.kind else {
            Issue.record("\(problems)")
            return
        }
    }

    @Test func valuesBeyondF16AreAFindingOrAnError() throws {
        var source = MemorySource.model()
        source.tensors[1] = TensorDescription(
            name: source.tensors[1].name, shape: source.tensors[1].shape, format: .F32)
        source.values[1][512 * 7 + 3] = -70000
        try Fixtures.withTemporaryFolder { folder in
            func plan(_ name: String) throws -> Plan {
                try Plan.quantize(
                    source, recipe: .F16, options: QuantizeOptions(),
                    outputPath: folder + "/" + name)
            }
            let findings = try PlanWriter.write(try plan("lenient.gguf"), threadCount: 1)
            #expect(findings.outOfRange.map(\.tensor) == ["blk.1.ffn_up.weight"])
            #expect(findings.outOfRange.map(\.count) == [1])
            let error = #expect(throws: PipelineError.self) {
                try PlanWriter.write(try plan("strict.gguf"), threadCount: 1, isStrict: true)
            }
            #expect(error?.kind == .beyondF16(value: "-70000.0", row: 7, column: 3))
            #expect(!Fixtures.exists(folder + "/strict.gguf"))
        }
    }
}
