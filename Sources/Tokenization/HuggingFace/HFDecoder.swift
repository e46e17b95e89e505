public import TensorCore

/// How `tokenizer.json` turns tokens back into text.
public indirect enum HFDecoder: Sendable, Equatable {
    case byteLevel
    case byteFallback
    case fuse
    case metaspace(replacement: String)
    case wordPiece(prefix: String, cleanup: Bool)
    case replace(TextPattern, content: ByteString)
    /// Removes up to so many copies of a text at the ends.
    case strip(content: String, start: Int, stop: Int)
    case sequence([HFDecoder])
    /// A kind that this version does not know.
    case other(type: String)

    init(_ json: JSONReader) throws(TokenizationError) {
        let type = try json.member("type", "the kind of decoder").text()
        switch type {
        case "ByteLevel": self = .byteLevel
        case "ByteFallback": self = .byteFallback
        case "Fuse": self = .fuse
        case "Metaspace":
            self = .metaspace(replacement: try json.optionalText("replacement") ?? "▁")
        case "WordPiece":
            self = .wordPiece(
                prefix: try json.optionalText("prefix") ?? "##",
                cleanup: try json.flag("cleanup", default: true))
        case "Replace":
            self = .replace(
                try TextPattern(json.member("pattern", "a pattern")),
                content: try json.member("content", "a string").bytes())
        case "Strip":
            self = .strip(
                content: try json.optionalText("content") ?? " ",
                start: try json.optional("start")?.integer() ?? 0,
                stop: try json.optional("stop")?.integer() ?? 0)
        case "Sequence":
            var parts: [HFDecoder] = []
            for element in try json.member("decoders", "an array").elements() {
                parts.append(try HFDecoder(element))
            }
            self = .sequence(parts)
        default: self = .other(type: type)
        }
    }

    /// The steps in order, sequences dissolved.
    public var steps: [HFDecoder] {
        if case .sequence(let parts) = self { parts.flatMap { $0.steps } } else { [self] }
    }
}
