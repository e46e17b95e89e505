import Evaluation
import GGUF
import Quantization
import Reporting
import TensorCore

extension QualityReport.Base {
    init(_ source: any TensorSource, evaluated result: Evaluator.Result, digest: String) {
        let totals = Dictionary(grouping: source.tensors, by: \.format)
        self.init(
            fileName: Paths.name(source.path), fileByteCount: source.fileByteCount,
            bitsPerWeight: source.bitsPerWeight,
            tensorTypes: totals.map { format, tensors in
                QualityReport.TensorType(
                    name: format.name, tensorCount: tensors.count,
                    byteCount: tensors.reduce(0) { $0 + $1.byteCount })
            }.sorted { ($0.byteCount, $1.name) > ($1.byteCount, $0.name) },
            perplexity: .init(result.base.perplexity), digest: digest)
    }
}

extension QualityReport.Level {
    init(_ source: any TensorSource, statistics: LevelStatistics, digest: String) {
        self.init(
            name: source.typeName, fileName: Paths.name(source.path),
            fileByteCount: source.fileByteCount, bitsPerWeight: source.bitsPerWeight,
            perplexity: .init(statistics.perplexity.perplexity),
            logPerplexityRatio: .init(statistics.logPerplexityRatio),
            perplexityRatio: .init(statistics.perplexityRatio),
            divergence: .init(
                mean: .init(statistics.meanDivergence), median: statistics.divergence.median,
                quantile90: statistics.divergence.percentile90,
                quantile95: statistics.divergence.percentile95,
                quantile99: statistics.divergence.percentile99,
                quantile999: .init(
                    statistics.divergence.percentile99_9,
                    standardError: statistics.divergence.percentile99_9Error),
                maximum: statistics.divergence.maximum),
            sameTopToken: .init(statistics.sameTop),
            meanProbabilityChange: .init(statistics.meanProbabilityChange),
            rmsProbabilityChange: .init(statistics.rootMeanSquareProbabilityChange),
            probabilityChange: .init(statistics.probabilityChange), digest: digest,
            importanceMatrix: source.metadata["quantize.imatrix.file"]?.text.map(Paths.name))
    }
}

extension QualityReport.ProbabilityChange {
    init(_ distribution: LevelStatistics.Distribution) {
        self.init(
            minimum: distribution.minimum, quantile001: distribution[0.1].value,
            quantile01: distribution[1].value, quantile05: distribution[5].value,
            quantile10: distribution[10].value, median: distribution.median,
            quantile90: distribution.percentile90, quantile95: distribution.percentile95,
            quantile99: distribution.percentile99, quantile999: distribution.percentile99_9,
            maximum: distribution.maximum)
    }
}

extension QualityReport.Estimate {
    init(_ estimate: Evaluation.Estimate) {
        self.init(estimate.value, standardError: estimate.standardError)
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
    fileprivate var fileByteCount: Int { files.reduce(0) { $0 + $1.byteCount } }

    /// Bits per stored value over all tensors.
    fileprivate var bitsPerWeight: Double {
        let elements = tensors.reduce(0) { $0 + $1.shape.elementCount }
        let bytes = tensors.reduce(0) { $0 + $1.byteCount }
        return elements == 0 ? 0 : Double(bytes) * 8 / Double(elements)
    }

    /// The file type that the metadata names; the format of most bytes when it names none.
    var typeName: String {
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
