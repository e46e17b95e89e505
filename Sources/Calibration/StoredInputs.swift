import Architectures
import Foundation
import GGUF
public import Inference
import Parts
public import TensorCore

/// What a model's layers take in on a calibration text, in files: the residual rows before every block
/// and before the output matrix, from which ranges of layers are rounded without the blocks before them.
///
/// `inputs.json` says of which model and tokens they are; `block-00012.f32` holds the rows before block
/// 12, batch after batch, `(token, E)` in F32, little-endian; the last of them those after all blocks.
public struct StoredInputs: Sendable {
    /// What `inputs.json` says.
    private struct Record: Codable {
        struct File: Codable, Equatable {
            let name: String
            let byteCount: Int
            let sha256: String
        }
        var form = StoredInputs.form
        let version: String
        let model: [File]
        let fitting: [[Int32]]
        let validation: [[Int32]]
        let hasOtherTexts: Bool
        let texts: [[String]]
        var blocks: [File] = []
    }

    private static let form = 1
    private static let recordName = "inputs.json"
    private let folder: String
    private let record: Record

    /// The tokens.
    public let windows: CalibrationWindows
    /// The texts that the tokens are of.
    public let sources: [CalibrationTokens.Source]
    /// The version of the program that stored them.
    public var version: String { record.version }

    /// Whether stored inputs are at `path`.
    public static func isAt(_ path: String) -> Bool {
        FileIdentity(path: StoredInputs.file(recordName, in: path)) != nil
    }

    private static func file(_ name: String, in folder: String) -> String {
        folder.hasSuffix("/") ? folder + name : "\(folder)/\(name)"
    }

    private static func name(ofBlock block: Int) -> String {
        let digits = "\(block)"
        return "block-" + String(repeating: "0", count: max(0, 5 - digits.count)) + digits + ".f32"
    }

    /// Opens stored inputs.
    ///
    /// - Throws: `StoredInputsError` when they are none or of another model; `FileError`.
    public init(folder: String, for model: Model) throws {
        let path = StoredInputs.file(StoredInputs.recordName, in: folder)
        let bytes = try InputFile.contents(path: path, limit: 1 << 30)
        guard let record = try? JSONDecoder().decode(Record.self, from: Data(bytes)),
            record.form == StoredInputs.form, record.texts.allSatisfy({ $0.count == 2 }),
            !(record.fitting + record.validation).contains(where: \.isEmpty),
            !record.fitting.isEmpty
        else {
            throw StoredInputsError(
                file: path, problem: "is no list of stored layer inputs of this form")
        }
        guard record.model == (try StoredInputs.files(of: model)) else {
            throw StoredInputsError(
                file: folder,
                problem:
                    "inputs of another model found (\(record.model.first?.name ?? "none")), expected"
                    + " those of \(model.path)")
        }
        let blockCount = model.description.blocks.count
        guard record.blocks.map(\.name) == (0...blockCount).map(StoredInputs.name(ofBlock:)) else {
            throw StoredInputsError(
                file: folder,
                problem: "expected the rows before \(blockCount) blocks and after them")
        }
        self.folder = folder
        self.record = record
        windows = CalibrationWindows(
            fitting: record.fitting, validation: record.validation,
            hasOtherTexts: record.hasOtherTexts)
        sources = record.texts.map { CalibrationTokens.Source(name: $0[0], sha256: $0[1]) }
    }

    private static func files(of model: Model) throws -> [Record.File] {
        try model.source.files.map { file in
            let source = try PartSource(file)
            return Record.File(
                name: source.name, byteCount: source.byteCount, sha256: source.digest)
        }
    }

    /// The rows before a block, as many values for each batch as are given.
    ///
    /// - Throws: `StoredInputsError` when they are not as they were written; `FileError`.
    func rows(beforeBlock block: Int, counts: [Int]) throws -> [[Float]] {
        let file = record.blocks[block]
        let path = StoredInputs.file(file.name, in: folder)
        let input = try InputFile(path: path)
        let expected = counts.reduce(0, +) * 4
        guard input.byteCount == expected, file.byteCount == expected else {
            throw StoredInputsError(
                file: path, problem: "\(input.byteCount) bytes found, \(expected) expected")
        }
        guard try FileDigest.sha256(of: input) == file.sha256 else {
            throw StoredInputsError(file: path, problem: "the rows are not those that were written")
        }
        return try StoredInputs.read(input, counts: counts)
    }

    private static func read(_ input: InputFile, counts: [Int]) throws -> [[Float]] {
        var offset = 0
        return try counts.map { count in
            var rows = [Float](repeating: 0, count: count)
            try rows.withUnsafeMutableBytes { try input.read(at: offset, into: $0) }
            offset += 4 * count
            return rows
        }
    }
}

extension StoredInputs {
    /// Runs the text through a model and stores the rows before every block; what an earlier run was
    /// killed over is gone on with.
    ///
    /// The folder appears under its name when it is complete.
    ///
    /// - Parameter progress: Called after every block with how many are stored and how many there are.
    /// - Throws: `StoredInputsError` for a model whose blocks need more than the rows before them;
    ///   what running the model and writing throw.
    public static func write(
        _ model: Model, windows: CalibrationWindows, sources: [CalibrationTokens.Source],
        version: String, to folder: String, pool: WorkerPool,
        progress: (_ done: Int, _ all: Int) -> Void = { _, _ in }
    ) throws {
        guard !model.description.blocksShareRows else {
            throw StoredInputsError(
                file: model.path,
                problem: "its blocks take the rows of others, which are not stored",
                remedy: "Leave this step out: parts of ingot quantize --calibrate run the text.")
        }
        try OutputDirectory.check(path: folder)
        var record = Record(
            version: version, model: try files(of: model), fitting: windows.fitting,
            validation: windows.validation, hasOtherTexts: windows.hasOtherTexts,
            texts: sources.map { [$0.name, $0.sha256] })
        let unfinished = try unfinishedFolder(of: folder, for: record)
        let inputs = try LayerInputs(model, text: windows, pool: pool)
        let last = model.description.blocks.count
        func path(_ block: Int) -> String { file(name(ofBlock: block), in: unfinished) }
        // Files appear whole: those from the first on without a gap are an earlier run's.
        var done = 0
        while done <= last, FileIdentity(path: path(done))?.byteCount == inputs.byteCount {
            done += 1
        }
        if done > 0 {
            try inputs.start(
                atBlock: done - 1,
                rows: read(try InputFile(path: path(done - 1)), counts: inputs.counts))
        }
        for block in done..<max(done, last + 1) {
            try inputs.advance(toBlock: block) { rows in
                let file = try OutputFile(path: path(block), byteCount: inputs.byteCount)
                var offset = 0
                for batch in rows {
                    try batch.withUnsafeBytes { try file.write($0, at: offset) }
                    offset += 4 * batch.count
                }
                try file.commit()
            }
            progress(block + 1, last + 1)
        }
        record.blocks = try (0...last).map { block in
            let input = try InputFile(path: path(block))
            return Record.File(
                name: name(ofBlock: block), byteCount: input.byteCount,
                sha256: try FileDigest.sha256(of: input))
        }
        try OutputFile.write(
            Array(JSONEncoder().encode(record)), to: file(recordName, in: unfinished))
        try? FileManager.default.removeItem(atPath: file(planName, in: unfinished))
        // An empty folder in its place goes.
        _ = rmdir(folder)
        do {
            try FileManager.default.moveItem(atPath: unfinished, toPath: folder)
        } catch {
            throw StoredInputsError(file: folder, problem: "the folder cannot be given its name")
        }
    }

    private static let planName = "plan"

    /// The folder that is filled: what an earlier run for the same model and tokens left, or a new one.
    private static func unfinishedFolder(of folder: String, for record: Record) throws -> String {
        var path = folder
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        let name = Paths.name(path)
        let unfinished = String(path.dropLast(name.count)) + ".\(name).partial"
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        let plan = [UInt8](try encoder.encode(record))
        let planPath = file(planName, in: unfinished)
        if let found = try? InputFile.contents(path: planPath), found == plan { return unfinished }
        try? FileManager.default.removeItem(atPath: unfinished)
        try Directory.create(unfinished)
        try OutputFile.write(plan, to: planPath)
        return unfinished
    }
}

/// Stored inputs that cannot be used or made.
public struct StoredInputsError: IngotError, Hashable {
    /// The file or folder.
    public let file: String?
    /// No place in it.
    public var place: String? { nil }
    /// What is wrong.
    public let problem: String
    /// What to do.
    public let remedy: String?
    /// Bad data.
    public var exitCode: ExitCode { .badData }

    init(
        file: String, problem: String,
        remedy: String? = "Store them again: ingot calibrate inputs."
    ) {
        self.file = file
        self.problem = problem
        self.remedy = remedy
    }
}
