public import TensorCore

/// An error in reading a report or in a quality gate.
public struct ReportError: IngotError, Hashable {
    /// The kinds of report error.
    public enum Kind: Sendable, Hashable {
        /// A gate's text does not name a limit.
        case gateSyntax(option: String, text: String, isShare: Bool)
        /// The text of `--max-regression-kld` is no limit.
        case regressionSyntax(String)
        /// The report and its baseline have no level in common.
        case noCommonLevel(known: [String], found: [String])
        /// A gate names a level that the report does not have.
        case unknownLevel(name: String, known: [String])
        /// A gate was given and the report has no level to hold it against.
        case noLevels
        /// The bytes are not JSON, or not a report.
        case notAReport(detail: String)
        /// The bytes are not JSON, or not what `ingot sensitivity` writes.
        case notASensitivity(detail: String)
        /// The report was written with a schema that this version does not know.
        case schemaVersion(found: Int, supported: Int)
    }

    /// What went wrong.
    public let kind: Kind
    /// The report's file as the user named it.
    public let file: String?
    /// The key path inside the JSON.
    public let place: String?

    /// Creates an error.
    public init(_ kind: Kind, file: String? = nil, place: String? = nil) {
        self.kind = kind
        self.file = file
        self.place = place
    }

    /// What was found and what was expected.
    public var problem: String {
        switch kind {
        case .gateSyntax(let option, let text, let isShare):
            "\(option) \(visible(text)): not a limit, expected TYPE=VALUE or VALUE with "
                + (isShare
                    ? "a share of at most 1 or 100%, for instance \(option) Q4_K_M=0.9"
                    : "a positive number, for instance \(option) Q4_K_M=0.2")
        case .regressionSyntax(let text):
            "\(RegressionGate.option) \(visible(text)): not a limit, expected a number of nats or "
                + "a percentage of the earlier value, for instance 0.001 or 10%"
        case .noCommonLevel(let known, let found):
            "the report has no level of this one: \(found.map(visible).joined(separator: ", ")) "
                + "found, expected one of \(known.map(visible).joined(separator: ", "))"
        case .unknownLevel(let name, let known):
            "a gate names \(visible(name)), which is not in the report, expected one of "
                + known.map(visible).joined(separator: ", ")
        case .noLevels: "a gate was given and the report has no level"
        case .notAReport(let detail): "not a quality report: \(visible(detail))"
        case .notASensitivity(let detail):
            "not the JSON of `ingot sensitivity`: \(visible(detail))"
        case .schemaVersion(let found, let supported):
            "schema version \(found), expected \(supported)"
        }
    }

    /// What the user can do about it.
    public var remedy: String? {
        switch kind {
        case .unknownLevel: "Name the level by its type or its file name."
        case .schemaVersion: "Read it with the version of the tool that wrote it."
        default: nil
        }
    }

    /// A gate that makes no sense is a usage error, a report that cannot be read is bad data.
    public var exitCode: ExitCode {
        switch kind {
        case .gateSyntax, .regressionSyntax, .unknownLevel, .noLevels, .noCommonLevel: .usage
        case .notAReport, .notASensitivity, .schemaVersion: .badData
        }
    }
}
