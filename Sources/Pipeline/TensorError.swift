import GGUF

/// How far the values of two tensors are apart.
public struct TensorError: Sendable, Hashable {
    /// The root of the mean squared difference.
    public let rootMeanSquare: Double
    /// The root mean square of the difference over that of the first tensor's values; 0 when both
    /// are zero.
    public let relative: Double
    /// The largest difference.
    public let maximum: Double
    /// The cosine of the angle between the two as vectors; 1 when both are zero.
    public let cosine: Double
    /// Pairs of which a value is NaN or infinite; they count in none of the other figures.
    public let nonFiniteCount: Int
}

/// Sums over a piece of two tensors, or over several.
struct PieceSums: Sendable {
    private var count = 0
    private var difference = 0.0
    private var first = 0.0
    private var second = 0.0
    private var product = 0.0
    private var largest: Float = 0
    private var nonFinite = 0
    private var isDecoded = true
    private(set) var sameBytes = true

    init() {}

    /// Reads and compares the same piece of two tensors of one shape.
    init(
        _ elements: Range<Int>, _ source: any TensorSource, _ tensor: Int, _ reader: PieceReader,
        _ otherSource: any TensorSource, _ otherTensor: Int, _ otherReader: PieceReader
    ) throws {
        if source.tensors[tensor].format == otherSource.tensors[otherTensor].format {
            let bytes = try reader.bytes(elements, ofTensor: tensor, in: source)
            let others = try otherReader.bytes(elements, ofTensor: otherTensor, in: otherSource)
            sameBytes = bytes.elementsEqual(others)
        } else {
            sameBytes = false
        }
        guard let a = try reader.values(elements, ofTensor: tensor, in: source),
            let b = try otherReader.values(elements, ofTensor: otherTensor, in: otherSource)
        else {
            isDecoded = false
            return
        }
        for index in 0..<elements.count {
            let (x, y) = (a[index], b[index])
            guard x.isFinite, y.isFinite else {
                nonFinite += 1
                continue
            }
            let d = Double(x) - Double(y)
            count += 1
            difference += d * d
            first += Double(x) * Double(x)
            second += Double(y) * Double(y)
            product += Double(x) * Double(y)
            largest = max(largest, abs(Float(d)))
        }
    }

    mutating func add(_ other: PieceSums) {
        count += other.count
        difference += other.difference
        first += other.first
        second += other.second
        product += other.product
        largest = max(largest, other.largest)
        nonFinite += other.nonFinite
        isDecoded = isDecoded && other.isDecoded
        sameBytes = sameBytes && other.sameBytes
    }

    /// The error, or `nil` when values could not be decoded.
    var error: TensorError? {
        guard isDecoded else { return nil }
        let norms = first.squareRoot() * second.squareRoot()
        return TensorError(
            rootMeanSquare: count == 0 ? 0 : (difference / Double(count)).squareRoot(),
            relative: first > 0
                ? (difference / first).squareRoot() : difference > 0 ? .infinity : 0,
            maximum: Double(largest),
            cosine: norms > 0 ? min(1, product / norms) : first == second ? 1 : 0,
            nonFiniteCount: nonFinite)
    }
}
