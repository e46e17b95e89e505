/// How plans are carried out.
///
/// Nothing here but `rounding` and `finishing` changes the bytes that are written for a sound source.
public struct WriteOptions: Sendable {
    /// The number of threads; `nil` for one per processor.
    public var threadCount: Int?
    /// Whether a value beyond F16's range is an error and not a finding.
    public var isStrict = false
    /// Whether NaN and infinity are a finding and not an error.
    public var allowsNonFinite = false
    /// Whether the written bytes are read back from the disk and compared before the file appears
    /// under its name.
    public var verifies = false
    /// An upper bound for the memory of buffers and rounding, in bytes; `nil` for what is fastest.
    public var memoryLimit: Int?
    /// Whether a journal is kept beside the output, so that a killed run can be continued.
    public var journaling = Journaling.none
    /// The version of the tool: a journal of another version is not continued.
    public var toolVersion = ""

    /// What rounds some of the tensors by more than their values; `nil` for the formats' encoders.
    ///
    /// The metadata have to tell what it does, so that a journal of other bytes is not continued.
    public var rounding: (any TensorRounding)?
    /// What gives weights in F32 other values when all else is written; told in the metadata too.
    public var finishing: (any OutputFinishing)?

    /// Whether and how a journal is kept.
    public enum Journaling: Sendable, Hashable {
        /// No journal.
        case none
        /// A new journal, replacing one that was left over; gone after an error or an interrupt,
        /// left behind only by a run that had no chance to clean up.
        case fresh
        /// A journal that is left over is continued, and is kept whatever ends the run.
        case resume
    }

    /// The part of the files that is written, `plans` being its plans; `nil` for the whole files.
    public var part: PlanPart?

    /// The options of a plain run.
    public init() {}
}
