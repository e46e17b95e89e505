import ArgumentParser
import Calibration
import Evaluation
import GGUF
import Inference
import Parts
import Reporting
import TensorCore

/// The command `ingot imatrix MODEL -f TEXT -o imatrix.gguf`.
struct ImatrixCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "imatrix",
        abstract: "Make an importance matrix from calibration text.",
        discussion: """
            Sums the squares of what every linear layer takes in, per expert where there are \
            experts, in llama-imatrix's GGUF form: either tool's quantizer takes it. Under a name that \
            ends in .dat, or with --output-format dat, it is the older binary form. Files of earlier \
            runs are added with --in-file; without a model they are only added to each other.

            Without -f the text is the built-in mix of prose, code, conversations, many languages and \
            random tokens: 65,536 tokens of it, or as many windows as --chunks says (-1 for all).

            Examples:
              ingot imatrix model-f16.gguf -o imatrix.gguf
              ingot imatrix model-f16.gguf -f calibration.txt -o imatrix.gguf
              ingot imatrix model-f16.gguf -f more.txt --in-file imatrix.gguf -o both.gguf
              ingot imatrix model-f16.gguf -f calibration.txt -o imatrix.gguf --part 3/8
              ingot imatrix --in-file a.gguf --in-file b.gguf -o both.gguf
              ingot imatrix --in-file imatrix.gguf -o imatrix.dat
              ingot imatrix --in-file imatrix.gguf --show-statistics
            """)

    @Argument(help: "The GGUF file; of a split model, the first part.")
    var model: String?

    @Option(
        name: [.customShort("m"), .customLong("model")],
        help: ArgumentHelp("The GGUF file, where a script names it by option.", valueName: "file"))
    var modelOption: String?

    @OptionGroup var options: EvaluationOptions

    @Option(
        name: [.customShort("o"), .customLong("output"), .customLong("output-file")],
        help: ArgumentHelp("The file to write.", valueName: "file"))
    var output = "imatrix.gguf"

    @Option(
        help: ArgumentHelp(
            "gguf, or dat for the older binary form. (default: what the name ends in, else gguf)",
            valueName: "gguf|dat"),
        transform: { text in
            guard let form = ImportanceSums.Form(rawValue: text) else {
                throw ValidationError("--output-format is \(text), expected gguf or dat")
            }
            return form
        })
    var outputFormat: ImportanceSums.Form?

    @Option(
        help: ArgumentHelp(
            "An importance matrix of an earlier run to add to, GGUF or .dat; may be given again, or"
                + " several with commas between.", valueName: "file"))
    var inFile: [String] = []

    @Flag(
        help: """
            Show what the file of --in-file says of every tensor and layer, and make none; with \
            --json as one JSON object.
            """)
    var showStatistics = false

    @Flag(help: "With --show-statistics: print one JSON object.")
    var json = false

    @Flag(
        inversion: .prefixedNo,
        help: .init("Perplexity is not measured on the way.", visibility: .hidden))
    var ppl = false

    @Flag(help: "Gather for output.weight too.")
    var processOutput = false

    @Option(
        help: ArgumentHelp(
            "What linear layers take in: q8 rounded as engines do, so that a token reaches the"
                + " experts that it reaches there; f32 as it is. What is summed is never rounded."
                + " (default: q8)", valueName: "f32|q8"), transform: Activations.named)
    var activations = Activations.q8

    @Option(
        name: [.customLong("from-chunk"), .customLong("chunk")],
        help: ArgumentHelp("Leave out so many windows at the start.", valueName: "count"))
    var fromChunk = 0

    @Option(
        name: [.customLong("output-frequency"), .customLong("ofreq")],
        help: ArgumentHelp("Write the file after every so many windows.", valueName: "count"))
    var outputFrequency = 10

    @Option(
        help: ArgumentHelp(
            "After every so many windows write a copy too, FILE.at_WINDOWS; 0 for never.",
            valueName: "count"))
    var saveFrequency = 0

    @OptionGroup var parts: PartOptions

    /// How much of the built-in mix is run without further word.
    private static let mixTokenCount = 1 << 16

    private var modelPath: String? { model ?? modelOption }

    mutating func validate() throws {
        guard model == nil || modelOption == nil else {
            throw ValidationError("expected one model: MODEL.gguf or -m MODEL.gguf")
        }
        guard !ppl else {
            throw ValidationError(
                "--ppl: perplexity is not measured on the way; ingot perplexity does it")
        }
        guard showStatistics || !json else {
            throw ValidationError("--json says how --show-statistics prints; it is missing")
        }
        if showStatistics {
            guard modelPath == nil, options.texts.isEmpty, earlierFiles.count == 1 else {
                throw ValidationError(
                    "--show-statistics is of one file: --in-file imatrix.gguf, without a model")
            }
        } else if modelPath == nil, inFile.isEmpty || !options.texts.isEmpty {
            throw ValidationError("expected MODEL.gguf, or files to add: --in-file")
        }
        guard parts.part == nil || modelPath != nil && inFile.isEmpty && saveFrequency == 0 else {
            throw ValidationError(
                "--part is of a model's windows: --in-file is for what ingot join writes, and"
                    + " --save-frequency does not go with it")
        }
        guard fromChunk >= 0, outputFrequency >= 1, saveFrequency >= 0 else {
            throw ValidationError(
                "--from-chunk and --save-frequency are at least 0, --output-frequency at least 1")
        }
    }

    /// The files of earlier runs; commas divide names that are none of a file.
    private var earlierFiles: [String] {
        inFile.flatMap { name in
            FileIdentity(path: name) == nil && name.contains(",")
                ? name.split(separator: ",").map(String.init) : [name]
        }
    }

    private var form: ImportanceSums.Form { outputFormat ?? .init(path: output) }

    func run() throws {
        if showStatistics { return try listStatistics() }
        if outputFormat == nil, form == .gguf, !output.hasSuffix(".gguf"), !options.quiet {
            Terminal.note(
                "\(output) is in GGUF form, whatever its name; --output-format dat writes the older"
                    + " form")
        }
        var sums = ImportanceSums(chunkSize: options.context)
        let model = try modelPath.map { try Model(path: $0) }
        if let part = parts.part, let model { return try gather(part, of: model) }
        for (number, path) in earlierFiles.enumerated() {
            let earlier = try ImportanceSums(path: path, legacyChunkSize: options.context)
            if model == nil, number == 0 { sums.chunkSize = earlier.chunkSize }
            var warnings = try sums.warnings(adding: earlier, path: path)
            if let model {
                warnings += try earlier.check(
                    with: model.source.tensors, model: model.path, path: path)
                if number == 0, earlier.chunkSize != sums.chunkSize {
                    warnings.append(
                        .otherWindows(
                            path: path, found: earlier.chunkSize, expected: sums.chunkSize))
                }
            }
            Terminal.warnings(warnings)
            try sums.add(earlier, path: path)
        }
        if let model { try calibrate(model, &sums) }
        try sums.write(to: output, as: form)
        Terminal.warnings(ImatrixCommand.warnings(sums))
        Terminal.print(
            "\(output): \(sums.entries.count) tensors, \(NumberFormat.counted(sums.chunkCount, "window")) of"
                + " \(sums.chunkSize)")
    }

    private func listStatistics() throws {
        let path = earlierFiles[0]
        let sums = try ImportanceSums(path: path, legacyChunkSize: options.context)
        let listing = ImportanceListing(ImportanceStatistics(sums), file: path)
        try Terminal.show(listing, asJSON: json, lines: listing.lines)
    }

    private func calibrate(_ model: Model, _ sums: inout ImportanceSums) throws {
        let text = try windows(for: model).windows
        let end = try range(of: text).upperBound
        let calibration = try Calibration(
            model: model, includesOutput: processOutput, activations: activations,
            pool: options.pool)
        Terminal.warnings(text.contextWarnings([model]))
        let before = sums
        var checked = before.entries.isEmpty
        let line = ProgressLine("imatrix", isQuiet: options.quiet)
        defer { line.finish() }
        let perBatch = max(1, calibration.batchTokenCount / text.contextLength)
        var done = fromChunk
        while done < end {
            var count = min(perBatch, end - done)
            // Copies are of exact numbers of windows.
            if saveFrequency > 0 {
                count = min(count, saveFrequency - (done - fromChunk) % saveFrequency)
            }
            try calibration.add((done..<done + count).map { text.window($0) })
            let windows = done + count - fromChunk
            let own = ImportanceSums(
                entries: calibration.entries, datasets: textNames, chunkCount: windows,
                chunkSize: text.contextLength)
            if !checked {
                for warning in try own.warnings(
                    adding: before, path: inFile.joined(separator: ", "))
                where warning.isOfColumns { Terminal.warning(warning.description) }
                checked = true
            }
            sums = before
            try sums.add(own, path: model.path)
            if (windows - count) / outputFrequency < windows / outputFrequency, done + count < end {
                try sums.write(to: output, as: form)
            }
            if saveFrequency > 0, windows % saveFrequency == 0 {
                try sums.write(to: "\(output).at_\(windows)", as: form)
            }
            done += count
            line.update(
                windows, of: end - fromChunk, detail: "window \(windows)/\(end - fromChunk)")
        }
        line.finish()
    }

    /// Runs the windows of a part.
    private func gather(_ part: PartNumber, of model: Model) throws {
        let (text, source) = try windows(for: model)
        let gathering = try GatheringRun(
            command: "imatrix", part: part, output: output, files: model.source.files,
            text: source, windows: text, range: range(of: text),
            options: [
                ("activations", activations.rawValue), ("output", "\(processOutput)"),
                ("form", form.rawValue),
            ], isQuiet: options.quiet)
        guard !gathering.isComplete(overwriting: parts.overwrite) else { return }
        Terminal.warnings(text.contextWarnings([model]))
        let calibration = try Calibration(
            model: model, includesOutput: processOutput, activations: activations,
            pool: options.pool)
        let line = ProgressLine("imatrix", isQuiet: options.quiet)
        defer { line.finish() }
        let (windows, perBatch) = (
            gathering.windows, max(1, calibration.batchTokenCount / text.contextLength)
        )
        for first in stride(from: windows.lowerBound, to: windows.upperBound, by: perBatch) {
            let batch = first..<min(first + perBatch, windows.upperBound)
            try calibration.add(batch.map { text.window($0) })
            let done = batch.upperBound - windows.lowerBound
            line.update(done, of: windows.count, detail: "window \(done)/\(windows.count)")
        }
        line.finish()
        try gathering.finish(
            head: ImportanceHead(
                texts: textNames, windows: windows.count, contextLength: text.contextLength,
                form: form.rawValue), body: calibration.gathered.bytes)
    }

    /// The windows that are run.
    private func range(of text: EvaluationText) throws -> Range<Int> {
        guard fromChunk < text.windowCount else {
            throw EvaluationError(
                .textTooShort(
                    tokens: text.tokenCount, contextLength: (fromChunk + 1) * text.contextLength),
                path: textNames.joined(separator: " + "))
        }
        let limit = options.chunks.flatMap { $0 > 0 ? $0 : nil } ?? Int.max
        return
            fromChunk..<(limit < text.windowCount - fromChunk
            ? fromChunk + limit : text.windowCount)
    }

    /// The names of the texts.
    private var textNames: [String] {
        options.texts.isEmpty ? [CalibrationMix.name] : options.textNames
    }

    /// The text in windows, those to be left out included; without a text the built-in mix.
    private func windows(
        for model: Model
    ) throws -> (windows: EvaluationText, source: PartSource?) {
        guard options.texts.isEmpty else {
            let text = try options.allWindows.text(for: model)
            return (text.windows, text.source(named: options.textName))
        }
        let count = options.chunks ?? max(1, Self.mixTokenCount / max(1, options.context))
        let mix = try MixWindows(
            for: model, options: options,
            limit: count == -1 ? nil : min(count, 1 << 31) + min(fromChunk, 1 << 31))
        if !options.quiet { Terminal.note(mix.note) }
        return (mix.windows, nil)
    }

    /// Experts that the text never reached; those of a layer's tensors in one sentence.
    static func warnings(_ sums: ImportanceSums) -> [String] {
        let all = Calibration.unreached(in: sums.entries)
        guard !all.isEmpty else { return [] }
        let lines = all.prefix(20).map { unreached in
            let shown = unreached.experts.prefix(16).map(String.init).joined(separator: ", ")
            return "\(unreached.tensor): the text never reached \(unreached.experts.count) of"
                + " \(unreached.expertCount) experts: \(shown)"
                + (unreached.experts.count > 16 ? ", …" : "")
        }
        let more = all.count > 20 ? ["… and experts of \(all.count - 20) more tensors"] : []
        return lines + more + [
            "experts never reached are quantized as if all their columns weighed the same;"
                + " a longer or more varied text may reach them"
        ]
    }
}

extension EvaluationOptions {
    /// The same options for all windows of the text.
    fileprivate var allWindows: EvaluationOptions {
        var options = self
        options.chunks = nil
        return options
    }
}
