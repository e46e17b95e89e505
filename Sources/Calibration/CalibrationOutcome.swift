import GGUF
public import Quantization

/// What a calibration did with a model's tensors.
public struct CalibrationOutcome: Sendable {
    /// Why a tensor was rounded by its format's own encoder.
    public enum Reason: Sendable, Hashable {
        /// The model's mechanism does not show what the tensor takes in.
        case unobserved
        /// The text reached it with too few tokens.
        case tooFewTokens(found: Int, needed: Int)
        /// Nothing that feedback gave held on the validation text.
        case noGain(Format)
        /// The Hessian cannot be factored, whatever the damping.
        case notPositive
    }

    /// The tensors that were, with the reason.
    public internal(set) var plain: [(tensor: String, reason: Reason)] = []
    /// The tensors whose values are the format's already, which are kept.
    public internal(set) var exact: [(tensor: String, format: Format)] = []
    /// The rows of those that are not on the grid after all, and were encoded plainly.
    public internal(set) var strayRowCount = 0
    /// How often each shrinkage was chosen.
    public internal(set) var shrinkCounts: [Double: Int] = [:]
    /// How often a Hessian was damped more before it could be factored.
    public internal(set) var retryCount = 0

    mutating func add(_ prepared: SegmentedRounding, source: any TensorSource) {
        for shrink in prepared.shrinks { shrinkCounts[shrink, default: 0] += 1 }
        retryCount += prepared.retryCount
        for (tensor, reason) in prepared.plainReasons {
            plain.append((source.tensors[tensor].name, reason))
        }
    }
}
