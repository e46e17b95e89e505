public import TensorCore
import Tokenization

/// What a GGUF file does not say of its tokenizer although figures depend on it.
public enum TokenizerCheck {
    /// The warnings about a file's metadata.
    ///
    /// - Parameter pre: The pre-tokenizer that the user names.
    public static func warnings(
        _ metadata: Metadata, path: String, pre: String? = nil
    ) -> [EvaluationWarning] {
        var warnings: [EvaluationWarning] = []
        let isByteLevel = metadata["tokenizer.ggml.model"]?.text == "gpt2"
        if isByteLevel, pre == nil, metadata["tokenizer.ggml.pre"] == nil {
            let architecture = metadata["general.architecture"]?.text ?? ""
            warnings.append(
                .missingPreTokenizer(
                    model: path,
                    candidates: Vocabulary.preTokenizerNames(forModelType: architecture)))
        }
        if isByteLevel, metadata["tokenizer.ggml.merges"] == nil {
            warnings.append(
                .missingTokenizerKey(
                    "tokenizer.ggml.merges", model: path,
                    consequence: "text is cut into single bytes"))
        }
        if metadata["tokenizer.ggml.token_type"] == nil,
            metadata["tokenizer.ggml.tokens"] != nil
        {
            warnings.append(
                .missingTokenizerKey(
                    "tokenizer.ggml.token_type", model: path,
                    consequence: "control tokens written in a text are not found"))
        }
        return warnings
    }
}
