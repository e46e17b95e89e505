package import GGUF
package import Quantization
package import TensorCore

/// What rounding with error feedback adds to what encoding costs, in nanoseconds of one thread: parts are
/// balanced and tasks of a cluster are given time by it.
///
/// Measured with `ingot quantize --calibrate`; see docs/clusters.md.
package struct CalibrationCost: Sendable {
    /// For each value: scales are searched again in the metric of the feedback.
    private static let search = 300.0
    /// Floating-point operations a nanosecond where moments are factored and errors fed back.
    private static let feedbackRate = 17.0
    /// The same in products of large matrices.
    package static let productRate = 80.0
    /// Columns that are rounded with regard to each other.
    private static let stretch = 8192.0

    private let tokenCount: Double
    /// Which part of the experts a token takes.
    private let expertShare: Double
    /// The matrix whose products are the predictions.
    private let output: String

    /// - Parameter tokenCount: The tokens of the calibration.
    package init(_ source: any TensorSource, tokenCount: Int) {
        self.tokenCount = Double(tokenCount)
        expertShare = CalibrationCost.expertShare(of: source.metadata)
        output =
            source.tensors.contains { $0.name == "output.weight" }
            ? "output.weight" : "token_embd.weight"
    }

    /// Which part of a model's experts a token takes; 1 without experts.
    package static func expertShare(of metadata: Metadata) -> Double {
        let architecture = metadata["general.architecture"]?.text ?? ""
        func number(_ key: String) -> Double {
            Double(metadata["\(architecture).\(key)"]?.integer ?? 0)
        }
        let (all, used) = (number("expert_count"), number("expert_used_count"))
        return all > 0 ? min(1, max(1, used) / all) : 1
    }

    /// What a tensor costs besides its encoding: the tokens' products with it, the sums of what it takes
    /// in (about half the matrices share theirs with another), the factors of those, and the feedback
    /// along its rows.
    package func nanoseconds(of tensor: TensorDescription, to format: Format) -> Double {
        let shape = tensor.shape
        guard format != tensor.format, format.blockElementCount > 1, shape.rank > 1,
            tensor.name == output || RecipeModel.blockIndex(of: tensor.name) != nil
        else { return 0 }
        let (values, columns) = (Double(shape.elementCount), Double(shape.rowLength))
        let rows = Double(shape.dimensions[shape.rank - 2])
        let count = values / max(1, columns * rows)
        let stretch = min(columns, CalibrationCost.stretch)
        let seen = tokenCount * (count > 1 ? expertShare : 1)
        let products = 2 * values * seen + 0.6 * count * seen * stretch * columns
        let feedback = count * stretch * columns * (stretch * 4 / 3 + rows)
        return values * CalibrationCost.search + products / CalibrationCost.productRate
            + feedback / CalibrationCost.feedbackRate
    }
}
