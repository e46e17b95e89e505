import Foundation
import GGUF
import Pipeline
import Quantization
import TensorCore

/// The record beside a quantized file: what was made from what, and digests to check it by.
///
/// The
/// keys of the JSON are described in docs/commands-quantize.md.
struct Provenance: Codable {
    struct File: Codable {
        let name: String
        let byteCount: Int
        let sha256: String
    }
    struct Tensor: Codable {
        let name: String
        let sourceType: String
        let type: String
        let byteCount: Int
        let sha256: String
    }

    var schemaVersion = 1
    let tool: String
    let toolVersion: String
    let arguments: [String]
    let recipe: String?
    let sources: [File]
    let importanceMatrix: File?
    var output: File
    var tensors: [Tensor]

    private init(
        plan: Plan, arguments: [String], sources: [File], importanceMatrix: File?
    ) throws {
        tool = "ingot"
        toolVersion = Ingot.version
        self.arguments = arguments
        recipe = plan.recipeName
        self.sources = sources
        self.importanceMatrix = importanceMatrix
        let file = try GGUFFile(path: plan.outputPath)
        output = try Provenance.describe(file.file)
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
    static func path(for path: String) -> String { path + ".provenance.json" }

    /// Writes the record of each plan's file, which must be complete.
    ///
    /// Inputs are read once for all.
    static func write(
        _ plans: [Plan], importance: ImportanceMatrix?, arguments: [String]
    ) throws {
        let sources = try plans[0].source.files.map { try describe($0) }
        let matrix = try importance.map { try describe(InputFile(path: $0.path)) }
        for plan in plans {
            let record = try Provenance(
                plan: plan, arguments: arguments, sources: sources, importanceMatrix: matrix)
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            try OutputFile.write(
                Array(encoder.encode(record)) + [0x0A], to: path(for: plan.outputPath))
        }
    }

    /// Reads the record beside the file at `path`; `nil` when there is none.
    ///
    /// - Throws: `VerificationError` when it is not such a record.
    static func read(for path: String) throws -> Provenance? {
        let place = Provenance.path(for: path)
        guard FileManager.default.fileExists(atPath: place) else { return nil }
        let bytes = try InputFile.contents(path: place, limit: 1 << 28)
        guard let record = try? JSONDecoder().decode(Provenance.self, from: Data(bytes)) else {
            throw VerificationError(
                file: place, place: nil, problem: "is not a provenance record",
                remedy: "Remove it, or quantize again with --provenance.")
        }
        return record
    }

    /// What in `file` is not as this record says.
    func differences(from file: GGUFFile) throws -> [VerificationError] {
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
struct VerificationError: IngotError {
    let file: String?
    let place: String?
    let problem: String
    let remedy: String?
    var exitCode: TensorCore.ExitCode { .badData }
}
