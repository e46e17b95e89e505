import ArgumentParser
import Crypto
import Evaluation
import Foundation
import GGUF
import Inference
import Quantization
import Reporting
import TensorCore
import Tokenization

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

    /// A text in windows.
    struct LoadedText {
        let windows: EvaluationText
        let byteCount: Int
        let sha256: String
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
        for warning in windows.warnings { Terminal.warning(warning.description) }
        let digest = SHA256.hash(data: contents.bytes).map { String(format: "%02x", $0) }.joined()
        return LoadedText(windows: windows, byteCount: contents.bytes.count, sha256: digest)
    }
}

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
}

/// What texts are called, by the paths that users give.
enum TextNames {
    /// The name that results carry.
    static func short(_ path: String) -> String {
        if SequentialInput.isStandardInput(path) { return SequentialInput.standardInputName }
        let isDescriptor = path.hasPrefix("/dev/fd/") || path.hasPrefix("/proc/self/fd/")
        return isDescriptor ? "pipe" : Paths.name(path)
    }

    /// The name that messages carry.
    static func long(_ path: String) -> String {
        path == "-" ? SequentialInput.standardInputName : path
    }

    /// Throws when standard input is named twice.
    static func check(_ paths: [String]) throws {
        guard paths.count(where: SequentialInput.isStandardInput) <= 1 else {
            throw ValidationError(
                "standard input gives its bytes only once; expected one -f - at most")
        }
    }
}

/// Threads and silence.
struct RunOptions: ParsableArguments {
    @Option(name: [.customShort("t"), .long], help: "Threads; one per processor by default.")
    var threads: Int?

    @Flag(name: [.customShort("q"), .long], help: "Say nothing but results, errors and warnings.")
    var quiet = false

    mutating func validate() throws {
        if let threads, !(1...1024).contains(threads) {
            throw ValidationError("\(threads) threads asked for, expected 1 to 1024")
        }
    }

    /// The workers.
    var pool: WorkerPool { WorkerPool(threadCount: threads) }
}

/// What linear layers take in.
struct ActivationsOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "What linear layers take in: f32 as it is, q8 rounded as engines do, to 8 bits and"
                + " multiplied with the stored codes, or to 16 bits for F16 and BF16. (default:"
                + " f32)", valueName: "f32|q8"), transform: Activations.named)
    var activations = Activations.f32

    /// Which matrices take in F32 though activations are to be rounded, a sentence for each model.
    func warnings(_ models: [Model]) -> [String] {
        guard activations == .q8 else { return [] }
        return models.compactMap { model in
            let matrices = model.matricesWithoutRounding
            guard let first = matrices.first else { return nil }
            let formats = Dictionary(grouping: matrices, by: \.format.name)
                .sorted { $0.key < $1.key }.map { "\($0.value.count) \($0.key)" }
            return "\(Paths.name(model.path)): with activations q8, \(matrices.count) matrices"
                + " still run in F32 (\(formats.joined(separator: ", "))): \(first.name)"
                + (matrices.count > 1 ? " and others" : "")
        }
    }
}

extension Activations {
    /// What an option's value names.
    static func named(_ name: String) throws -> Activations {
        guard let activations = Activations(rawValue: name) else {
            throw ValidationError("'\(name)' found, expected f32 or q8")
        }
        return activations
    }
}

/// How the windows of a text lie.
struct WindowingOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Windows start so many tokens apart and every token is scored once, with as long a"
                + " context as there is (the sliding protocol of Hugging Face's perplexity page).",
            valueName: "tokens"))
    var stride: Int?

    @Option(
        help: ArgumentHelp(
            "llama-perplexity's option: windows of the context's length and half the stride, the"
                + " last so many tokens of each scored.", valueName: "tokens"))
    var pplStride: Int?

    mutating func validate() throws {
        if stride != nil, (pplStride ?? 0) > 0 {
            throw ValidationError("--stride and --ppl-stride are two protocols; expected one")
        }
        if let stride, stride < 1 {
            throw ValidationError("--stride is \(stride), expected at least 1")
        }
    }

    /// The protocol asked for; a `--ppl-stride` of 0 is none, as for the peer.
    var windowing: Windowing {
        if let stride { return .sliding(stride: stride) }
        if let pplStride, pplStride > 0 { return .trailing(stride: pplStride) }
        return .halves
    }
}

/// Where results go: standard output, or a file that appears when it is complete.
struct ResultOptions: ParsableArguments {
    @Flag(help: "Give one JSON object.")
    var json = false

    @Option(
        name: [.short, .long],
        help: ArgumentHelp("Write the results to a file, not to the terminal.", valueName: "file"))
    var output: String?

    /// Gives the results as JSON or as lines, whichever is asked for.
    func give(_ value: some Encodable, lines: @autoclosure () -> [String]) throws {
        let text = json ? try ReadableJSON.text(of: value) : lines().joined(separator: "\n")
        guard let output else { return Terminal.print(text) }
        try OutputFile.write(Array(text.utf8) + [0x0A], to: output)
    }
}
