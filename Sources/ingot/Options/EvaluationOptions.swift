import ArgumentParser
import Crypto
import Evaluation
import Foundation
import GGUF
import Inference
import Parts
import Reporting
import TensorCore

/// What the commands that run a model over a text share: the text and how it is cut.
struct EvaluationOptions: ParsableArguments {
    @Option(
        name: [.customShort("f"), .customLong("file")],
        help: ArgumentHelp(
            "Text to evaluate on, held out from calibration; plain or .zst, also from a pipe; - is"
                + " standard input. May be given again: the files follow one another.",
            valueName: "text"))
    var texts: [String] = []

    @Option(
        name: [.customShort("c"), .customLong("ctx-size"), .customLong("context")],
        help: ArgumentHelp("Tokens of a context window.", valueName: "tokens"))
    var context = 512

    @Option(help: ArgumentHelp("Only so many windows from the start.", valueName: "count"))
    var chunks: Int?

    @Flag(
        help: ArgumentHelp(
            "The texts of control tokens in the text become those tokens: for conversations that are"
                + " written in a model's template."))
    var parseSpecial = false

    @OptionGroup var tokenizing: TokenizerOptions
    @OptionGroup var run: RunOptions

    mutating func validate() throws {
        if let chunks, chunks < 1, chunks != -1 {
            throw ValidationError("--chunks is \(chunks), expected at least 1 (or -1 for all)")
        }
        try TextNames.check(texts)
    }

    /// Throws when no text is named: some commands can do without.
    func requireText() throws {
        guard !texts.isEmpty else { throw ValidationError("expected a text: -f FILE") }
    }

    /// The workers.
    var pool: WorkerPool { run.pool }
    /// Whether to say nothing but results, errors and warnings.
    var quiet: Bool { run.quiet }

    /// The name of the text: its files' names.
    var textName: String { textNames.joined(separator: " + ") }
    /// The names of the text's files.
    var textNames: [String] { texts.map(TextNames.short) }

    /// The model at `path`, a GGUF file or a Hugging Face directory; tells what is to be known of it.
    func model(_ path: String) throws -> Model {
        let named = try NamedSource(path: path, pre: tokenizing.pre)
        if !quiet { named.notices.forEach(Terminal.note) }
        Terminal.warnings(named.warnings)
        return try Model(source: named.source)
    }

    /// A text in windows.
    struct LoadedText {
        let windows: EvaluationText
        let byteCount: Int
        let sha256: String

        /// It as a source of a part.
        func source(named name: String) -> PartSource {
            PartSource(name: name, byteCount: byteCount, digest: sha256)
        }
    }

    /// The text in windows, tokenized as `model`'s file says; tells what is wrong with either.
    func text(
        for model: Model, windowing: Windowing = .halves
    ) throws -> LoadedText {
        let tokenizer = try tokenizing.load(for: model)
        let contents = try TextFiles.contents(paths: texts)
        let windows = try EvaluationText(
            contents.bytes, tokenizer: tokenizer.tokenizer, contextLength: context,
            windowing: windowing, windowLimit: chunks == -1 ? nil : chunks,
            parseSpecial: parseSpecial, path: texts.map(TextNames.long).joined(separator: " + "),
            warnings: tokenizer.warnings + contents.warnings)
        // Before hours of work, not after.
        Terminal.warnings(windows.warnings)
        return LoadedText(
            windows: windows, byteCount: contents.bytes.count,
            sha256: EvaluationOptions.sha256(contents.bytes))
    }

    /// The digest of a text, in hexadecimal digits.
    static func sha256(_ bytes: [UInt8]) -> String {
        SHA256.hash(data: bytes).map { String(format: "%02x", $0) }.joined()
    }
}
