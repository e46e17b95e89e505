public import GGUF
import Quantization
public import TensorCore

/// Changes of a GGUF file's header that leave the tensors' data where they are.
///
/// The new header has the length of the old one: what it is shorter is filled with an entry of its
/// own, `HeaderEdit.fillerKey`, which every edit takes away again. The old header is kept in a file
/// beside the model, since replacing bytes where they stand cannot be undone otherwise.
public struct HeaderEdit: Sendable {
    /// The key of the entry that fills a header up.
    public static let fillerKey = "ingot.pad"

    private let file: GGUFFile
    private let header: [UInt8]
    /// The metadata that the file will have, without the filler.
    public let metadata: Metadata
    /// The tensors under the names that they will have.
    public let tensors: [TensorDescription]

    /// Plans the changes.
    ///
    /// - Throws: `PipelineError` as `ModelEdit` does, and when the new header is too long or the data
    ///   do not lie where a header would say; `ReaderFault` for what no reader would load.
    public init(_ file: GGUFFile, changes: [ModelEdit.Change]) throws {
        let edit = try ModelEdit(
            changes, metadata: file.metadata, tensors: file.tensors, path: file.path)
        if file.partCount == nil {
            let faults = ReaderRequirements(
                metadata: edit.metadata, tensors: edit.tensors, path: file.path
            ).faults(in: [.container, .vocabulary, .blocks])
            if let fault = faults.first(where: \.isFatal) { throw fault }
        }
        self.file = file
        (metadata, tensors) = (edit.metadata, edit.tensors)
        header = try HeaderEdit.header(edit, of: file)
    }

    private static func header(_ edit: ModelEdit, of file: GGUFFile) throws -> [UInt8] {
        let alignment = file.alignment
        guard edit.metadata["general.alignment"]?.integer ?? 32 == alignment else {
            throw PipelineError(
                .metadata(
                    key: "general.alignment", found: "to be changed", expected: "\(alignment)"),
                path: file.path)
        }
        func layout(_ metadata: Metadata) throws -> GGUFLayout {
            try GGUFLayout(
                metadata: metadata, tensors: edit.tensors, alignment: alignment, path: file.path)
        }
        var result = try layout(edit.metadata)
        let missing = file.dataOffset - result.header.count
        // An entry with a text of no bytes.
        let least = 8 + fillerKey.utf8.count + 4 + 8
        if missing >= least {
            var metadata = edit.metadata
            metadata[fillerKey] = .string(String(repeating: " ", count: missing - least))
            result = try layout(metadata)
        }
        guard result.header.count == file.dataOffset, result.offsets == file.offsets else {
            throw PipelineError(
                .headerPlace(found: result.header.count, expected: file.dataOffset),
                path: file.path)
        }
        return result.header
    }

    /// Keeps the old header and writes the new one.
    ///
    /// - Returns: Where the old header is; `nil` where the new one is the same, and nothing is written.
    /// - Throws: `FileError`. The file is what it was when the copy cannot be made.
    public func write() throws -> String? {
        let old = try file.file.read(at: 0, count: file.dataOffset)
        guard old != header else { return nil }
        var copy = file.path + ".header"
        var number = 0
        while FileIdentity(path: copy) != nil {
            number += 1
            copy = file.path + ".header.\(number)"
        }
        try OutputFile.write(old, to: copy)
        try RewrittenFile.replace(header, at: 0, in: file.path)
        return copy
    }

    /// Writes a copy of a header back into its file.
    ///
    /// - Throws: `PipelineError` when it is none of the file's: of another length, or with other
    ///   tensors' places and formats; `FileError`, and `GGUFError` when the copy is damaged.
    public static func restore(_ copy: String, in path: String) throws {
        let model = try InputFile(path: path)
        let input = try InputFile(path: copy)
        // A whole model is no copy of a header.
        guard input.byteCount <= min(model.byteCount, 1 << 30) else {
            throw PipelineError(.foreignHeader(copy: copy), path: path)
        }
        let header = try input.read(at: 0, count: input.byteCount)
        // Read as the model's own, before holes as long as its tensors.
        let folder = try TemporaryFolder()
        let trial = try OutputFile(path: folder.path + "/trial.gguf")
        try trial.write(header, at: 0)
        try trial.commit(byteCount: model.byteCount)
        let restored = try GGUFFile(path: trial.path, forRepair: true)
        let current = try? GGUFFile(path: path, forRepair: true)
        guard restored.dataOffset == header.count,
            current.map({ $0.offsets == restored.offsets && $0.byteCounts == restored.byteCounts })
                ?? true
        else { throw PipelineError(.foreignHeader(copy: copy), path: path) }
        try RewrittenFile.replace(header, at: 0, in: path)
    }
}
