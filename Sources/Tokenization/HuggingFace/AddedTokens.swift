import TensorCore

/// The tokens that the files of a directory add to a model's vocabulary, with the ids that
/// `tokenizers` gives them.
///
/// A token's id is not what its file says: a text that the vocabulary holds keeps the
/// vocabulary's id, any other takes the next free one, in the order in which the tokens are added.
/// Where a file says something else, that is a conflict, which is told.
struct AddedTokens {
    /// Where a token comes from.
    enum Source {
        /// `added_tokens` of `tokenizer.json`.
        case definition
        /// `added_tokens_decoder` of `tokenizer_config.json`.
        case decoder
        /// `added_tokens.json`.
        case list
        /// A file that gives it a part, as `bos_token` does.
        case name
    }

    /// A token, and what spoke of it last.
    struct Entry {
        var token: HFTokenizerDefinition.AddedToken
        var source: Source
        var file: String
    }

    /// A file that says another id for a token than it gets.
    private struct Conflict {
        let text: ByteString
        let file: String
        let claimed: Int
        let other: String
        let id: Int
    }

    /// The tokens in the order in which they were added.
    private(set) var entries: [Entry] = []
    private var places: [ByteString: Int] = [:]
    private var highest = -1
    private var base: [ByteString: Int] = [:]
    private let pieces: [ByteString]
    private let file: String
    private var conflicts: [Conflict] = []
    private var replaced: [String] = []

    /// Starts from a model's own tokens.
    ///
    /// - Parameters:
    ///   - pieces: The pieces of a SentencePiece model when it is the model: a token that names one
    ///     of their numbers takes the piece's place.
    ///   - file: The model's file.
    init(
        _ vocabulary: some Sequence<(token: ByteString, id: Int)>, pieces: [ByteString] = [],
        file: String
    ) {
        for (token, id) in vocabulary { base[token] = id }
        self.pieces = pieces
        self.file = file
    }

    /// The number of the model's own tokens.
    private var baseCount: Int { base.count }

    /// The id of a token, added or not.
    func id(_ text: ByteString) -> Int? {
        places[text].map { entries[$0].token.id } ?? base[text]
    }

    /// Whether a token was added.
    func contains(_ text: ByteString) -> Bool { places[text] != nil }

    /// Adds a token; one that was added before takes the new properties.
    ///
    /// - Parameters:
    ///   - claimed: The id that the file says, if it says one.
    ///   - file: The file.
    mutating func add(
        _ token: HFTokenizerDefinition.AddedToken, claimed: Int?, from source: Source,
        in file: String
    ) {
        guard !token.content.bytes.isEmpty else { return }
        var token = token
        let known = places[token.content]
        let other = known.map { entries[$0].file } ?? self.file
        if let id = id(token.content) {
            token.id = id
        } else if let claimed, pieces.indices.contains(claimed) {
            token.id = claimed
            base[pieces[claimed]] = nil
            base[token.content] = claimed
            replaced.append("\"\(token.content)\" for \"\(pieces[claimed])\" (\(claimed))")
        } else {
            token.id = highest >= baseCount ? highest + 1 : baseCount
        }
        if let claimed, claimed != token.id {
            conflicts.append(
                Conflict(
                    text: token.content, file: file, claimed: claimed, other: other, id: token.id))
        }
        highest = max(highest, token.id)
        if let known {
            entries[known] = Entry(token: token, source: source, file: file)
        } else {
            places[token.content] = entries.count
            entries.append(Entry(token: token, source: source, file: file))
        }
    }

    /// Takes note of the id that a file says for a token that was added before.
    mutating func check(_ text: ByteString, claimed: Int, in file: String) {
        guard let known = places[text].map({ entries[$0] }), known.token.id != claimed else {
            return
        }
        conflicts.append(
            Conflict(
                text: text, file: file, claimed: claimed, other: known.file, id: known.token.id))
    }

    /// Drops the tokens that the model has no embedding for.
    ///
    /// - Parameter size: The number of embeddings.
    /// - Returns: What is to be told.
    mutating func drop(from size: Int) -> [String] {
        let dropped = entries.filter { $0.token.id >= size }
        guard let first = dropped.first else { return [] }
        entries.removeAll { $0.token.id >= size }
        places = [:]
        for (place, entry) in entries.enumerated() { places[entry.token.content] = place }
        let more = dropped.count > 1 ? " and \(dropped.count - 1) more" : ""
        return [
            "\(first.file.lastComponent): \"\(first.token.content)\" (id \(first.token.id))\(more) "
                + "is beyond the \(size) embeddings of the model and is left out"
        ]
    }

    /// What the files disagree about, one notice for each two of them.
    var notices: [String] {
        var result: [String] = []
        var told: Set<[String]> = []
        for conflict in conflicts where told.insert([conflict.file, conflict.other]).inserted {
            let alike = conflicts.count { $0.file == conflict.file && $0.other == conflict.other }
            let more = alike > 1 ? " (and \(alike - 1) more like it)" : ""
            let (file, other) = (conflict.file.lastComponent, conflict.other.lastComponent)
            result.append(
                "\(file) gives \"\(conflict.text)\" the id \(conflict.claimed), "
                    + (file == other ? "an earlier entry" : other)
                    + " makes it \(conflict.id)\(more); \(conflict.id) is written, as transformers "
                    + "numbers added tokens")
        }
        if let first = replaced.first {
            let more = replaced.count > 1 ? " and \(replaced.count - 1) more" : ""
            result.append(
                "tokens take the place of pieces of \(file.lastComponent): \(first)\(more)")
        }
        return result
    }
}

extension HFTokenizerDefinition.AddedToken {
    /// A token of which only the text is known.
    init(content: ByteString, special: Bool) {
        self.init(
            id: 0, content: content, special: special, normalized: !special, lstrip: false,
            rstrip: false, singleWord: false)
    }

    /// A token as `tokenizer_config.json` and its kin describe it: a text or an object.
    ///
    /// - Parameter special: Whether the place makes it special, whatever the object says.
    init?(_ json: JSON, special: Bool? = nil) {
        guard let content = json.bytes ?? json["content"]?.bytes else { return nil }
        let isSpecial = special ?? json["special"]?.boolean ?? false
        self.init(
            id: 0, content: content, special: isSpecial,
            normalized: json["normalized"]?.boolean ?? !isSpecial,
            lstrip: json["lstrip"]?.boolean ?? false, rstrip: json["rstrip"]?.boolean ?? false,
            singleWord: json["single_word"]?.boolean ?? false)
    }
}

extension String {
    /// The last part of a path.
    var lastComponent: String { split(separator: "/").last.map(String.init) ?? self }
}
