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
        var written = try output.map { try report.write(to: $0) } ?? []
        if let junit = gating.junit {
            try OutputFile.write(Array(report.junit(checks).utf8), to: junit)
            written.append(junit)
        }
        if json {
            Terminal.print(String(decoding: try report.json().dropLast(), as: UTF8.self))
        } else {
            Terminal.print(report.summary)
            Terminal.print("")
            Terminal.print(report.terminalTable(width: max(100, Terminal.columns)))
        }
        Terminal.warnings(report.warnings)
        if !options.quiet, !written.isEmpty {
            Terminal.note("written: \(written.joined(separator: ", "))")
        }
        try require(checks)
    }
}
