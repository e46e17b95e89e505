public import TensorCore

/// Why a plan cannot be made or carried out.
public struct PipelineError: IngotError, Hashable {
    /// The kinds of error.
    public enum Kind: Sendable, Hashable {
        /// A value that is NaN or infinite.
        case nonFinite(value: String, row: Int, column: Int)
        /// The source is already quantized.
        case requantization(format: String)
        /// The format can be read but not written.
        case notWritable(format: String)
        /// The format is only carried along and cannot become another.
        case notReadable(format: String)
        /// The importance matrix was made for a tensor of another shape.
        case importanceShape(found: Int, expected: Int, matrix: String)
        /// The output is one of the input's files.
        case inPlace
        /// A metadata key that the plan needs is missing or of another type.
        case metadata(key: String, found: String, expected: String)
        /// Strict: the rows are no whole blocks of the format that the recipe wants.
        case fallback(from: String, to: String, rowLength: Int)
        /// Strict: the importance matrix has no entry for a tensor that is quantized.
        case withoutImportance(format: String, matrix: String)
        /// Strict: nothing weighs the columns for the format that the recipe wants.
        case raised(from: String, to: String)
        /// Strict: a remark of the plan.
        case remark(String)
        /// Strict: the calibration text reached none of these experts.
        case expertsWithoutCounts(Int, of: Int, matrix: String)
        /// Strict: values that are infinite in F16.
        case beyondF16(value: String, row: Int, column: Int)
        /// A limit for memory that cannot be kept.
        case memoryLimit(Int, needed: Int)
        /// Another process is writing the same output.
        case busy
        /// The bytes read back are not the ones that were written.
        case notAsWritten
        /// A journal was made for another state of the source.
        case sourceChanged
        /// A journal was made for other options or by another version.
        case planChanged
        /// An option's value of another form than it must have.
        case malformedOption(found: String, expected: String)
        /// A block to be removed that is not there; without `last`, all blocks would be removed.
        case noSuchBlock(Int, last: Int?)
        /// Blocks that the model cannot do without, and why.
        case cannotPrune(String)
        /// A value that the type that is quantized from cannot hold.
        case beyondOuttype(value: String, row: Int, column: Int)
        /// More files than a split can have.
        case tooManyParts(Int)
        /// A key or tensor to be changed that is not there.
        case unknownName(what: String, name: String)
        /// A new name of a key or tensor that another has, or that none can have.
        case takenName(what: String, name: String)
        /// A header that does not fit the place of the one before it.
        case headerPlace(found: Int, expected: Int)
        /// A copy of a header that is not of this file.
        case foreignHeader(copy: String)
    }

    /// What is wrong.
    public let kind: Kind
    /// The file.
    public let path: String
    /// The tensor's name or the metadata key.
    public let place: String?

    /// Creates an error about `path`.
    public init(_ kind: Kind, path: String, place: String? = nil) {
        self.kind = kind
        self.path = path
        self.place = place
    }

    /// The file that the fault is in.
    public var file: String? { path }
    /// What was found and what was expected.
    public var problem: String {
        switch kind {
        case .nonFinite(let value, let row, let column):
            "\(value) found in row \(row), column \(column), expected a finite value"
        case .requantization(let format):
            "the tensor is already quantized to \(format), expected F32, F16 or BF16"
        case .notWritable(let format): "\(format) can be read but not written"
        case .notReadable(let format): "values of format \(format) cannot be converted"
        case .importanceShape(let found, let expected, let matrix):
            "the importance matrix \(matrix) has \(found) values for it, expected \(expected)"
        case .inPlace: "the output is the input file itself"
        case .metadata(let key, let found, let expected):
            "\(key) is \(found), expected \(expected)"
        case .fallback(let wanted, let format, let rowLength):
            "rows of \(rowLength) values are no whole blocks of \(wanted): it would become \(format)"
        case .withoutImportance(let format, let matrix):
            "it would be quantized to \(format) without an entry in the importance matrix \(matrix)"
        case .raised(let wanted, let format):
            "there is no importance for \(wanted): it would become \(format)"
        case .remark(let text): text
        case .expertsWithoutCounts(let count, let all, let matrix):
            "the importance matrix \(matrix) has no counts for \(count) of its \(all) experts"
        case .beyondF16(let value, let row, let column):
            "\(value) found in row \(row), column \(column), beyond the range of F16"
        case .beyondOuttype(let value, let row, let column):
            "\(value) found in row \(row), column \(column), beyond the range of F16, in which the"
                + " model would be quantized"
        case .tooManyParts(let count):
            "\(count) files would be written, expected at most \(UInt16.max)"
        case .memoryLimit(let limit, let needed):
            "a limit of \(limit) bytes of memory found, expected at least \(needed) for this model"
        case .busy: "another run is writing this file"
        case .notAsWritten: "the bytes read back from the disk are not the ones that were written"
        case .sourceChanged: "the input has changed since the run that is to be resumed"
        case .planChanged:
            "the options or the version of the tool differ from those of the run that is to be resumed"
        case .malformedOption(let found, let expected): "found \"\(found)\", expected \(expected)"
        case .cannotPrune(let reason): "these blocks cannot be removed: \(reason)"
        case .noSuchBlock(let block, let last?):
            "block \(block) is not in the model, expected numbers up to \(last)"
        case .unknownName(let what, let name): "there is no \(what) \"\(name)\""
        case .takenName(let what, let name):
            name.isEmpty ? "a \(what) cannot be empty" : "the \(what) \"\(name)\" is there already"
        case .headerPlace(let found, let expected):
            "the header would take \(found) bytes, and the tensors start at \(expected)"
        case .foreignHeader(let copy): "\(copy) is no copy of a header of this file"
        case .noSuchBlock(let count, nil):
            "all \(count) blocks would be removed, expected at least one to be left"
        }
    }
    /// What the user can do about it.
    public var remedy: String? {
        switch kind {
        case .nonFinite:
            "The checkpoint is damaged. --allow-nonfinite writes it all the same: 0 for NaN and the"
                + " row's largest magnitude for infinity where a block cannot hold them."
        case .requantization:
            "Start from the F16 file, or pass --allow-requantize and accept the added loss."
        case .importanceShape: "Use the importance matrix that was made from this model."
        case .inPlace: "Write to another path."
        case .fallback: "Name a format for it with --tensor-type, or leave --strict out."
        case .raised: "Make the matrix from this model and more text, or leave --strict out."
        case .remark: "Change the option, or leave --strict out."
        case .withoutImportance: "Name a format for it with --tensor-type, or leave --strict out."
        case .expertsWithoutCounts: "Make the matrix from more text, or leave --strict out."
        case .beyondF16: "Use BF16 or F32, or leave --strict out."
        case .beyondOuttype: "Quantize it from BF16 or F32: --outtype bf16."
        case .headerPlace: "Write to another file: leave --in-place out and name an output."
        case .unknownName: "ingot inspect lists what is there."
        case .tooManyParts: "Allow more tensors or bytes in a file."
        default: nil
        }
    }
    /// How the process ends when this error reaches the command line.
    public var exitCode: ExitCode {
        switch kind {
        case .inPlace: .usage
        case .busy, .notAsWritten: .inputOutput
        default: .badData
        }
    }
}
