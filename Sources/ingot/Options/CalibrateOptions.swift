import ArgumentParser
import Architectures
import Calibration
import Evaluation
import GGUF
import Inference
import Pipeline
import Quantization
import Reporting
import Synchronization
import TensorCore
import Tokenization

/// How `quantize` rounds by what layers take in.
struct CalibrateOptions: ParsableArguments {
    @Option(
        defaultAsFlag: "", parsing: .next,
        help: ArgumentHelp(
            """
            Round with error feedback (GPTQ) by what the model's layers take in on these texts, \
            separated by commas, or by what ingot calibrate inputs stored of them in a folder. \
            Without TEXT, as the last word: on a built-in mix.
            """, valueName: "text,…"))
    var calibrate: String?

    @Option(
        help: ArgumentHelp(
            """
            With --calibrate: texts of other domains, separated by commas. They decide how far \
            what was learned is trusted. (default: the built-in mix)
            """, valueName: "text,…"))
    var calibrateCheck: String?

    @Option(
        help: ArgumentHelp(
            """
            With --calibrate: fast rounds with feedback alone, normal also finds block scales \
            again in the metric of the feedback, best searches longer and tunes the norms to the \
            original's predictions. (default: normal)
            """, valueName: "fast|normal|best"),
        transform: { text in
            guard let effort = RoundingEffort(rawValue: text) else {
                throw ValidationError("--effort is \(text), expected fast, normal or best")
            }
            return effort
        })
    var effort: RoundingEffort?

    @Option(
        help: ArgumentHelp(
            "With --calibrate: the most tokens of the texts that are used.", valueName: "count"))
    var calibrateTokens: Int?

    mutating func validate() throws {
        if calibrate == nil {
            for (name, isGiven) in [
                ("--calibrate-check", calibrateCheck != nil), ("--effort", effort != nil),
                ("--calibrate-tokens", calibrateTokens != nil),
            ] where isGiven {
                throw ValidationError("\(name) says how --calibrate works; it is missing")
            }
        }
        if let calibrateTokens, calibrateTokens < CalibrateOptions.windowLength * 4 {
            throw ValidationError(
                "--calibrate-tokens is \(calibrateTokens), expected at least"
                    + " \(CalibrateOptions.windowLength * 4)")
        }
        if let text = calibrate, text.lowercased().hasSuffix(".gguf") {
            throw ValidationError(
                "--calibrate takes the word behind it as a text, and \(text) is a model; put"
                    + " --calibrate last, or write --calibrate=TEXT")
        }
    }

    /// Tokens of a window.
    static let windowLength = 512
    /// Tokens that are used where nobody says.
    static let usualTokenCount = 16_384

    /// The files that are read.
    var texts: [String] {
        [calibrate, calibrateCheck].compactMap { $0 }
            .flatMap { $0.split(separator: ",").map(String.init) }
            .filter { !StoredInputs.isAt($0) }
    }

    /// Reads the texts and tokenizes them for the model; `nil` without `--calibrate`.
    func load(for source: any TensorSource) throws -> LoadedCalibration? {
        guard let calibrate else { return nil }
        let model = try Model(source: source)
        if StoredInputs.isAt(calibrate) { return try stored(calibrate, for: model) }
        let vocabulary = try Vocabulary(metadata: source.metadata, file: source.path)
        let tokenizer = try Tokenizer(vocabulary: vocabulary)
        for warning in TokenizerCheck.warnings(source.metadata, path: source.path) {
            Terminal.warning(warning.description)
        }
        let budget = calibrateTokens ?? CalibrateOptions.usualTokenCount
        // A file may tell no context, or a useless one.
        let length =
            model.contextLength < 16
            ? CalibrateOptions.windowLength
            : min(CalibrateOptions.windowLength, model.contextLength)
        func tokens(
            _ documents: [CalibrationDocument], budget: Int, randomShare: Double
        ) throws -> CalibrationTokens {
            let tokens = try CalibrationTokens(
                documents: documents, tokenizer: tokenizer,
                options: .init(
                    rowLength: length, tokenBudget: budget, randomShare: randomShare),
                chat: CalibrationTokens.chat(of: source.metadata, warn: Terminal.warning))
            for name in tokens.unused {
                Terminal.warning("\(name) is shorter than a row of \(length) tokens and not used")
            }
            return tokens
        }
        let own = try CalibrateOptions.documents(calibrate)
        let mix = try CalibrationMix.documents()
        let fitting =
            try own.isEmpty
            ? tokens(mix.filter { $0.use == .calibration }, budget: budget, randomShare: 0.1)
            : tokens(own, budget: budget, randomShare: 0)
        let checking =
            try calibrateCheck.map { try CalibrateOptions.documents($0) }
            ?? (own.isEmpty ? mix.filter { $0.use == .validation } : mix)
        let validation = try tokens(checking, budget: budget / 3, randomShare: 0)
        let windows = CalibrationWindows(fitting: fitting, validation: validation)
        return LoadedCalibration(
            windows: windows, effort: effort ?? .normal,
            sources: fitting.sources + validation.sources.filter { !fitting.sources.contains($0) },
            tensors: CalibratedRounding.observedTensors(of: model))
    }

    /// What was stored of a calibration.
    private func stored(_ folder: String, for model: Model) throws -> LoadedCalibration {
        guard calibrateCheck == nil, calibrateTokens == nil else {
            throw ValidationError(
                "\(folder) has the texts' tokens: --calibrate-check and --calibrate-tokens are for"
                    + " ingot calibrate inputs")
        }
        let inputs = try StoredInputs(folder: folder, for: model)
        return LoadedCalibration(
            windows: inputs.windows, effort: effort ?? .normal, sources: inputs.sources,
            tensors: CalibratedRounding.observedTensors(of: model), inputs: inputs)
    }

    private static func documents(_ list: String) throws -> [CalibrationDocument] {
        try list.split(separator: ",").map { path in
            let contents = try TextFiles.contents(paths: [String(path)])
            for warning in contents.warnings { Terminal.warning(warning.description) }
            return CalibrationDocument(
                name: TextNames.short(String(path)), text: contents.bytes)
        }
    }
}

/// Texts that a model is calibrated with.
struct LoadedCalibration {
    let windows: CalibrationWindows
    let effort: RoundingEffort
    let sources: [CalibrationTokens.Source]
    /// The tensors whose inputs can be observed.
    let tensors: Set<String>
    /// What layers take in, where it is stored.
    var inputs: StoredInputs?

    /// The texts of the user's that a file says it was calibrated on.
    static func texts(of source: any TensorSource) -> [String] {
        (ProvenanceRecord.Calibration(source.metadata)?.texts ?? []).map(\.name)
            .filter { $0 != CalibrationMix.name }
    }

    /// Sets the rounding of what the plans write, in stretches of columns so narrow that the limit of
    /// memory is kept where there is one.
    ///
    /// - Throws: `PipelineError` where it cannot be kept.
    func round(_ plans: [Plan], with options: inout WriteOptions) throws -> CalibratedRounding {
        let pool = WorkerPool(threadCount: options.threadCount)
        func rounding(_ width: Int) throws -> CalibratedRounding {
            let rounding = try CalibratedRounding(
                plans, windows: windows, effort: effort, segmentWidth: width, stored: inputs,
                pool: pool)
            options.rounding = rounding
            return rounding
        }
        guard options.memoryLimit != nil else { return try rounding(ColumnSegments.usualWidth) }
        for width in ColumnSegments.widths.dropLast() {
            let made = try rounding(width)
            if (try? PlanWriter.memoryByteCount(of: plans, options: options)) != nil { return made }
        }
        let narrowest = try rounding(ColumnSegments.widths[ColumnSegments.widths.count - 1])
        _ = try PlanWriter.memoryByteCount(of: plans, options: options)
        return narrowest
    }

    /// What distils the norms of written files, with effort `best`.
    func finishing(
        of source: any TensorSource, threads: Int?, isQuiet: Bool
    ) throws -> NormFinishing? {
        guard effort == .best else { return nil }
        if let obstacle = try NormFinishing.obstacle(in: source) {
            if !isQuiet { Terminal.note("norms stay as they are: no way back through \(obstacle)") }
            return nil
        }
        let lines = Mutex<[String: ProgressLine]>([:])
        return NormFinishing(windows, pool: WorkerPool(threadCount: threads)) { path, done, count in
            let line = lines.withLock { lines in
                let line =
                    lines[path] ?? ProgressLine("norms of \(Paths.name(path))", isQuiet: isQuiet)
                lines[path] = line
                return line
            }
            line.update(done, of: count, detail: "step \(done)/\(count)")
            if done == count { line.finish() }
        }
    }

    /// How the files were made, for their records.
    var record: ProvenanceRecord.Calibration {
        .init(
            texts: sources.map { .init(name: $0.name, sha256: $0.sha256) },
            tokenCount: windows.tokenCount, effort: effort.rawValue)
    }

    /// What the files say of it.
    var metadata: [MetadataOverride] {
        [
            MetadataOverride(
                key: CalibrationNote.key,
                value: CalibrationNote.value(record, toolVersion: Ingot.version))
        ]
    }
}
