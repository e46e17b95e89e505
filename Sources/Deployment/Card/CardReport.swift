import Evaluation
public import Reporting
import TensorCore

/// What was measured of a card's models: of such as continue texts, or of such as make vectors.
public struct CardReport: Sendable {
    /// What was measured of one file.
    struct Figures: Sendable {
        /// The length of the file that was measured.
        let byteCount: Int
        /// The cells of its row.
        let cells: [String]
        /// The share of what it keeps of its original: of top tokens, of nearest neighbours.
        let share: Double
    }

    /// The model's name.
    let title: String
    /// The file that all were measured against.
    let baseName: String
    /// The headings of the columns, and the original's own cells.
    let heads: [(title: String, base: String)]
    /// What the columns say.
    let note: String
    /// How it was measured.
    let measurement: String
    /// By the names of files.
    let figures: [String: Figures]
    /// A drawing of loss against size (SVG); `nil` when there is none.
    public let drawing: String?

    /// Reads the JSON of `ingot report`; `file` is for the error's sake.
    ///
    /// - Throws: `ReportError`, `JSONError`.
    public init(json bytes: [UInt8], file: String? = nil) throws {
        if try JSON.parse(bytes, file: file)["kind"]?.text == "embedding" {
            self.init(try EmbeddingReport(json: bytes, file: file))
        } else {
            self.init(try QualityReport(json: bytes, file: file))
        }
    }

    /// Takes the figures of models that continue texts.
    public init(_ report: QualityReport) {
        title = report.title
        baseName = report.base.fileName
        heads = [("Mean KL divergence", "0"), ("Same top token, %", "100")]
        note = """
            The divergence is that of the next token's probabilities from the original's, per token, in
            nats; every ± is one standard error. Same top token: how often both hold the same token for
            the likeliest.
            """
        let settings = report.settings
        measurement =
            CardReport.opening(report.base.fileName, report.text.name)
            + "\(NumberText.count(settings.scoredTokenCount)) tokens in"
            + " \(NumberText.count(settings.windowCount)) windows of"
            + " \(NumberText.count(settings.contextLength)), "
            + CardReport.closing(settings.activations, report.provenance)
        figures = Dictionary(
            report.levels.map { level in
                let cells = [
                    NumberText(level.divergence.mean).text,
                    NumberText(level.sameTopToken, scale: 100).text,
                ]
                return (
                    level.fileName,
                    Figures(
                        byteCount: level.fileByteCount, cells: cells,
                        share: level.sameTopToken.value)
                )
            }, uniquingKeysWith: { first, _ in first })
        drawing = report.divergenceDrawing()
    }

    /// Takes the figures of models that make vectors.
    public init(_ report: EmbeddingReport) {
        title = report.title
        baseName = report.base.fileName
        heads = [("Cosine", "1"), ("Rank correlation", "1"), ("Kept neighbours, %", "100")]
        note = """
            Cosine of a sentence's vector to the original's; correlation between the orders in which the
            others are near to it; how many of its nearest it keeps. Every ± is one standard error.
            """
        let settings = report.settings
        measurement =
            CardReport.opening(report.base.fileName, report.text.name)
            + "\(NumberText.count(settings.sentenceCount)) sentences, pooling"
            + " \(markdownEscaped(settings.pooling)), "
            + CardReport.closing(settings.activations, report.provenance)
        figures = Dictionary(
            report.levels.map { level in
                let agreement = level.agreement
                let cells = [
                    NumberText(agreement.cosine).text, NumberText(agreement.rankCorrelation).text,
                    NumberText(agreement.keptNeighbours, scale: 100).text,
                ]
                return (
                    level.file.fileName,
                    Figures(
                        byteCount: level.file.fileByteCount, cells: cells,
                        share: agreement.keptNeighbours.value)
                )
            }, uniquingKeysWith: { first, _ in first })
        drawing = nil
    }

    private static func opening(_ base: String, _ text: String) -> String {
        "Against \(markdownCode(base)) on \(markdownCode(text)): "
    }

    private static func closing(
        _ activations: String?, _ provenance: QualityReport.Provenance
    ) -> String {
        (activations == "q8"
            ? "activations rounded to 8 bits, as engines run them" : "activations in F32")
            + ", by \(markdownEscaped(provenance.toolVersion)) on"
            + " \(markdownEscaped(provenance.dateText))."
    }
}
