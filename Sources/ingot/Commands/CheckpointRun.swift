import ArgumentParser
import Calibration
import Checkpoints
import Conversion
import GGUF
import Pipeline
import Quantization
import Reporting
import TensorCore

/// `ingot quantize IN OUT_DIR/ TYPE` for a type of directories for GPU engines.
struct CheckpointRun {
    let input: String
    let output: String
    let form: CheckpointForm
    let scope: WeightGrid.Scope?
    let threads: Int?

    /// Reads the words; `nil` when they name no such type.
    init?(_ words: [String], threads: Int?) throws {
        for word in words.dropFirst() {
            if Recipe.named(word) == nil, let fault = CheckpointForm.groupFault(in: word) {
                throw ValidationError(fault)
            }
        }
        guard
            let place = words.indices.dropFirst().first(where: {
                Recipe.named(words[$0]) == nil && CheckpointForm.named(words[$0]) != nil
            }), let found = CheckpointForm.named(words[place])
        else { return nil }
        let name = found.form.name
        var rest = words
        var threads = threads
        if words.count > place + 1, let count = Int(words[words.count - 1]) {
            threads = count == 0 ? threads : count
            rest.removeLast()
        }
        guard rest.count <= place + 1 else {
            throw ValidationError(
                "\(rest[place + 1]) follows \(name), which is written by itself: one type a run")
        }
        guard place <= 2 else {
            throw ValidationError("expected IN OUT_DIR/ \(name), found more words")
        }
        if let threads, !(1...1024).contains(threads) {
            throw ValidationError("\(threads) threads asked for, expected 1 to 1024")
        }
        input = words[0]
        form = found.form
        scope = found.scope
        self.threads = threads
        if place == 2 {
            output = words[1]
        } else {
            let stem = QuantizeRequest.stem(of: words[0])
            output = "\(stem)-\(name)"
        }
        guard !output.lowercased().hasSuffix(".gguf") else {
            throw ValidationError(
                "\(name) is a type of directories and \(output) a file; name a directory, or a type"
                    + " of GGUF: Q4_K_M")
        }
    }

    /// Plans, calibrates, writes.
    func run(_ command: QuantizeCommand) throws {
        try refuseOthers(command)
        let start = ContinuousClock.now
        let run = command.planning.run
        let model = try CheckpointModel(at: input, ignoredTensors: command.ignoreTensors)
        run.note(model.notices)
        Terminal.warnings(model.warnings)
        let options = try command.checkpoint.plan(
            scope: scope, allowsRequantization: command.allowRequantize)
        let plan = try CheckpointPlan(model, form: form, options: options)
        try tell(plan.unmatchedPatterns, isStrict: command.planning.strict)
        if command.planning.dryRun {
            return Terminal.print(
                lines: command.planning.json
                    ? [CheckpointListing.json(plan, output: output)]
                    : CheckpointListing.lines(plan, output: output))
        }
        try OutputDirectory.check(path: output)
        var writing = CheckpointWriter.Options()
        writing.shardByteCount = try command.checkpoint.shardByteCount()
        writing.threadCount = threads
        writing.toolVersion = Ingot.version
        let calibration = try calibrate(plan, command)
        if calibration != nil {
            Terminal.warnings(
                model.conversion.departures.map { "calibrated as a GGUF file would run: \($0)" })
        }
        let line = ProgressLine(Paths.name(output), isQuiet: run.quiet)
        let findings = try CheckpointWriter.write(
            plan, to: output, options: writing, calibration: calibration
        ) { done, total in
            line.update(done, of: total)
        }
        line.finish()
        guard !run.quiet else { return }
        if let outcome = calibration?.outcome { CalibrationListing.show(outcome) }
        Terminal.print("\(input) → \(output)")
        Terminal.print(
            lines: CheckpointListing.conclusion(
                plan, findings, seconds: start.secondsAgo))
    }

    /// Says which patterns of --ignore occur in no name.
    private func tell(_ patterns: [String], isStrict: Bool) throws {
        for pattern in patterns {
            let text = "--ignore \(pattern): no tensor has such a name"
            if isStrict { throw ValidationError(text) }
            Terminal.warning(text)
        }
    }

    private func calibrate(
        _ plan: CheckpointPlan, _ command: QuantizeCommand
    ) throws -> CheckpointCalibration? {
        let source = plan.model.conversion
        guard let loaded = try command.calibration.load(for: source) else {
            if plan.needsText {
                throw CheckpointError.needsText(of: plan)
            }
            if case .none = plan.form.calibration {
            } else if !command.planning.run.quiet {
                Terminal.note("rounded to nearest; --calibrate loses far less at 4 bits")
            }
            return nil
        }
        if case .none = plan.form.calibration, !plan.needsText {
            Terminal.warning(
                "\(plan.form.name) has nothing to calibrate and is rounded to nearest")
            return nil
        }
        return try CheckpointCalibration(
            plan, windows: loaded.windows, effort: loaded.effort,
            texts: loaded.sources.map(\.name), threadCount: threads)
    }

    /// Options that say something about GGUF files.
    private func refuseOthers(_ command: QuantizeCommand) throws {
        let given: [(Bool, String)] = [
            (command.imatrix != nil, "--imatrix"), (!command.tensorType.isEmpty, "--tensor-type"),
            (!command.tensorTypeFile.isEmpty, "--tensor-type-file"),
            (command.outputTensorType != nil, "--output-tensor-type"),
            (command.tokenEmbeddingType != nil, "--token-embedding-type"),
            (command.pure, "--pure"), (!command.overrideKv.isEmpty, "--override-kv"),
            (command.pruneLayers != nil, "--prune-layers"), (command.keepSplit, "--keep-split"),
            (command.outtype != nil, "--outtype"), (command.pre != nil, "--pre"),
            (command.verify, "--verify"), (command.provenance, "--provenance"),
            (command.resume, "--resume"), (command.maxMemory != nil, "--max-memory"),
            (command.planning.split.isWanted, "--split-max-size"),
            (command.planning.allowNonfinite, "--allow-nonfinite"),
            (command.planning.template.chatTemplate != nil, "--chat-template"),
            (command.parts.part != nil, "--part"), (command.parts.overwrite, "--overwrite"),
            (command.imatrixMissing != nil, "--imatrix-missing"),
        ]
        if let (_, name) = given.first(where: \.0) {
            throw ValidationError(
                "\(name) is for GGUF files; \(form.name) is written as a directory")
        }
    }
}

extension CheckpointModel {
    /// Opens a directory or a GGUF file.
    init(at path: String, ignoredTensors: [String]) throws {
        self =
            try Paths.isFolder(path)
            ? CheckpointModel(directory: path, ignoredTensors: ignoredTensors)
            : CheckpointModel(gguf: SplitSource.open(path: path))
    }
}
