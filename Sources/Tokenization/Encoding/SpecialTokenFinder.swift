import TensorCore

/// Finds tokens that are taken out of a text before it is split into words: user-defined ones
/// always, control and unknown ones on request.
///
/// Longer tokens go first, over the whole text; among tokens of one length the leftmost.
struct SpecialTokenFinder: Sendable {
    /// A piece of the text: some of its bytes or a token in place of them.
    enum Fragment: Equatable {
        case text(Range<Int>)
        case token(Int32)
    }

    private struct Group: Sendable {
        let byteCount: Int
        /// Tokens of this length by their first eight bytes.
        var tokens: [UInt64: [Int32]] = [:]
        var firstBytes = [Bool](repeating: false, count: 256)
    }

    private let groups: [Group]
    private let vocabulary: [Int32: [UInt8]]
    private let leftStripping: Set<Int32>
    private let rightStripping: Set<Int32>
    /// Those that are found everywhere.
    private let userDefined: Set<Int32>

    /// - Parameter types: The types of token to look for.
    init(_ vocabulary: Vocabulary, types: Set<Vocabulary.TokenType>) {
        var groups: [Int: Group] = [:]
        var texts: [Int32: [UInt8]] = [:]
        for (index, type) in vocabulary.types.enumerated() where types.contains(type) {
            let bytes = vocabulary.tokens[index].bytes
            guard let first = bytes.first, let id = Int32(exactly: index) else { continue }
            texts[id] = bytes
            let head = unsafe bytes.withUnsafeBufferPointer {
                unsafe SpecialTokenFinder.head($0, 0, bytes.count)
            }
            groups[bytes.count, default: Group(byteCount: bytes.count)].tokens[head, default: []]
                .append(id)
            groups[bytes.count]?.firstBytes[Int(first)] = true
        }
        self.groups = groups.values.sorted { $0.byteCount > $1.byteCount }
        self.vocabulary = texts
        leftStripping = vocabulary.leftStripping
        rightStripping = vocabulary.rightStripping
        userDefined = Set(texts.keys.filter { vocabulary.types[Int($0)] == .userDefined })
    }

    /// Up to eight bytes as a number.
    @inline(__always)
    private static func head(
        _ bytes: UnsafeBufferPointer<UInt8>, _ start: Int, _ count: Int
    ) -> UInt64 {
        var head: UInt64 = 0
        for offset in 0..<min(count, 8) { head = unsafe head << 8 | UInt64(bytes[start + offset]) }
        return head
    }

    /// The fragments of a text.
    ///
    /// Linear in its length for each distinct length of a token.
    ///
    /// - Parameter trusted: Where tokens may stand that are not user-defined, in order and without
    ///   overlap; everywhere when `nil`.
    func fragments(
        _ bytes: UnsafeBufferPointer<UInt8>, trusted: [Range<Int>]? = nil
    ) -> [Fragment] {
        guard !bytes.isEmpty else { return [] }
        var fragments: [Fragment] = [.text(0..<bytes.count)]
        for group in groups where group.byteCount <= bytes.count {
            var next: [Fragment] = []
            for fragment in fragments {
                if case .text(let range) = fragment {
                    unsafe split(range, group, bytes, trusted, into: &next)
                } else {
                    next.append(fragment)
                }
            }
            fragments = next
        }
        return fragments
    }

    private func split(
        _ range: Range<Int>, _ group: Group, _ bytes: UnsafeBufferPointer<UInt8>,
        _ trusted: [Range<Int>]?, into fragments: inout [Fragment]
    ) {
        var start = range.lowerBound
        var position = start
        while range.upperBound - position >= group.byteCount {
            guard unsafe group.firstBytes[Int(bytes[position])],
                let token = unsafe token(at: position, group, bytes),
                isAllowed(token, position..<(position + group.byteCount), trusted)
            else {
                position += 1
                continue
            }
            var end = position
            if leftStripping.contains(token) {
                while end > start, unsafe SpecialTokenFinder.isSpace(bytes[end - 1]) { end -= 1 }
            }
            if start < end { fragments.append(.text(start..<end)) }
            fragments.append(.token(token))
            position += group.byteCount
            if rightStripping.contains(token) {
                while position < range.upperBound,
                    unsafe SpecialTokenFinder.isSpace(bytes[position])
                {
                    position += 1
                }
            }
            start = position
        }
        if start < range.upperBound { fragments.append(.text(start..<range.upperBound)) }
    }

    private func isAllowed(
        _ token: Int32, _ range: Range<Int>, _ trusted: [Range<Int>]?
    ) -> Bool {
        guard let trusted, !userDefined.contains(token) else { return true }
        // The last that begins at or before the token.
        var (low, high) = (0, trusted.count)
        while low < high {
            let middle = (low + high) / 2
            if trusted[middle].lowerBound <= range.lowerBound {
                low = middle + 1
            } else {
                high = middle
            }
        }
        return low > 0 && range.upperBound <= trusted[low - 1].upperBound
    }

    /// ASCII's white space: what C's `isspace` knows.
    private static func isSpace(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || (0x09...0x0D).contains(byte)
    }

    private func token(
        at position: Int, _ group: Group, _ bytes: UnsafeBufferPointer<UInt8>
    ) -> Int32? {
        let head = unsafe SpecialTokenFinder.head(bytes, position, group.byteCount)
        return group.tokens[head]?.first { id in
            unsafe vocabulary[id]?.elementsEqual(bytes[position..<(position + group.byteCount)])
                ?? false
        }
    }
}
