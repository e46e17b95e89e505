/// A place in a text that comes as the bytes of tokens, counted in characters (Unicode scalars).
struct TextPlace: Sendable, Hashable {
    /// Characters that have begun.
    private var begunCount = 0
    /// Bytes that the last of them still wants.
    private var missingCount = 0

    /// Where a token begins that comes now: at the character that it goes on with, if it does.
    var offset: Int { missingCount > 0 ? begunCount - 1 : begunCount }

    /// Goes on behind some bytes.
    mutating func add(_ bytes: [UInt8]) {
        for byte in bytes {
            if byte & 0xC0 == 0x80, missingCount > 0 {
                missingCount -= 1
                continue
            }
            begunCount += 1
            missingCount =
                switch byte {
                case 0xC2...0xDF: 1
                case 0xE0...0xEF: 2
                case 0xF0...0xF4: 3
                default: 0
                }
        }
    }
}

extension ScoredToken {
    /// What stands for a token among the log probabilities of completions: its text, or its bytes where
    /// they are no text of their own, as OpenAI writes them.
    static func name(_ bytes: [UInt8]) -> String {
        if let text = String(validating: bytes, as: UTF8.self) { return text }
        return "bytes:"
            + bytes.map { "\\x" + ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
