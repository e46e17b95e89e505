#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// How the length of a vector is made alike, numbered as llama-embedding's `--embd-normalize`.
public enum VectorNormalization: Sendable, Hashable {
    /// As the model makes it (-1).
    case none
    /// The largest magnitude is 32760 (0).
    case largest
    /// The sum of magnitudes to this power is 1: 1 is the taxicab, 2 the Euclidean norm.
    case power(Int)

    /// A norm by its number; `nil` for one below -1.
    public init?(number: Int) {
        switch number {
        case ..<(-1): return nil
        case -1: self = .none
        case 0: self = .largest
        default: self = .power(number)
        }
    }

    /// Scales a vector; one of zeros stays what it is.
    public func apply(to vector: inout [Float]) {
        let size: Double
        switch self {
        case .none: return
        case .largest: size = Double(vector.map(abs).max() ?? 0) / 32760
        case .power(2): size = vector.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
        case .power(let power):
            // By the largest first: powers of the others cannot overflow then.
            let largest = Double(vector.map(abs).max() ?? 0)
            guard largest > 0 else { return }
            let sum = vector.reduce(0) { $0 + pow(Double(abs($1)) / largest, Double(power)) }
            size = largest * pow(sum, 1 / Double(power))
        }
        guard size > 0 else { return }
        for index in vector.indices { vector[index] = Float(Double(vector[index]) / size) }
    }
}

/// The cosine of the angle between two vectors of one length; 0 where one of them is zero.
public func cosine(_ left: [Float], _ right: [Float]) -> Double {
    var (product, leftSize, rightSize) = (0.0, 0.0, 0.0)
    for (x, y) in zip(left, right) {
        product += Double(x) * Double(y)
        leftSize += Double(x) * Double(x)
        rightSize += Double(y) * Double(y)
    }
    let size = (leftSize * rightSize).squareRoot()
    return size > 0 ? product / size : 0
}
