import TensorCore

/// What `tokenizer.json` adds around the tokens of a text.
public indirect enum PostProcessor: Sendable, Equatable {
    /// A place in a template.
    public enum Piece: Sendable, Equatable {
        case specialToken(String)
        /// The text called `A` or `B`.
        case sequence(String)
    }

    /// A token at the end of a text, with the id that the post-processor has for it.
    public struct EndToken: Sendable, Equatable {
        /// The text.
        public var text: String
        /// The id; `nil` when the post-processor does not say one.
        public var id: Int?
    }

    /// Templates for one text and for two, and the ids of the tokens in them.
    case template(single: [Piece], pair: [Piece], ids: [String: [Int]])
    /// RoBERTa's: `cls` A `sep`, with `sep` `sep` between two texts.
    case roberta(cls: EndToken, sep: EndToken)
    /// BERT's: `cls` A `sep`.
    case bert(cls: EndToken, sep: EndToken)
    case byteLevel
    case sequence([PostProcessor])
    /// A kind that this version does not know.
    case other(type: String)

    init(_ json: JSONReader) throws(TokenizationError) {
        let type = try json.member("type", "the kind of post-processor").text()
        switch type {
        case "TemplateProcessing":
            self = .template(
                single: try PostProcessor.pieces(json.optional("single")),
                pair: try PostProcessor.pieces(json.optional("pair")),
                ids: try PostProcessor.ids(json.optional("special_tokens")))
        case "RobertaProcessing":
            self = .roberta(
                cls: try PostProcessor.token(json, "cls"), sep: try PostProcessor.token(json, "sep")
            )
        case "BertProcessing":
            self = .bert(
                cls: try PostProcessor.token(json, "cls"), sep: try PostProcessor.token(json, "sep")
            )
        case "ByteLevel": self = .byteLevel
        case "Sequence":
            var parts: [PostProcessor] = []
            for element in try json.member("processors", "an array").elements() {
                parts.append(try PostProcessor(element))
            }
            self = .sequence(parts)
        default: self = .other(type: type)
        }
    }

    private static func pieces(_ json: JSONReader?) throws(TokenizationError) -> [Piece] {
        guard let json else { return [] }
        var result: [Piece] = []
        for element in try json.elements() {
            if let token = element.optional("SpecialToken") {
                result.append(.specialToken(try token.member("id", "a token").text()))
            } else {
                let sequence = try element.member("Sequence", "a SpecialToken or a Sequence")
                result.append(.sequence(try sequence.member("id", "A or B").text()))
            }
        }
        return result
    }

    /// The ids of a template's tokens; a token may stand for several.
    private static func ids(_ json: JSONReader?) throws(TokenizationError) -> [String: [Int]] {
        var result: [String: [Int]] = [:]
        for member in try json?.members() ?? [] {
            result[member.key.description] = member.value["ids"]?.array?.compactMap(\.integer)
        }
        return result
    }

    /// The token of a pair `["<s>", 0]`.
    private static func token(
        _ json: JSONReader, _ key: String
    ) throws(TokenizationError) -> EndToken {
        let pair = try json.member(key, "a token and its id")
        let elements = try pair.elements()
        guard let token = elements.first else {
            throw pair.fault(.missing("a token and its id"))
        }
        return EndToken(text: try token.text(), id: elements.dropFirst().first?.value.integer)
    }

    /// The steps in order, sequences dissolved.
    public var steps: [PostProcessor] {
        if case .sequence(let parts) = self { parts.flatMap { $0.steps } } else { [self] }
    }
}

extension PostProcessor {
    /// What is put around one text.
    struct Ends: Equatable {
        /// The tokens in front of the text, the outermost first.
        var first: [EndToken] = []
        /// The tokens behind the text, the outermost last.
        var last: [EndToken] = []
        /// Kinds of step that are not known.
        var unknown: [String] = []
    }

    /// What is put around one text; each step wraps what those before it made.
    var ends: Ends {
        var ends = Ends()
        for step in steps {
            switch step {
            case .template(let single, _, let ids):
                let tokens = { (pieces: ArraySlice<Piece>) in
                    pieces.flatMap { piece -> [EndToken] in
                        guard case .specialToken(let text) = piece else { return [] }
                        return (ids[text] ?? []).isEmpty
                            ? [EndToken(text: text, id: nil)]
                            : (ids[text] ?? []).map { EndToken(text: text, id: $0) }
                    }
                }
                let place =
                    single.firstIndex { if case .sequence = $0 { true } else { false } }
                    ?? single.endIndex
                ends.first = tokens(single[..<place]) + ends.first
                ends.last += tokens(single[place...])
            case .roberta(let cls, let sep), .bert(let cls, let sep):
                ends.first.insert(cls, at: 0)
                ends.last.append(sep)
            case .other(let type): ends.unknown.append(type)
            case .byteLevel, .sequence: break
            }
        }
        return ends
    }
}
