import GGUF
import Parts
import Pipeline
import Quantization
import TensorCore
import TestSupport
import Testing

/// Files written in parts.
@Suite struct PlanPartsTests {
    private static func plans(_ folder: String) throws -> [Plan] {
        let source = MemorySource.model()
        return try ["Q4_K_M", "Q8_0"].map {
            try Plan.quantize(
                source, recipe: Recipe.parse($0), options: QuantizeOptions(),
                outputPath: "\(folder)/\($0).gguf")
        }
    }

    @Test(arguments: [1, 2, 3, 7, 40, 3000])
    func partsOneAfterAnotherAreTheFile(count: Int) throws {
        try Fixtures.withTemporaryFolder { folder in
            let plans = try Self.plans(folder)
            _ = try PlanWriter.write(plans, options: WriteOptions())
            let parts = PlanParts(plans, count: count)
            #expect(abs(parts.costs.reduce(0, +) - 1) < 1e-9)
            var joined = plans.map { _ in [UInt8]() }
            // Of many parts some from all over: each has to be right by itself.
            let step = max(1, count / 40)
            for number in stride(from: 1, through: count, by: step) {
                let part = parts.part(try #require(PartNumber(number, of: count)))
                var options = WriteOptions()
                options.part = part
                options.verifies = true
                options.journaling = number % 2 == 0 ? .none : .fresh
                _ = try PlanWriter.write(part.plans, options: options)
                for (index, plan) in part.plans.enumerated() {
                    let bytes = try InputFile.contents(path: plan.outputPath)
                    let range = part.bytes(ofFile: index)
                    #expect(bytes.count == range.count)
                    let whole = try InputFile(path: plans[index].outputPath)
                    #expect(try whole.read(at: range.lowerBound, count: range.count) == bytes)
                    joined[index] += bytes
                }
            }
            guard step == 1 else { return }
            for (plan, bytes) in zip(plans, joined) {
                #expect(try InputFile.contents(path: plan.outputPath) == bytes)
            }
        }
    }

    @Test func blocksStayWholeWhereTheyAreCalibrated() throws {
        try Fixtures.withTemporaryFolder { folder in
            let plans = try Self.plans(folder)
            let parts = PlanParts(plans, count: 3, calibrationTokenCount: 1024)
            for number in 1...3 {
                let part = parts.part(try #require(PartNumber(number, of: 3)))
                let range = part.tensors
                let names = plans[0].tensors.map(\.name)
                for block in ["blk.0.", "blk.1."] {
                    let inside = range.filter { names[$0].hasPrefix(block) }.count
                    #expect(inside == 0 || inside == names.filter { $0.hasPrefix(block) }.count)
                }
            }
        }
    }

    @Test func dearTypesGetFewerRows() throws {
        var source = MemorySource()
        source.metadata["general.architecture"] = .string("llama")
        source.metadata["llama.block_count"] = .uint32(1)
        source.add("blk.0.a.weight", [64, 256], format: .F16, seed: 1)
        source.add("blk.0.b.weight", [64, 256], format: .F16, seed: 2)
        var options = QuantizeOptions()
        options.recipe.overrides = [
            try TensorOverride(parsing: "a.weight=Q2_K"),
            try TensorOverride(parsing: "b.weight=F16"),
        ]
        let plan = try Plan.quantize(
            source, recipe: Recipe.parse("Q8_0"), options: options, outputPath: "out.gguf")
        let parts = PlanParts([plan], count: 2)
        let first = parts.part(try #require(PartNumber(1, of: 2)))
        // The cut lies inside the dear one.
        #expect(first.tensors == 0..<1)
        #expect(abs(parts.costs[0] - 0.5) < 0.02)
    }

    @Test func theDigestTellsPlansApart() throws {
        let plans = try Self.plans("/nowhere")
        func digest(_ count: Int, _ plan: Int = 0, version: String = "1", allows: Bool = false)
            -> String
        {
            var options = WriteOptions()
            options.toolVersion = version
            options.allowsNonFinite = allows
            return PlanParts(plans, count: count).digest(
                of: plan, command: "quantize", options: options, sources: [])
        }
        let all = [
            digest(2), digest(3), digest(2, 1), digest(2, version: "2"), digest(2, allows: true),
        ]
        #expect(Set(all).count == all.count)
        #expect(digest(2) == digest(2))
    }
}
