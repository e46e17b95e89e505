import Evaluation
import Foundation
import GGUF
import Inference
import Quantization
import TensorCore

/// A test's figures, under the names that llama-bench gives them.
struct BenchResult: Encodable {
    let modelFilename: String
    let modelType: String
    /// Bytes of all tensors as stored.
    let modelSize: Int
    let modelNParams: Int
    let nBatch: Int
    let nThreads: Int
    let typeK: String
    let typeV: String
    let activations: String
    let nPrompt: Int
    let nGen: Int
    let nDepth: Int
    let test: String
    let testTime: String
    let avgNs: UInt64
    let stddevNs: UInt64
    let avgTs: Double
    let stddevTs: Double
    let samplesNs: [UInt64]
    let samplesTs: [Double]
    /// Bytes per second that all threads read memory with.
    let readBandwidth: Double
    /// What reading the weights for each token takes of that; for tests without a prompt.
    let bandwidthShare: Double?

    enum CodingKeys: String, CodingKey {
        case modelFilename = "model_filename"
        case modelType = "model_type"
        case modelSize = "model_size"
        case modelNParams = "model_n_params"
        case nBatch = "n_batch"
        case nThreads = "n_threads"
        case typeK = "type_k"
        case typeV = "type_v"
        case activations
        case nPrompt = "n_prompt"
        case nGen = "n_gen"
        case nDepth = "n_depth"
        case test
        case testTime = "test_time"
        case avgNs = "avg_ns"
        case stddevNs = "stddev_ns"
        case avgTs = "avg_ts"
        case stddevTs = "stddev_ts"
        case samplesNs = "samples_ns"
        case samplesTs = "samples_ts"
        case readBandwidth = "read_bandwidth"
        case bandwidthShare = "bandwidth_share"
    }

    init(
        _ command: BenchModelCommand, _ decoder: StreamDecoder, _ test: SpeedBenchmark.Test,
        samples: [UInt64], bandwidth: Double, threadCount: Int
    ) {
        let tensors = decoder.model.source.tensors
        modelFilename = command.model
        modelSize = tensors.reduce(0) { $0 + BenchResult.byteCount($1) }
        modelNParams = tensors.reduce(0) { $0 + $1.shape.elementCount }
        let formats = Dictionary(grouping: tensors.filter { $0.shape.rank > 1 }, by: \.format.name)
        let most = formats.max {
            ($0.value.reduce(0) { $0 + BenchResult.byteCount($1) }, $1.key)
                < ($1.value.reduce(0) { $0 + BenchResult.byteCount($1) }, $0.key)
        }
        modelType =
            (decoder.model.source.metadata["general.architecture"]?.text ?? "?") + " "
            + (most?.key ?? "?")
        nBatch = command.batchSize
        nThreads = threadCount
        typeK = command.cache.cacheTypeK.rawValue
        typeV = command.cache.cacheTypeV.rawValue
        activations = command.activations.rawValue
        (nPrompt, nGen, nDepth) = (test.promptCount, test.generationCount, test.depth)
        self.test = test.name
        testTime = Date().ISO8601Format()
        samplesNs = samples
        samplesTs = samples.map { Double(test.tokenCount) / Double(max(1, $0)) * 1e9 }
        let nanoseconds = BenchResult.meanAndDeviation(samples.map { Double($0) })
        (avgNs, stddevNs) = (UInt64(nanoseconds.mean), UInt64(nanoseconds.deviation))
        (avgTs, stddevTs) = BenchResult.meanAndDeviation(samplesTs)
        readBandwidth = bandwidth
        bandwidthShare =
            test.promptCount == 0
            ? avgTs * Double(decoder.model.weightByteCountPerToken) / bandwidth : nil
    }

    private static func byteCount(_ tensor: TensorDescription) -> Int {
        tensor.format.byteCount(
            rowLength: tensor.shape.rowLength, rowCount: tensor.shape.rowCount) ?? 0
    }

    private static func meanAndDeviation(_ values: [Double]) -> (mean: Double, deviation: Double) {
        let mean = values.reduce(0, +) / Double(values.count)
        guard values.count > 1 else { return (mean, 0) }
        let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        return (mean, (squares / Double(values.count - 1)).squareRoot())
    }

    private var cells: [(name: String, value: String)] {
        [
            ("model_filename", modelFilename), ("model_type", modelType),
            ("model_size", "\(modelSize)"), ("model_n_params", "\(modelNParams)"),
            ("n_batch", "\(nBatch)"), ("n_threads", "\(nThreads)"), ("type_k", typeK),
            ("type_v", typeV), ("activations", activations), ("n_prompt", "\(nPrompt)"),
            ("n_gen", "\(nGen)"), ("n_depth", "\(nDepth)"), ("test_time", testTime),
            ("avg_ns", "\(avgNs)"), ("stddev_ns", "\(stddevNs)"), ("avg_ts", "\(avgTs)"),
            ("stddev_ts", "\(stddevTs)"), ("read_bandwidth", "\(readBandwidth)"),
            ("bandwidth_share", bandwidthShare.map { "\($0)" } ?? ""),
        ]
    }

    /// What databases keep a column as.
    private static let sqlTypes: [String: String] = [
        "model_size": "INTEGER", "model_n_params": "INTEGER", "n_batch": "INTEGER",
        "n_threads": "INTEGER", "n_prompt": "INTEGER", "n_gen": "INTEGER", "n_depth": "INTEGER",
        "avg_ns": "INTEGER", "stddev_ns": "INTEGER", "avg_ts": "REAL", "stddev_ts": "REAL",
        "read_bandwidth": "REAL", "bandwidth_share": "REAL",
    ]

    /// Statements that make llama-bench's table and put a row into it for each test.
    static func sql(_ results: [BenchResult]) -> [String] {
        guard let first = results.first else { return [] }
        let names = first.cells.map(\.name)
        let columns = names.map { "  \($0) \(sqlTypes[$0] ?? "TEXT")" }
        return ["CREATE TABLE IF NOT EXISTS llama_bench ("]
            + columns.dropLast().map { $0 + "," } + columns.suffix(1) + [");", ""]
            + results.map { result in
                let values = result.cells.map { name, value in
                    // What a test has not is no text.
                    value.isEmpty && sqlTypes[name] != nil
                        ? "NULL" : "'\(value.replacing("'", with: "''"))'"
                }
                return "INSERT INTO llama_bench (\(names.joined(separator: ", "))) VALUES ("
                    + "\(values.joined(separator: ", ")));"
            }
    }

    /// A line of names, then one for each test.
    static func csv(_ results: [BenchResult]) -> [String] {
        guard let first = results.first else { return [] }
        return [first.cells.map(\.name).joined(separator: ",")]
            + results.map { result in
                result.cells.map { "\"\($0.value.replacing("\"", with: "\"\""))\"" }
                    .joined(separator: ",")
            }
    }
}
