import TensorCore

/// The tensors of a checkpoint that the user leaves out, by patterns of their names.
struct IgnoredTensors {
    private let patterns: [NamePattern]
    /// How many tensors each pattern was the first to match.
    private var counts: [Int]

    /// Reads patterns, which mean what those of `--tensor-type` mean but for upper case, which
    /// counts: checkpoints have it in their names.
    ///
    /// - Throws: `PatternError` about a pattern that is none.
    init(_ patterns: [String]) throws(PatternError) {
        self.patterns = try patterns.map { text throws(PatternError) in try NamePattern(text) }
        counts = patterns.map { _ in 0 }
    }

    /// Whether a tensor is left out, which is counted.
    ///
    /// - Throws: `PatternError` when finding out takes too many steps.
    mutating func contains(_ name: String) throws(PatternError) -> Bool {
        for (index, pattern) in patterns.enumerated() where try pattern.occurs(in: name) {
            counts[index] += 1
            return true
        }
        return false
    }

    /// What the user should know.
    var notices: [String] {
        let count = counts.reduce(0, +)
        return count > 0 ? ["\(count) tensors are left out by --ignore-tensors"] : []
    }

    /// The patterns without effect.
    var warnings: [String] {
        zip(patterns, counts).filter { $1 == 0 }
            .map { "--ignore-tensors \"\($0.0.source)\" leaves no tensor out" }
    }
}
