import Tokenization

/// How much of a text a tokenizer can only spell byte by byte.
///
/// A vocabulary without a script's characters spells each in two to four tokens that hold a part of
/// it, or in a token for what is unknown. Such text tells little of how a model is used, and fills
/// rows several times as fast.
package enum ByteSpelling {
    /// The share of a text's characters (Unicode scalars) that no token holds whole, 0 to 1.
    static func share(of text: [UInt8], tokens: [Int32], tokenizer: Tokenizer) -> Double {
        let total = text.count { !isContinuation($0) }
        guard total > 0 else { return 0 }
        var whole = 0
        for token in tokens {
            guard tokenizer.vocabulary.types[Int(token)] != .unknown else { continue }
            whole += wholeCharacters(tokenizer.piece(of: token))
        }
        return max(0, 1 - Double(whole) / Double(total))
    }

    /// The characters that begin and end in a token's bytes.
    package static func wholeCharacters(_ piece: [UInt8]) -> Int {
        var count = 0
        var index = 0
        while index < piece.count {
            let length = max(1, (~piece[index]).leadingZeroBitCount)
            let end = index + length
            if !isContinuation(piece[index]), end <= piece.count,
                piece[(index + 1)..<end].allSatisfy(isContinuation)
            {
                count += 1
                index = end
            } else {
                index += 1
            }
        }
        return count
    }

    private static func isContinuation(_ byte: UInt8) -> Bool { byte & 0xC0 == 0x80 }
}
