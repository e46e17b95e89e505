import Architectures
import ArgumentParser
import Conversion
import Evaluation
import Foundation
import GGUF
import Inference
import TensorCore
import Tokenization

/// How text is tokenized where a model's file does not tell.
struct TokenizerOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "GGUF name of the pre-tokenizer, where the model's file names none or a wrong one.",
            valueName: "name"))
    var pre: String?

    /// The tokenizer that `model`'s file describes, and what it leaves open.
    func load(for model: Model) throws -> (tokenizer: Tokenizer, warnings: [EvaluationWarning]) {
        try load(metadata: model.source.metadata, path: model.path)
    }

    /// The tokenizer that a file's metadata describe, and what they leave open.
    func load(
        metadata: Metadata, path: String
    ) throws -> (tokenizer: Tokenizer, warnings: [EvaluationWarning]) {
        var vocabulary = try Vocabulary(metadata: metadata, file: path)
        if let pre {
            guard vocabulary.model == .byteLevelBPE else {
                throw ValidationError(
                    "--pre is for byte-level BPE; \(path) has a tokenizer of the kind"
                        + " \(vocabulary.model.rawValue)")
            }
            vocabulary.pre = pre
        }
        do {
            return (
                try Tokenizer(vocabulary: vocabulary),
                TokenizerCheck.warnings(metadata, path: path, pre: pre)
            )
        } catch var error {
            if error.file == nil { error.file = path }
            throw error
        }
    }

    /// The tokenizer of a GGUF file or of a Hugging Face directory.
    func tokenizer(at path: String) throws -> Tokenizer {
        if Paths.isFolder(path) {
            return try Tokenizer(vocabulary: vocabulary(ofDirectory: path))
        }
        let (tokenizer, gaps) = try load(
            metadata: SplitSource.openFirst(path: path).metadata, path: path)
        Terminal.warnings(gaps)
        return tokenizer
    }

    /// The vocabulary that a converted file would have; that of the tokenizer's files alone where
    /// they are of no model that can be converted.
    private func vocabulary(ofDirectory path: String) throws -> Vocabulary {
        let signs = ["config.json", "snapshots"]
        if signs.contains(where: { FileManager.default.fileExists(atPath: "\(path)/\($0)") }) {
            do {
                let source = try ConversionSource(
                    directory: path, options: .init(pre: pre, isVocabularyOnly: true))
                return try Vocabulary(metadata: source.metadata, file: path)
            } catch is ArchitectureError {}
        }
        return try HFTokenizer.load(directory: path, pre: pre).vocabulary
    }
}
