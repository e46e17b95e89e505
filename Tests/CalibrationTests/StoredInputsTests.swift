import Calibration
import Conversion
import Foundation
import GGUF
import Inference
import Parts
import Pipeline
import Quantization
import TensorCore
import TestSupport
import Testing

/// What layers take in, stored, and files rounded by it in parts.
@Suite struct StoredInputsTests {
    /// A model in a file, and rows of 32 tokens.
    private static func model(_ folder: String) throws -> (
        source: any TensorSource, CalibrationWindows
    ) {
        let path = folder + "/model.gguf"
        let checkpoint = try ConversionSource(
            directory: Fixtures.path("conformance/convert/checkpoints/llama"))
        _ = try PlanWriter.write(Plan.asDescribed(checkpoint, outputPath: path))
        func rows(_ count: Int, seed: UInt64) -> [[Int32]] {
            var random = SeededRandom(seed: seed)
            return (0..<count).map { _ in (0..<32).map { _ in Int32(random.unit() * 200) } }
        }
        return (
            try SplitSource.open(path: path),
            CalibrationWindows(fitting: rows(6, seed: 1), validation: rows(2, seed: 2))
        )
    }

    private static func store(
        _ source: any TensorSource, _ windows: CalibrationWindows, _ to: String
    )
        throws
    {
        try StoredInputs.write(
            Model(source: source), windows: windows,
            sources: [.init(name: "a.txt", sha256: "00")], version: "1", to: to,
            pool: WorkerPool(threadCount: 2))
    }

    private static func plan(_ source: any TensorSource, _ path: String) throws -> Plan {
        var options = QuantizeOptions()
        options.calibrated = CalibratedRounding.observedTensors(of: try Model(source: source))
        return try Plan.quantize(
            source, recipe: Recipe.parse("Q4_K_M"), options: options, outputPath: path)
    }

    @Test func partsByStoredInputsAreTheFileOfOneRun() throws {
        try Fixtures.withTemporaryFolder { folder in
            let (source, windows) = try Self.model(folder)
            try Self.store(source, windows, folder + "/inputs")
            let stored = try StoredInputs(folder: folder + "/inputs", for: Model(source: source))
            #expect(stored.windows.fitting == windows.fitting)
            #expect(stored.sources.map(\.name) == ["a.txt"])
            let plan = try Self.plan(source, folder + "/out.gguf")
            func rounding(_ stored: StoredInputs?) throws -> CalibratedRounding {
                try CalibratedRounding(
                    [plan], windows: windows, effort: .fast, stored: stored,
                    pool: WorkerPool(threadCount: 2))
            }
            var options = WriteOptions()
            options.rounding = try rounding(nil)
            _ = try PlanWriter.write([plan], options: options)
            let whole = try InputFile.contents(path: plan.outputPath)
            let parts = PlanParts([plan], count: 3, calibrationTokenCount: windows.tokenCount)
            var joined: [UInt8] = []
            for number in 1...3 {
                let part = parts.part(try #require(PartNumber(number, of: 3)))
                // The second part runs the text through the blocks before its own.
                options.rounding = try rounding(number == 2 ? nil : stored)
                options.part = part
                _ = try PlanWriter.write(part.plans, options: options)
                joined += try InputFile.contents(path: part.plans[0].outputPath)
            }
            #expect(joined == whole)
        }
    }

    @Test func aKilledRunIsGoneOnWith() throws {
        try Fixtures.withTemporaryFolder { folder in
            let (source, windows) = try Self.model(folder)
            try Self.store(source, windows, folder + "/whole")
            let names = try Directory.names(in: folder + "/whole").filter { $0.hasPrefix("block-") }
            #expect(names.count == 3)
            // As if killed when the first block was there.
            try Self.store(source, windows, folder + "/again")
            let unfinished = folder + "/.again.partial"
            try FileManager.default.moveItem(atPath: folder + "/again", toPath: unfinished)
            for name in names.dropFirst() {
                try FileManager.default.removeItem(atPath: "\(unfinished)/\(name)")
            }
            try Self.store(source, windows, folder + "/again")
            for name in names {
                #expect(
                    try InputFile.contents(path: "\(folder)/whole/\(name)")
                        == InputFile.contents(path: "\(folder)/again/\(name)"))
            }
            #expect(!Fixtures.exists(unfinished))
        }
    }

    @Test func whatDoesNotFitIsRefused() throws {
        try Fixtures.withTemporaryFolder { folder in
            let (source, windows) = try Self.model(folder)
            let inputs = folder + "/inputs"
            try Self.store(source, windows, inputs)
            #expect(throws: FileError.self) { try Self.store(source, windows, inputs) }
            let model = try Model(source: source)
            // A damaged row is found when it is read.
            let path = inputs + "/block-00001.f32"
            var bytes = try InputFile.contents(path: path)
            bytes[9] ^= 1
            try OutputFile.write(bytes, to: path)
            let plan = try Self.plan(source, folder + "/out.gguf")
            let parts = PlanParts([plan], count: 3, calibrationTokenCount: windows.tokenCount)
            var options = WriteOptions()
            options.rounding = try CalibratedRounding(
                [plan], windows: windows, effort: .fast,
                stored: StoredInputs(folder: inputs, for: model), pool: WorkerPool(threadCount: 2))
            options.part = parts.part(try #require(PartNumber(3, of: 3)))
            #expect(throws: StoredInputsError.self) {
                _ = try PlanWriter.write(options.part?.plans ?? [], options: options)
            }
            #expect(!Fixtures.exists(options.part?.plans[0].outputPath ?? ""))
            try OutputFile.write(Array("{}".utf8), to: inputs + "/inputs.json")
            #expect(throws: StoredInputsError.self) {
                _ = try StoredInputs(folder: inputs, for: model)
            }
        }
    }
}
