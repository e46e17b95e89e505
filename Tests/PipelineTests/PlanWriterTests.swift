import Foundation
import GGUF
import Pipeline
import Quantization
import Synchronization
import TensorCore
import TestSupport
import Testing

@Suite struct PlanWriterTests {
    private func write(_ plan: Plan, threads: Int = 2) throws {
        try PlanWriter.write(plan, threadCount: threads)
    }

    @Test func aSourceIsWrittenAsItDescribesItself() throws {
        let source = MemorySource.model()
        try Fixtures.withTemporaryFolder { folder in
            let plan = try Plan.asDescribed(source, outputPath: folder + "/out.gguf")
            try write(plan)
            let file = try GGUFFile(path: folder + "/out.gguf")
            #expect(file.metadata == source.metadata)
            #expect(file.tensors == source.tensors)
            #expect(file.file.byteCount == plan.layout.byteCount)
            for index in source.tensors.indices {
                let found = try file.floats(ofTensor: index, scratch: ScratchBuffer())
                let expected = source.values[index].map {
                    source.tensors[index].format == .F16
                        ? HalfFloat.float(fromF16: HalfFloat.f16(from: $0)) : $0
                }
                #expect(found == expected, "\(source.tensors[index].name)")
            }
        }
    }

    @Test func theNumberOfThreadsDoesNotChangeTheBytes() throws {
        try Fixtures.withTemporaryFolder { folder in
            let source = MemorySource.model()
            let recipe = Recipe.BF16
            var digests: Set<String> = []
            for threads in [1, 2, 5] {
                let path = folder + "/\(threads).gguf"
                try write(
                    try Plan.quantize(
                        source, recipe: recipe, options: QuantizeOptions(), outputPath: path),
                    threads: threads)
                digests.insert(try sha256(ofFile: path))
            }
            #expect(digests.count == 1)
        }
    }

    @Test func quantizeOrdersTensorsByBlockThenName() throws {
        let plan = try Plan.quantize(
            MemorySource.model(), recipe: .F32,
            options: QuantizeOptions(), outputPath: "/tmp/never-written.gguf")
        #expect(
            plan.tensors.map(\.name) == [
                "output.weight", "token_embd.weight", "blk.0.attn_norm.weight",
                "blk.0.ffn_up.weight", "blk.1.ffn_up.weight",
            ])
        #expect(
            plan.metadata.entries.map(\.key).suffix(2)
                == ["general.quantization_version", "general.file_type"])
        #expect(plan.metadata["general.file_type"] == .uint32(0))
    }

    @Test(arguments: [Float.nan, .infinity, -.infinity])
    func aValueThatIsNotFiniteIsNamedAndNothingIsLeft(value: Float) throws {
        var source = MemorySource.model()
        source.values[1][512 * 300 + 17] = value
        try Fixtures.withTemporaryFolder { folder in
            for path in ["copy.gguf", "f32.gguf"] {
                let output = folder + "/" + path
                let plan =
                    path == "copy.gguf"
                    ? try Plan.asDescribed(source, outputPath: output)
                    : try Plan.quantize(
                        source, recipe: .F32,
                        options: QuantizeOptions(), outputPath: output)
                let error = #expect(throws: PipelineError.self) { try write(plan) }
                #expect(error?.place == "blk.1.ffn_up.weight")
                guard case .nonFinite(_, row: 300, column: 17) = error?.kind else {
                    Issue.record("\(String(describing: error))")
                    return
                }
            }
            let left = try FileManager.default.contentsOfDirectory(atPath: folder)
            #expect(left.isEmpty)
        }
    }

    /// Float formats keep the values; blocks get zero and the row's largest magnitude, and all
    /// other rows what they would have had.
    @Test func valuesThatAreNotFiniteAreAdmittedWhenAskedFor() throws {
        var sound = MemorySource.model()
        for index in 0..<4 { sound.values[1][512 * 300 + 17 + index] = 0 }
        sound.values[1][512 * 300 + 18] = -9
        var source = sound
        source.values[1][512 * 300 + 17] = .nan
        source.values[1][512 * 300 + 19] = .infinity
        source.values[1][512 * 300 + 20] = -.infinity
        sound.values[1][512 * 300 + 19] = 9
        sound.values[1][512 * 300 + 20] = -9
        var options = WriteOptions()
        options.allowsNonFinite = true
        try Fixtures.withTemporaryFolder { folder in
            func plan(_ source: MemorySource, _ recipe: Recipe, _ name: String) throws -> Plan {
                try Plan.quantize(
                    source, recipe: recipe, options: QuantizeOptions(),
                    outputPath: "\(folder)/\(name)")
            }
            // All in one walk: the block format's repair must not reach the float formats.
            let findings = try PlanWriter.write(
                [
                    try plan(source, .Q4_0, "q.gguf"), try plan(source, .F32, "f32.gguf"),
                    try plan(source, .F16, "f16.gguf"),
                ], options: options)
            try PlanWriter.write(try plan(sound, .Q4_0, "sound.gguf"))
            #expect(
                try sha256(ofFile: folder + "/q.gguf") == sha256(ofFile: folder + "/sound.gguf"))
            for findings in findings {
                #expect(findings.nonFinite.map(\.tensor) == ["blk.1.ffn_up.weight"])
                #expect(findings.nonFinite.map(\.count) == [3])
                #expect(findings.outOfRange.isEmpty)
            }
            for name in ["f32.gguf", "f16.gguf"] {
                let file = try GGUFFile(path: "\(folder)/\(name)")
                let tensor = try #require(file.index(ofTensor: "blk.1.ffn_up.weight"))
                let values = try file.floats(ofTensor: tensor, scratch: ScratchBuffer())
                let row = values[(512 * 300 + 17)..<(512 * 300 + 21)]
                #expect(row.first?.isNaN == true, "\(name)")
                #expect(Array(row.dropFirst()) == [-9, .infinity, -.infinity], "\(name)")
            }
        }
    }

    @Test func writingOverTheInputIsRefused() throws {
        try Fixtures.withTemporaryFolder { folder in
            let path = folder + "/model.gguf"
            try write(try Plan.asDescribed(MemorySource.model(), outputPath: path))
            let before = try sha256(ofFile: path)
            let source = try GGUFFile(path: path)
            let error = #expect(throws: PipelineError.self) {
                try Plan.quantize(
                    source, recipe: .BF16,
                    options: QuantizeOptions(), outputPath: folder + "/./model.gguf")
            }
            #expect(error?.kind == .inPlace)
            #expect(try sha256(ofFile: path) == before)
        }
    }

    @Test func quantizedTensorsAreNotQuantizedAgainUnasked() throws {
        try Fixtures.withTemporaryFolder { folder in
            let first = folder + "/q8.gguf"
            try write(
                try Plan.quantize(
                    MemorySource.model(), recipe: .Q8_0,
                    options: QuantizeOptions(), outputPath: first))
            let source = try GGUFFile(path: first)
            let recipe = Recipe.Q4_0
            let error = #expect(throws: PipelineError.self) {
                try Plan.quantize(
                    source, recipe: recipe, options: QuantizeOptions(), outputPath: folder + "/x")
            }
            #expect(error?.kind == .requantization(format: "Q8_0"))
            let plan = try Plan.quantize(
                source, recipe: recipe, options: QuantizeOptions(allowsRequantization: true),
                outputPath: folder + "/q4.gguf")
            try write(plan)
            #expect(
                try GGUFFile(path: folder + "/q4.gguf").tensors.contains {
                    $0.format.name == "Q4_0"
                })
        }
    }

    @Test func progressReachesTheWhole() throws {
        try Fixtures.withTemporaryFolder { folder in
            let plan = try Plan.asDescribed(MemorySource.model(), outputPath: folder + "/x.gguf")
            let last = Mutex<PlanWriter.Progress?>(nil)
            try PlanWriter.write(plan, threadCount: 2) { progress in
                last.withLock {
                    #expect(progress.byteCount > ($0?.byteCount ?? 0))
                    $0 = progress
                }
            }
            let end = try #require(last.withLock { $0 })
            #expect(end.byteCount == plan.byteCount)
            #expect(end.tensorCount == plan.tensors.count)
        }
    }
}
