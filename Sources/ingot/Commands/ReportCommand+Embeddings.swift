import ArgumentParser
import Evaluation
import Inference
import Reporting
import TensorCore

extension ReportCommand {
    /// Measures an embedding model's levels by the vectors of the text's sentences.
    func reportEmbeddings(
        _ models: ReportModels, _ base: Model, _ gates: [EmbeddingGate]
    ) throws {
        guard parts.part == nil else {
            throw ValidationError(
                "--part is of windows; \(Paths.name(base.path)) makes embeddings, whose report has none"
            )
        }
        guard !gating.hasGate, sensitivity == nil, options.chunks == nil else {
            throw ValidationError(
                "\(Paths.name(base.path)) makes embeddings: --max-…, --min-same-top, --baseline,"
                    + " --sensitivity and --chunks are for models that continue texts")
        }
        let quantized = try models.levels.map { try Model(source: $0) }
        let (tokenizer, gaps) = try options.tokenizing.load(for: base)
        let contents = try TextFiles.contents(paths: options.texts)
        let sentences = Sentences.split(contents.bytes, limit: embedding.sentenceLimit)
        let notes = (gaps + contents.warnings).map(\.description)
        Terminal.warnings(notes)
        let line = ProgressLine("report", isQuiet: options.quiet)
        defer { line.finish() }
        let report = try EmbeddingReport.measure(
            quantized, against: base, tokenizer: tokenizer, sentences: sentences,
            text: .init(
                name: options.textName, byteCount: contents.bytes.count, tokenCount: 0,
                digest: "sha256:" + EvaluationOptions.sha256(contents.bytes)),
            pooling: embedding.pooling.pooling, activations: layers.activations,
            pool: options.pool, toolVersion: "ingot " + Ingot.version, commandLine: commandLine,
            warnings: models.warnings + notes + layers.warnings([base] + quantized)
        ) { done, total in line.update(done, of: total, detail: "\(done)/\(total) vectors") }
        line.finish()
        let checks = try gates.flatMap { try $0.checks(in: report) }
        try giving.give(report, checks, width: 100)
        try ReportGiving.require(checks)
    }
}

/// A report that can be written, printed, and checked.
protocol WrittenReport {
    /// Sentences about what was measured and how.
    var allWarnings: [String] { get }
    var summary: String { get }
    func terminalTable(width: Int) -> String
    func json() throws -> [UInt8]
    func junit(_ checks: [QualityCheck]) -> String
    func files(in folder: String) throws -> [OutputFile.Content]
}

extension QualityReport: WrittenReport {
    var allWarnings: [String] { warnings + caveats }
}

extension EmbeddingReport: WrittenReport {
    var allWarnings: [String] { warnings }
}
