import GGUF
public import TensorCore

/// What a file's metadata say of its calibration: one short string, so that a calibrated file is no
/// larger than one made with an importance matrix, whose metadata name it.
///
/// `effort;tokens;version` and for each text `;DIGEST NAME`, with the first sixteen digits of its
/// SHA-256. Where that is longer than `lengthLimit`, names are left out, and then texts but for their
/// number.
public enum CalibrationNote {
    /// The key.
    public static let key = "ingot.calibration"
    /// The most bytes of the value.
    static let lengthLimit = 127

    /// The value.
    public static func value(
        _ calibration: ProvenanceRecord.Calibration, toolVersion: String
    ) -> MetadataValue {
        let start = "\(calibration.effort);\(calibration.tokenCount);\(toolVersion)"
        let digests = calibration.texts.map { String($0.sha256.prefix(16)) }
        let names = calibration.texts.map { text in
            String(text.name.map { $0 == ";" ? "," : $0 })
        }
        let forms = [
            zip(digests, names).map { "\($0) \($1)" }, digests,
            ["and \(digests.count) texts"],
        ].map { ([start] + $0).joined(separator: ";") }
        let form = forms.first { $0.utf8.count <= lengthLimit } ?? start
        return .string(ByteString(form))
    }
}

extension ProvenanceRecord.Calibration {
    /// What a file's metadata say, with digests cut short; `nil` for a file that was not calibrated.
    public init?(_ metadata: Metadata) {
        guard let note = metadata[CalibrationNote.key]?.text else { return nil }
        let parts = note.split(separator: ";", omittingEmptySubsequences: false)
        guard parts.count >= 3, let tokenCount = Int(parts[1]) else { return nil }
        let texts = parts.dropFirst(3).map { part in
            let words = part.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
            return Text(name: words.count > 1 ? String(words[1]) : "", sha256: String(words[0]))
        }
        self.init(texts: texts, tokenCount: tokenCount, effort: String(parts[0]))
    }
}
