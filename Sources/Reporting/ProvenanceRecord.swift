public import GGUF
public import Pipeline
import Quantization
public import TensorCore

/// The record beside a quantized file: what was made from what, and digests to check it by.
///
/// Its JSON is a statement of in-toto with a predicate of SLSA (`ProvenanceStatement`); the keys are
/// described in docs/commands-quantize.md.
public struct ProvenanceRecord: Sendable, Hashable {
    /// A file.
    public struct File: Sendable, Hashable {
        /// Its name, without its folder.
        public let name: String
        /// Its length; `nil` where it is not told.
        public let byteCount: Int?
        /// The digest of its bytes, in hexadecimal digits.
        public let sha256: String
    }
    /// A tensor that was written.
    public struct Tensor: Sendable, Hashable {
        /// Its name.
        public let name: String
        /// The formats that it had and has.
        public let sourceType, type: String
        /// The bytes of its data.
        public let byteCount: Int
        /// The digest of its data, in hexadecimal digits.
        public let sha256: String
    }

    /// How layers' inputs came to be known that the tensors were rounded by.
    public struct Calibration: Codable, Sendable, Hashable {
        /// A text.
        public struct Text: Codable, Sendable, Hashable {
            /// Its name.
            public let name: String
            /// The digest of its bytes, in hexadecimal digits; in a file's metadata the first sixteen.
            public let sha256: String

            /// Describes a text.
            public init(name: String, sha256: String) {
                self.name = name
                self.sha256 = sha256
            }
        }

        /// The texts.
        public let texts: [Text]
        /// The tokens that were used.
        public let tokenCount: Int
        /// How much work rounding was.
        public let effort: String

        /// It in words: texts, tokens, effort.
        package var sentence: String {
            let names = texts.map(\.name).joined(separator: ", ")
            return "\(NumberText.count(tokenCount)) tokens of \(names), effort \(effort)"
        }

        /// Describes a calibration.
        public init(texts: [Text], tokenCount: Int, effort: String) {
            self.texts = texts
            self.tokenCount = tokenCount
            self.effort = effort
        }
    }

    /// The version of the tool; `nil` in a record of another tool.
    public let toolVersion: String?
    /// What the tool was called with, its own name left out.
    public let arguments: [String]
    /// The type; `nil` when every tensor kept its format.
    public let recipe: String?
    /// The files that were read.
    public let sources: [File]
    /// The importance matrix that was quantized with.
    public let importanceMatrix: File?
    /// How it was calibrated.
    public let calibration: Calibration?
    /// The files that the record is about: of Ingot's the one that was written.
    public let outputs: [File]
    /// Its tensors, in their order; none in a record of another tool.
    public let tensors: [Tensor]

    init(
        toolVersion: String?, arguments: [String], recipe: String?, sources: [File],
        importanceMatrix: File?, calibration: Calibration?, outputs: [File], tensors: [Tensor]
    ) {
        self.toolVersion = toolVersion
        self.arguments = arguments
        self.recipe = recipe
        self.sources = sources
        self.importanceMatrix = importanceMatrix
        self.calibration = calibration
        self.outputs = outputs
        self.tensors = tensors
    }

    private init(
        plan: Plan, toolVersion: String, arguments: [String], sources: [File],
        importanceMatrix: File?, calibration: Calibration?
    ) throws {
        let file = try GGUFFile(path: plan.outputPath)
        self.init(
            toolVersion: toolVersion, arguments: arguments, recipe: plan.recipeName,
            sources: sources, importanceMatrix: importanceMatrix, calibration: calibration,
            outputs: [try ProvenanceRecord.describe(file.file)],
            tensors: zip(plan.tensors, try Digests.ofTensors(in: file)).map { tensor, digest in
                Tensor(
                    name: tensor.name, sourceType: tensor.source.format.name,
                    type: tensor.choice.format.name, byteCount: tensor.byteCount, sha256: digest)
            })
    }

    private static func describe(_ file: InputFile) throws -> File {
        File(
            name: Paths.name(file.path), byteCount: file.byteCount,
            sha256: try Digests.sha256(of: file))
    }

    /// The path of the record beside the file at `path`.
    public static func path(for path: String) -> String { path + ".provenance.json" }

    /// Writes the record of each plan's file, which must be complete.
    ///
    /// Inputs are read once for all.
    ///
    /// - Throws: What reading the files and writing the records throw.
    public static func write(
        _ plans: [Plan], importance: ImportanceMatrix?, calibration: Calibration? = nil,
        toolVersion: String, arguments: [String]
    ) throws {
        let sources = try plans[0].source.files.map { try describe($0) }
        let matrix = try importance.map { try describe(InputFile(path: $0.path)) }
        for plan in plans {
            let record = try ProvenanceRecord(
                plan: plan, toolVersion: toolVersion, arguments: arguments, sources: sources,
                importanceMatrix: matrix, calibration: calibration)
            try OutputFile.write(
                ReadableJSON.bytes(of: ProvenanceStatement(record)),
                to: path(for: plan.outputPath))
        }
    }

    /// What the record of each plan's file will say, as JSON, before the file is there: digests of what
    /// is written are zeros.
    ///
    /// Inputs are read once for all.
    ///
    /// - Throws: What reading the files throws.
    public static func drafts(
        _ plans: [Plan], importance: ImportanceMatrix?, calibration: Calibration?,
        toolVersion: String, arguments: [String]
    ) throws -> [JSON] {
        let sources = try plans[0].source.files.map { try describe($0) }
        let matrix = try importance.map { try describe(InputFile(path: $0.path)) }
        let unknown = String(repeating: "0", count: 64)
        return try plans.map { plan in
            let record = ProvenanceRecord(
                toolVersion: toolVersion, arguments: arguments, recipe: plan.recipeName,
                sources: sources, importanceMatrix: matrix, calibration: calibration,
                outputs: [File(name: Paths.name(plan.outputPath), byteCount: nil, sha256: unknown)],
                tensors: plan.tensors.map {
                    Tensor(
                        name: $0.name, sourceType: $0.source.format.name,
                        type: $0.choice.format.name, byteCount: $0.byteCount, sha256: unknown)
                })
            return try JSON.parse(ReadableJSON.bytes(of: ProvenanceStatement(record)))
        }
    }

    /// Writes the record of the file at `path`, which is complete now.
    ///
    /// - Parameter draft: What `drafts` said of it.
    /// - Throws: `VerificationError` when the draft is of another file; what reading the file and writing
    ///   the record throw.
    public static func write(draft: JSON, of path: String) throws {
        let file = try GGUFFile(path: path)
        guard
            let statement = try? ReadableJSON.value(
                ProvenanceStatement.self, from: draft.written()),
            let draft = ProvenanceRecord(statement),
            draft.tensors.map({ [$0.name, $0.type] })
                == file.tensors.map({ [$0.name, $0.format.name] })
        else {
            throw VerificationError(
                file: path, place: nil,
                problem: "what its first part says of a provenance record is about another file",
                remedy: "Make that part again with --provenance and --overwrite.")
        }
        let record = ProvenanceRecord(
            toolVersion: draft.toolVersion, arguments: draft.arguments, recipe: draft.recipe,
            sources: draft.sources, importanceMatrix: draft.importanceMatrix,
            calibration: draft.calibration, outputs: [try describe(file.file)],
            tensors: zip(draft.tensors, try Digests.ofTensors(in: file)).map { tensor, digest in
                Tensor(
                    name: tensor.name, sourceType: tensor.sourceType, type: tensor.type,
                    byteCount: tensor.byteCount, sha256: digest)
            })
        try OutputFile.write(
            ReadableJSON.bytes(of: ProvenanceStatement(record)),
            to: ProvenanceRecord.path(for: path))
    }

    /// Reads the record beside the file at `path`; `nil` when there is none.
    ///
    /// - Throws: `VerificationError` when it is not such a record, `FileError`.
    public static func read(for path: String) throws -> ProvenanceRecord? {
        let place = ProvenanceRecord.path(for: path)
        return try FileIdentity.of(place) == nil ? nil : try ProvenanceRecord(path: place)
    }

    /// Reads the record at `path`.
    ///
    /// - Throws: `VerificationError` when it is not such a record, `FileError`.
    public init(path: String) throws {
        let bytes = try InputFile.contents(path: path, limit: 1 << 28)
        guard let statement = try? ReadableJSON.value(ProvenanceStatement.self, from: bytes),
            let record = ProvenanceRecord(statement)
        else {
            throw VerificationError(
                file: path, place: nil,
                problem: "is not a provenance record (an in-toto statement, version 1, with"
                    + " SHA-256 digests)",
                remedy: "Remove it, or quantize again with --provenance.")
        }
        self = record
    }

    /// What in `file` is not as this record says.
    ///
    /// - Throws: `FileError` when it cannot be read.
    public func differences(from file: GGUFFile) throws -> [VerificationError] {
        var errors: [VerificationError] = []
        func report(_ place: String?, _ problem: String) {
            errors.append(
                VerificationError(
                    file: file.path, place: place, problem: problem,
                    remedy: "The file has changed since it was written."))
        }
        let digests = try Digests.ofTensors(in: file)
        var found: [ByteString: Int] = [:]
        for (index, tensor) in file.tensors.enumerated() { found[ByteString(tensor.name)] = index }
        for tensor in tensors {
            guard let index = found[ByteString(tensor.name)] else {
                report(tensor.name, "the tensor is missing, expected as recorded")
                continue
            }
            if file.tensors[index].format.name != tensor.type {
                report(
                    tensor.name,
                    "format \(file.tensors[index].format) found, \(tensor.type) expected")
            } else if digests[index] != tensor.sha256 {
                report(tensor.name, "SHA-256 \(digests[index]) found, \(tensor.sha256) expected")
            }
        }
        if errors.isEmpty {
            let digest = try Digests.sha256(of: file.file)
            if !outputs.contains(where: { $0.sha256 == digest }) {
                let expected = outputs.map(\.sha256).joined(separator: " or ")
                report(nil, "SHA-256 \(digest) found, \(expected) expected")
            }
        }
        return errors
    }
}

/// Why a file does not pass `ingot verify`.
public struct VerificationError: IngotError, Hashable {
    /// The file.
    public let file: String?
    /// The tensor.
    public let place: String?
    /// What was found and what was expected.
    public let problem: String
    /// What to do about it.
    public let remedy: String?

    /// Creates an error.
    public init(file: String?, place: String?, problem: String, remedy: String?) {
        self.file = file
        self.place = place
        self.problem = problem
        self.remedy = remedy
    }

    /// Bad data.
    public var exitCode: ExitCode { .badData }
}
