import TensorCore

/// The pre-tokenizer of a `tokenizer.json`, step by step as `tokenizers` apply it.
struct ReferencePreTokenizer {
    private enum Step {
        case split(ReferencePattern, PreTokenizer.Behavior, inverted: Bool)
        case byteLevel(addsPrefixSpace: Bool, ReferencePattern?)
        case metaspace(mark: [UInt32], scheme: String, splits: Bool)
        case bert
        case unicodeScripts
        case fixedLength(Int)
    }

    private let steps: [Step]

    /// - Throws: `TokenizationError` for steps that cannot be run here.
    init(_ preTokenizer: PreTokenizer?) throws(TokenizationError) {
        var steps: [Step] = []
        for step in preTokenizer?.steps ?? [] {
            steps.append(try ReferencePreTokenizer.step(step))
        }
        self.steps = steps
    }

    private static func step(_ step: PreTokenizer) throws(TokenizationError) -> Step {
        switch step {
        case .split(let pattern, let behavior, let invert):
            return .split(try ReferencePattern(pattern), behavior, inverted: invert)
        case .byteLevel(let addPrefixSpace, let usesRegex):
            return .byteLevel(
                addsPrefixSpace: addPrefixSpace,
                usesRegex ? try ReferencePattern(.regex(PreTokenizerName.gpt2)) : nil)
        case .digits(let individual):
            return .split(
                .character(CharacterClass.isNumeric), individual ? .isolated : .contiguous,
                inverted: false)
        case .punctuation(let behavior):
            return .split(.character(CharacterClass.isPunctuation), behavior, inverted: false)
        case .metaspace(let replacement, let scheme, let splits):
            return .metaspace(
                mark: replacement.unicodeScalars.map(\.value), scheme: scheme, splits: splits)
        case .whitespace: return .split(.words, .removed, inverted: true)
        case .whitespaceSplit:
            return .split(.character(CharacterClass.isWhitespace), .removed, inverted: false)
        case .bert: return .bert
        case .characterDelimiter(let delimiter):
            let scalar = delimiter.unicodeScalars.first?.value
            return .split(.character { $0 == scalar }, .removed, inverted: false)
        case .unicodeScripts: return .unicodeScripts
        case .fixedLength(let length): return .fixedLength(length)
        case .sequence, .other:
            throw TokenizationError(
                .unsupported("the pre-tokenizer \(step)"), place: "pre_tokenizer")
        }
    }

    /// The words of a text.
    func words(_ text: ReferenceText) -> [ReferenceText] {
        var pieces = [text]
        for step in steps {
            pieces = pieces.flatMap { apply(step, $0) }.filter { !$0.isEmpty }
        }
        return pieces
    }

    private func apply(_ step: Step, _ piece: ReferenceText) -> [ReferenceText] {
        var piece = piece
        switch step {
        case .split(let pattern, let behavior, let inverted):
            return piece.split(pattern, behavior, inverted: inverted)
        case .byteLevel(let addsPrefixSpace, let pattern):
            if addsPrefixSpace, piece.scalars.first != 0x20 { piece.prepend([0x20]) }
            let parts = pattern.map { piece.split($0, .isolated) } ?? [piece]
            return parts.map { part in
                var part = part
                part.writeBytes()
                return part
            }
        case .metaspace(let mark, let scheme, let splits):
            piece.replaceEach { $0 == 0x20 ? mark : [$0] }
            let isFirst = piece.characters.first?.origin == 0
            let isPrefixed = scheme == "always" || scheme == "first" && isFirst
            if isPrefixed, !piece.scalars.starts(with: mark) { piece.prepend(mark) }
            return splits ? piece.split(.literal(mark), .mergedWithNext) : [piece]
        case .bert:
            return piece.split(.character(CharacterClass.isWhitespace), .removed).flatMap {
                $0.split(.character(CharacterClass.isPunctuation), .isolated)
            }
        case .unicodeScripts: return piece.splitAtScripts()
        case .fixedLength(let length):
            guard length > 0 else { return [piece] }
            return stride(from: 0, to: piece.characters.count, by: length).map {
                piece.slice($0..<min($0 + length, piece.characters.count))
            }
        }
    }
}

extension ReferencePattern {
    /// The pattern `\w+|[^\w\s]+`.
    fileprivate static var words: ReferencePattern {
        .runs { scalar in
            if CharacterClass.isWord(scalar) { return 1 }
            return CharacterClass.isWhitespace(scalar) ? 0 : 2
        }
    }
}

extension ReferenceText {
    /// Cuts where the script changes; a space has none, and the scripts of Japanese are one.
    ///
    /// Spaces at the beginning are lost, as `tokenizers` lose them.
    fileprivate func splitAtScripts() -> [ReferenceText] {
        var starts: [Int] = []
        var last: UInt8?
        for (index, scalar) in scalars.enumerated() {
            let script = Script.number(of: scalar)
            if script != Script.any {
                if last != script { starts.append(index) }
                last = script
            }
        }
        return zip(starts, starts.dropFirst() + [characters.count]).map { slice($0..<$1) }
    }
}

/// The script of a character as `UnicodeScripts` sees it.
private enum Script {
    static let any: UInt8 = 0
    private static let han = table(0x4E00)
    private static let hiragana = table(0x3042)
    private static let katakana = table(0x30A2)

    static func number(of scalar: UInt32) -> UInt8 {
        if scalar == 0x20 { return any }
        // The prolonged sound mark belongs to both syllabaries.
        if scalar == 0x30FC { return han }
        let script = table(scalar)
        return script == hiragana || script == katakana ? han : script
    }

    private static func table(_ scalar: UInt32) -> UInt8 {
        let run = scriptTable.last { $0 >> 8 <= scalar } ?? 0
        return UInt8(run & 0xFF)
    }
}
