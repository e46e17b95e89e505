import Reporting
import TensorCore

/// How the files were made, by what they say of it themselves.
struct CardMaking {
    let text: String

    init(_ rows: [CardRow], _ request: ModelCardText.Request) {
        var text = "## How they were made\n\n"
        for row in rows {
            text += "- \(markdownCode(row.name)): \(markdownEscaped(CardMaking.sentence(row)))\n"
            // The command as it was recorded beside the file.
            if let record = try? ProvenanceRecord.read(for: row.model.path),
                let version = record.toolVersion
            {
                let command = (["ingot"] + record.arguments).map(shellQuoted)
                    .joined(separator: " ")
                text += "  by \(markdownCode(command)) (\(markdownEscaped(version)))\n"
            }
        }
        self.text = text
    }

    private static func sentence(_ row: CardRow) -> String {
        let metadata = row.model.metadata
        if row.isBase { return "the original's weights" }
        if row.model.container == .directory {
            return row.model.quantization == nil
                ? "the original's weights" : "quantized to \(row.model.typeName)"
        }
        switch QualityReport.Rounding(metadata) {
        case .calibrated:
            let calibration = ProvenanceRecord.Calibration(metadata)
            return "calibrated rounding with error feedback"
                + (calibration.map { ", on \($0.sentence)" } ?? "")
        case .importance:
            let file = metadata["quantize.imatrix.file"]?.text.map(Paths.name)
            let chunks = metadata["quantize.imatrix.chunks_count"]?.integer
            return "rounded by an importance matrix"
                + (file.map { ", \($0)" } ?? "") + (chunks.map { ", of \($0) chunks" } ?? "")
        case .plain:
            let isFloat = ["F32", "F16", "BF16"].contains(row.model.typeName)
            return isFloat ? "the original's weights" : "rounded to the nearest values"
        }
    }
}
