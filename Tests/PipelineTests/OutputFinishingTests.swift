import Foundation
import GGUF
import Pipeline
import Quantization
import TensorCore
import TestSupport
import Testing

/// Values that weights get after all tensors are written and before the files appear.
@Suite struct OutputFinishingTests {
    /// Gives a norm's weights other values, once the file is whole.
    private struct Doubling: OutputFinishing {
        let tensor: String
        var fails = false

        func memoryByteCount(for plan: Plan) -> Int { 12345 }

        func values(for plan: Plan, at path: String) throws -> [String: [Float]] {
            #expect(path != plan.outputPath)
            #expect(!Fixtures.exists(plan.outputPath))
            let file = try GGUFFile(path: path)
            let number = try #require(file.index(ofTensor: tensor))
            if fails { throw PipelineError(.busy, path: path) }
            return [
                tensor: try file.floats(ofTensor: number, scratch: ScratchBuffer()).map { 2 * $0 }
            ]
        }
    }

    private func norm(_ path: String, _ name: String) throws -> [Float] {
        let file = try GGUFFile(path: path)
        return try file.floats(
            ofTensor: #require(file.index(ofTensor: name)), scratch: ScratchBuffer())
    }

    @Test(arguments: [WriteOptions.Journaling.none, .fresh, .resume])
    func valuesAreInTheFileThatIsVerified(journaling: WriteOptions.Journaling) throws {
        try Fixtures.withTemporaryFolder { folder in
            let plans = try [Recipe.Q8_0, .Q4_0].map {
                try Plan.quantize(
                    MemorySource.model(), recipe: $0, options: QuantizeOptions(),
                    outputPath: "\(folder)/\($0).gguf")
            }
            let name = try #require(
                plans[0].tensors.first { $0.choice.format == .F32 && $0.name.contains("norm") }
            ).name
            var options = WriteOptions()
            options.threadCount = 2
            options.journaling = journaling
            _ = try PlanWriter.write(plans, options: options)
            let before = try plans.map { try norm($0.outputPath, name) }
            for plan in plans { try FileManager.default.removeItem(atPath: plan.outputPath) }

            options.verifies = true
            options.finishing = Doubling(tensor: name)
            _ = try PlanWriter.write(plans, options: options)
            for (plan, values) in zip(plans, before) {
                #expect(try norm(plan.outputPath, name) == values.map { 2 * $0 })
            }
        }
    }

    @Test func itsMemoryIsStated() throws {
        let plan = try Plan.quantize(
            MemorySource.model(), recipe: .Q8_0, options: QuantizeOptions(), outputPath: "out.gguf")
        var options = WriteOptions()
        let without = try PlanWriter.memoryByteCount(of: [plan], options: options)
        options.finishing = Doubling(tensor: plan.tensors[0].name)
        #expect(
            try PlanWriter.memoryByteCount(of: [plan, plan], options: options)
                == PlanWriter.memoryByteCount(of: [plan, plan], options: WriteOptions()) + 12345)
        #expect(
            try PlanWriter.memoryByteCount(of: [plan], options: options) == without + 12345)
    }

    @Test func anErrorLeavesNoFile() throws {
        try Fixtures.withTemporaryFolder { folder in
            let plan = try Plan.quantize(
                MemorySource.model(), recipe: .Q8_0, options: QuantizeOptions(),
                outputPath: folder + "/out.gguf")
            var options = WriteOptions()
            options.finishing = Doubling(tensor: plan.tensors[0].name, fails: true)
            #expect(throws: PipelineError.self) {
                try PlanWriter.write([plan], options: options)
            }
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
        }
    }
}
