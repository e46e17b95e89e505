import Foundation
public import GGUF
public import Pipeline
import Quantization
public import TensorCore

/// The record beside a quantized file: what was made from what, and digests to check it by.
///
/// The keys of the JSON are described in docs/commands-quantize.md.
public struct ProvenanceRecord: Codable, Sendable, Hashable {
    /// A file.
    public struct File: Codable, Sendable, Hashable {
        /// Its name, without its folder.
        public let name: String
        /// Its length.
        public let byteCount: Int
        /// The digest of its bytes, in hexadecimal digits.
        public let sha256: String
    }
    /// A tensor that was written.
    public struct Tensor: Codable, Sendable, Hashable {
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

    /// The version of the JSON schema.
    public private(set) var schemaVersion = 1
    /// The tool and its version.
    public let tool, toolVersion: String
    /// What the tool was called with.
    public let arguments: [String]
    /// The type; `nil` when every tensor kept its format.
    public let recipe: String?
    /// The files that were read.
    public let sources: [File]
    /// The importance matrix that was quantized with.
    public let importanceMatrix: File?
    /// How it was calibrated.
    public let calibration: Calibration?
    /// The file that was written.
    public let output: File
    /// Its tensors, in their order.
    public let tensors: [Tensor]

    private init(
        plan: Plan, toolVersion: String, arguments: [String], sources: [File],
        importanceMatrix: File?, calibration: Calibration?
    ) throws {
        tool = "ingot"
        self.toolVersion = toolVersion
        self.arguments = arguments
        recipe = plan.recipeName
        self.sources = sources
        self.importanceMatrix = importanceMatrix
        self.calibration = calibration
        let file = try GGUFFile(path: plan.outputPath)
        output = try ProvenanceRecord.describe(file.file)
        tensors = zip(plan.tensors, try Digests.ofTensors(in: file)).map { tensor, digest in
            Tensor(
                name: tensor.name, sourceType: tensor.source.format.name,
                type: tensor.choice.format.name, byteCount: tensor.byteCount, sha256: digest)
        }
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
            try OutputFile.write(ReadableJSON.bytes(of: record), to: path(for: plan.outputPath))
        }
    }

    /// Reads the record beside the file at `path`; `nil` when there is none.
    ///
    /// - Throws: `VerificationError` when it is not such a record.
    public static func read(for path: String) throws -> ProvenanceRecord? {
        let place = ProvenanceRecord.path(for: path)
        guard FileManager.default.fileExists(atPath: place) else { return nil }
        let bytes = try InputFile.contents(path: place, limit: 1 << 28)
        guard let record = try? ReadableJSON.value(ProvenanceRecord.self, from: bytes) else {
            throw VerificationError(
                file: place, place: nil, problem: "is not a provenance record",
                remedy: "Remove it, or quantize again with --provenance.")
        }
        return record
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
            if digest != output.sha256 {
                report(nil, "SHA-256 \(digest) found, \(output.sha256) expected")
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
