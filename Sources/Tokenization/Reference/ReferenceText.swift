import TensorCore

/// A text on its way through a reference tokenizer: characters, each with the place in the input
/// that it came from.
///
/// The place matters to steps that treat the beginning of a text differently.
struct ReferenceText: Equatable {
    struct Character: Equatable {
        var scalar: UInt32
        /// The number of the input's character.
        var origin: Int
    }

    var characters: [Character]

    init(_ characters: some Sequence<Character>) { self.characters = Array(characters) }

    init(_ text: String) {
        characters = text.unicodeScalars.enumerated().map {
            Character(scalar: $0.element.value, origin: $0.offset)
        }
    }

    var isEmpty: Bool { characters.isEmpty }

    var scalars: [UInt32] { characters.map(\.scalar) }

    /// UTF-8.
    var bytes: [UInt8] { ReferenceText.bytes(scalars) }

    static func bytes(_ scalars: some Sequence<UInt32>) -> [UInt8] {
        var bytes: [UInt8] = []
        for scalar in scalars { CharacterMapping.append(scalar, to: &bytes) }
        return bytes
    }

    static func scalars(_ text: ByteString) -> [UInt32] {
        text.description.unicodeScalars.map(\.value)
    }

    func slice(_ range: Range<Int>) -> ReferenceText { ReferenceText(characters[range]) }

    mutating func filter(_ isKept: (UInt32) -> Bool) {
        characters = characters.filter { isKept($0.scalar) }
    }

    /// Puts other characters in place of each; they come from the same place.
    mutating func replaceEach(_ replacement: (UInt32) -> [UInt32]) {
        characters = characters.flatMap { character in
            replacement(character.scalar).map { Character(scalar: $0, origin: character.origin) }
        }
    }

    /// Puts a text in front; it comes from where the text begins.
    mutating func prepend(_ scalars: [UInt32]) {
        guard let first = characters.first else { return }
        characters = scalars.map { Character(scalar: $0, origin: first.origin) } + characters
    }

    /// Puts a text in place of every match; it comes from where the match ends.
    mutating func replace(_ matches: [Range<Int>], with scalars: [UInt32]) {
        var result: [Character] = []
        var position = 0
        for match in matches {
            result += characters[position..<match.lowerBound]
            let origin = match.upperBound > 0 ? characters[match.upperBound - 1].origin : 0
            result += scalars.map { Character(scalar: $0, origin: origin) }
            position = match.upperBound
        }
        characters = result + characters[position...]
    }

    mutating func normalize(_ form: UnicodeForm) { self = form.normalized(self) }
}

/// The classes of characters that the steps of a `tokenizer.json` speak of.
enum CharacterClass {
    private static func has(_ scalar: UInt32, _ mask: UInt32) -> Bool {
        mask >> UInt32(GeneralCategory.number(of: scalar)) & 1 == 1
    }

    /// Unicode's property White_Space.
    static func isWhitespace(_ scalar: UInt32) -> Bool { ScalarSet.whitespace.contains(scalar) }

    private static let numbers = GeneralCategory.mask(.nd, .nl, .no)
    static func isNumeric(_ scalar: UInt32) -> Bool { has(scalar, numbers) }

    private static let marks = GeneralCategory.mask(.mc, .me, .mn)
    static func isMark(_ scalar: UInt32) -> Bool { has(scalar, marks) }

    static func isNonspacingMark(_ scalar: UInt32) -> Bool {
        GeneralCategory.number(of: scalar) == GeneralCategory.mn.rawValue
    }

    private static let others = GeneralCategory.mask(.cc, .cf, .co, .cs)
    static func isOther(_ scalar: UInt32) -> Bool { has(scalar, others) }

    private static let punctuation = GeneralCategory.mask(.pc, .pd, .pe, .pf, .pi, .po, .ps)
    private static let symbols = GeneralCategory.mask(.sc, .sk, .sm, .so)
    /// Punctuation, ASCII's symbols included.
    static func isPunctuation(_ scalar: UInt32) -> Bool {
        has(scalar, punctuation) || scalar < 0x80 && has(scalar, symbols)
    }

    private static let word = GeneralCategory.mask(
        .lu, .ll, .lt, .lm, .lo, .mc, .me, .mn, .nd, .nl, .pc)
    /// `\w`: alphabetic characters, marks, digits, connectors and joiners.
    static func isWord(_ scalar: UInt32) -> Bool {
        if has(scalar, word) || scalar == 0x200C || scalar == 0x200D { return true }
        return Unicode.Scalar(scalar)?.properties.isAlphabetic ?? false
    }

    /// The ideographs that BERT puts spaces around; the gaps are those of `tokenizers`.
    static func isIdeograph(_ scalar: UInt32) -> Bool {
        switch scalar {
        case 0x4E00...0x9FFF, 0x3400...0x4DBF, 0x20000...0x2A6DF, 0x2A700...0x2B73F,
            0x2B740...0x2B81F, 0x2B920...0x2CEAF, 0xF900...0xFAFF, 0x2F800...0x2FA1F:
            true
        default: false
        }
    }

    /// The lower-case form, character by character.
    static func lowercase(_ scalar: UInt32) -> [UInt32] {
        // The only one of more than one character: İ.
        scalar == 0x130 ? [0x69, 0x307] : [CharacterMapping.lowercase(scalar)]
    }
}
