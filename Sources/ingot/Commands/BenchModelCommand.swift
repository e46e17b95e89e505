import ArgumentParser
import Evaluation
import Foundation
import GGUF
import Inference
import Reporting
import TensorCore

/// The command `ingot bench MODEL.gguf`, `ingot bench model` in full.
struct BenchModelCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "model",
        abstract: "Measure how fast this machine runs prompts and makes text.",
        discussion: """
            In llama-bench's words: pp512 is a prompt of 512 tokens, tg128 are 128 tokens \
            one after the other. Every test runs once unmeasured, then -r times; the figure \
            is the mean of the runs and their standard deviation. The last column is what \
            reading the weights for every token of tg takes of the bandwidth that this \
            machine reads memory with.

            Examples:
              ingot bench model-Q4_K_M.gguf
              ingot bench model-Q4_K_M.gguf -p 0 -n 128 -d 0,4096 -ctk q8_0 -ctv q8_0
              ingot bench model-Q4_K_M.gguf -pg 512,128 -o json
            """)

    enum OutputFormat: String, CaseIterable, ExpressibleByArgument {
        case md, json, jsonl, csv, sql
    }

    @Argument(help: "The GGUF file; of a split model, the first part.")
    var model: String

    @Option(
        name: [.customShort("p"), .customLong("n-prompt")],
        help: ArgumentHelp(
            "Tokens of prompts, separated by commas; 0 for none.", valueName: "counts"))
    var prompts = "512"

    @Option(
        name: [.customShort("n"), .customLong("n-gen")],
        help: ArgumentHelp("Tokens to make; 0 for none.", valueName: "counts"))
    var generations = "128"

    @Option(
        name: [.customLong("pg", withSingleDash: true)],
        help: ArgumentHelp("A prompt and tokens after it, in one time.", valueName: "pp,tg"))
    var both: [String] = []

    @Option(
        name: [.customShort("d"), .customLong("n-depth")],
        help: ArgumentHelp("Tokens that are there before.", valueName: "counts"))
    var depths = "0"

    @Option(
        name: [.customShort("r"), .long],
        help: ArgumentHelp("Times that a test is run.", valueName: "count"))
    var repetitions = 5

    @Option(
        name: [.customShort("b"), .customLong("batch-size")],
        help: ArgumentHelp("The most tokens of a prompt in one step.", valueName: "count"))
    var batchSize = 512

    @Option(
        name: [.short, .long],
        help: ArgumentHelp("How results are given.", valueName: "md|json|jsonl|csv|sql"))
    var output = OutputFormat.md

    @Option(
        help: ArgumentHelp(
            "What linear layers take in: q8 as engines do (the default), or f32.",
            valueName: "f32|q8"), transform: Activations.named)
    var activations = Activations.q8

    @OptionGroup var cache: CacheOptions
    @OptionGroup var options: RunOptions

    /// Numbers separated by commas.
    private static func counts(_ text: String, _ option: String, atLeast: Int = 0) throws -> [Int] {
        try text.split(separator: ",", omittingEmptySubsequences: false).map {
            guard let count = Int($0), (atLeast...1 << 24).contains(count) else {
                throw ValidationError("\(option) has '\($0)', expected a count from \(atLeast)")
            }
            return count
        }
    }

    private func tests() throws -> [SpeedBenchmark.Test] {
        let (prompts, generations) = (
            try BenchModelCommand.counts(prompts, "-p"),
            try BenchModelCommand.counts(generations, "-n")
        )
        let both = try both.map { text in
            let counts = try BenchModelCommand.counts(text, "-pg", atLeast: 1)
            guard counts.count == 2 else {
                throw ValidationError("-pg is '\(text)', expected two counts: -pg 512,128")
            }
            return (counts[0], counts[1])
        }
        return try BenchModelCommand.counts(depths, "-d").flatMap { depth in
            prompts.filter { $0 > 0 }.map {
                SpeedBenchmark.Test(promptCount: $0, generationCount: 0, depth: depth)
            }
                + generations.filter { $0 > 0 }.map {
                    SpeedBenchmark.Test(promptCount: 0, generationCount: $0, depth: depth)
                }
                + both.map {
                    SpeedBenchmark.Test(promptCount: $0, generationCount: $1, depth: depth)
                }
        }
    }

    mutating func validate() throws {
        guard repetitions >= 1 else {
            throw ValidationError("-r is \(repetitions), expected at least 1")
        }
        guard batchSize >= 1 else {
            throw ValidationError("-b is \(batchSize), expected at least 1")
        }
        guard try !tests().isEmpty else { throw ValidationError("nothing to measure: -p or -n") }
    }

    func run() throws {
        let tests = try tests()
        let model = try Model(path: model)
        let decoder = try StreamDecoder(
            model: model, activations: activations, cacheTypeK: cache.cacheTypeK,
            cacheTypeV: cache.cacheTypeV, pool: options.pool)
        let bandwidth = MemoryBandwidth.measure(
            pool: options.pool, byteCount: BenchModelCommand.bandwidthBytes)
        let benchmark = SpeedBenchmark(decoder, batchCount: batchSize)
        let results = try tests.map { test in
            let samples = try benchmark.run(test, repetitions: repetitions)
            return BenchResult(
                self, decoder, test, samples: samples, bandwidth: bandwidth,
                threadCount: options.pool.threadCount)
        }
        switch output {
        case .md: Terminal.print(lines: BenchModelCommand.table(results))
        case .json: Terminal.print(try ReadableJSON.text(of: results))
        case .jsonl:
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            for result in results {
                Terminal.print(String(decoding: try encoder.encode(result), as: UTF8.self))
            }
        case .csv: Terminal.print(lines: BenchResult.csv(results))
        case .sql: Terminal.print(lines: BenchResult.sql(results))
        }
    }

    /// A gibibyte, or a quarter of the memory.
    private static var bandwidthBytes: Int {
        Int(min(1 << 30, ProcessInfo.processInfo.physicalMemory / 4))
    }

    private static func table(_ results: [BenchResult]) -> [String] {
        let heads = ["model", "size", "threads", "type_k", "type_v", "test", "t/s", "of bandwidth"]
        let rows = results.map { result in
            [
                result.modelType,
                NumberFormat.fixed(Double(result.modelSize) / 1_048_576, 2)
                    + " MiB",
                "\(result.nThreads)", result.typeK, result.typeV, result.test,
                NumberFormat.fixed(result.avgTs, 2) + " ± "
                    + NumberFormat.fixed(result.stddevTs, 2),
                result.bandwidthShare.map { NumberFormat.fixed(100 * $0, 0) + " %" } ?? "",
            ]
        }
        let widths = heads.indices.map { column in
            ([heads] + rows).map { $0[column].count }.max() ?? 0
        }
        func line(_ cells: [String]) -> String {
            "| "
                + zip(cells, widths).map { cell, width in
                    cell + String(repeating: " ", count: width - cell.count)
                }.joined(separator: " | ") + " |"
        }
        let rule = "| " + widths.map { String(repeating: "-", count: $0) }.joined(separator: " | ")
        return [line(heads), rule + " |"] + rows.map(line)
    }
}
