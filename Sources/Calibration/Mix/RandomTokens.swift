import Tokenization

/// Tokens drawn at random from those that stand for text; the same ones always.
struct RandomTokens {
    private let candidates: [Int32]
    private var state: UInt64 = 0x1D_6F1A_77E4

    /// Prepares to draw from a vocabulary.
    init(_ vocabulary: Vocabulary) {
        candidates = vocabulary.types.indices.compactMap { index in
            vocabulary.types[index] == .normal ? Int32(exactly: index) : nil
        }
    }

    /// Whether there is nothing to draw from.
    var isEmpty: Bool { candidates.isEmpty }

    /// The next tokens.
    mutating func next(_ count: Int) -> [Int32] {
        (0..<count).map { _ in
            let (index, _) = UInt64(candidates.count).multipliedFullWidth(by: nextBits())
            return candidates[Int(index)]
        }
    }

    /// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014).
    private mutating func nextBits() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var bits = state
        bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
        bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
        return bits ^ (bits >> 31)
    }
}
