/// A text cut into sentences, of which embeddings are compared.
public enum Sentences {
    /// Sentences of fewer bytes are headings and rests.
    private static let leastByteCount = 20
    /// Sentences of more bytes are tables and code; few models take more.
    private static let mostByteCount = 1000

    /// The sentences of a text, each once, in order: up to a line's end, or to a full stop,
    /// exclamation or question mark that white space follows; in Chinese and Japanese to their own.
    ///
    /// - Parameter limit: The most sentences; of more, so many evenly spread over the text.
    /// - Complexity: O(bytes).
    public static func split(_ text: [UInt8], limit: Int) -> [[UInt8]] {
        var seen: Set<ArraySlice<UInt8>> = []
        var found: [ArraySlice<UInt8>] = []
        var start = text.startIndex
        func end(at index: Int) {
            let sentence = trimmed(text[start..<index])
            start = index
            guard (leastByteCount...mostByteCount).contains(sentence.count),
                seen.insert(sentence).inserted
            else { return }
            found.append(sentence)
        }
        for index in text.indices {
            if text[index] == 0x0A || text[index] == 0x0D || endsSentence(text, index) {
                end(at: index + 1)
            }
        }
        end(at: text.endIndex)
        guard found.count > limit, limit > 0 else { return found.map(Array.init) }
        return (0..<limit).map { Array(found[$0 * found.count / limit]) }
    }

    private static func isSpace(_ byte: UInt8) -> Bool {
        byte == 0x20 || (0x09...0x0D).contains(byte)
    }

    private static func trimmed(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var bytes = bytes.drop(while: isSpace)
        while let last = bytes.last, isSpace(last) { bytes.removeLast() }
        return bytes
    }

    private static func endsSentence(_ text: [UInt8], _ index: Int) -> Bool {
        switch text[index] {
        case UInt8(ascii: "."), UInt8(ascii: "!"), UInt8(ascii: "?"):
            return index + 1 < text.count && isSpace(text[index + 1])
        // The ideographic full stop, U+3002, and the full-width marks U+FF01 and U+FF1F.
        case 0x82: return text[max(0, index - 2)..<index].elementsEqual([0xE3, 0x80])
        case 0x81: return text[max(0, index - 2)..<index].elementsEqual([0xEF, 0xBC])
        case 0x9F: return text[max(0, index - 2)..<index].elementsEqual([0xEF, 0xBC])
        default: return false
        }
    }
}
