public import Evaluation
public import struct Foundation.Date

/// What quantizing a model cost: every level measured against one base on one text.
///
/// The report is plain values. `markdown()`, `htmlPage()`, `terminalTable()` and `json()` render
/// it; `docs/report-schema.md` describes its JSON. Divergences are in nats, shares and
/// probabilities are fractions of one (0.93, not 93), sizes are bytes.
public struct QualityReport: Codable, Sendable, Hashable {
    /// The version of the JSON schema that this package writes and reads.
    public static let currentSchemaVersion = 1

    /// The version of the JSON schema, `currentSchemaVersion` for a report made here.
    public var schemaVersion: Int
    /// The model's name, the title of the page.
    public var title: String
    /// The model that the levels are measured against.
    public var base: Base
    /// The text that was scored.
    public var text: Text
    /// How it was scored.
    public var settings: Settings
    /// With what, where and when it was scored.
    public var provenance: Provenance
    /// The quantized files, in the order in which the user named them.
    public var levels: [Level]
    /// What happened on the way that a reader must know; see also `caveats`, which are derived.
    public var warnings: [String]
    /// The calibration texts and what the scored text shares with them; `nil` when none is known.
    public var calibration: [CalibrationText]?
    /// How the levels differ from those of an earlier report; `nil` when there was none.
    public var baseline: BaselineComparison?
    /// What the quantization of each part of the base does by itself; `nil` when not measured.
    public var sensitivity: Sensitivity?

    /// Creates a report.
    public init(
        title: String, base: Base, text: Text, settings: Settings, provenance: Provenance,
        levels: [Level], warnings: [String] = [], calibration: [CalibrationText]? = nil,
        baseline: BaselineComparison? = nil, sensitivity: Sensitivity? = nil
    ) {
        self.schemaVersion = QualityReport.currentSchemaVersion
        self.title = title
        self.base = base
        self.text = text
        self.settings = settings
        self.provenance = provenance
        self.levels = levels
        self.warnings = warnings
        self.calibration = calibration
        self.baseline = baseline
        self.sensitivity = sensitivity
    }
}

extension QualityReport {
    /// The model that the levels are measured against.
    public struct Base: Codable, Sendable, Hashable {
        /// The file's name, without its folder.
        public var fileName: String
        /// The file's length (of all its parts).
        public var fileByteCount: Int
        /// Bits of tensor data per weight.
        public var bitsPerWeight: Double
        /// Which types its tensors have, the most bytes first.
        public var tensorTypes: [TensorType]
        /// Its perplexity on the text.
        public var perplexity: Estimate
        /// A digest of the file's bytes, `sha256:…`, when one was taken.
        public var digest: String?

        /// Creates the description of a base.
        public init(
            fileName: String, fileByteCount: Int, bitsPerWeight: Double,
            tensorTypes: [TensorType], perplexity: Estimate, digest: String? = nil
        ) {
            self.fileName = fileName
            self.fileByteCount = fileByteCount
            self.bitsPerWeight = bitsPerWeight
            self.tensorTypes = tensorTypes
            self.perplexity = perplexity
            self.digest = digest
        }
    }

    /// How much of a file has one tensor type.
    public struct TensorType: Codable, Sendable, Hashable {
        /// The type's name, `F16`.
        public var name: String
        /// The number of tensors of this type.
        public var tensorCount: Int
        /// The bytes of their data.
        public var byteCount: Int

        /// Creates the share of one type.
        public init(name: String, tensorCount: Int, byteCount: Int) {
            self.name = name
            self.tensorCount = tensorCount
            self.byteCount = byteCount
        }
    }

    /// The text that was scored.
    public struct Text: Codable, Sendable, Hashable {
        /// The file's name, without its folder.
        public var name: String
        /// The file's length.
        public var byteCount: Int
        /// The number of tokens that the base's vocabulary makes of it.
        public var tokenCount: Int
        /// A digest of its bytes, `sha256:…`, when one was taken.
        public var digest: String?

        /// Creates the description of a text.
        public init(name: String, byteCount: Int, tokenCount: Int, digest: String? = nil) {
            self.name = name
            self.byteCount = byteCount
            self.tokenCount = tokenCount
            self.digest = digest
        }
    }

    /// How the text was scored.
    public struct Settings: Codable, Sendable, Hashable {
        /// The context window, in tokens.
        public var contextLength: Int
        /// The number of windows.
        public var windowCount: Int
        /// The number of tokens whose prediction was scored, over all windows.
        public var scoredTokenCount: Int
        /// The number of threads.
        public var threadCount: Int
        /// What linear layers took in, `f32` or `q8`; `nil` in reports made before this was a
        /// choice, which are `f32`.
        public var activations: String?

        /// Creates the settings.
        public init(
            contextLength: Int, windowCount: Int, scoredTokenCount: Int, threadCount: Int,
            activations: String? = nil
        ) {
            self.contextLength = contextLength
            self.windowCount = windowCount
            self.scoredTokenCount = scoredTokenCount
            self.threadCount = threadCount
            self.activations = activations
        }
    }

    /// With what, where and when the text was scored.
    public struct Provenance: Codable, Sendable, Hashable {
        /// The version of the tool.
        public var toolVersion: String
        /// The command line as it was given.
        public var commandLine: String
        /// The processor and the system, in words.
        public var machine: String
        /// When the measurement ended, to the second.
        public var date: Date

        /// Creates the provenance; the fraction of the second is dropped.
        public init(toolVersion: String, commandLine: String, machine: String, date: Date) {
            self.toolVersion = toolVersion
            self.commandLine = commandLine
            self.machine = machine
            self.date = Date(
                timeIntervalSince1970: date.timeIntervalSince1970.rounded(.down))
        }
    }

    /// A text that an importance matrix was made from, and what the scored text shares with it.
    public struct CalibrationText: Codable, Sendable, Hashable {
        /// The file's name, without its folder.
        public var name: String
        /// The shared sequences of words; `nil` when the text could not be read.
        public var overlap: Overlap?

        /// Creates the description of a calibration text.
        public init(name: String, overlap: Overlap?) {
            self.name = name
            self.overlap = overlap
        }

        /// How many sequences of words of the scored text stand in the calibration text too.
        public struct Overlap: Codable, Sendable, Hashable {
            /// The words of a sequence.
            public var wordCount: Int
            /// The sequences of the scored text that were looked for.
            public var sequenceCount: Int
            /// Those of them that the calibration text holds.
            public var sharedCount: Int
            /// One in so many of the text's sequences was looked for; 1 for all.
            public var samplingInterval: Int

            /// The shared part of the sequences; `nil` when there are none.
            public var share: Double? {
                sequenceCount > 0 ? Double(sharedCount) / Double(sequenceCount) : nil
            }

            /// Creates the counts.
            public init(
                wordCount: Int, sequenceCount: Int, sharedCount: Int, samplingInterval: Int
            ) {
                self.wordCount = wordCount
                self.sequenceCount = sequenceCount
                self.sharedCount = sharedCount
                self.samplingInterval = samplingInterval
            }
        }
    }
}
