import GGUF
public import Inference
import TensorCore

/// Token ids must mean the same to models that are compared.
public enum VocabularyCheck {
    /// Throws `EvaluationError` when `model` has another vocabulary than `base`.
    public static func compare(_ model: Model, with base: Model) throws(EvaluationError) {
        try compareCounts(model, base.vocabularyCount)
        for key in ["tokenizer.ggml.model", "tokenizer.ggml.pre"] {
            let (found, expected) = (model.source.metadata[key], base.source.metadata[key])
            guard let found, let expected, found != expected else { continue }
            throw EvaluationError(
                .vocabulariesDiffer(
                    found: "\"\(found.text ?? "")\"", expected: "\"\(expected.text ?? "")\""),
                path: model.path, place: key)
        }
        let key = "tokenizer.ggml.tokens"
        guard case .strings(let found)? = model.source.metadata[key],
            case .strings(let expected)? = base.source.metadata[key], found != expected
        else { return }
        let place = zip(found, expected).enumerated().first { $1.0 != $1.1 }
        throw EvaluationError(
            .vocabulariesDiffer(
                found: place.map { "token \($0) \"\($1.0)\"" } ?? "\(found.count) tokens",
                expected: place.map { "\"\($1.1)\"" } ?? "\(expected.count)"),
            path: model.path, place: key)
    }

    /// Throws `EvaluationError` when `model` has another vocabulary than a file of logits.
    static func compare(_ model: Model, with logits: LogitsReader) throws(EvaluationError) {
        try compareCounts(model, logits.vocabularyCount)
        guard let expected = logits.header?.vocabularySHA256,
            let found = LogitsWriter.vocabularyDigest(of: model), found != expected
        else { return }
        throw EvaluationError(
            .vocabulariesDiffer(
                found: "other tokens (SHA-256 \(found.prefix(8)))",
                expected: "those of SHA-256 \(expected.prefix(8))"), path: model.path,
            place: "tokenizer.ggml.tokens")
    }

    private static func compareCounts(_ model: Model, _ count: Int) throws(EvaluationError) {
        guard model.vocabularyCount != count else { return }
        throw EvaluationError(
            .vocabulariesDiffer(
                found: "a vocabulary of \(model.vocabularyCount) tokens",
                expected: "one of \(count)"), path: model.path)
    }
}
