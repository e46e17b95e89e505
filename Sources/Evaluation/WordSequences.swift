/// The sequences of 13 words of a text, to find out which of them another text holds too.
///
/// Words are runs of letters, digits and marks, in lower case; what lies between them does not
/// count. An ideograph or kana is a word by itself, since nothing separates words there. A sequence
/// is known by a hash of 64 bits. Source for the length and the normalisation: Brown et al.,
/// "Language Models are Few-Shot Learners" (2020), appendix C.
///
/// Memory is bounded: of a text with more than `limit` different sequences one in 2, 4, 8 … is
/// looked for, the same ones in every text.
public struct WordSequences: Sendable {
    /// The words of a sequence.
    public static let wordCount = 13

    /// How many sequences of a text stand in another.
    public struct Overlap: Sendable, Hashable {
        /// The sequences that were looked for, each as often as it occurs.
        public var sequenceCount: Int
        /// Those of them that the other text holds.
        public var sharedCount: Int
        /// One in so many of the text's sequences was looked for; 1 for all.
        public var samplingInterval: Int
    }

    /// How often each sequence occurs.
    private var occurrences: [UInt64: Int] = [:]
    /// Sequences are kept whose hash has none of these bits.
    private var mask: UInt64 = 0

    /// Collects the sequences of a text.
    ///
    /// - Complexity: O(bytes) time; memory for `limit` sequences.
    public init(of text: [UInt8], limit: Int = 1 << 20) {
        var reader = WordReader()
        reader.read(text) { insert($0, limit: limit) }
        reader.finish { insert($0, limit: limit) }
    }

    private mutating func insert(_ hash: UInt64, limit: Int) {
        guard hash & mask == 0 else { return }
        occurrences[hash, default: 0] += 1
        while occurrences.count > max(1, limit) {
            mask = mask << 1 | 1
            let mask = mask
            occurrences = occurrences.filter { $0.key & mask == 0 }
        }
    }

    /// What a text shares with this one; each sequence counts as often as it occurs here.
    ///
    /// - Parameter forEachPiece: Called once with a function that takes the text piece by piece.
    /// - Complexity: O(bytes) time.
    public func overlap(
        withPieces forEachPiece: ((_ piece: [UInt8]) -> Void) throws -> Void
    ) rethrows -> Overlap {
        // What is found is taken out, so that it counts once.
        var left = occurrences
        var shared = 0
        func look(_ hash: UInt64) {
            guard hash & mask == 0, let count = left.removeValue(forKey: hash) else { return }
            shared += count
        }
        var reader = WordReader()
        try forEachPiece { reader.read($0, look) }
        reader.finish(look)
        return Overlap(
            sequenceCount: occurrences.values.reduce(0, +), sharedCount: shared,
            samplingInterval: Int(clamping: mask + 1))
    }

    /// What a text that is read piece by piece shares with this one.
    ///
    /// - Complexity: O(bytes) time; reads a mebibyte at a time.
    /// - Throws: `FileError`, `ZstandardError`.
    public func overlap(with text: TextStream) throws -> Overlap {
        try overlap { take in
            var piece = [UInt8](repeating: 0, count: 1 << 20)
            while true {
                let count = try piece.withUnsafeMutableBytes { try text.read(into: $0) }
                if count == 0 { return }
                take(Array(piece[..<count]))
            }
        }
    }
}

/// Reads a text piece by piece and gives the hash of every sequence of words.
private struct WordReader {
    /// Bytes of a character that goes on in the next piece.
    private var held: [UInt8] = []
    /// The hash of the word so far; `nil` between words.
    private var word: UInt64?
    /// The hashes of the last words, the oldest at `next`.
    private var words: [UInt64] = []
    private var next = 0

    /// Reads a piece.
    mutating func read(_ piece: [UInt8], _ body: (UInt64) -> Void) {
        let bytes = held.isEmpty ? piece : held + piece
        let end = bytes.count - WordReader.openByteCount(bytes)
        held = Array(bytes[end...])
        // Bytes that are not UTF-8 become U+FFFD, which separates words.
        read(String(decoding: bytes[..<end], as: UTF8.self), body)
    }

    /// Reads what is left.
    mutating func finish(_ body: (UInt64) -> Void) {
        read(String(decoding: held, as: UTF8.self), body)
        held = []
        endWord(body)
    }

    private mutating func read(_ text: String, _ body: (UInt64) -> Void) {
        for scalar in text.unicodeScalars {
            if scalar.isASCII {
                switch UInt8(scalar.value) {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"):
                    add(scalar.value)
                case UInt8(ascii: "A")...UInt8(ascii: "Z"): add(scalar.value + 32)
                default: endWord(body)
                }
            } else if WordReader.isWordByItself(scalar) {
                endWord(body)
                add(scalar.value)
                endWord(body)
            } else if WordReader.isPartOfWord(scalar) {
                for lower in scalar.properties.lowercaseMapping.unicodeScalars { add(lower.value) }
            } else {
                endWord(body)
            }
        }
    }

    /// FNV-1a, a scalar at a time.
    private mutating func add(_ value: UInt32) {
        word = ((word ?? 0xCBF2_9CE4_8422_2325) ^ UInt64(value)) &* 0x100_0000_01B3
    }

    private mutating func endWord(_ body: (UInt64) -> Void) {
        guard let hash = word else { return }
        word = nil
        if words.count < WordSequences.wordCount {
            words.append(hash)
            guard words.count == WordSequences.wordCount else { return }
        } else {
            words[next] = hash
            next = (next + 1) % words.count
        }
        var sum: UInt64 = 0
        for index in words.indices {
            sum = (sum ^ words[(next + index) % words.count]) &* 0x9E37_79B9_7F4A_7C15
            sum ^= sum >> 29
        }
        // The low bits decide about sampling: all of the hash must reach them.
        sum = (sum ^ sum >> 30) &* 0xBF58_476D_1CE4_E5B9
        sum = (sum ^ sum >> 27) &* 0x94D0_49BB_1331_11EB
        body(sum ^ sum >> 31)
    }

    private static func isPartOfWord(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter,
            .decimalNumber, .letterNumber, .otherNumber, .nonspacingMark, .spacingMark:
            true
        default: false
        }
    }

    private static func isWordByItself(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.isIdeographic || (0x3041...0x30FF).contains(scalar.value)
    }

    /// How many bytes at the end belong to a character that is not complete.
    private static func openByteCount(_ bytes: [UInt8]) -> Int {
        for count in 1...3 where count <= bytes.count {
            let byte = bytes[bytes.count - count]
            if byte & 0b1100_0000 == 0b1000_0000 { continue }
            let length = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1
            return length > count ? count : 0
        }
        return 0
    }
}
