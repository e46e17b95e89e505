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
        }
    }
    /// What the user can do about it.
    public var remedy: String? {
        switch kind {
        case .nonFinite: "The checkpoint is damaged; no quantized block can hold such a value."
        case .requantization:
            "Start from the F16 file, or pass --allow-requantize and accept the added loss."
        case .importanceShape: "Use the importance matrix that was made from this model."
        case .inPlace: "Write to another path."
        default: nil
        }
    }
    /// How the process ends when this error reaches the command line.
    public var exitCode: ExitCode {
        if case .inPlace = kind { return .usage }
        return .badData
    }
}
