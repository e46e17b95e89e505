import Quantization
import TensorCore

/// The tensors of a checkpoint that the user leaves out, by patterns of their names.
struct IgnoredTensors {
    private let patterns: [(text: String, regex: Regex<AnyRegexOutput>)]
    /// How many tensors each pattern was the first to match.
    private var counts: [Int]

    /// Reads patterns, which mean what those of `--tensor-type` mean but for upper case, which
    /// counts: checkpoints have it in their names.
    init(_ patterns: [String]) throws {
        self.patterns = try patterns.map { text in
            _ = try TensorOverride(pattern: text, format: .F32)
            guard let regex = try? Regex(text) else {
                throw RecipeError(.malformedOverride(text))
            }
            return (text, regex)
        }
        counts = patterns.map { _ in 0 }
    }

    /// Whether a tensor is left out, which is counted.
    mutating func contains(_ name: String) -> Bool {
        guard let index = patterns.firstIndex(where: { name.firstMatch(of: $0.regex) != nil })
        else { return false }
        counts[index] += 1
        return true
    }

    /// What the user should know.
    var notices: [String] {
        let count = counts.reduce(0, +)
        return count > 0 ? ["\(count) tensors are left out by --ignore-tensors"] : []
    }

    /// The patterns without effect.
    var warnings: [String] {
        zip(patterns, counts).filter { $1 == 0 }
            .map { "--ignore-tensors \"\($0.0.text)\" leaves no tensor out" }
    }
}
