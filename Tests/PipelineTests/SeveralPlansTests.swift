import Foundation
import GGUF
import Pipeline
import Quantization
import TensorCore
import TestSupport
import Testing

@Suite struct SeveralPlansTests {
    private func plan(_ source: any TensorSource, _ recipe: Recipe, _ path: String) throws -> Plan {
        try Plan.quantize(source, recipe: recipe, options: QuantizeOptions(), outputPath: path)
    }

    @Test(arguments: [nil, 64 << 20])
    func onePassGivesTheFilesOfSeparateRuns(memoryLimit: Int?) throws {
        try Fixtures.withTemporaryFolder { folder in
            try PlanWriter.write(
                try Plan.asDescribed(MemorySource.model(), outputPath: folder + "/in.gguf"))
            let source = try GGUFFile(path: folder + "/in.gguf")
            let recipes: [Recipe] = [.Q8_0, .Q4_K_M, .F16]
            var options = WriteOptions()
            options.verifies = true
            options.memoryLimit = memoryLimit
            _ = try PlanWriter.write(
                try recipes.map { try plan(source, $0, "\(folder)/\($0)-ladder.gguf") },
                options: options)
            for recipe in recipes {
                try PlanWriter.write(try plan(source, recipe, "\(folder)/\(recipe)-alone.gguf"))
                #expect(
                    try sha256(ofFile: "\(folder)/\(recipe)-ladder.gguf")
                        == sha256(ofFile: "\(folder)/\(recipe)-alone.gguf"), "\(recipe)")
            }
        }
    }

    @Test func aLimitThatCannotBeKeptIsRefused() throws {
        try Fixtures.withTemporaryFolder { folder in
            var options = WriteOptions()
            options.memoryLimit = 1 << 20
            let plan = try plan(MemorySource.model(), .Q8_0, folder + "/x.gguf")
            let error = #expect(throws: PipelineError.self) {
                _ = try PlanWriter.write([plan], options: options)
            }
            guard case .memoryLimit(1 << 20, needed: _) = error?.kind else {
                Issue.record("\(String(describing: error))")
                return
            }
        }
    }

    /// A vector longer than a chunk is copied in pieces, through a file that can read pieces and
    /// through a source that can only read rows.
    @Test func longVectorsAreCopiedInPieces() throws {
        var source = MemorySource.model()
        source.add("blk.0.long_norm.weight", [200_001], format: .F16, seed: 9)
        try Fixtures.withTemporaryFolder { folder in
            try PlanWriter.write(try Plan.asDescribed(source, outputPath: folder + "/a.gguf"))
            let file = try GGUFFile(path: folder + "/a.gguf")
            try PlanWriter.write(try Plan.asDescribed(file, outputPath: folder + "/b.gguf"))
            #expect(
                try sha256(ofFile: folder + "/a.gguf") == sha256(ofFile: folder + "/b.gguf"))
            let index = try #require(file.index(ofTensor: "blk.0.long_norm.weight"))
            let found = try file.floats(ofTensor: index, scratch: ScratchBuffer())
            #expect(
                found
                    == source.values[5].map { HalfFloat.float(fromF16: HalfFloat.f16(from: $0)) })
        }
    }

    @Test func aJournalIsGoneAfterAGoodRunAndAfterAnError() throws {
        try Fixtures.withTemporaryFolder { folder in
            var options = WriteOptions()
            options.journaling = .fresh
            var source = MemorySource.model()
            _ = try PlanWriter.write(
                [try plan(source, .Q8_0, folder + "/x.gguf")], options: options)
            source.values[1][0] = .nan
            #expect(throws: PipelineError.self) {
                _ = try PlanWriter.write(
                    [try plan(source, .Q8_0, folder + "/y.gguf")], options: options)
            }
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["x.gguf"])
        }
    }

    /// A run that fails late under `resume` leaves its work; the next one takes it over, but not
    /// when the plan or the source is another.
    @Test func workThatIsLeftIsTakenOverOrRefused() throws {
        try Fixtures.withTemporaryFolder { folder in
            let input = folder + "/in.gguf"
            try PlanWriter.write(try Plan.asDescribed(MemorySource.model(), outputPath: input))
            let output = folder + "/out.gguf"
            var options = WriteOptions()
            options.journaling = .resume
            let journal = folder + "/.out.gguf.journal"
            let file = try GGUFFile(path: input)
            // The directory in the way of the last step: everything is written, nothing renamed.
            let first = try plan(file, .Q8_0, output)
            try FileManager.default.createDirectory(
                atPath: output + "/x", withIntermediateDirectories: true)
            #expect(throws: FileError.self) { _ = try PlanWriter.write([first], options: options) }
            try FileManager.default.removeItem(atPath: output)

            _ = try PlanWriter.write([first], options: options)
            let expected = try sha256(ofFile: output)
            #expect(!Fixtures.exists(journal))

            // A journal of another plan.
            try FileManager.default.removeItem(atPath: output)
            var bytes = Array("INGOTJ01".utf8) + [UInt8](repeating: 0, count: 64)
            try Data(bytes).write(to: URL(filePath: journal))
            let error = #expect(throws: PipelineError.self) {
                _ = try PlanWriter.write([first], options: options)
            }
            #expect(error?.kind == .sourceChanged)
            // Not a journal at all: the run starts over.
            bytes[0] = 0
            try Data(bytes).write(to: URL(filePath: journal))
            _ = try PlanWriter.write([first], options: options)
            #expect(try sha256(ofFile: output) == expected)
        }
    }
}
