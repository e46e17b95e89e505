import TensorCore

/// BERT's WordPiece: the text is cleaned and cut into words, and each word takes the longest piece
/// that fits from its beginning on; a word that pieces cannot cover is unknown.
struct WordPieceEncoder: FragmentEncoder {
    private let pieces: ByteStringTable
    private let tokens: [Int32]
    private let unknown: Int32?
    private let lowercases: Bool
    private let stripsAccents: Bool

    /// Words longer than this are unknown.
    private static let wordScalarLimit = 100

    init(_ vocabulary: Vocabulary) {
        var pieces = ByteStringTable(capacity: vocabulary.tokens.count)
        var tokens: [Int32] = []
        for (id, token) in vocabulary.tokens.enumerated() {
            let number = Int(pieces.insert(token.bytes))
            guard number >= 0 else { continue }
            if number == tokens.count { tokens.append(0) }
            tokens[number] = Int32(truncatingIfNeeded: id)
        }
        self.pieces = pieces
        self.tokens = tokens
        unknown = vocabulary.unknownID ?? (vocabulary.tokens.count > 100 ? 100 : nil)
        lowercases = vocabulary.lowercase ?? true
        stripsAccents = vocabulary.stripAccents ?? lowercases
    }

    /// Appends the tokens of a fragment.
    ///
    /// Linear in its length (words have a limited one).
    mutating func encode(
        fragment text: UnsafeBufferPointer<UInt8>, isFirst: Bool, into output: inout [Int32]
    ) {
        let units = unsafe UTF8Units(bytes: text)
        var word = WhitespaceMark.bytes
        var scalarCount = 0
        func finish() {
            if scalarCount > 0 { encode(word: word, scalarCount, into: &output) }
            word = WhitespaceMark.bytes
            scalarCount = 0
        }
        func append(_ scalar: UInt32) {
            scalarCount += 1
            if scalarCount <= WordPieceEncoder.wordScalarLimit {
                CharacterMapping.append(scalar, to: &word)
            }
        }
        func take(_ scalar: UInt32) {
            switch ScalarKind(scalar) {
            case .ignored: break
            case .space: finish()
            case .letter: append(scalar)
            case .single:
                finish()
                append(scalar)
                finish()
            }
        }
        var position = 0
        while position < text.count {
            let (scalar, byteCount) = units.unit(at: position, end: text.count)
            position += byteCount
            // Decomposed first: U+037E, the Greek question mark, is a semicolon then.
            for part in stripsAccents ? CharacterMapping.decompose(scalar) : [scalar]
            where !stripsAccents || GeneralCategory.number(of: part) != GeneralCategory.mn.rawValue
            {
                take(lowercases ? CharacterMapping.lowercase(part) : part)
            }
        }
        finish()
    }

    private func encode(word: [UInt8], _ scalarCount: Int, into output: inout [Int32]) {
        let start = output.count
        let covered = unsafe word.withUnsafeBufferPointer { bytes -> Bool in
            guard let base = bytes.baseAddress,
                scalarCount <= WordPieceEncoder.wordScalarLimit
            else { return false }
            var position = 0
            while position < bytes.count {
                var length = min(bytes.count - position, pieces.longest)
                var number: Int32 = -1
                while length > 0 {
                    number = unsafe pieces.number(of: base + position, count: length)
                    if number >= 0 { break }
                    length -= 1
                }
                guard number >= 0 else { return false }
                output.append(tokens[Int(number)])
                position += length
            }
            return true
        }
        if !covered {
            output.removeSubrange(start...)
            if let unknown { output.append(unknown) }
        }
    }
}

/// What BERT's cleaning and splitting do with a scalar.
private enum ScalarKind {
    /// Dropped: control characters and ill-formed bytes.
    case ignored
    case space
    /// A word of its own: punctuation, CJK ideographs.
    case single
    case letter

    private static let spaces = GeneralCategory.mask(.zs, .zl, .zp)
    private static let controls = GeneralCategory.mask(.cc, .cf, .co, .cs)
    private static let punctuation = GeneralCategory.mask(.pc, .pd, .pe, .pf, .pi, .po, .ps)
    private static let symbols = GeneralCategory.mask(.sc, .sk, .sm, .so)

    init(_ scalar: UInt32) {
        let category: UInt32 = 1 << UInt32(GeneralCategory.number(of: scalar))
        if scalar == 0x09 || scalar == 0x0A || scalar == 0x0D || category & ScalarKind.spaces != 0 {
            self = .space
        } else if scalar == 0 || scalar == UTF8Units.illFormed
            || category & ScalarKind.controls != 0
        {
            self = .ignored
        } else if category & ScalarKind.punctuation != 0
            || (scalar < 0x80 && category & ScalarKind.symbols != 0)
            || ScalarKind.isIdeograph(scalar)
        {
            self = .single
        } else {
            self = .letter
        }
    }

    private static func isIdeograph(_ scalar: UInt32) -> Bool {
        switch scalar {
        case 0x4E00...0x9FFF, 0x3400...0x4DBF, 0x20000...0x2A6DF, 0x2A700...0x2B73F,
            0x2B740...0x2B81F, 0x2B920...0x2CEAF, 0xF900...0xFAFF, 0x2F800...0x2FA1F:
            true
        default: false
        }
    }
}
