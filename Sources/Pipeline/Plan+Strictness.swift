public import GGUF
import Quantization
import TensorCore

extension Plan {
    /// What a careful user would not let pass and can be known before any tensor is read: tensors
    /// that fall back to another format or are raised to one, options that will not have been meant
    /// so, tensors quantized without importance although there is a
    /// matrix, experts that the calibration text never reached.
    ///
    /// - Parameter importance: The importance matrix that the plan was made with.
    public func strictProblems(importance: ImportanceMatrix?) -> [PipelineError] {
        var problems: [PipelineError] = []
        func report(_ kind: PipelineError.Kind, _ tensor: Tensor) {
            problems.append(PipelineError(kind, path: source.path, place: tensor.name))
        }
        for tensor in fallbacks {
            guard case .fallback(let wanted) = tensor.choice.reason else { continue }
            report(
                .fallback(
                    from: wanted.name, to: tensor.choice.format.name,
                    rowLength: tensor.source.shape.rowLength), tensor)
        }
        for tensor in raised {
            guard case .raised(let wanted) = tensor.choice.reason else { continue }
            report(.raised(from: wanted.name, to: tensor.choice.format.name), tensor)
        }
        problems += remarks.map { PipelineError(.remark($0), path: source.path) }
        guard let importance else { return problems }
        for tensor in withoutImportance {
            report(
                .withoutImportance(
                    format: tensor.choice.format.name, matrix: importance.path), tensor)
        }
        for tensor in tensors {
            guard let entry = tensor.importance, !entry.missingExperts.isEmpty else { continue }
            report(
                .expertsWithoutCounts(
                    entry.missingExperts.count, of: entry.expertCount, matrix: importance.path),
                tensor)
        }
        return problems
    }
}
