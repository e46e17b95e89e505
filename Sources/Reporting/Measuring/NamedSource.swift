import Conversion
public import GGUF
import TensorCore

/// A model that is named to be measured: a GGUF file, or a Hugging Face directory, plain or
/// quantized, whose weights are read as F32 where they are stored.
public struct NamedSource {
    /// Its tensors.
    public let source: any TensorSource
    /// What the user should know.
    public let notices: [String]
    /// What contradicts itself, or is not what engines compute.
    public let warnings: [String]

    /// Opens a file, all parts of a split model by its first, or a directory.
    ///
    /// - Parameter pre: The pre-tokenizer of a directory, where it cannot be told.
    /// - Throws: What opening throws: `FileError`, `GGUFError`, `SafetensorsError`,
    ///   `ConversionError`, `ArchitectureError`, `TokenizationError`.
    public init(path: String, pre: String? = nil) throws {
        guard Paths.isFolder(path) else {
            source = try SplitSource.open(path: path)
            (notices, warnings) = ([], [])
            return
        }
        let directory = try ConversionSource(
            directory: path, options: .init(outputType: .f32, pre: pre))
        source = directory
        notices = directory.notices
        warnings = directory.warnings.map { "\(Paths.name(path)): \($0)" }
    }
}
