import Conversion
import GGUF
import Pipeline
import TensorCore
import TestSupport

/// The tiny model of the fixtures as a GGUF file.
enum TinyModel {
    /// The bytes of the file, converted once.
    private static let bytes = Result {
        try Fixtures.withTemporaryFolder { folder in
            let source = try ConversionSource(directory: Fixtures.path("tiny-llama"))
            try write(source, to: "\(folder)/plain.gguf")
            return try InputFile.contents(path: "\(folder)/plain.gguf")
        }
    }

    private static func write(_ source: any TensorSource, to path: String) throws {
        var options = WriteOptions()
        options.threadCount = 1
        _ = try PlanWriter.write(
            [Plan.asDescribed(source, outputPath: path)], options: options
        ) { _ in }
    }

    /// Gives `body` a file whose metadata are changed; it goes away afterwards.
    @discardableResult
    static func withFile<Result>(
        _ changes: [(String, MetadataValue?)] = [], _ body: (String) throws -> Result
    ) throws -> Result {
        try Fixtures.withTemporaryFolder { folder in
            let (plain, path) = ("\(folder)/plain.gguf", "\(folder)/model.gguf")
            try OutputFile.write(bytes.get(), to: changes.isEmpty ? path : plain)
            if !changes.isEmpty {
                let edits = changes.map { key, value -> ModelEdit.Change in
                    value.map { .replace(MetadataOverride(key: key, value: $0)) } ?? .remove(key)
                }
                try write(EditedSource(SplitSource.open(path: plain), changes: edits), to: path)
            }
            return try body(path)
        }
    }
}
