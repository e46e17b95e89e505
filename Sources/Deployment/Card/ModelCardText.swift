import Reporting
import TensorCore

/// The model card that is published beside quantized files: a README.md with the front matter that
/// the Hugging Face hub reads.
///
/// Names of files and models may hold anything: they are escaped for YAML, Markdown and the shell.
public struct ModelCardText: Sendable {
    /// What is to be said beside what files and report say.
    public struct Request: Sendable {
        /// The original's name on the hub.
        public var baseModel: String?
        /// Who quantized.
        public var quantizedBy: String?
        /// The repository that the files will be in, `OWNER/NAME`.
        public var repository: String?
        /// The title; `nil` for one made of the model's name.
        public var title: String?
        /// The plot's file, beside the card; `nil` for none.
        public var plot: String?
        /// The version of the program that writes the card.
        public var toolVersion: String

        /// Asks for what files and report say.
        public init(toolVersion: String) { self.toolVersion = toolVersion }
    }

    /// The card.
    public let text: String
    /// What is missing or does not fit.
    public let warnings: [String]

    /// Writes the card of quantized models of one original.
    ///
    /// - Parameters:
    ///   - models: The files and directories, in the order in which they are shown.
    ///   - report: What was measured; `nil` for a card without measurements.
    public init(_ models: [ModelFacts], report: CardReport?, _ request: Request) {
        precondition(!models.isEmpty, "a card needs a model")
        let rows = models.map { CardRow($0, report) }
        let front = CardFrontMatter(rows, request)
        var warnings = front.warnings
        if let report {
            for row in rows where row.figures == nil && !row.isBase && !row.isOther {
                warnings.append("\(row.name) is not in the report \(report.title)")
            }
            for row in rows where row.isOther {
                warnings.append(
                    "\(row.name) has \(row.model.byteCount) bytes, the file of that name in the"
                        + " report another number: its figures are left out")
            }
        }
        self.warnings = warnings
        let parts = [
            front.text, CardHeading(rows, request, base: front.baseModel).text,
            CardTable(rows, report, plot: request.plot).text, CardUse(rows, request).text,
            CardMaking(rows, request).text,
            report.map { "## How it was measured\n\n\($0.measurement)\n" } ?? "",
        ]
        text = parts.filter { !$0.isEmpty }.joined(separator: "\n")
    }
}

/// A model of a card, with what was measured of it.
struct CardRow {
    let model: ModelFacts
    /// The file's name, or the directory's.
    let name: String
    /// `nil` where nothing was measured.
    let figures: CardReport.Figures?
    /// Whether it is what the others were measured against.
    let isBase: Bool
    /// Whether the report has another file of this name.
    let isOther: Bool

    init(_ model: ModelFacts, _ report: CardReport?) {
        self.model = model
        name = model.container == .directory ? model.stem : Paths.name(model.path)
        let file = Paths.name(model.path)
        let found = report?.figures[file]
        isOther = found.map { $0.byteCount != model.byteCount } ?? false
        figures = isOther ? nil : found
        isBase = found == nil && report?.baseName == file
    }
}

/// Parts of Markdown.
enum CardMarkdown {
    /// A row of a table.
    static func row(_ cells: [String]) -> String { "| " + cells.joined(separator: " | ") + " |\n" }

    /// A block of commands.
    static func block(_ lines: [String]) -> String {
        // A fence is longer than any run of backticks in it.
        var longest = 2
        for line in lines {
            var run = 0
            for character in line {
                run = character == "`" ? run + 1 : 0
                longest = max(longest, run)
            }
        }
        let fence = String(repeating: "`", count: longest + 1)
        let shown = lines.map { visible($0) }
        return "\(fence)sh\n\(shown.joined(separator: "\n"))\n\(fence)\n"
    }
}
