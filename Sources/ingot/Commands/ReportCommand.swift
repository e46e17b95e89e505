import ArgumentParser
import Calibration
import Conversion
import Evaluation
import GGUF
import Inference
import Parts
import Pipeline
import Reporting
import TensorCore
import Tokenization

/// The command `ingot report BASE QUANTIZED… -f TEXT -o DIR`.
struct ReportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "Measure what quantization cost: size, perplexity, KL divergence, agreement.",
        usage: """
            ingot report [options] -f TEXT -o FOLDER BASE.gguf|HF_DIR QUANTIZED.gguf|HF_DIR …
            ingot report [options] -f TEXT -o FOLDER BASE.gguf|HF_DIR --types TYPE,TYPE,…
            """,
        discussion: """
            Base and quantized models see the same windows of the text side by side, so no file of \
            logits is written. The folder gets report.md (for a CI summary or a model card), \
            report.json (for a machine) and report.html (one page, opens without network).

            A quantized Hugging Face directory is a level beside GGUF files: it is named by its type \
            (W4A16 g128, NVFP4 …), counted at the bytes of its weights and dequantized as it is read.

            With --types the levels are made first, in one pass over the base, and removed \
            afterwards unless --levels-dir keeps them. --imatrix and --calibrate together, and \
            --plain with them, make each type in as many ways, shown beside each other.

            Embedding models (encoders, and decoders whose file says how rows are pooled) are measured \
            by the vectors of the text's sentences: cosine to the base, rank correlation of \
            neighbours, share of the ten nearest that are kept.

            Gates: exit code 1, and a line that says which level failed.

            Examples:
              ingot report f16.gguf q4_k_m.gguf q2_k.gguf -f heldout.txt -o report/
              ingot report f16.gguf q4_k_m.gguf my-model-w4a16/ -f heldout.txt -o report/
              ingot report my-model/ --types Q8_0,Q6_K,Q4_K_M -f heldout.txt -o report/
              ingot report f16.gguf --types IQ2_XS,Q4_K_M --imatrix imatrix.gguf \\
                --calibration calibration.txt -f heldout.txt -o report/ \\
                --levels-dir levels/
              ingot report f16.gguf --types Q2_K,Q4_K_M --plain --imatrix imatrix.gguf \\
                -f heldout.txt -o report/ --calibrate mine.txt
              ingot report f16.gguf q4_k_m.gguf -f heldout.txt -o report/ \\
                --max-kld Q4_K_M=0.15 --max-ppl-ratio 1.1 --min-same-top 90% \\
                --junit report.xml
              ingot report f16.gguf q4_k_m.gguf -f heldout.txt -o new/ \\
                --baseline old/report.json
              ingot report f16.gguf q4_k_m.gguf -f heldout.txt -o report/ --part 3/8
              ingot report bge-f16.gguf --types Q8_0,Q4_K_M -f heldout.txt -o report/ \\
                --min-cosine 0.99 --min-kept-neighbours Q8_0=95%
            """)

    @Argument(
        help: """
            The base model, then quantized ones: GGUF files or Hugging Face directories.
            """)
    var models: [String]

    @OptionGroup var options: EvaluationOptions
    @OptionGroup var layers: ActivationsOptions
    @OptionGroup var making: ReportMakingOptions
    @OptionGroup var gating: ReportGateOptions
    @OptionGroup(title: "Embedding models") var embedding: EmbeddingReportOptions

    @OptionGroup var parts: PartOptions

    @Option(
        name: [.short, .long],
        help: ArgumentHelp("Folder for the report; made when need be.", valueName: "folder"))
    var output: String?

    @Flag(help: "Print the report as one JSON object instead of the table.")
    var json = false

    @Option(
        help: ArgumentHelp(
            """
            Text that importance matrices or levels were made from: how much of the evaluation text it holds \
            is told; may be given again.
            """, valueName: "text"))
    var calibration: [String] = []

    @Option(
        help: ArgumentHelp(
            "JSON of `ingot sensitivity`: its heat map is drawn.", valueName: "file"))
    var sensitivity: String?

    mutating func validate() throws {
        guard models.count >= 2 || making.types != nil else {
            throw ValidationError("expected BASE and at least one QUANTIZED, or --types")
        }
        guard output != nil || json || gating.junit != nil else {
            throw ValidationError("expected where the report goes: -o FOLDER or --json")
        }
        guard gating.junit == nil || gating.hasGate || embedding.hasGate else {
            throw ValidationError("--junit writes what became of the gates; none is given")
        }
        if parts.part != nil {
            guard output != nil, making.types == nil, !json, !gating.hasGate, gating.junit == nil
            else {
                throw ValidationError(
                    "--part measures files that are there and writes -o FOLDER's part: --types and"
                        + " --json do not go with it, and gates are ingot join's")
            }
        }
        try options.requireText()
        try TextNames.check(options.texts + calibration + making.calibration.texts)
    }

    func run() throws {
        // What can be wrong is found before hours of work, not after.
        let gates = try gating.gates()
        let embeddingGates = try embedding.gates()
        let earlier = try gating.baselineReport()
        let sensitivity = try sensitivity.map { path in
            try Sensitivity(json: InputFile.contents(path: path, limit: 1 << 28), file: path)
        }
        let importance = try making.importanceMatrix()
        // Standard input has been read to its end when the levels are there.
        let calibrationTexts = try
            (calibration
            + making.calibration.texts.filter { !SequentialInput.isStandardInput($0) })
            .uniqued().map { try TextStream(path: $0) }
        let models = try make(
            making.request(
                base: models[0], quantized: Array(models.dropFirst()),
                pre: options.tokenizing.pre, importance: importance))
        defer { models.removeTemporaryFiles() }
        let names = models.levels.map { ($0.typeName, Paths.name($0.path)) }
        for gate in gates { try gate.requireLevel(among: names) }
        for gate in embeddingGates { try gate.requireLevel(among: names) }
        if let earlier {
            try RegressionGate.requireLevel(
                of: earlier.report, file: earlier.path, among: names.map(\.0))
        }

        let base = try Model(source: models.base)
        if base.makesEmbeddings { return try reportEmbeddings(models, base, embeddingGates) }
        guard !embedding.isUsed else {
            throw ValidationError(
                "--pooling, --sentences, --min-cosine, --min-rank-correlation and"
                    + " --min-kept-neighbours are for embedding models")
        }
        let text = try options.text(for: base)
        let gathering = try parts.part.map { part in
            try GatheringRun(
                command: "report", part: part, output: partOutput,
                files: base.source.files + models.levels.flatMap(\.files),
                text: text.source(named: options.textName), windows: text.windows,
                range: 0..<text.windows.windowCount,
                options: [("activations", layers.activations.rawValue)], isQuiet: options.quiet)
        }
        if let gathering, gathering.isComplete(overwriting: parts.overwrite) { return }
        let recorder = gathering.map {
            EvaluationRecorder(windows: $0.windows, levelCount: models.levels.count)
        }
        // What the first part says of models and texts, the report says.
        let isDescribed = parts.part.map { $0.number == 1 } ?? true
        var report = try measure(models, base, text, keeping: recorder, isDescribed: isDescribed)
        report.calibration =
            try !isDescribed
            ? nil
            : overlaps(
                with: calibrationTexts, importance: importance, levels: models.levels
            ) {
                // What is evaluated of the text: with --chunks not all of it.
                try options.tokenizing.load(for: base).tokenizer.decode(
                    text.windows.evaluatedTokens)
            }
        report.sensitivity = sensitivity
        if let gathering, let recorder {
            return try gathering.finish(
                head: ReportHead(
                    report: report,
                    tokensRun: text.windows.tokenCount(ofWindows: recorder.windows)),
                body: recorder.values.bytes)
        }
        if let earlier {
            report.baseline = BaselineComparison(
                of: report, with: earlier.report, fileName: Paths.name(earlier.path))
        }
        var checks = try report.checks(of: gates)
        if let gate = try gating.regressionGate() { checks += try gate.checks(in: report) }
        try giving.give(report, checks, width: 120)
        try ReportGiving.require(checks)
    }

    /// Where the report goes.
    var giving: ReportGiving {
        ReportGiving(output: output, junit: gating.junit, isJSON: json, isQuiet: options.quiet)
    }

    /// What parts are called after: the folder.
    private var partOutput: String {
        var path = output ?? ""
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        return path
    }

    /// Makes what is not there yet, in view of the user.
    private func make(_ request: ReportModels.Request) throws -> ReportModels {
        var writeOptions = WriteOptions()
        writeOptions.threadCount = options.run.threads
        writeOptions.toolVersion = Ingot.version
        var calibration: LoadedCalibration?
        return try ReportModels(request) { notice in
            if !options.quiet { Terminal.note(notice) }
        } prepare: { level, base in
            guard level.rounding == .calibrated else { return }
            calibration = try making.calibration.load(for: base)
            level.options.calibrated = calibration?.tensors
            level.options.metadataOverrides += calibration?.metadata ?? []
        } write: { plans, rounding in
            var writeOptions = writeOptions
            let own = rounding == .calibrated ? calibration : nil
            let finishing = try own?.finishing(
                of: plans[0].source, threads: options.run.threads, isQuiet: options.quiet)
            writeOptions.finishing = finishing
            let calibrated = try own?.round(plans, with: &writeOptions)
            defer {
                if let calibrated, !options.quiet {
                    CalibrationListing.show(calibrated.outcome)
                    CalibrationListing.show(norms: finishing?.outcomes ?? [])
                }
            }
            return try PlanWriter.write(plans, options: writeOptions, isQuiet: options.quiet)
        }
    }

    /// Evaluates all models in one pass over the text.
    private func measure(
        _ models: ReportModels, _ base: Model, _ text: EvaluationOptions.LoadedText,
        keeping recorder: EvaluationRecorder?, isDescribed: Bool
    ) throws -> QualityReport {
        let quantized = try models.levels.map { try Model(source: $0) }
        let warnings = models.made.flatMap { made in
            PlanSummary.warnings(
                of: made.plan, importance: made.importance, findings: made.findings
            ).map { "\(Paths.name(made.plan.outputPath)): \($0)" }
        }
        let line = ProgressLine("report", isQuiet: options.quiet)
        defer { line.finish() }
        return try QualityReport.measure(
            quantized, against: base, on: text.windows,
            text: .init(
                name: options.textName, byteCount: text.byteCount,
                tokenCount: text.windows.tokenCount, digest: "sha256:" + text.sha256),
            activations: layers.activations, pool: options.pool,
            toolVersion: "ingot " + Ingot.version, commandLine: commandLine,
            warnings: models.warnings + warnings + layers.warnings([base] + quantized),
            keeping: recorder, takesDigests: isDescribed
        ) { progress in
            line.update(
                progress.windowsDone, of: progress.windowCount,
                detail:
                    "window \(progress.windowsDone)/\(progress.windowCount), base perplexity"
                    + " " + NumberFormat.fixed(progress.perplexities[0], 3))
        }
    }

    /// The calibration texts that the user names, or that importance matrices name, and what the
    /// text shares with them; `nil` when there are none.
    private func overlaps(
        with texts: [TextStream], importance: ImportanceMatrix?, levels: [any TensorSource],
        text: () throws -> [UInt8]
    ) throws -> [QualityReport.CalibrationText]? {
        var named: [String] = []
        if texts.isEmpty {
            let names =
                (importance?.datasets ?? [])
                + levels.compactMap { $0.metadata["quantize.imatrix.dataset"]?.text }
                + levels.flatMap(LoadedCalibration.texts)
            named = names.uniqued().filter { !$0.isEmpty }
        }
        guard !texts.isEmpty || !named.isEmpty else { return nil }
        let sequences = WordSequences(of: try text())
        func overlap(_ text: TextStream) throws -> QualityReport.CalibrationText.Overlap {
            let overlap = try sequences.overlap(with: text)
            return .init(
                wordCount: WordSequences.wordCount, sequenceCount: overlap.sequenceCount,
                sharedCount: overlap.sharedCount, samplingInterval: overlap.samplingInterval)
        }
        return try texts.map { .init(name: TextNames.short($0.path), overlap: try overlap($0)) }
            // A name from a file: it may be anything, also nothing on this machine, or a pipe.
            + named.map { name in
                .init(
                    name: Paths.name(name),
                    overlap: try? overlap(TextStream(path: InputFile(path: name).path)))
            }
    }

    /// The command with file names only: a report that is published tells no one's folders.
    var commandLine: String {
        var words = CommandLine.arguments.dropFirst().map(Paths.name)
        // A joined report says the same as one that was made at once.
        if let index = words.firstIndex(of: "--part") {
            words.removeSubrange(index...min(index + 1, words.count - 1))
        }
        words.removeAll { $0 == "--overwrite" || $0.hasPrefix("--part=") }
        return (["ingot"] + words).joined(separator: " ")
    }
}

extension Sequence where Element: Hashable {
    /// Each element once, in the order of its first place.
    fileprivate func uniqued() -> [Element] {
        var seen: Set<Element> = []
        return filter { seen.insert($0).inserted }
    }
}
