public import TensorCore

/// A text or a set of models that cannot be evaluated.
public struct EvaluationError: IngotError, Hashable {
    /// The kinds of fault.
    public enum Kind: Sendable, Hashable {
        /// What was given as a text is none.
        case notText(ForeignForm)
        /// The text has no bytes.
        case emptyText
        /// The text has fewer tokens than one window.
        case textTooShort(tokens: Int, contextLength: Int)
        /// The text has too few sentences to compare embeddings of.
        case tooFewSentences(Int, least: Int)
        /// A window in which no position is scored.
        case contextTooShort(Int)
        /// Windows that start further apart than they are long, or not apart at all.
        case invalidStride(Int, contextLength: Int)
        /// Two models do not mean the same by a token.
        case vocabulariesDiffer(found: String, expected: String)
        /// A model gave NaN.
        case notANumber(window: Int, position: Int)
        /// A file of logits is not what it claims to be.
        case invalidLogits(found: String, expected: String)
        /// A file of logits ends too early, or has bytes too many.
        case wrongLength(found: Int, expected: Int)
        /// A state file is of another evaluation.
        case otherEvaluation(what: String)
        /// A format that a model cannot be quantized to here.
        case unusableFormat(String, reason: String)
        /// An importance matrix was made for a tensor of another shape.
        case otherImportance(found: Int, expected: Int, matrix: String)
        /// No tensor that a format asked for can hold.
        case nothingToQuantize
        /// A file of tasks is not in its form.
        case invalidTask(found: String, expected: String)
    }

    /// What is wrong.
    public let kind: Kind
    /// The text or the model.
    public let path: String?
    /// The metadata key, when one is to blame.
    public let place: String?

    /// Creates an error about a text or a model.
    public init(_ kind: Kind, path: String?, place: String? = nil) {
        self.kind = kind
        self.path = path
        self.place = place
    }

    /// The file that the fault is in.
    public var file: String? { path }
    /// What was found and what was expected.
    public var problem: String {
        switch kind {
        case .notText(let form): "\(form.name) found, expected plain text or Zstandard"
        case .emptyText: "the text is empty"
        case .textTooShort(let tokens, let contextLength):
            "the text has \(tokens) tokens, at least \(contextLength) are needed for one window"
        case .tooFewSentences(let count, let least):
            "\(count) sentences found, expected at least \(least)"
        case .contextTooShort(let length):
            "a context of \(length) tokens found, expected at least 4"
        case .invalidStride(let stride, let length):
            "a stride of \(stride) tokens found, expected 1 to \(length), the context's length"
        case .vocabulariesDiffer(let found, let expected):
            "\(found) found, the base model has \(expected)"
        case .notANumber(let window, let position):
            "the logits of window \(window), position \(position) are not numbers"
        case .invalidLogits(let found, let expected), .invalidTask(let found, let expected):
            "\(found) found, expected \(expected)"
        case .wrongLength(let found, let expected):
            "the file has \(found) bytes, expected \(expected)"
        case .unusableFormat(let name, let reason): "the format \(name) \(reason)"
        case .otherImportance(let found, let expected, let matrix):
            "the importance matrix \(matrix) has \(found) values for it, expected \(expected)"
        case .nothingToQuantize: "no tensor found that a format asked for can hold"
        case .otherEvaluation(let what):
            "the state is that of an evaluation with another \(what)"
        }
    }
    /// What the user can do about it.
    public var remedy: String? {
        switch kind {
        case .notText(let form): form.remedy
        case .textTooShort: "Take a longer text or a smaller context."
        case .tooFewSentences: "Take a longer text."
        case .vocabulariesDiffer: "Compare a model with quantizations of itself."
        case .otherImportance: "Use the importance matrix that was made from this model."
        case .wrongLength: "The file is damaged or incomplete; make it again."
        case .otherEvaluation: "Remove the file to begin again, or name another."
        default: nil
        }
    }
    /// How the process ends when this error reaches the command line.
    public var exitCode: ExitCode {
        switch kind {
        case .contextTooShort, .invalidStride, .unusableFormat: .usage
        default: .badData
        }
    }
}

/// What an evaluation does not refuse, but tells.
public enum EvaluationWarning: Sendable, Hashable, CustomStringConvertible {
    /// Windows are longer than what the model was trained with.
    case contextBeyondTraining(contextLength: Int, trained: Int, model: String)
    /// The text is not UTF-8 throughout; what becomes of it is the tokenizer's choice.
    case invalidUTF8(text: String?, firstByte: Int)
    /// The mark that some editors put before a text was taken off.
    case byteOrderMark(text: String)
    /// Lines end as on Windows, or carriage returns stand alone.
    case carriageReturns(text: String, pairs: Int, single: Int)
    /// The text has bytes that are zero.
    case zeroBytes(text: String, count: Int, firstByte: Int)
    /// A byte-level vocabulary that does not say how text is split before it is tokenized.
    case missingPreTokenizer(model: String, candidates: [String])
    /// Another key that the vocabulary needs is not there.
    case missingTokenizerKey(String, model: String, consequence: String)

    /// The warning as a sentence.
    public var description: String {
        switch self {
        case .contextBeyondTraining(let length, let trained, let model):
            "\(model): a context of \(length) tokens found, the model was trained with \(trained)"
        case .invalidUTF8(let text, let firstByte):
            "\(text ?? "text"): byte \(firstByte): not UTF-8, and evaluated as the tokenizer takes it"
                + " (iconv -f ENCODING -t UTF-8 makes it so)"
        case .byteOrderMark(let text):
            "\(text): the byte order mark at its start is left out"
        case .carriageReturns(let text, let pairs, let single):
            "\(text): "
                + [
                    pairs > 0 ? "\(pairs) line ends of CR LF" : nil,
                    single > 0 ? "\(single) CR alone" : nil,
                ].compactMap(\.self).joined(separator: " and ")
                + ": kept, and other tokens than LF, so figures are not those of the text with LF"
                + " (tr -d '\\r' takes them out)"
        case .zeroBytes(let text, let count, let firstByte):
            "\(text): \(count) bytes are zero, the first at \(firstByte): is it a text?"
        case .missingTokenizerKey(let key, let model, let consequence):
            "\(model): no \(key): \(consequence); convert the model again"
        case .missingPreTokenizer(let model, let candidates):
            "\(model): no tokenizer.ggml.pre, taken as \"default\": if the model was trained with"
                + " another, its tokens and all figures are wrong. Name it with --pre NAME, or for"
                + " good: ingot quantize OLD.gguf NEW.gguf COPY --override-kv"
                + " tokenizer.ggml.pre=str:NAME"
                + (candidates.isEmpty
                    ? "" : " (perhaps \(candidates.joined(separator: " or ")))")
        }
    }
}
