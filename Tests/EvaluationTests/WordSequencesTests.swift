import Evaluation
import TensorCore
import TestSupport
import Testing
import Zstandard

@Suite("Shared sequences of words")
struct WordSequencesTests {
    private func words(_ numbers: some Sequence<Int>) -> String {
        numbers.map { "word\($0)" }.joined(separator: " ")
    }

    private func overlap(
        _ text: String, _ other: String, limit: Int = 1 << 20
    ) -> WordSequences.Overlap {
        WordSequences(of: Array(text.utf8), limit: limit).overlap { $0(Array(other.utf8)) }
    }

    @Test("are counted exactly in known texts")
    func counts() {
        // 40 words have 28 sequences of 13.
        let text = words(0..<40)
        let whole = overlap(text, text)
        #expect(whole.sequenceCount == 28 && whole.sharedCount == 28)
        #expect(whole.samplingInterval == 1)
        #expect(overlap(text, words(100..<140)).sharedCount == 0)
        // 15 words in a row have 3 sequences; 12 have none.
        #expect(overlap(text, "x y z " + words(10..<25) + " x y z").sharedCount == 3)
        #expect(overlap(text, words(10..<22)).sharedCount == 0)
        // Every word is there, in another order.
        #expect(overlap(text, words((0..<40).reversed())).sharedCount == 0)
        // A sequence counts as often as it occurs in the text, however often in the other.
        let twice = words(0..<13) + " between " + words(0..<13)
        let found = overlap(twice, words(0..<13) + " and again " + words(0..<13))
        #expect(found.sequenceCount == 15 && found.sharedCount == 2)
    }

    @Test("texts without a sequence have none")
    func short() {
        #expect(overlap("", "").sequenceCount == 0)
        #expect(overlap(words(0..<12), words(0..<40)).sequenceCount == 0)
        #expect(overlap(words(0..<13), "").sequenceCount == 1)
    }

    @Test("case, punctuation and line ends do not matter; words do")
    func normalisation() {
        let text = "The quick brown fox jumps over the lazy dog, and Ärger über Öl №7 stays."
        let other =
            "THE QUICK\r\nbrown—fox... jumps (over) the «lazy» dog and ÄRGER Über öl 7 stays"
        #expect(overlap(text, other).sharedCount == overlap(text, text).sequenceCount)
        #expect(overlap(text, other).sharedCount > 0)
        #expect(overlap(text, text.replacing(" ", with: "")).sharedCount == 0)
    }

    @Test("ideographs are words by themselves")
    func ideographs() {
        let text = "今天天气很好我们一起去公园散步吧"
        #expect(overlap(text, "他说" + text).sharedCount == 16 - 13 + 1)
    }

    @Test("pieces are cut anywhere, within characters and bytes that are no text too")
    func pieces() {
        let text = "größe " + words(0..<20) + " 今天 naïve 🦙 café " + words(20..<40)
        var other = Array(("intro " + text + " end").utf8)
        other.insert(contentsOf: [0xFF, 0xC3, 0xE4, 0xBD], at: 0)
        let whole = WordSequences(of: Array(text.utf8))
        let expected = whole.overlap { $0(other) }
        #expect(expected.sharedCount == expected.sequenceCount)
        for length in 1...9 {
            let cut = whole.overlap { take in
                for start in stride(from: 0, to: other.count, by: length) {
                    take(Array(other[start..<min(other.count, start + length)]))
                }
            }
            #expect(cut == expected)
        }
    }

    @Test("long texts are sampled: the memory is bounded, the share stays")
    func sampling() {
        let text = words(0..<20_000)
        // The first quarter.
        let found = overlap(text, words(0..<5_000), limit: 1000)
        #expect(found.samplingInterval == 32)
        #expect(found.sequenceCount < 1000 && found.sequenceCount > 400)
        let share = Double(found.sharedCount) / Double(found.sequenceCount)
        #expect(abs(share - 0.25) < 0.07)
        #expect(overlap(text, text, limit: 1000).sharedCount == found.sequenceCount)
    }

    @Test("the committed texts share nothing; a file is read piece by piece")
    func files() throws {
        let text = try InputFile.contents(path: Fixtures.path("text/evaluation.txt"))
        let sequences = WordSequences(of: text)
        let calibration = try sequences.overlap(
            with: TextStream(path: Fixtures.path("text/calibration.txt")))
        #expect(calibration.sharedCount == 0 && calibration.sequenceCount > 10_000)
        let itself = try sequences.overlap(
            with: TextStream(path: Fixtures.path("text/evaluation.txt")))
        #expect(itself.sharedCount == itself.sequenceCount)
        try Fixtures.withTemporaryFolder { folder in
            let path = folder + "/text.zst"
            let writer = try ZstandardWriter(file: OutputFile(path: path))
            // Longer than a piece.
            for _ in 0..<12 { try writer.write(text) }
            _ = try writer.commit()
            #expect(try sequences.overlap(with: TextStream(path: path)) == itself)
            let bytes = try InputFile.contents(path: path)
            try OutputFile.write(Array(bytes.dropLast(20)), to: path)
            #expect(throws: ZstandardError.self) {
                try sequences.overlap(with: TextStream(path: path))
            }
        }
    }
}
