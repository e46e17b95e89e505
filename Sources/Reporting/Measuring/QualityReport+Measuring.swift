import Conversion
public import Evaluation
import Foundation
public import GGUF
public import Inference
import Pipeline
import Quantization
public import TensorCore

extension QualityReport {
    /// Measures quantized models against their base, all in one pass over a text.
    ///
    /// - Parameters:
    ///   - windows: The text as the base's tokenizer cuts it.
    ///   - text: What the report says of the text.
    ///   - toolVersion: What the report says of the tool, `ingot 0.1.0`.
    ///   - commandLine: What it says of the call.
    ///   - warnings: What a reader must know of how the models came about.
    ///   - recorder: Says which windows are run, and keeps what they give.
    ///   - takesDigests: Whether the models' files are read for their digests.
    ///   - progress: Called after every batch of windows; may throw to stop.
    /// - Throws: `EvaluationError` or `InferenceError` when a model does not fit the base or gives no
    ///   numbers, `FileError` when a file cannot be read.
    public static func measure(
        _ quantized: [Model], against base: Model, on windows: EvaluationText, text: Text,
        activations: Activations = .f32, pool: WorkerPool = WorkerPool(), toolVersion: String,
        commandLine: String, warnings: [String] = [],
        keeping recorder: EvaluationRecorder? = nil, takesDigests: Bool = true,
        progress: (Evaluator.Progress) throws -> Void = { _ in }
    ) throws -> QualityReport {
        func digest(_ model: Model) throws -> String? {
            takesDigests ? "sha256:" + (try Digests.sha256(of: model.source.files)) : nil
        }
        let (baseDigest, digests) = (try digest(base), try quantized.map(digest))
        let result = try Evaluator(
            base: base, quantized: quantized, activations: activations, pool: pool
        ).evaluate(windows, keeping: recorder, progress: progress)
        var report = QualityReport(
            title: base.source.metadata["general.name"]?.text ?? Paths.name(base.source.path),
            base: .init(base.source, perplexity: result.base.perplexity, digest: baseDigest),
            text: text,
            settings: .init(
                contextLength: windows.contextLength, windowCount: windows.windowCount,
                scoredTokenCount: result.base.scoredTokenCount, threadCount: pool.threadCount,
                activations: activations.rawValue),
            provenance: .init(
                toolVersion: toolVersion, commandLine: commandLine, machine: Machine.description,
                date: Date()),
            levels: quantized.indices.map {
                .init(
                    quantized[$0].source, statistics: result.levels[$0].statistics,
                    digest: digests[$0])
            },
            warnings: warnings + result.warnings.map(\.description))
        report.compareRoundings(windows: result.levels.map(\.windowDivergences))
        return report
    }

    /// Puts an evaluation of the same models in the place of the one that the report is of.
    package mutating func setResult(_ result: Evaluator.Result) {
        base.perplexity = result.base.perplexity
        settings.windowCount = result.base.windowCount
        settings.scoredTokenCount = result.base.scoredTokenCount
        for (index, level) in result.levels.enumerated() {
            levels[index].statistics = level.statistics
        }
        compareRoundings(windows: result.levels.map(\.windowDivergences))
    }
}

extension QualityReport.Base {
    fileprivate init(_ source: any TensorSource, perplexity: Estimate, digest: String?) {
        let totals = Dictionary(grouping: source.tensors, by: \.format)
        self.init(
            fileName: Paths.name(source.path), fileByteCount: source.fileByteCount,
            bitsPerWeight: source.bitsPerWeight,
            tensorTypes: totals.map { format, tensors in
                QualityReport.TensorType(
                    name: format.name, tensorCount: tensors.count,
                    byteCount: tensors.reduce(0) { $0 + $1.byteCount })
            }.sorted { ($0.byteCount, $1.name) > ($1.byteCount, $0.name) },
            perplexity: perplexity, digest: digest)
    }
}

extension QualityReport.Level {
    fileprivate init(_ source: any TensorSource, statistics: LevelStatistics, digest: String?) {
        self.init(
            name: source.typeName, fileName: Paths.name(source.path),
            fileByteCount: source.fileByteCount, bitsPerWeight: source.bitsPerWeight,
            statistics: statistics, digest: digest,
            importanceMatrix: source.metadata["quantize.imatrix.file"]?.text.map(Paths.name),
            rounding: QualityReport.Rounding(source.metadata),
            calibration: ProvenanceRecord.Calibration(source.metadata))
    }
}

extension TensorDescription {
    /// The bytes of the tensor in its format.
    fileprivate var byteCount: Int {
        format.byteCount(rowLength: shape.rowLength, rowCount: shape.rowCount) ?? 0
    }
}

extension TensorSource {
    /// The length of all files.
    var fileByteCount: Int { files.reduce(0) { $0 + $1.byteCount } }

    /// Bits per value over all tensors, as they are stored.
    public var bitsPerWeight: Double {
        let elements = tensors.reduce(0) { $0 + $1.shape.elementCount }
        let stored = (self as? ConversionSource)?.storedByteCount
        let bytes = stored ?? tensors.reduce(0) { $0 + $1.byteCount }
        return elements == 0 ? 0 : Double(bytes) * 8 / Double(elements)
    }

    /// The file type that the metadata names; the format of most bytes when it names none.
    ///
    /// Of a directory, what it stores its weights as.
    public var typeName: String {
        if let directory = self as? ConversionSource { return directory.storedType }
        let number = metadata["general.file_type"]?.integer
        if let number, let recipe = Recipe.all.first(where: { $0.fileType.map(Int.init) == number })
        {
            return recipe.name
        }
        let bytes = Dictionary(grouping: tensors, by: \.format.name)
            .mapValues { $0.reduce(0) { $0 + $1.byteCount } }
        return bytes.max { ($0.value, $0.key) < ($1.value, $1.key) }?.key ?? "unknown"
    }
}
