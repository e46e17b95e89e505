public import Evaluation
import Foundation

/// What quantization cost an embedding model: how near the vectors of its levels are to the base's, and
/// how much of what is next to what they keep.
public struct EmbeddingReport: Codable, Sendable, Hashable {
    /// A model's file.
    public struct File: Codable, Sendable, Hashable {
        /// The name of its file type, `Q4_K_M`.
        public var name: String
        /// The file's name, without its folder.
        public var fileName: String
        /// The file's length (of all its parts).
        public var fileByteCount: Int
        /// Bits of tensor data per weight.
        public var bitsPerWeight: Double
        /// A digest of the file's bytes, `sha256:…`.
        public var digest: String

        /// Describes a file.
        public init(
            name: String, fileName: String, fileByteCount: Int, bitsPerWeight: Double,
            digest: String
        ) {
            self.name = name
            self.fileName = fileName
            self.fileByteCount = fileByteCount
            self.bitsPerWeight = bitsPerWeight
            self.digest = digest
        }
    }

    /// A quantized file and how far it is from the base.
    public struct Level: Codable, Sendable, Hashable {
        /// The file.
        public var file: File
        /// What was measured.
        public var agreement: EmbeddingAgreement

        /// Describes a level.
        public init(file: File, agreement: EmbeddingAgreement) {
            self.file = file
            self.agreement = agreement
        }
    }

    /// How the vectors were made.
    public struct Settings: Codable, Sendable, Hashable {
        /// How one vector is made of a text's rows.
        public var pooling: String
        /// The numbers of a vector.
        public var vectorLength: Int
        /// The sentences of the text that were compared.
        public var sentenceCount: Int
        /// What linear layers took in: `f32` or `q8`.
        public var activations: String
        /// The threads.
        public var threadCount: Int

        /// Describes settings.
        public init(
            pooling: String, vectorLength: Int, sentenceCount: Int, activations: String,
            threadCount: Int
        ) {
            self.pooling = pooling
            self.vectorLength = vectorLength
            self.sentenceCount = sentenceCount
            self.activations = activations
            self.threadCount = threadCount
        }
    }

    /// The schema that is written.
    public static let currentSchemaVersion = 1

    /// The schema's version.
    public var schemaVersion = EmbeddingReport.currentSchemaVersion
    /// What tells the report from one of a language model.
    public var kind = "embedding"
    /// The model's name.
    public var title: String
    /// The model that levels are measured against.
    public var base: File
    /// The text whose sentences were compared.
    public var text: QualityReport.Text
    /// How the vectors were made.
    public var settings: Settings
    /// With what, where and when.
    public var provenance: QualityReport.Provenance
    /// The quantized files, in the order of the command line.
    public var levels: [Level]
    /// What a reader must know.
    public var warnings: [String]

    /// Creates a report.
    public init(
        title: String, base: File, text: QualityReport.Text, settings: Settings,
        provenance: QualityReport.Provenance, levels: [Level], warnings: [String]
    ) {
        self.title = title
        self.base = base
        self.text = text
        self.settings = settings
        self.provenance = provenance
        self.levels = levels
        self.warnings = warnings
    }

    /// The report as JSON (UTF-8, keys sorted, a line feed at the end).
    public func json() throws -> [UInt8] { try ReadableJSON.bytes(of: self) }

    /// Reads a report that `json()` wrote; `file` is for the error's sake.
    ///
    /// - Throws: `ReportError` that names the key at fault.
    public init(json bytes: [UInt8], file: String? = nil) throws(ReportError) {
        do {
            self = try ReadableJSON.value(EmbeddingReport.self, from: bytes)
        } catch let error as DecodingError {
            throw ReportError(decoding: error, kind: { .notAReport(detail: $0) }, file: file)
        } catch {
            throw ReportError(.notAReport(detail: "\(error)"), file: file)
        }
        guard schemaVersion == EmbeddingReport.currentSchemaVersion else {
            throw ReportError(
                .schemaVersion(
                    found: schemaVersion, supported: EmbeddingReport.currentSchemaVersion),
                file: file)
        }
    }

    /// A level's type, with its file name when another level has the same type.
    public func displayName(of level: Level) -> String {
        levels.count { $0.file.name == level.file.name } > 1
            ? "\(level.file.name) (\(level.file.fileName))" : level.file.name
    }
}

/// A limit that the levels of an embedding model must keep, from an option such as `--min-cosine`.
public struct EmbeddingGate: Sendable, Hashable {
    /// What is limited; all are least values that pass.
    public enum Measure: String, Sendable, Hashable, CaseIterable {
        /// The mean cosine to the base's vectors.
        case cosine = "--min-cosine"
        /// The mean rank correlation of similarities.
        case rankCorrelation = "--min-rank-correlation"
        /// The share of nearest neighbours that are kept.
        case keptNeighbours = "--min-kept-neighbours"

        fileprivate var words: String {
            switch self {
            case .cosine: "cosine to the base"
            case .rankCorrelation: "rank correlation of neighbours"
            case .keptNeighbours: "share of kept neighbours"
            }
        }

        fileprivate func estimate(of level: EmbeddingReport.Level) -> Estimate {
            switch self {
            case .cosine: level.agreement.cosine
            case .rankCorrelation: level.agreement.rankCorrelation
            case .keptNeighbours: level.agreement.keptNeighbours
            }
        }
    }

    /// What is limited.
    public var measure: Measure
    private let gate: Gate

    /// Reads `TYPE=VALUE` or `VALUE`, with a share of at most 1 or per cents.
    public init(_ measure: Measure, parsing text: String) throws(ReportError) {
        let (level, limit) = try Gate.parse(text, option: measure.rawValue, isShare: true)
        self.measure = measure
        gate = Gate(.sameTopToken, level: level, limit: limit)
    }

    /// Throws when the gate is for none of the levels, which are named by type and file.
    public func requireLevel(among levels: [(name: String, fileName: String)]) throws(ReportError) {
        try gate.requireLevel(among: levels)
    }

    /// What this limit asks of each of the levels that it is for.
    public func checks(in report: EmbeddingReport) throws(ReportError) -> [QualityCheck] {
        try requireLevel(among: report.levels.map { ($0.file.name, $0.file.fileName) })
        return report.levels.filter { gate.isFor(name: $0.file.name, fileName: $0.file.fileName) }
            .map { level in
                let found = measure.estimate(of: level)
                var finding =
                    "\(measure.words) \(QualityCheck.precise(found)), allowed at least \(gate.limit)"
                if let error = found.standardError, abs(found.value - gate.limit) < 2 * error {
                    finding += QualityCheck.uncertain
                }
                return QualityCheck(
                    level: report.displayName(of: level),
                    requirement: "\(measure.words) at least \(gate.limit)", finding: finding,
                    isMet: found.value >= gate.limit)
            }
    }
}
