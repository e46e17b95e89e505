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
        _ recipes: [String], threads: Int = 2, effort: RoundingEffort = .fast
    ) throws -> [String] {
        try Fixtures.withTemporaryFolder { folder in
            let source = try Self.source.get()
            let plans = try recipes.map { try plan(source, $0, "\(folder)/\($0).gguf") }
            var options = WriteOptions()
            options.threadCount = threads
            options.rounding = try CalibratedRounding(
                plans, windows: windows(source), effort: effort,
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
