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

    private init(axes: [Dimension], cut: Cut? = nil, order: [Int]) {
        self.axes = axes
        self.cut = cut
        self.order = order
    }

    /// All elements, as they are stored, seen as a box with these sides.
    @inline(never)
    public static func reshaped(_ axes: [Dimension]) -> Self {
        .init(axes: axes, order: Array(axes.indices))
    }

    /// The same with one side cut to `count` from `start` on, which may be seen as a box of `sides`.
    public func narrowed(
        _ axis: Int, from start: Dimension, count: Dimension = 1, as sides: [Dimension]? = nil
    ) -> Self {
        .init(
            axes: axes, cut: .init(axis: axis, start: start, count: count, sides: sides),
            order: Array(0..<axes.count + (sides?.count ?? 1) - 1))
    }

    /// The same with its sides in another order: side `i` of the result is side `order[i]`.
    public func permuted(_ order: [Int]) -> Self { .init(axes: axes, cut: cut, order: order) }

    /// Rows of each head from `[first halves, second halves]`, as transformers rotates them, to
    /// neighbouring pairs, as GGUF's Llama does.
    ///
    /// - Parameters:
    ///   - heads: The number of heads that the outermost side of `shape` is made of.
    ///   - shape: The stored shape.
    @inline(never)
    public static func rotaryPairs(heads: Dimension, of shape: [Dimension]) -> Self {
        let rows = shape.first ?? 1
        let inner = Array(shape.dropFirst())
        return .reshaped([heads, 2, rows / heads / 2] + inner)
            .permuted([0, 2, 1] + inner.indices.map { $0 + 3 })
    }
}

/// What happens to the values of a weight that stays one tensor.
enum TensorTransform: Sendable, Hashable {
    /// The values stay where they are.
    case none
    /// Rows of each head become neighbouring pairs: see `TensorView.rotaryPairs`.
    case rotaryPairs(Heads)
    /// Rows and columns are exchanged: the stored shape is the reverse of the rule's.
    case transposed
    /// 1 is added to every value: norms that transformers stores as the difference from 1.
    case plusOne

    /// What happens to the bias of a weight with this transform.
    var ofBias: Self {
        if case .rotaryPairs = self { self } else { .none }
    }

    /// Which heads a tensor has.
    enum Heads: Sendable, Hashable {
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
    /// x becomes log(1 + exp(x)).
    case softplus
    /// x becomes exp(x).
    case exponential
    /// The mean of all values of the tensor is taken from each.
    case centred
    /// x becomes the nearest of −s, 0 and s, where s is the mean of the tensor's sizes (BitNet b1.58).
    case ternary
}
