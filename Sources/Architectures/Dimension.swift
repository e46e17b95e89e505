import TensorCore

/// A dimension of a tensor in the configuration's words.
public indirect enum Dimension: Sendable, Hashable {
    /// The number of tokens, `vocab_size`.
    case vocabulary
    /// The width of the residual stream.
    case hidden
    /// The width of the feed-forward network.
    case feedForward
    /// The values of all query heads.
    case queryHeads
    /// The values of all key or value heads.
    case keyValueHeads
    /// The values of one head.
    case head
    /// The number of query heads.
    case headCount
    /// The number of key-value heads.
    case keyValueHeadCount
    /// The number of experts that a router chooses from.
    case experts
    /// The positive integer under a configuration key.
    case key(String)
    /// The positive integer under a configuration key, or another dimension where there is none.
    case keyOr(String, Dimension)
    /// The number that a list under a configuration key has for the layer; it may be 0.
    case listed(String)
    /// The number of a repetition, from 0 on, where parts of a tensor are repeated.
    case turn
    /// A number that no configuration changes.
    case constant(Int)
    /// Two dimensions side by side.
    case sum(Dimension, Dimension)
    /// One dimension without another.
    case difference(Dimension, Dimension)
    /// Two dimensions seen as one.
    case product(Dimension, Dimension)
    /// A dimension shared out; it is an error when it does not come out even.
    case quotient(Dimension, Dimension)

    /// Its size in a model of this configuration, never negative.
    public func size(
        in configuration: ModelConfiguration
    ) throws(ArchitectureError) -> Int {
        switch self {
        case .vocabulary: return try configuration.vocabSize()
        case .hidden: return try configuration.hiddenSize()
        case .feedForward: return try configuration.intermediateSize()
        case .queryHeads: return try (Dimension.headCount * .head).size(in: configuration)
        case .keyValueHeads:
            return try (Dimension.keyValueHeadCount * .head).size(in: configuration)
        case .head: return try configuration.headDim()
        case .headCount: return try configuration.numAttentionHeads()
        case .keyValueHeadCount: return try configuration.numKeyValueHeads()
        case .experts: return try configuration.numExperts()
        case .key(let key): return try configuration.required(key)
        case .keyOr(let key, let other):
            return configuration[key] == nil
                ? try other.size(in: configuration) : try configuration.required(key)
        case .listed(let key):
            guard let found = configuration[key]?.array,
                found.indices.contains(configuration.block),
                let value = found[configuration.block].integer, value >= 0
            else {
                throw configuration.fault(
                    .invalidValue(
                        found: "nothing for layer \(configuration.block)",
                        expected: "a number for each layer"), key)
            }
            return value
        case .turn: return configuration.turn
        case .constant(let value): return value
        case .sum(let left, let right):
            return try combine(left, right, "+", configuration) { $0.addingReportingOverflow($1) }
        case .difference(let left, let right):
            return try combine(left, right, "-", configuration) {
                let (value, overflow) = $0.subtractingReportingOverflow($1)
                return (value, overflow || value < 0)
            }
        case .product(let left, let right):
            return try combine(left, right, "*", configuration) {
                $0.multipliedReportingOverflow(by: $1)
            }
        case .quotient(let left, let right):
            return try combine(left, right, "/", configuration) {
                $1 > 0 && $0 % $1 == 0 ? ($0 / $1, false) : (0, true)
            }
        }
    }

    private func combine(
        _ left: Dimension, _ right: Dimension, _ sign: String, _ configuration: ModelConfiguration,
        _ operation: (Int, Int) -> (partialValue: Int, overflow: Bool)
    ) throws(ArchitectureError) -> Int {
        let (first, second) = (try left.size(in: configuration), try right.size(in: configuration))
        let (value, overflow) = operation(first, second)
        guard !overflow else {
            throw configuration.fault(
                .invalidValue(
                    found: "\(first) \(sign) \(second) for \(left) \(sign) \(right)",
                    expected: "sizes that go together"))
        }
        return value
    }
}

extension Dimension: ExpressibleByIntegerLiteral, CustomStringConvertible {
    /// A number that no configuration changes.
    public init(integerLiteral value: Int) { self = .constant(value) }

    /// The positive integer under a configuration key, or another dimension where there is none.
    @inline(never)
    public static func key(_ key: String, or other: Dimension) -> Self { .keyOr(key, other) }
    /// Two dimensions side by side.
    @inline(never)
    public static func + (left: Self, right: Self) -> Self { .sum(left, right) }
    /// One dimension without another.
    @inline(never)
    public static func - (left: Self, right: Self) -> Self { .difference(left, right) }
    /// Two dimensions seen as one.
    @inline(never)
    public static func * (left: Self, right: Self) -> Self { .product(left, right) }
    /// A dimension shared out.
    @inline(never)
    public static func / (left: Self, right: Self) -> Self { .quotient(left, right) }

    /// The dimension in words.
    public var description: String {
        switch self {
        case .vocabulary: "vocabulary"
        case .hidden: "hidden size"
        case .feedForward: "intermediate size"
        case .queryHeads: "query heads' values"
        case .keyValueHeads: "key-value heads' values"
        case .head: "head size"
        case .headCount: "heads"
        case .keyValueHeadCount: "key-value heads"
        case .experts: "experts"
        case .key(let key), .keyOr(let key, _), .listed(let key): key
        case .turn: "repetition"
        case .constant(let value): "\(value)"
        case .sum(let left, let right): "(\(left) + \(right))"
        case .difference(let left, let right): "(\(left) - \(right))"
        case .product(let left, let right): "(\(left) * \(right))"
        case .quotient(let left, let right): "(\(left) / \(right))"
        }
    }
}
