import ArgumentParser
import Evaluation
import GGUF
import Inference
import TensorCore
import Tokenization

/// What `perplexity` and `report` share: the text and how it is cut.
struct EvaluationOptions: ParsableArguments {
    @Option(
        name: [.customShort("f"), .customLong("file")],
        help: ArgumentHelp("Text to evaluate on; held out from calibration.", valueName: "text"))
    var text: String

    @Option(
        name: [.customShort("c"), .customLong("ctx-size"), .customLong("context")],
        help: ArgumentHelp("Tokens of a context window.", valueName: "tokens"))
    var context = 512

    @Option(help: ArgumentHelp("Only so many windows from the start.", valueName: "count"))
    var chunks: Int?

    @Option(name: [.customShort("t"), .long], help: "Threads; one per processor by default.")
    var threads: Int?

    @Flag(name: [.customShort("q"), .long], help: "Say nothing but results, errors and warnings.")
    var quiet = false

    mutating func validate() throws {
        if let chunks, chunks < 1, chunks != -1 {
            throw ValidationError("--chunks is \(chunks), expected at least 1 (or -1 for all)")
        }
        if let threads, !(1...1024).contains(threads) {
            throw ValidationError("\(threads) threads asked for, expected 1 to 1024")
        }
    }

    /// The workers.
    var pool: WorkerPool { WorkerPool(threadCount: threads) }

    /// The text in windows, tokenized as `model`'s file says.
    func windows(for model: Model) throws -> (text: EvaluationText, byteCount: Int) {
        let vocabulary = try Vocabulary(metadata: model.source.metadata, file: model.path)
        let bytes = try InputFile.contents(path: text)
        let windows = try EvaluationText(
            bytes, tokenizer: try Tokenizer(vocabulary: vocabulary), contextLength: context,
            windowLimit: chunks == -1 ? nil : chunks, path: text)
        return (windows, bytes.count)
    }
}
