/// Makes characters of bytes that come piece by piece: a token may end inside a character.
public struct UTF8Assembler: Sendable {
    private var pending: [UInt8] = []

    /// Starts without bytes.
    public init() {}

    /// The characters that are complete with `bytes`; what may still become one is kept.
    ///
    /// Bytes that no continuation can make UTF-8 become U+FFFD.
    public mutating func add(_ bytes: [UInt8]) -> String {
        pending += bytes
        let kept = UTF8Assembler.incompleteCount(pending)
        defer { pending.removeFirst(pending.count - kept) }
        return String(decoding: pending.dropLast(kept), as: UTF8.self)
    }

    /// What is left, complete or not.
    public mutating func finish() -> String {
        defer { pending = [] }
        return String(decoding: pending, as: UTF8.self)
    }

    /// How many bytes at the end are the beginning of a character.
    private static func incompleteCount(_ bytes: [UInt8]) -> Int {
        for count in 1...3 where count <= bytes.count {
            let lead = bytes[bytes.count - count]
            if lead & 0xC0 == 0x80 { continue }
            let length =
                switch lead {
                case 0xC2...0xDF: 2
                case 0xE0...0xEF: 3
                case 0xF0...0xF4: 4
                default: 1
                }
            return count < length ? count : 0
        }
        return 0
    }
}
