public import Architectures
import Evaluation
import Foundation
import GGUF
public import Inference
import Pipeline
public import TensorCore
public import Tokenization

extension EmbeddingReport {
    /// Measures quantized embedding models against their base over the sentences of a text, one model
    /// after the other.
    ///
    /// - Parameters:
    ///   - sentences: The texts that vectors are made of.
    ///   - text: What the report says of the text; the number of tokens is filled in.
    ///   - pooling: How vectors are made; `nil` for what the base was made for.
    ///   - progress: Called with the number of vectors done and of all.
    /// - Throws: `EvaluationError` for fewer than `EmbeddingComparison.leastTextCount` sentences,
    ///   `InferenceError` when a model gives no numbers, `FileError` when a file cannot be read.
    public static func measure(
        _ quantized: [Model], against base: Model, tokenizer: Tokenizer, sentences: [[UInt8]],
        text: QualityReport.Text, pooling: Pooling? = nil, activations: Activations = .f32,
        pool: WorkerPool = WorkerPool(), toolVersion: String, commandLine: String,
        warnings: [String] = [], progress: (Int, Int) throws -> Void = { _, _ in }
    ) throws -> EmbeddingReport {
        var warnings = warnings
        var texts: [Embedder.Text] = []
        for sentence in sentences {
            let text = try tokenizer.embeddingText(sentence)
            if text.tokens.count <= base.contextLength { texts.append(text) }
        }
        guard texts.count >= EmbeddingComparison.leastTextCount else {
            throw EvaluationError(
                .tooFewSentences(texts.count, least: EmbeddingComparison.leastTextCount),
                path: text.name)
        }
        if texts.count < sentences.count {
            warnings.append(
                "\(sentences.count - texts.count) sentences are longer than the"
                    + " \(base.contextLength) tokens of the model and were left out")
        }
        var text = text
        text.tokenCount = texts.reduce(0) { $0 + $1.tokens.count }
        let total = texts.count * (quantized.count + 1)
        var done = 0
        func vectors(_ model: Model, _ pooling: Pooling) throws -> (vectors: [[Float]], Int) {
            let embedder = try Embedder(
                model: model, pooling: pooling, activations: activations, pool: pool)
            var result: [[Float]] = []
            for start in stride(from: 0, to: texts.count, by: 32) {
                result += try embedder.vectors(
                    of: Array(texts[start..<min(texts.count, start + 32)]))
                done += min(32, texts.count - start)
                try progress(done, total)
            }
            return (result, embedder.length)
        }
        let used = pooling ?? base.usualPooling
        let (baseVectors, length) = try vectors(base, used)
        let comparison = EmbeddingComparison(base: baseVectors, pool: pool)
        let levels = try quantized.map { model in
            let (found, own) = try vectors(model, used)
            guard own == length else {
                throw InferenceError(
                    .shape(found: "[\(own)] of a vector", expected: "[\(length)] as the base"),
                    path: model.path)
            }
            return Level(
                file: try File(model), agreement: try comparison.agreement(of: found))
        }
        return EmbeddingReport(
            title: base.source.metadata["general.name"]?.text ?? Paths.name(base.path),
            base: try File(base), text: text,
            settings: .init(
                pooling: used.rawValue, vectorLength: length, sentenceCount: texts.count,
                activations: activations.rawValue, threadCount: pool.threadCount),
            provenance: .init(
                toolVersion: toolVersion, commandLine: commandLine, machine: Machine.description,
                date: Date()), levels: levels, warnings: warnings)
    }
}

extension EmbeddingReport.File {
    fileprivate init(_ model: Model) throws {
        self.init(
            name: model.source.typeName, fileName: Paths.name(model.path),
            fileByteCount: model.source.fileByteCount, bitsPerWeight: model.source.bitsPerWeight,
            digest: "sha256:" + (try Digests.sha256(of: model.source.files)))
    }
}
