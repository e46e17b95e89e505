import TensorCore

/// SentencePiece's compiled normalization: a double-array trie from byte sequences to replacements.
///
/// Layout (little-endian): the byte count of the trie (32 bits), the trie's units (32 bits each),
/// then the replacements, each ended by a zero byte. A unit of the trie (Darts-clone): bits 0–7 the
/// label, bit 8 "has a value", bit 9 "offset is shifted by 8", bits 10–30 the offset, bit 31 marks
/// a value unit.
struct CompiledCharacterMap: Sendable {
    let units: [UInt32]
    let replacements: [UInt8]

    /// The map that changes nothing but ill-formed bytes.
    static let identity = CompiledCharacterMap()

    private init() {
        units = []
        replacements = []
    }

    init(_ bytes: [UInt8]) throws(TokenizationError) {
        func word(_ offset: Int) -> UInt32 {
            (0..<4).reduce(0) { $0 | UInt32(bytes[offset + $1]) << UInt32(8 * $1) }
        }
        guard bytes.count >= 4, word(0) % 4 == 0, Int(word(0)) <= bytes.count - 4 else {
            throw TokenizationError(
                .wrongKind(
                    found: "\(bytes.count) bytes", expected: "a compiled normalization map"),
                place: "precompiled_charsmap")
        }
        let trieEnd = 4 + Int(word(0))
        units = stride(from: 4, to: trieEnd, by: 4).map { word($0) }
        replacements = Array(bytes[trieEnd...])
    }

    /// The text with the longest known sequence at each place replaced; ill-formed bytes become
    /// U+FFFD.
    ///
    /// - Parameter verbatim: How many bytes at a place stay as they are.
    func map(
        _ text: UnsafeBufferPointer<UInt8>, keeping verbatim: (_ position: Int) -> Int
    ) -> [UInt8] {
        let reader = unsafe UTF8Units(bytes: text)
        var result: [UInt8] = []
        result.reserveCapacity(text.count)
        var position = 0
        while position < text.count {
            let keptCount = verbatim(position)
            if keptCount > 0 {
                unsafe result += text[position..<(position + keptCount)]
                position += keptCount
                continue
            }
            if let (value, byteCount) = unsafe longestMatch(text, position),
                value < replacements.count
            {
                result += replacements[value...].prefix { $0 != 0 }
                position += byteCount
                continue
            }
            let (scalar, byteCount) = reader.unit(at: position, end: text.count)
            CharacterMapping.append(scalar, to: &result)
            position += byteCount
        }
        return result
    }

    private func longestMatch(
        _ text: UnsafeBufferPointer<UInt8>, _ start: Int
    ) -> (value: Int, byteCount: Int)? {
        guard let root = units.first else { return nil }
        var node = CompiledCharacterMap.offset(root)
        var found: (Int, Int)?
        var position = start
        while position < text.count, unsafe text[position] != 0 {
            unsafe node ^= Int(text[position])
            guard node < units.count else { break }
            let unit = units[node]
            guard unsafe unit & 0x8000_00FF == UInt32(text[position]) else { break }
            node ^= CompiledCharacterMap.offset(unit)
            position += 1
            guard unit >> 8 & 1 == 1 else { continue }
            guard node < units.count else { break }
            found = (Int(units[node] & 0x7FFF_FFFF), position - start)
        }
        return found
    }

    static func offset(_ unit: UInt32) -> Int {
        Int(unit >> 10) << Int((unit & 0x200) >> 6)
    }
}
