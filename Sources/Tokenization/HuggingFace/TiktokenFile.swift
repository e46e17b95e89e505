import TensorCore

/// A byte-level vocabulary as the package tiktoken has it: a token in Base64 and its rank in every line.
///
/// Merges are not stored: of a token's parts those are merged first whose union has the lowest rank, and
/// the two that are left in the end are the token's merge. The rules around the tokens were code of a
/// class: those of Qwen 1, Hunyuan and Kimi are known.
struct TiktokenFile {
    /// The rules around a vocabulary.
    private enum Rules: String, CaseIterable {
        case qwen = "qwen.tiktoken"
        case hunyuan = "hy.tiktoken"
        case kimi = "tiktoken.model"

        /// How words are split.
        var preTokenizer: String { self == .kimi ? "kimi-k2" : "qwen2" }
    }

    /// Tokens of more bytes are refused; published ones have at most 128.
    private static let mostBytes = 512
    /// Files of more bytes are refused; published ones have some three million.
    private static let mostFileBytes = 1 << 26
    /// How many numbers behind Kimi's own tokens are reserved.
    private static let reservedCount = 256

    private let rules: Rules
    private let tokenizerConfig: JSON?
    /// The number of tokens that the model has.
    private let size: Int?
    /// The file.
    let path: String

    /// `nil` when the directory has no such file.
    init?(_ folder: HFTokenizerFolder, tokenizerConfig: JSON?, size: Int?) throws {
        for rules in Rules.allCases {
            guard let path = try folder.existing([rules.rawValue]) else { continue }
            self.rules = rules
            self.path = path
            self.tokenizerConfig = tokenizerConfig
            self.size = size
            return
        }
        return nil
    }

    /// What the class calls its special tokens when the files do not say.
    var defaultNames: [(role: Vocabulary.SpecialRole, text: String)] {
        switch rules {
        case .qwen: [.bos, .eos, .unk].map { ($0, "<|endoftext|>") }
        case .hunyuan: [(.bos, "<|bos|>"), (.eos, "<|eos|>"), (.pad, "<|pad|>")]
        case .kimi: [(.bos, "[BOS]"), (.eos, "[EOS]")]
        }
    }

    /// The `tokenizer.json` that the file stands for.
    ///
    /// - Throws: `TokenizationError` for a damaged file.
    func definition() throws -> HFTokenizerDefinition {
        let tokens = try tokens()
        let split = PreTokenizerName.row(named: rules.preTokenizer)?.patterns ?? []
        let added = specialTokens(after: tokens.count).map { id, text -> JSON in
            [
                "id": .integer(id), "content": .string(text), "special": true, "normalized": false,
                "single_word": false, "lstrip": false, "rstrip": false,
            ]
        }
        let vocabulary = tokens.map {
            JSON.Member(key: ByteAlphabet.text($0.bytes), value: .integer($0.rank))
        }
        let json: JSON = [
            "added_tokens": .array(added),
            "normalizer": rules == .kimi ? .null : .step("NFC"),
            "pre_tokenizer": .step(
                "Sequence",
                [
                    "pretokenizers": .array(
                        split.map { .split($0) } + [
                            .byteLevel(addsPrefixSpace: false, usesRegex: false)
                        ])
                ]), "decoder": .step("ByteLevel"),
            "model": .step(
                "BPE", ["vocab": .object(vocabulary), "merges": .array(merges(of: tokens))]),
        ]
        return try HFTokenizerDefinition(json, file: path)
    }

    /// The tokens behind the file's own, which the classes number on.
    private func specialTokens(after count: Int) -> [(id: Int, text: ByteString)] {
        let extras = (0..<205).map { "<|extra_\($0)|>" }
        let texts: [ByteString]
        switch rules {
        case .qwen:
            texts = (["<|endoftext|>", "<|im_start|>", "<|im_end|>"] + extras).map {
                ByteString($0)
            }
        case .hunyuan:
            let first = ["<|endoftext|>", "<|startoftext|>", "<|bos|>", "<|eos|>", "<|pad|>"]
            texts = (first + extras).map { ByteString($0) }
        case .kimi:
            let named = tokenizerConfig?["added_tokens_decoder"]
            texts = (count..<count + Self.reservedCount).map { id in
                named?["\(id)"]?["content"]?.bytes ?? ByteString("<|reserved_token_\(id)|>")
            }
        }
        let last = max(count, min(size ?? .max, count + texts.count))
        return zip(count..<last, texts).map { ($0, $1) }
    }
}

// MARK: Reading

extension TiktokenFile {
    private struct Token {
        let bytes: [UInt8]
        let rank: Int
    }

    /// The tokens in file order.
    private func tokens() throws -> [Token] {
        let bytes = try InputFile.contents(path: path, limit: Self.mostFileBytes)
        var tokens: [Token] = []
        var ranks: Set<Int> = []
        for (number, line) in bytes.split(separator: UInt8(ascii: "\n")).enumerated() {
            let parts = line.filter { $0 != UInt8(ascii: "\r") }.split(separator: UInt8(ascii: " "))
            func fault(_ kind: TokenizationError.Kind) -> TokenizationError {
                TokenizationError(kind, file: path, place: "line \(number + 1)")
            }
            guard parts.count == 2, let rank = Int(String(decoding: parts[1], as: UTF8.self)),
                let token = Base64.decode(String(decoding: parts[0], as: UTF8.self)),
                !token.isEmpty,
                token.count <= Self.mostBytes
            else {
                throw fault(
                    .wrongKind(
                        found: "another line",
                        expected: "a token of up to \(Self.mostBytes) bytes in Base64, and its rank"
                    ))
            }
            guard (0..<Vocabulary.tokenCountLimit).contains(rank), ranks.insert(rank).inserted
            else {
                throw fault(
                    .unknownValue(
                        "rank \(rank)", expected: "another below \(Vocabulary.tokenCountLimit)"))
            }
            tokens.append(Token(bytes: token, rank: rank))
        }
        return tokens
    }

    /// The merges of tokens of two parts; one that merging gives in more has none.
    private func merges(of tokens: [Token]) -> [JSON] {
        var ranks: [ArraySlice<UInt8>: Int] = [:]
        ranks.reserveCapacity(tokens.count)
        for token in tokens { ranks[token.bytes[...]] = token.rank }
        return tokens.compactMap { token in
            guard let middle = TiktokenFile.lastCut(of: token.bytes, token.rank, ranks) else {
                return nil
            }
            let parts = [token.bytes[..<middle], token.bytes[middle...]].map {
                ByteAlphabet.text(Array($0)).bytes
            }
            return .string(ByteString(bytes: parts[0] + [UInt8(ascii: " ")] + parts[1]))
        }
    }

    /// Where a token is cut in the two parts of its merge; `nil` where there are not two.
    ///
    /// Complexity: O(n²) comparisons and O(n) look-ups for n bytes.
    private static func lastCut(
        of bytes: [UInt8], _ limit: Int, _ ranks: [ArraySlice<UInt8>: Int]
    ) -> Int? {
        // Where parts begin, and the rank of each with the next one.
        var starts = Array(bytes.indices) + [bytes.count]
        func rank(_ part: Int) -> Int {
            part + 2 < starts.count ? ranks[bytes[starts[part]..<starts[part + 2]]] ?? .max : .max
        }
        var unions = bytes.indices.map { rank($0) }
        while starts.count > 3 {
            var best = 0
            for part in unions.indices where unions[part] < unions[best] { best = part }
            guard unions[best] < limit else { return nil }
            starts.remove(at: best + 1)
            unions.remove(at: best + 1)
            unions[best] = rank(best)
            if best > 0 { unions[best - 1] = rank(best - 1) }
        }
        return starts.count == 3 ? starts[1] : nil
    }
}
