import Architectures
import ArgumentParser
import Evaluation
import Inference
import Reporting
import TensorCore
import Tokenization

/// The command `ingot embed MODEL -p TEXT`.
struct EmbedCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "embed",
        abstract: "Make vectors of texts: embeddings, or a reranker's scores.",
        discussion: """
            MODEL is a GGUF file or a Hugging Face directory: an encoder (BERT, RoBERTa, \
            Nomic, ModernBERT, EmbeddingGemma, T5's encoder) or a decoder. Every line is a \
            text of its own. A classifier (--pooling rank) takes a query and a document, \
            with a tab between them.

            Examples:
              ingot embed nomic-embed-f16.gguf -p "search_query: What is TSNE?"
              ingot embed model.gguf -f sentences.txt --embd-output-format json \\
                -o vectors.json
              ingot embed model.gguf -p "one two" -p "three" --pooling mean \\
                --embd-normalize -1
              ingot embed reranker.gguf -p $'what is a panda?\\tThe panda is a bear.'
            """)

    @Argument(help: "A GGUF file (of a split model, the first part) or a Hugging Face directory.")
    var model: String

    @Option(
        name: [.short, .long],
        help: ArgumentHelp("A text. May be given again.", valueName: "text"))
    var prompt: [String] = []

    @Option(
        name: [.customShort("f"), .customLong("file")],
        help: ArgumentHelp(
            "A file with texts, plain or .zst, also a pipe; - is standard input. May be given again:"
                + " the files follow one another.", valueName: "file"))
    var files: [String] = []

    @OptionGroup var pooling: PoolingOptions

    // A value may begin with a minus.
    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "How vectors are scaled: -1 not at all, 0 largest magnitude 32760, 1 taxicab norm, 2"
                + " Euclidean norm, above 2 that p-norm.", valueName: "n"))
    var embdNormalize = 2

    @Option(
        help: ArgumentHelp(
            "What is written: the ends of each vector and, of up to ten, their cosines (\"\"); all"
                + " numbers, a vector to a line (raw); a list of lists (array); an object as OpenAI's"
                + " API has it (json), with all cosines (json+).",
            valueName: "|raw|array|json|json+"))
    var embdOutputFormat = EmbeddingWriter.Form.text

    @Option(
        help: ArgumentHelp("What is between texts; \\n and \\t are understood.", valueName: "text"))
    var embdSeparator = "\n"

    @Option(
        help: ArgumentHelp(
            "What is between a query and a document, for --pooling rank.", valueName: "text"))
    var clsSeparator = "\t"

    @Option(
        name: [.short, .long],
        help: ArgumentHelp("Write to a file, not to the terminal.", valueName: "file"))
    var output: String?

    @OptionGroup var layers: ActivationsOptions
    @OptionGroup var tokenizing: TokenizerOptions
    @OptionGroup var options: RunOptions

    /// The most texts of which all cosines are written.
    private static let comparedLimit = 10_000
    /// The texts that are tokenized and run before their vectors are written.
    private static let textsAtOnce = 64

    mutating func validate() throws {
        guard prompt.isEmpty != files.isEmpty else {
            throw ValidationError("expected texts: -p TEXT or -f FILE")
        }
        try TextNames.check(files)
        guard VectorNormalization(number: embdNormalize) != nil else {
            throw ValidationError("--embd-normalize is \(embdNormalize), expected -1 or more")
        }
        guard !embdSeparator.isEmpty, !clsSeparator.isEmpty else {
            throw ValidationError("a separator is empty, expected a text")
        }
    }

    func run() throws {
        let source = try NamedSource(path: model, pre: tokenizing.pre)
        options.note(source.notices)
        Terminal.warnings(source.warnings)
        let model = try Model(source: source.source)
        let (tokenizer, gaps) = try tokenizing.load(for: model)
        let contents = try TextFiles.contents(paths: files)
        Terminal.warnings(
            layers.warnings([model]) + (gaps + contents.warnings).map(\.description))
        let texts = texts(contents.bytes)
        if embdOutputFormat == .jsonPlus, texts.count > EmbedCommand.comparedLimit {
            throw ValidationError(
                "\(texts.count) texts found, expected at most \(EmbedCommand.comparedLimit) for"
                    + " json+, which compares all with each other")
        }
        let embedder = try Embedder(
            model: model, pooling: pooling.pooling, activations: layers.activations,
            pool: options.pool)
        let writer = try EmbeddingWriter(
            embdOutputFormat, path: output, textCount: texts.count)
        let start = ContinuousClock.now
        var tokenCount = 0
        for first in stride(from: 0, to: texts.count, by: EmbedCommand.textsAtOnce) {
            let range = first..<min(texts.count, first + EmbedCommand.textsAtOnce)
            let tokens = try range.map { try self.tokens(texts[$0], $0, embedder, tokenizer) }
            tokenCount += tokens.reduce(0) { $0 + $1.tokens.count }
            for values in try embedder.vectors(of: tokens) {
                try write(values, embedder, writer)
            }
        }
        try writer.finish()
        let seconds = max(start.secondsAgo, 1e-9)
        options.note([
            NumberFormat.counted(texts.count, "text") + ", "
                + NumberFormat.counted(tokenCount, "token")
                + ", pooling \(embedder.pooling.rawValue): "
                + "\(NumberFormat.fixed(Double(tokenCount) / seconds, 1)) tokens/s"
        ])
    }

    /// The texts, without an empty one behind the last separator.
    private func texts(_ contents: [UInt8]) -> [[UInt8]] {
        let separator = Array(
            embdSeparator.replacing("\\n", with: "\n").replacing("\\t", with: "\t").utf8)
        let wholes = prompt.isEmpty ? [contents] : prompt.map { Array($0.utf8) }
        return wholes.flatMap { whole -> [[UInt8]] in
            var parts = whole.split(separator: separator, omittingEmptySubsequences: false)
                .map(Array.init)
            if parts.count > 1, parts.last?.isEmpty == true { parts.removeLast() }
            if separator == [0x0A] {
                for index in parts.indices where parts[index].last == 0x0D {
                    parts[index].removeLast()
                }
            }
            return parts
        }
    }

    private func tokens(
        _ text: [UInt8], _ number: Int, _ embedder: Embedder, _ tokenizer: Tokenizer
    ) throws -> Embedder.Text {
        var tokens: Embedder.Text
        if embedder.pooling == .rank {
            let separator = Array(
                clsSeparator.replacing("\\n", with: "\n").replacing("\\t", with: "\t").utf8)
            let parts = text.split(
                separator: separator, maxSplits: 1, omittingEmptySubsequences: false)
            tokens =
                parts.count == 2
                ? try tokenizer.embeddingPair(parts[0], parts[1])
                : try tokenizer.embeddingText(text)
        } else {
            tokens = try tokenizer.embeddingText(text)
        }
        let limit = embedder.model.contextLength
        guard (1...limit).contains(tokens.tokens.count) else {
            throw EmbeddingTextError(
                file: files.isEmpty ? nil : files.map(TextNames.long).joined(separator: " + "),
                number: number, count: tokens.tokens.count, limit: limit)
        }
        return tokens
    }

    private func write(
        _ values: [Float], _ embedder: Embedder, _ writer: EmbeddingWriter
    ) throws {
        guard embedder.pooling != .rank,
            let normalization = VectorNormalization(number: embdNormalize)
        else { return try writer.add(values, length: embedder.length) }
        var scaled: [Float] = []
        for first in stride(from: 0, to: values.count, by: embedder.length) {
            var vector = Array(values[first..<first + embedder.length])
            normalization.apply(to: &vector)
            scaled += vector
        }
        try writer.add(scaled, length: embedder.length)
    }
}

/// A text that a model cannot take.
struct EmbeddingTextError: IngotError {
    let file: String?
    let number: Int
    let count: Int
    let limit: Int
    var place: String? { "text \(number + 1)" }
    var problem: String { "\(count) tokens found, expected 1 to \(limit)" }
    var remedy: String? {
        count > limit ? "Cut it, or choose another --embd-separator." : "Leave it out."
    }
    var exitCode: TensorCore.ExitCode { .badData }
}
