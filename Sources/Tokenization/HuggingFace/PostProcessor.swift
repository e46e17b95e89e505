/// What `tokenizer.json` adds around the tokens of a text.
public indirect enum PostProcessor: Sendable, Equatable {
    /// A place in a template.
    public enum Piece: Sendable, Equatable {
        case specialToken(String)
        /// The text called `A` or `B`.
        case sequence(String)
    }

    case template(single: [Piece], pair: [Piece])
    /// RoBERTa's: `cls` A `sep`, with `sep` `sep` between two texts.
    case roberta(cls: String, sep: String)
    /// BERT's: `cls` A `sep`.
    case bert(cls: String, sep: String)
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
                pair: try PostProcessor.pieces(json.optional("pair")))
        case "RobertaProcessing":
            self = .roberta(
                cls: try PostProcessor.name(json, "cls"), sep: try PostProcessor.name(json, "sep"))
        case "BertProcessing":
            self = .bert(
                cls: try PostProcessor.name(json, "cls"), sep: try PostProcessor.name(json, "sep"))
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

    /// The token of a pair `["<s>", 0]`.
    private static func name(
        _ json: JSONReader, _ key: String
    ) throws(TokenizationError) -> String {
        let pair = try json.member(key, "a token and its id")
        guard let token = try pair.elements().first else {
            throw pair.fault(.missing("a token and its id"))
        }
        return try token.text()
    }

    /// The steps in order, sequences dissolved.
    public var steps: [PostProcessor] {
        if case .sequence(let parts) = self { parts.flatMap { $0.steps } } else { [self] }
    }
}
