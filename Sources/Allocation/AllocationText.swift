package import Evaluation

/// A text that sensitivities are measured on and mixtures are tried on: not on the same tokens.
public struct AllocationText: Sendable {
    /// What the text is called.
    public let name: String
    /// The windows for sensitivities.
    package let sensitivity: [WindowDivergences.Window]
    /// The windows for trials, twice as long, from other places.
    package let validation: [WindowDivergences.Window]

    /// Tokens of a window for trials.
    static let windowLength = 512

    /// Takes windows from all over a text.
    ///
    /// - Parameters:
    ///   - tokens: The text's tokens.
    ///   - bos: The token that takes the place of each window's first; `nil` leaves it.
    ///   - windowCount: Windows of 512 tokens for trials; as many of 256 tokens are for
    ///     sensitivities. A shorter text has fewer or shorter ones.
    /// - Throws: `AllocationError` when there are fewer than 64 tokens.
    public init(
        name: String, tokens: [Int32], bos: Int32?, windowCount: Int
    ) throws(AllocationError) {
        guard tokens.count >= 64 else {
            throw AllocationError(.textTooShort(tokens: tokens.count, needed: 64), path: name)
        }
        self.name = name
        // Places of two windows' length each: half of one is for trials, a quarter of the other.
        let length = min(AllocationText.windowLength, tokens.count / 2)
        let places = tokens.count / (2 * length)
        let count = max(1, min(windowCount, places))
        func window(_ start: Int, _ length: Int, scored first: Int) -> WindowDivergences.Window {
            var window = Array(tokens[start..<start + length])
            if let bos { window[0] = bos }
            return .init(tokens: window, scored: first..<length - 1)
        }
        var (sensitivity, validation): ([WindowDivergences.Window], [WindowDivergences.Window])
        (sensitivity, validation) = ([], [])
        for number in 0..<count {
            let start = number * places / count * 2 * length
            validation.append(window(start, length, scored: length / 2))
            sensitivity.append(window(start + length, length / 2, scored: length / 8))
        }
        self.sensitivity = sensitivity
        self.validation = validation
    }
}
