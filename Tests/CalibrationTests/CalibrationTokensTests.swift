import Calibration
import Conversion
import TensorCore
import TestSupport
import Testing
import Tokenization

/// Texts as rows of tokens.
@Suite struct CalibrationTokensTests {
    /// A byte-level vocabulary of 4,096 tokens, made from English.
    private static let english = Result {
        try Tokenizer(
            vocabulary: Vocabulary(
                metadata: ConversionSource(directory: Fixtures.path("tiny-llama")).metadata))
    }

    /// The mix in 128 rows of 128 tokens.
    private static let mix = Result { try rows(of: CalibrationMix.documents()) }

    private static func rows(
        of documents: [CalibrationDocument], random: Double = 0.1
    ) throws -> CalibrationTokens {
        try CalibrationTokens(
            documents: documents.filter { $0.use == .calibration }, tokenizer: english.get(),
            options: .init(rowLength: 128, tokenBudget: 1 << 14, randomShare: random))
    }

    private func own(_ name: String, _ sentence: String, times: Int) -> CalibrationDocument {
        CalibrationDocument(
            name: name, text: Array(String(repeating: sentence, count: times).utf8))
    }

    @Test func rowsAreWholeAndTheSameAgain() throws {
        let first = try Self.mix.get()
        #expect(try first.rows == Self.rows(of: CalibrationMix.documents()).rows)
        #expect(first.rows.allSatisfy { $0.tokens.count == 128 })
        #expect(first.tokenCount <= 1 << 14 && first.tokenCount > 1 << 13)
        #expect(Set(first.rows.map(\.tokens)).count == first.rows.count, "no row comes twice")
        #expect(first.counts.reduce(0) { $0 + $1.tokens } == first.tokenCount)
        #expect(first.sources.map(\.name) == [CalibrationMix.name])
        #expect(first.unused.isEmpty)
    }

    @Test func everyOtherRowOfTextStartsWithBOS() throws {
        let bos = try #require(try Self.english.get().leadingID)
        let text = try Self.mix.get().rows.filter { $0.kind != .random }
        let starting = text.count { $0.tokens[0] == bos }
        #expect(abs(2 * starting - text.count) <= 8, "\(starting) of \(text.count)")
        #expect(text.allSatisfy { !$0.tokens.dropFirst().contains(bos) })
    }

    @Test func randomRowsHoldTextTokensOnly() throws {
        let tokenizer = try Self.english.get()
        let result = try Self.mix.get()
        let random = result.rows.filter { $0.kind == .random }
        #expect(abs(Double(random.count) / Double(result.rows.count) - 0.1) < 0.02)
        let all = Set(random.flatMap(\.tokens))
        #expect(all.count > 1000, "they are of the whole vocabulary")
        #expect(all.allSatisfy { tokenizer.vocabulary.types[Int($0)] == .normal })
        let chat = try CalibrationMix.documents().filter { $0.kind == .chat }
        #expect(try Self.rows(of: chat, random: 0).counts.map(\.kind) == [.chat])
    }

    /// With rows interleaved, calibration that ends early has seen every kind.
    @Test func anyBeginningHasAllKinds() throws {
        let rows = try Self.mix.get().rows
        let kinds = Set(rows.prefix(rows.count / 4).map(\.kind))
        #expect(kinds.isSuperset(of: [.prose, .code, .chat, .random]))
    }

    @Test func anEnglishVocabularySpendsLittleOnOtherScripts() throws {
        let tokenizer = try Self.english.get()
        let documents = [
            ("ru", "Лес начинается за рекой. "), ("th", "ป่าเริ่มต้นที่อีกฝั่งของแม่น้ำ "),
            ("de", "Der Wald beginnt hinter dem Fluss. "),
            ("nl", "Het bos begint achter de rivier. "),
        ].map { language, sentence in
            CalibrationDocument(
                name: language, kind: .multilingual, language: language,
                content: .text(Array(String(repeating: sentence, count: 200).utf8)))
        }
        let encoded = try documents.map {
            try EncodedDocument($0, tokenizer: tokenizer) { _ in nil }
        }
        #expect(encoded[0].spelledShare > 0.5 && encoded[1].spelledShare > 0.5)
        #expect(encoded[2].spelledShare == 0 && encoded[3].spelledShare == 0)
        #expect(encoded[1].tokens.count > 2 * encoded[2].tokens.count)
        let result = try CalibrationTokens(
            documents: documents, tokenizer: tokenizer,
            options: .init(rowLength: 64, tokenBudget: 64 * 40, randomShare: 0))
        let ascii = result.rows.count { row in
            tokenizer.decode(row.tokens).allSatisfy { $0 < 0x80 }
        }
        #expect(result.rows.count == 40)
        #expect((33...37).contains(ascii), "\(ascii) of 40 rows are Latin")
    }

    @Test func aVocabularyWithTheScriptGivesItsFullShare() {
        let piece = Array("ป่าx".utf8)
        #expect(ByteSpelling.wholeCharacters(piece) == 4)
        #expect(ByteSpelling.wholeCharacters(Array(piece.dropFirst())) == 3)
        #expect(ByteSpelling.wholeCharacters(Array(piece.prefix(2))) == 0)
        #expect(ByteSpelling.wholeCharacters([0x61, 0x80, 0xFF, 0xC3]) == 1)
        #expect(ByteSpelling.wholeCharacters([]) == 0)
    }

    @Test func textsOfTheUserHaveEqualShares() throws {
        let result = try CalibrationTokens(
            documents: [
                own("long.txt", "A river runs to the sea. ", times: 900),
                own("other.txt", "for (int i = 0; i < n; i++) sum += x[i];\n", times: 300),
                own("note.txt", "Too short. ", times: 3),
            ], tokenizer: Self.english.get(),
            options: .init(rowLength: 64, tokenBudget: 64 * 20, randomShare: 0))
        #expect(result.rows.count == 20)
        let code = try result.rows.count {
            try Self.english.get().decode($0.tokens).contains(UInt8(ascii: "["))
        }
        #expect(code == 10)
        #expect(result.unused == ["note.txt"])
        #expect(result.sources.map(\.name) == ["long.txt", "other.txt", "note.txt"])
        #expect(
            result.sources[2].sha256
                == sha256(Array(String(repeating: "Too short. ", count: 3).utf8)))
    }

    @Test func shortTextsMakeRowsTogether() throws {
        let notes = (0..<40).map { own("note-\($0).txt", "Remember item \($0). ", times: 2) }
        let result = try CalibrationTokens(
            documents: notes, tokenizer: Self.english.get(),
            options: .init(rowLength: 64, tokenBudget: nil, randomShare: 0))
        #expect(result.rows.count >= 4)
        #expect(result.unused.isEmpty && result.sources.count == 40)
    }

    @Test func aTextWithoutARowIsRefused() throws {
        let error = #expect(throws: CalibrationTextError.self) {
            try CalibrationTokens(
                documents: [own("note.txt", "Too short. ", times: 3)],
                tokenizer: Self.english.get())
        }
        guard case .tooShort(let tokens, 512) = error?.kind else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect((6...20).contains(tokens))
        #expect(error?.description.hasPrefix("note.txt: ") == true)
    }

    /// A model that speaks in a template sees its own control tokens; a text never makes any.
    @Test func conversationsAreWrittenByTheTemplate() throws {
        let end = try #require(
            try Self.english.get().encode(
                "<|end_of_text|>".utf8, addSpecial: false, parseSpecial: true
            )
            .first)
        let documents = try CalibrationMix.documents().filter {
            $0.use == .validation && $0.kind != .code
        }
        let result = try CalibrationTokens(
            documents: documents, tokenizer: Self.english.get(),
            options: .init(rowLength: 64, tokenBudget: nil, randomShare: 0)
        ) { conversation in
            conversation.messages.flatMap {
                ($0["content"]?.bytes?.bytes ?? []) + Array("<|end_of_text|>".utf8)
            }
        }
        let ends = { (kind: CalibrationDocument.Kind) in
            result.rows.filter { $0.kind == kind }.reduce(0) {
                $0 + $1.tokens.count { $0 == end }
            }
        }
        #expect(ends(.chat) > 0)
        #expect(ends(.prose) == 0)
    }

    @Test func theModelsTemplateIsFoundAndWhatItRefusesIsPutOtherwise() throws {
        let message = { (role: String, text: String) in
            JSON.object([
                .init(key: "role", value: .string(ByteString(role))),
                .init(key: "content", value: .string(ByteString(text))),
            ])
        }
        let conversation = CalibrationDocument.Conversation(
            messages: [message("system", "Be brief."), message("user", "Hello")])
        var metadata = Metadata()
        #expect(try CalibrationTokens.chat(of: metadata)(conversation) == nil)
        for (template, expected) in [
            (
                "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}",
                "<system>Be brief.<user>Hello"
            ),
            (
                "{% if messages[0].role == 'system' %}{{ raise_exception('no') }}{% endif %}"
                    + "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}",
                "<user>Be brief.\n\nHello"
            ),
            ("{{ strftime_now('%Y') }}", "2025"), ("{{ raise_exception('never') }}", nil),
            ("{% for %}", nil),
        ] as [(String, String?)] {
            metadata["tokenizer.chat_template"] = .string(ByteString(template))
            var warnings: [String] = []
            let text = try CalibrationTokens.chat(of: metadata) { warnings.append($0) }(
                conversation)
            #expect(warnings.count == (expected == nil ? 1 : 0), "\(template): \(warnings)")
            #expect(text.map { String(decoding: $0, as: UTF8.self) } == expected, "\(template)")
        }
    }

    @Test func rowsBeginWithATextThatIsNear() {
        let rows = CalibrationStratum.rows(
            of: [Array(0..<9), Array(100..<105), Array(200..<203)], length: 8)
        #expect(rows.map { $0[0] } == [0, 100])
        #expect(rows[1] == [100, 101, 102, 103, 104, 200, 201, 202])
        #expect(CalibrationStratum.rows(of: [[1, 2, 3]], length: 4).isEmpty)
    }

    @Test func partsKeepToCapacities() {
        #expect(Apportionment.counts(of: 10, weights: [1, 1], capacities: [100, 100]) == [5, 5])
        #expect(Apportionment.counts(of: 10, weights: [1, 1], capacities: [2, 100]) == [2, 8])
        #expect(
            Apportionment.counts(of: 10, weights: [3, 1, 1], capacities: [9, 1, 0]) == [9, 1, 0])
        #expect(Apportionment.counts(of: 100, weights: [1, 2], capacities: [3, 4]) == [3, 4])
        #expect(Apportionment.counts(of: 1, weights: [0.2, 0.8], capacities: [5, 5]) == [0, 1])
        #expect(Apportionment.counts(of: 0, weights: [1], capacities: [5]) == [0])
    }
}
