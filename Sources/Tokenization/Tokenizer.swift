import TensorCore

/// Turns text into tokens and back, by the rules of a vocabulary.
///
/// Text is bytes: well-formed UTF-8 is expected, but any bytes can be encoded. A tokenizer does not
/// change and can be used from many threads.
///
/// ```swift
/// let tokenizer = try Tokenizer(vocabulary: Vocabulary(metadata: file.metadata))
/// let tokens = try tokenizer.encode("Hello world".utf8, addSpecial: true)
/// ```
public struct Tokenizer: Sendable {
    /// What the tokenizer was made from.
    public let vocabulary: Vocabulary
    /// The id that `encode` puts in front when asked to add special tokens; `nil` for none.
    public let leadingID: Int32?
    /// The id that `encode` puts at the end when asked to add special tokens; `nil` for none.
    public let trailingID: Int32?

    private let encoder: any FragmentEncoder
    private let userDefined: SpecialTokenFinder
    private let allSpecial: SpecialTokenFinder

    /// The longest text that is encoded at once.
    public static let byteCountLimit = Int(Int32.max)

    /// Prepares the tables of a vocabulary.
    ///
    /// - Throws: `TokenizationError` when the pre-tokenizer name is not known or scores are missing.
    /// - Complexity: Linear in the size of the vocabulary; about 0.1 s for 128,000 tokens.
    public init(vocabulary: Vocabulary) throws(TokenizationError) {
        guard vocabulary.types.count == vocabulary.tokens.count,
            vocabulary.scores.map({ $0.count == vocabulary.tokens.count }) ?? true
        else {
            throw TokenizationError(
                .countMismatch(
                    found: vocabulary.scores?.count ?? vocabulary.types.count,
                    expected: vocabulary.tokens.count), place: "tokens")
        }
        self.vocabulary = vocabulary
        userDefined = SpecialTokenFinder(vocabulary, types: [.userDefined])
        allSpecial = SpecialTokenFinder(vocabulary, types: [.userDefined, .control, .unknown])
        encoder = try vocabulary.encoder()
        let ends = vocabulary.readersEnds
        leadingID = vocabulary.addBOS ?? ends.bos ? vocabulary.id(.bos) : nil
        if vocabulary.model == .wordPiece {
            // BERT ends every text with SEP, whatever the flag for pairs says.
            trailingID = vocabulary.id(.sep)
        } else {
            trailingID = vocabulary.addEOS ?? ends.eos ? vocabulary.id(.eos) : nil
        }
    }

    /// The tokens of a text.
    ///
    /// - Parameters:
    ///   - utf8: The text.
    ///   - addSpecial: Whether BOS and EOS are added where the model wants them.
    ///   - parseSpecial: Whether the texts of control tokens in the text become those tokens.
    ///     User-defined tokens are found always.
    /// - Throws: `TokenizationError` when the text is longer than `byteCountLimit`.
    /// - Complexity: O(n log n) in the length of the longest word, linear in their number.
    public func encode(
        _ utf8: some Sequence<UInt8>, addSpecial: Bool = true, parseSpecial: Bool = false
    ) throws(TokenizationError) -> [Int32] {
        // The closure's result carries the error: rethrowing loses its type.
        let encoded = utf8.withContiguousStorageIfAvailable { bytes in
            unsafe encode(bytes, addSpecial, parseSpecial, trusted: nil)
        }
        let result =
            unsafe encoded
            ?? Array(utf8).withUnsafeBufferPointer { bytes in
                unsafe encode(bytes, addSpecial, parseSpecial, trusted: nil)
            }
        return try result.get()
    }

    /// The tokens of a text of which parts come from users: control tokens are found in the other
    /// parts only.
    ///
    /// The text is split into words as a whole, so that nothing but control tokens depends on where
    /// the parts lie. No BOS is added: a chat template writes its own.
    ///
    /// - Parameters:
    ///   - utf8: The text.
    ///   - trusted: Where control tokens may stand, in order and without overlap.
    /// - Throws: `TokenizationError` when the text is longer than `byteCountLimit`.
    public func encode(
        _ utf8: [UInt8], parsingSpecialIn trusted: [Range<Int>]
    ) throws(TokenizationError) -> [Int32] {
        let result = unsafe utf8.withUnsafeBufferPointer {
            unsafe encode($0, false, true, trusted: trusted)
        }
        return try result.get()
    }

    private func encode(
        _ bytes: UnsafeBufferPointer<UInt8>, _ addSpecial: Bool, _ parseSpecial: Bool,
        trusted: [Range<Int>]?
    ) -> Result<[Int32], TokenizationError> {
        guard bytes.count <= Tokenizer.byteCountLimit else {
            return .failure(
                TokenizationError(
                    .textTooLong(byteCount: bytes.count, limit: Tokenizer.byteCountLimit)))
        }
        var output: [Int32] = []
        output.reserveCapacity(bytes.count / 3 + 2)
        if addSpecial, let leadingID { output.append(leadingID) }
        var encoder = encoder
        var isFirst = true
        let fragments = unsafe (parseSpecial ? allSpecial : userDefined).fragments(
            bytes, trusted: trusted)
        for fragment in fragments {
            switch fragment {
            case .token(let id):
                output.append(id)
                isFirst = true
            case .text(let range):
                unsafe encoder.encode(
                    fragment: UnsafeBufferPointer(rebasing: bytes[range]), isFirst: isFirst,
                    into: &output)
                isFirst = false
            }
        }
        if addSpecial, let trailingID { output.append(trailingID) }
        return .success(output)
    }
}

extension Vocabulary {
    /// The id of a role, or the one that models of this kind have when their file does not say.
    fileprivate func id(_ role: SpecialRole) -> Int32? {
        specialIDs[role] ?? readersID(role).map { Int32($0) }
    }
}
