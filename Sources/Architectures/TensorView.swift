/// The elements of a stored tensor in another order, or a part of them.
///
/// The stored elements are seen as a box with the sides `axes` (row-major, as they are stored); one
/// side may be cut; the sides are then put into `order`. Splitting, transposing and regrouping of
/// heads are all views, and so they cost nothing until they are read.
public struct TensorView: Sendable, Hashable {
    /// A part of one side.
    public struct Cut: Sendable, Hashable {
        /// The number of the side.
        public let axis: Int
        /// The first index that is kept.
        public let start: Dimension
        /// How many are kept.
        public let count: Dimension
        /// The sides that what is kept is a box of; `nil` where it stays one side.
        public let sides: [Dimension]?
    }

    /// The sides of the stored elements, outermost first.
    public let axes: [Dimension]
    /// The part that is kept; `nil` for all.
    public let cut: Cut?
    /// For each side of the result the number of its side in `axes`, where the sides of what is
    /// cut stand in place of the cut side.
    public let order: [Int]

    /// Describes a view.
    ///
    /// - Parameter order: The sides of the result; as they are stored where it is left out.
    public init(as axes: [Dimension], cut: Cut? = nil, order: [Int]? = nil) {
        self.axes = axes
        self.cut = cut
        self.order = order ?? Array(0..<axes.count + (cut?.sides?.count ?? 1) - 1)
    }

    /// Index `index` of side `axis`, or `count` of them from there, seen as a box of `sides`.
    public static func part(
        of axes: [Dimension], axis: Int, from start: Dimension, count: Dimension = 1,
        as sides: [Dimension]? = nil, order: [Int]? = nil
    ) -> Self {
        .init(
            as: axes, cut: .init(axis: axis, start: start, count: count, sides: sides),
            order: order)
    }

    /// Rows of each head from `[first halves, second halves]`, as transformers rotates them, to
    /// neighbouring pairs, as GGUF's Llama does.
    ///
    /// - Parameters:
    ///   - heads: The number of heads that the outermost side of `shape` is made of.
    ///   - shape: The stored shape.
    public static func rotaryPairs(heads: Dimension, of shape: [Dimension]) -> Self {
        let rows = shape.first ?? 1
        let inner = Array(shape.dropFirst())
        return .init(
            as: [heads, 2, rows / heads / 2] + inner,
            order: [0, 2, 1] + inner.indices.map { $0 + 3 })
    }

    /// A matrix with rows and columns exchanged.
    public static func transposed(_ shape: [Dimension]) -> Self {
        .init(as: shape, order: [1, 0])
    }
}

/// What happens to the values of a tensor that stays one tensor.
public enum TensorTransform: Sendable, Hashable {
    /// The values stay where they are.
    case none
    /// Rows of each head become neighbouring pairs: see `TensorView.rotaryPairs`.
    case rotaryPairs(Heads)
    /// Rows and columns are exchanged: the stored shape is the reverse of the rule's.
    case transposed
    /// 1 is added to every value: norms that transformers stores as the difference from 1.
    case plusOne
    /// Every value x becomes −exp(x): decays that are stored as logarithms.
    case negatedExponential

    /// What becomes of each value.
    var change: ValueChange {
        switch self {
        case .plusOne: .plus(1)
        case .negatedExponential: .negatedExponential
        case .none, .rotaryPairs, .transposed: .none
        }
    }

    /// Which heads a tensor has.
    public enum Heads: Sendable, Hashable {
        /// The query heads.
        case query
        /// The key-value heads.
        case keyValue
    }
}

/// What a conversion does to every value of a tensor.
public enum ValueChange: Sendable, Hashable {
    /// Nothing.
    case none
    /// A number is added.
    case plus(Float)
    /// x becomes −exp(x).
    case negatedExponential
}
