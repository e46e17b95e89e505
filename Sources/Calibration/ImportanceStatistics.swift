public import GGUF

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// What an importance matrix says of a model's tensors and layers, by the definitions of
/// llama-imatrix's `--show-statistics`.
///
/// Figures are of mean squares of activations, of the experts that were reached. Sums are in F32
/// in the order of the columns, as there, so that the figures are the same.
public struct ImportanceStatistics: Sendable, Hashable {
    /// The figures of a tensor.
    public struct Tensor: Sendable, Hashable {
        /// The tensor's name.
        public var name: String
        /// The block, where the name tells one.
        public var layer: Int?
        /// The tensor's kind: `attn_q`.
        public var kind: String
        /// The number of mean squares.
        public var count: Int
        /// The sum of the mean squares.
        public var sum: Float
        /// The smallest mean square.
        public var minimum: Float
        /// The largest mean square.
        public var maximum: Float
        /// The mean of the mean squares.
        public var mean: Float
        /// The standard deviation of the mean squares.
        public var deviation: Float
        /// The share of mean squares above 1e-5.
        public var active: Float
        /// The entropy of the mean squares as shares of their sum, in bits.
        public var entropy: Float
        /// The share of mean squares more than a standard deviation above their mean.
        public var zScoreDensity: Float
        /// The cosine of the sums with those of the same kind in the layer before; 0 without one.
        public var cosine: Float

        /// The entropy as a share of what equal mean squares would have; `nil` for a single one.
        public var normalizedEntropy: Float? {
            count > 1 ? entropy / log2f(Float(count)) : nil
        }
    }

    /// The means of a layer's tensors, each weighed by its number of mean squares.
    public struct Layer: Sendable, Hashable {
        /// The block.
        public var layer: Int
        /// The mean of the tensors' sums.
        public var sum: Float
        /// The mean of the tensors' shares.
        public var zScoreDensity: Float
        /// The mean of the tensors' cosines.
        public var cosine: Float
    }

    /// The tensors by kind, those of a kind by falling sum.
    public let tensors: [Tensor]
    /// The layers in their order.
    public let layers: [Layer]

    /// Computes the figures.
    ///
    /// - Complexity: O(values).
    public init(_ sums: ImportanceSums) {
        var tensors = sums.entries.compactMap { name, entry in
            Tensor(name: name, entry, previous: Tensor.previous(of: name, in: sums.entries))
        }
        tensors.sort {
            if $0.kind != $1.kind { return $0.kind < $1.kind }
            if $0.sum != $1.sum { return $0.sum > $1.sum }
            return ($0.layer ?? -1, $0.name) < ($1.layer ?? -1, $1.name)
        }
        self.tensors = tensors
        let groups = Dictionary(grouping: tensors.filter { $0.layer != nil }) { $0.layer ?? 0 }
        layers = groups.sorted { $0.key < $1.key }.map { layer, tensors in
            var (sum, density, cosine, count) = (Float(0), Float(0), Float(0), 0)
            for tensor in tensors {
                sum += Float(tensor.count) * tensor.sum
                density += Float(tensor.count) * tensor.zScoreDensity
                cosine += Float(tensor.count) * tensor.cosine
                count += tensor.count
            }
            return Layer(
                layer: layer, sum: sum / Float(count), zScoreDensity: density / Float(count),
                cosine: cosine / Float(count))
        }
    }
}

extension ImportanceStatistics.Tensor {
    /// `nil` where no row reached the tensor.
    fileprivate init?(
        name: String, _ entry: ImportanceSums.Entry, previous: ImportanceSums.Entry?
    ) {
        let length = entry.sums.count / max(1, entry.counts.count)
        var means: [Float] = []
        for (expert, count) in entry.counts.enumerated() where count > 0 {
            means += entry.sums[expert * length..<(expert + 1) * length].map {
                Float($0) / Float(count)
            }
        }
        guard let first = means.first else { return nil }
        self.name = name
        (layer, kind) = Self.place(name)
        count = means.count
        var (sum, squares) = (Float(0), Float(0))
        (minimum, maximum) = (first, first)
        for value in means {
            sum += value
            squares += value * value
            minimum = min(minimum, value)
            maximum = max(maximum, value)
        }
        self.sum = sum
        let mean = sum / Float(means.count)
        self.mean = mean
        let deviation = max(0, squares / Float(means.count) - mean * mean).squareRoot()
        self.deviation = deviation
        active = 1 - Float(means.count { abs($0) <= 1e-5 }) / Float(means.count)
        var entropy: Float = 0
        if sum > 0 {
            for value in means where value / sum > 0 {
                entropy -= value / sum * log2f(value / sum)
            }
        }
        self.entropy = entropy
        let outliers = deviation > 0 ? means.count { ($0 - mean) / deviation > 1 } : 0
        zScoreDensity = Float(outliers) / Float(means.count)
        cosine = previous.map { Self.cosine(entry.sums, $0.sums) } ?? 0
    }

    /// The cosine of two lists of sums; 0 where they differ in length or one is zero.
    private static func cosine(_ first: [Double], _ second: [Double]) -> Float {
        guard first.count == second.count else { return 0 }
        var (product, left, right) = (Float(0), Float(0), Float(0))
        for (a, b) in zip(first, second) {
            let (a, b) = (Float(a), Float(b))
            product += a * b
            left += a * a
            right += b * b
        }
        let scale = left.squareRoot() * right.squareRoot()
        return scale > 0 ? product / scale : 0
    }

    /// The block and the kind that a name tells: `blk.3.attn_q.weight` is layer 3, `attn_q`.
    private static func place(_ name: String) -> (layer: Int?, kind: String) {
        let parts = name.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        let block = parts.dropLast().firstIndex(of: "blk").flatMap { Int(parts[$0 + 1]) }
        let kind = parts.dropFirst().firstIndex(of: "weight").map { parts[$0 - 1] } ?? name
        return (block, kind.isEmpty ? name : kind)
    }

    /// The entry of the same kind in the layer before.
    fileprivate static func previous(
        of name: String, in entries: [String: ImportanceSums.Entry]
    ) -> ImportanceSums.Entry? {
        let parts = name.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard let place = parts.dropLast().firstIndex(of: "blk"), let block = Int(parts[place + 1]),
            block > 0
        else { return nil }
        var before = parts
        before[place + 1] = "\(block - 1)"
        return entries[before.joined(separator: ".")]
    }
}
