import TensorCore

/// What SentencePiece models write for text that no piece covers: a `<0x0A>` token for each byte,
/// or the unknown token.
struct ByteFallback: Sendable {
    private var tokens: [Int32]
    let unknown: Int32?

    init(_ vocabulary: Vocabulary) {
        tokens = [Int32](repeating: -1, count: 256)
        unknown = vocabulary.unknownID
        for (id, type) in vocabulary.types.enumerated() where type == .byte {
            guard let byte = vocabulary.tokens[id].byteTokenValue else { continue }
            tokens[Int(byte)] = Int32(truncatingIfNeeded: id)
        }
    }

    /// Whether every byte has a token.
    var isComplete: Bool { !tokens.contains(-1) }

    func append(_ base: UnsafePointer<UInt8>, _ count: Int, to output: inout [Int32]) {
        for index in 0..<count {
            let token = unsafe tokens[Int(base[index])]
            if token >= 0 {
                output.append(token)
            } else if let unknown {
                output.append(unknown)
            }
        }
    }
}

extension Vocabulary {
    /// The unknown token: named by its id or by its type.
    var unknownID: Int32? {
        specialIDs[.unk] ?? types.firstIndex(of: .unknown).flatMap { Int32(exactly: $0) }
    }
}

/// Writes spaces as SentencePiece does.
enum WhitespaceMark {
    static let bytes: [UInt8] = [0xE2, 0x96, 0x81]

    /// The text with `▁` for every space, and one in front if asked for.
    static func escape(_ text: UnsafeBufferPointer<UInt8>, prefixed: Bool) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(text.count + text.count / 2 + 3)
        if prefixed { result += bytes }
        for index in text.indices {
            let byte = unsafe text[index]
            if byte == UInt8(ascii: " ") { result += bytes } else { result.append(byte) }
        }
        return result
    }
}
