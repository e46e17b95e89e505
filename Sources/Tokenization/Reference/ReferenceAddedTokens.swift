import TensorCore

/// The added tokens of a `tokenizer.json`, found in a text as `tokenizers` find them.
struct ReferenceAddedTokens {
    /// A piece of a text: some of it, or a token in its place.
    enum Piece {
        case text(ReferenceText)
        case token(Int32)
    }

    private struct Entry {
        var id: Int32
        var scalars: [UInt32]
        var token: HFTokenizerDefinition.AddedToken
    }

    /// The id of every added token, as `tokenizers` number them.
    private(set) var ids: [ByteString: Int32] = [:]
    private let verbatim: [UInt32: [Entry]]
    private let normalized: [UInt32: [Entry]]
    private let isLongestFirst: Bool

    /// - Parameters:
    ///   - modelIDs: The ids of the model's own tokens.
    ///   - search: What is done as readers of GGUF do it.
    init(
        _ tokens: [HFTokenizerDefinition.AddedToken], _ modelIDs: [ByteString: Int32],
        _ normalizer: ReferenceNormalizer, search: AddedTokenSearch
    ) {
        isLongestFirst = search.contains(.longestFirst)
        var verbatim: [UInt32: [Entry]] = [:]
        var normalized: [UInt32: [Entry]] = [:]
        var highest: Int32?
        // What special tokens and others share goes to the special one.
        for token in tokens where !token.content.bytes.isEmpty && ids[token.content] == nil {
            // The number in the file does not count: tokens that are not in the model's vocabulary
            // are numbered one after the other.
            let count = Int32(truncatingIfNeeded: modelIDs.count)
            let next = highest.map { $0 >= count || count == 0 ? $0 + 1 : count } ?? count
            let id = modelIDs[token.content] ?? next
            ids[token.content] = id
            highest = max(highest ?? id, id)
        }
        for token in tokens.filter(\.special) + tokens.filter({ !$0.special }) {
            guard let id = ids[token.content] else { continue }
            let isNormalized = token.normalized && !search.contains(.rawText)
            var scalars = ReferenceText.scalars(
                search.contains(.rawText) ? token.entry.token : token.content)
            if isNormalized {
                scalars = normalizer.normalized(ReferenceText(token.content.description)).scalars
            }
            guard let first = scalars.first else { continue }
            let entry = Entry(id: id, scalars: scalars, token: token)
            if isNormalized {
                normalized[first, default: []].append(entry)
            } else {
                verbatim[first, default: []].append(entry)
            }
        }
        self.verbatim = verbatim
        self.normalized = normalized
    }

    /// Takes the tokens out of a text, then normalizes the rest and takes out those that are looked
    /// for there.
    func pieces(of text: ReferenceText, _ normalizer: ReferenceNormalizer) -> [Piece] {
        split(text, verbatim).flatMap { piece in
            guard case .text(let text) = piece else { return [piece] }
            return split(normalizer.normalized(text), normalized)
        }
    }

    private func split(_ text: ReferenceText, _ entries: [UInt32: [Entry]]) -> [Piece] {
        var pieces: [Piece] = []
        var end = 0
        let scalars = text.scalars
        for (match, entry) in matches(scalars, entries) {
            var (start, stop) = (match.lowerBound, match.upperBound)
            if entry.token.singleWord {
                let touchesBefore = start > 0 && CharacterClass.isWord(scalars[start - 1])
                let touchesAfter = stop < scalars.count && CharacterClass.isWord(scalars[stop])
                if touchesBefore || touchesAfter { continue }
            }
            if entry.token.lstrip {
                while start > 0, CharacterClass.isWhitespace(scalars[start - 1]) { start -= 1 }
                start = max(start, end)
            }
            if entry.token.rstrip {
                while stop < scalars.count, CharacterClass.isWhitespace(scalars[stop]) { stop += 1 }
            }
            if end < start { pieces.append(.text(text.slice(end..<start))) }
            // What a token before took as white space can be one itself; only an empty one is dropped.
            if start < stop { pieces.append(.token(entry.id)) }
            end = stop
        }
        if end < scalars.count { pieces.append(.text(text.slice(end..<scalars.count))) }
        return pieces
    }

    /// From left to right; of the tokens that begin at one place the longest.
    private func matches(
        _ scalars: [UInt32], _ entries: [UInt32: [Entry]]
    ) -> [(Range<Int>, Entry)] {
        var found: [(Range<Int>, Entry)] = []
        for position in scalars.indices {
            for entry in entries[scalars[position]] ?? []
            where scalars[position...].starts(with: entry.scalars) {
                found.append((position..<(position + entry.scalars.count), entry))
            }
        }
        func byteCount(_ match: (Range<Int>, Entry)) -> Int {
            ReferenceText.bytes(match.1.scalars).count
        }
        // Stable: among equals the first stays first.
        let ordered = found.enumerated().sorted { one, other in
            let lengths = (byteCount(one.element), byteCount(other.element))
            let places = (one.element.0.lowerBound, other.element.0.lowerBound)
            return isLongestFirst
                ? (-lengths.0, places.0, one.offset) < (-lengths.1, places.1, other.offset)
                : (places.0, -lengths.0, one.offset) < (places.1, -lengths.1, other.offset)
        }
        var taken: [(Range<Int>, Entry)] = []
        for (_, match) in ordered where !taken.contains(where: { $0.0.overlaps(match.0) }) {
            taken.append(match)
        }
        return taken.sorted { $0.0.lowerBound < $1.0.lowerBound }
    }
}
