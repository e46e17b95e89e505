/// A text that a calibration runs over.
public struct CalibrationDocument: Sendable {
    /// What a text is of.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        /// A text that the user gave.
        case given
        /// Prose.
        case prose
        /// Source code.
        case code
        /// Chat turns.
        case chat
        /// Other languages and scripts.
        case script
        /// Tokens by chance.
        case random
    }

    /// What it is of.
    public var kind: Kind
    /// Its name, for messages and metadata.
    public var name: String
    /// Its tokens, without BOS.
    public var tokens: [Int32]

    /// Describes a text.
    public init(kind: Kind, name: String, tokens: [Int32]) {
        self.kind = kind
        self.name = name
        self.tokens = tokens
    }
}

/// The tokens of a calibration, in windows of equal length.
public struct CalibrationText: Sendable {
    /// What windows are for.
    public enum Purpose: Sendable, Hashable {
        /// The Hessians are made of them.
        case fitting
        /// How far Hessians are shrunk is chosen by them: texts of other domains where there are any.
        case validation
    }

    /// The windows that Hessians are made of.
    public let fitting: [[Int32]]
    /// The windows that the shrinkage is chosen by.
    public let validation: [[Int32]]
    /// Whether those are of other domains than what Hessians are made of.
    public let hasOtherDomain: Bool
    /// The length of a window.
    public let windowLength: Int

    /// The number of tokens of all windows.
    public var tokenCount: Int { (fitting.count + validation.count) * windowLength }

    /// Cuts texts into windows.
    ///
    /// Each kind of text gets an equal share of the tokens, as far as its texts go. Where the user
    /// gave texts, Hessians are made of those and the others validate; otherwise prose, chat and
    /// scripts make them and code validates. Texts of one kind alone: every fourth window validates.
    ///
    /// - Parameters:
    ///   - tokenCount: The most tokens to make Hessians of; a third of it validates.
    ///   - bos: The token that every other window starts with, where the tokenizer adds one.
    public init(
        _ documents: [CalibrationDocument], tokenCount: Int, windowLength: Int = 512, bos: Int32?
    ) {
        let kinds = Set(documents.map(\.kind))
        let validating: Set<CalibrationDocument.Kind> =
            kinds.contains(.given) ? kinds.subtracting([.given]) : kinds.intersection([.code])
        var cutter = WindowCutter(length: windowLength, bos: bos)
        let fit = documents.filter { !validating.contains($0.kind) }
        let other = documents.filter { validating.contains($0.kind) }
        let limit = max(1, tokenCount / windowLength)
        var windows = cutter.windows(of: fit, limit: limit)
        self.windowLength = windowLength
        guard other.isEmpty || windows.isEmpty else {
            fitting = windows
            validation = cutter.windows(of: other, limit: max(1, limit / 3))
            hasOtherDomain = true
            return
        }
        if windows.isEmpty { windows = cutter.windows(of: other, limit: limit) }
        hasOtherDomain = false
        fitting = windows.indices.filter { $0 % 4 != 3 }.map { windows[$0] }
        validation = windows.indices.filter { $0 % 4 == 3 }.map { windows[$0] }
    }
}

/// Cuts texts into windows, each kind in turn.
private struct WindowCutter {
    let length: Int
    let bos: Int32?
    private var count = 0

    init(length: Int, bos: Int32?) {
        self.length = length
        self.bos = bos
    }

    mutating func windows(of documents: [CalibrationDocument], limit: Int) -> [[Int32]] {
        // Texts of a kind follow one another; windows are spread evenly over each kind's tokens.
        var kinds: [[Int32]] = []
        for kind in CalibrationDocument.Kind.allCases {
            let tokens = documents.filter { $0.kind == kind }.flatMap(\.tokens)
            if tokens.count >= length { kinds.append(tokens) }
        }
        var shares = [Int](repeating: 0, count: kinds.count)
        var left = limit
        while left > 0 {
            var grown = false
            for index in kinds.indices where left > 0 && shares[index] < kinds[index].count / length
            {
                shares[index] += 1
                left -= 1
                grown = true
            }
            if !grown { break }
        }
        var windows: [[Int32]] = []
        for (tokens, share) in zip(kinds, shares) {
            for index in 0..<share {
                let start = share > 1 ? index * (tokens.count - length) / (share - 1) : 0
                var window = Array(tokens[start..<start + length])
                if let bos, count % 2 == 0 { window[0] = bos }
                count += 1
                windows.append(window)
            }
        }
        return windows
    }
}
