import Architectures
import Calibration
import Conversion
import Evaluation
import Foundation
import GGUF
import Inference
import Pipeline
import Quantization
import TensorCore
import TestSupport
import Testing
import Tokenization

/// Rounding by what layers take in, on a small model with random weights.
@Suite struct CalibratedRoundingTests {
    private static let source = Result {
        try ConversionSource(directory: Fixtures.path("conformance/convert/checkpoints/llama"))
    }

    /// Rows of 64 tokens: 16 to fit to, 8 to validate by.
    private func windows(_ source: ConversionSource) throws -> CalibrationWindows {
        let tokenizer = try Tokenizer(vocabulary: Vocabulary(metadata: source.metadata))
        let text = try InputFile.contents(
            path: Fixtures.path("conformance/convert/text.txt"), limit: 1 << 20)
        func tokens(_ bytes: some Sequence<UInt8>, rows: Int) throws -> CalibrationTokens {
            try CalibrationTokens(
                documents: [CalibrationDocument(name: "text.txt", text: Array(bytes))],
                tokenizer: tokenizer,
                options: .init(rowLength: 64, tokenBudget: 64 * rows, randomShare: 0))
        }
        return CalibrationWindows(
            fitting: try tokens(text.prefix(12_000), rows: 16),
            validation: try tokens(text.dropFirst(12_000), rows: 8))
    }

    private func plan(
        _ source: any TensorSource, _ recipe: String, _ path: String
    ) throws -> Plan {
        var options = QuantizeOptions()
        options.calibrated = CalibratedRounding.observedTensors(of: try Model(source: source))
        return try Plan.quantize(
            source, recipe: try #require(Recipe.named(recipe)), options: options, outputPath: path)
    }

    /// Writes files of these types; their digests, in that order.
    private func digests(
        _ recipes: [String], threads: Int = 2, effort: RoundingEffort = .fast,
        segmentWidth: Int = ColumnSegments.usualWidth
    ) throws -> [String] {
        try Fixtures.withTemporaryFolder { folder in
            let source = try Self.source.get()
            let plans = try recipes.map { try plan(source, $0, "\(folder)/\($0).gguf") }
            var options = WriteOptions()
            options.threadCount = threads
            options.rounding = try CalibratedRounding(
                plans, windows: windows(source), effort: effort, segmentWidth: segmentWidth,
                pool: WorkerPool(threadCount: threads))
            _ = try PlanWriter.write(plans, options: options)
            return try plans.map { try sha256(ofFile: $0.outputPath) }
        }
    }

    @Test func bytesDoNotDependOnThreadsOrOnTheOtherFiles() throws {
        let together = try digests(["Q4_K_M", "Q2_K"])
        #expect(try digests(["Q4_K_M"], threads: 1) == [together[0]])
        #expect(try digests(["Q2_K"], threads: 3) == [together[1]])
    }

    /// The first stretch of a row is what it would be if the row ended there: nothing of the second
    /// has part in it.
    @Test func stretchesOfColumnsDoNotSeeEachOther() throws {
        #expect(ColumnSegments.ranges(columnCount: 14336, width: 8192) == [0..<7168, 7168..<14336])
        #expect(ColumnSegments.ranges(columnCount: 11008, width: 8192) == [0..<5376, 5376..<11008])
        #expect(ColumnSegments.ranges(columnCount: 800, width: 512) == [0..<256, 256..<800])
        #expect(ColumnSegments.ranges(columnCount: 576, width: 8192) == [0..<576])
        // The down projections have 512 columns, all other matrices 256.
        let whole = try digests(["Q4_K_M"])
        let parts = try digests(["Q4_K_M"], segmentWidth: 256)
        #expect(parts != whole)
        #expect(try digests(["Q4_K_M"], threads: 1, segmentWidth: 256) == parts)

        let source = try Self.source.get()
        let model = try Model(source: source)
        let names = ["blk.0.ffn_down.weight"]
        func moments(_ width: Int) throws -> [InputRecorder.Key: LayerInputs.Moments] {
            let group = InputGroup(
                tensors: names, matrixCount: nil, columnCount: 512, segmentWidth: width)
            return try LayerInputs(model, text: windows(source), pool: WorkerPool(threadCount: 2))
                .run(block: 0, groups: [(number: 0, group: group)])
        }
        let (all, halves) = (try moments(512), try moments(256))
        let diagonal = try #require(all[InputRecorder.Key(group: 0)]).fitting.diagonal
        let found = try (0..<2).flatMap {
            try #require(halves[InputRecorder.Key(group: 0, segment: $0)]).fitting.diagonal
        }
        #expect(found == diagonal)
    }

    /// A model whose weights are Q4_0's keeps them, whatever the text says.
    @Test func weightsOnTheGridStayWhatTheyAre() throws {
        try Fixtures.withTemporaryFolder { folder in
            let source = try Self.source.get()
            var options = QuantizeOptions()
            options.recipe.isPure = true
            func write(
                _ source: any TensorSource, _ recipe: String, _ name: String,
                rounding: ((Plan) throws -> CalibratedRounding)? = nil
            ) throws -> (path: String, rounding: CalibratedRounding?) {
                let plan = try Plan.quantize(
                    source, recipe: try #require(Recipe.named(recipe)), options: options,
                    outputPath: "\(folder)/\(name).gguf")
                var write = WriteOptions()
                let made = try rounding?(plan)
                write.rounding = made
                _ = try PlanWriter.write([plan], options: write)
                return (plan.outputPath, made)
            }
            let first = try write(source, "Q4_0", "first").path
            options.allowsRequantization = true
            let floats = try GGUFFile(
                path: try write(try GGUFFile(path: first), "F16", "floats").path)
            options.allowsRequantization = false
            let all = try windows(source)
            let (again, rounding) = try write(floats, "Q4_0", "again") { plan in
                try CalibratedRounding(
                    [plan], windows: all, effort: .fast, pool: WorkerPool(threadCount: 2))
            }
            let outcome = try #require(rounding).outcome
            #expect(outcome.exact.count == 16 && outcome.strayRowCount == 0)
            #expect(outcome.shrinkCounts.isEmpty)
            #expect(try Self.values(again) == Self.values(first))
            // In another format they are rounded as ever.
            let (_, other) = try write(floats, "Q6_K", "other") { plan in
                try CalibratedRounding(
                    [plan], windows: all, effort: .fast, pool: WorkerPool(threadCount: 2))
            }
            #expect(try #require(other).outcome.exact.isEmpty)
        }
    }

    /// All values of a file.
    private static func values(_ path: String) throws -> [[Float]] {
        let file = try GGUFFile(path: path)
        return try file.tensors.indices.map { index in
            let shape = file.tensors[index].shape
            var rows = [Float](repeating: 0, count: shape.elementCount)
            try rows.withUnsafeMutableBufferPointer { rows in
                try file.readRows(
                    0..<shape.rowCount, ofTensor: index, into: #require(rows.baseAddress),
                    scratch: ScratchBuffer())
            }
            return rows
        }
    }

    /// What an importance matrix sums too is on the Hessian's diagonal.
    @Test func theDiagonalIsWhatAnImportanceMatrixHas() throws {
        let source = try Self.source.get()
        let model = try Model(source: source)
        let windows = try windows(source)
        let pool = WorkerPool(threadCount: 2)
        let group = InputGroup(
            tensors: try #require(
                model.linearInputs(ofBlock: 1).first { $0.contains("blk.1.ffn_gate.weight") }),
            matrixCount: nil, columnCount: 256)
        let inputs = try LayerInputs(model, text: windows, pool: pool)
        let moments = try inputs.run(block: 1, groups: [(number: 0, group: group)])
        let own = try #require(moments[InputRecorder.Key(group: 0)])
        own.fitting.merge(own.validation)
        #expect(own.fitting.rowCount == windows.tokenCount)

        let calibration = try Calibration(model: model, activations: .f32, pool: pool)
        try calibration.add(windows.fitting)
        try calibration.add(windows.validation)
        let entry = try #require(calibration.entries["blk.1.ffn_gate.weight"])
        for (column, value) in own.fitting.diagonal.enumerated() {
            let expected = entry.sums[column] / entry.counts[0]
            #expect(abs(Double(value) - expected) < 1e-3 * expected)
        }
    }

    /// The same types as without, and an error that costs less on text that nothing was made of.
    @Test func errorsCostLessOnTheValidationText() throws {
        let source = try Self.source.get()
        let model = try Model(source: source)
        let windows = try windows(source)
        let pool = WorkerPool(threadCount: 2)
        let name = "blk.0.attn_q.weight"
        let group = InputGroup(tensors: [name], matrixCount: nil, columnCount: 256)
        let moments = try #require(
            try LayerInputs(model, text: windows, pool: pool)
                .run(block: 0, groups: [(number: 0, group: group)])[InputRecorder.Key(group: 0)])
        let tensor = try #require(source.tensors.firstIndex { $0.name == name })
        var rows = [Float](repeating: 0, count: 16 * 256)
        try rows.withUnsafeMutableBufferPointer { rows in
            try source.readRows(
                0..<16, ofTensor: tensor, into: #require(rows.baseAddress),
                scratch: ScratchBuffer())
        }
        let formats = [Format.Q4_K, .Q2_K, .Q6_K]
        let found = try ShrinkChoice(
            moments, samples: [.init(tensor: tensor, rows: rows)], formats: formats,
            pool: pool)
        for format in formats {
            let choice = try #require(found.choices[format])
            #expect(choice.shrink != nil, "\(format)")
            #expect(choice.plain.isEmpty, "\(format)")
            #expect(choice.ratio < 0.99, "\(format): \(choice.ratio)")
        }
    }

    @Test func aTensorThatFewTokensReachIsNamed() throws {
        try Fixtures.withTemporaryFolder { folder in
            let source = try Self.source.get()
            let all = try windows(source)
            let plans = [try plan(source, "Q4_K_M", folder + "/out.gguf")]
            let few = CalibrationWindows(
                fitting: [Array(all.fitting[0].prefix(40))],
                validation: [Array(all.validation[0].prefix(40))])
            let rounding = try CalibratedRounding(
                plans, windows: few, effort: .fast, pool: WorkerPool(threadCount: 2))
            var options = WriteOptions()
            options.rounding = rounding
            _ = try PlanWriter.write(plans, options: options)
            let down = rounding.outcome.plain.filter { $0.tensor.contains("ffn_down") }
            #expect(
                down.map(\.reason) == [
                    .tooFewTokens(found: 80, needed: 128), .tooFewTokens(found: 80, needed: 128),
                ])
            // Inputs of 256 columns have enough.
            let query = rounding.outcome.plain.filter { $0.tensor == "blk.0.attn_q.weight" }
            #expect(query.allSatisfy { $0.reason == .noGain(.Q4_K) })
        }
    }

    @Test func aRowFarLongerThanTheOthersCountsNoMoreThanTheLimit() throws {
        let recorder = InputRecorder(
            [(0, InputGroup(tensors: ["a"], matrixCount: nil, columnCount: 2))],
            limitsNorms: [0])
        var rows = [Float](repeating: 1, count: 20)
        rows[0] = 1000
        rows.withUnsafeBufferPointer {
            recorder.record(
                LinearInput(
                    tensors: ["a"], part: nil, place: 0, rowCount: 10, rowLength: 2,
                    base: $0.baseAddress!, stride: 2))
        }
        let piece = try #require(recorder.take().first?.pieces.first)
        let norm = piece.rows[0] * piece.rows[0] + piece.rows[1] * piece.rows[1]
        #expect(abs(norm - InputRecorder.normLimit * 2) < 0.01)
        #expect(piece.rows[2...] == [Float](repeating: 1, count: 18)[...])
        #expect(piece.weight < 9.001)
        #expect(recorder.take().isEmpty)
    }
}
