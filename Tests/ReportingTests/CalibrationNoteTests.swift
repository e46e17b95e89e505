import Reporting
import TensorCore
import Testing

/// What files say of their calibration.
@Suite struct CalibrationNoteTests {
    @Test func theNoteIsShortWhateverTheTexts() throws {
        let digest = String(repeating: "a", count: 64)
        for count in [0, 1, 2, 3, 5, 40] {
            let calibration = ProvenanceRecord.Calibration(
                texts: (0..<count).map { .init(name: "a; text \($0).txt", sha256: digest) },
                tokenCount: 21_845, effort: "normal")
            let value = CalibrationNote.value(calibration, toolVersion: "1.22.333")
            #expect(try #require(value.text).utf8.count <= 127)
            var metadata = Metadata()
            metadata[CalibrationNote.key] = value
            let read = try #require(ProvenanceRecord.Calibration(metadata))
            #expect(read.effort == "normal")
            #expect(read.tokenCount == 21_845)
            #expect(read.texts.count == (count < 40 ? count : 1))
            if count == 1 { #expect(read.texts[0].name == "a, text 0.txt") }
        }
    }

    @Test func whatIsNoNoteIsNone() {
        for text in ["", "normal", "normal;many;1.0"] {
            var metadata = Metadata()
            metadata[CalibrationNote.key] = .string(ByteString(text))
            #expect(ProvenanceRecord.Calibration(metadata) == nil)
        }
    }
}
