import CKernels

/// The log-sum-exp and the largest element of a row of logits that arrives in pieces.
///
/// Exponentials are taken in F32 relative to the largest logit so far and summed in F64; the
/// relative error is below 1e-6 whatever the vocabulary's size.
public struct LogitsSum: Sendable {
    private var state = ingot_logits_state(sum: 0, maximum: -.infinity, top: -1)

    /// The sum over no logits.
    public init() {}

    /// Adds the logits of the tokens `first`, `first + 1`, ….
    public mutating func add(_ logits: UnsafeBufferPointer<Float>, first: Int) {
        guard let base = logits.baseAddress else { return }
        ingot_logits_add(&state, base, Int32(truncatingIfNeeded: first), logits.count)
    }

    /// The token with the largest logit so far, the first of equals; -1 before any came.
    public var top: Int { Int(state.top) }

    /// The largest logit so far.
    public var maximum: Float { state.maximum }

    /// The sum of `exp(logit - maximum)`.
    public var sum: Double { state.sum }

    /// The sum of `exp(base[i] - maximum) · (base[i] - other[i])`: a part of the mean of
    /// `base - other` under the softmax of `base`.
    public static func cross(
        _ base: UnsafeBufferPointer<Float>, _ other: UnsafeBufferPointer<Float>, maximum: Float
    ) -> Double {
        precondition(base.count == other.count, "rows of different lengths")
        guard let first = base.baseAddress, let second = other.baseAddress else { return 0 }
        return ingot_logits_cross(first, second, maximum, base.count)
    }
}
