import ArgumentParser
import Calibration
import Evaluation
import GGUF
import Inference
import TensorCore

/// The command `ingot imatrix MODEL -f TEXT -o imatrix.gguf`.
struct ImatrixCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "imatrix",
        abstract: "Make an importance matrix from calibration text.",
        discussion: """
            Sums the squares of what every linear layer takes in, per expert where there are
            experts, in llama-imatrix's GGUF form: either tool's quantizer takes it. Files of earlier
            runs are added with --in-file; without a model they are only added to each other.

            Examples:
              ingot imatrix model-f16.gguf -f calibration.txt -o imatrix.gguf
              ingot imatrix model-f16.gguf -f more.txt --in-file imatrix.gguf -o both.gguf
              ingot imatrix --in-file a.gguf --in-file b.gguf -o both.gguf
            """)

    @Argument(help: "The GGUF file.")
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
            "An importance matrix of an earlier run to add to, GGUF or .dat; may be given again.",
            valueName: "file"))
    var inFile: [String] = []

    @Flag(help: "Gather for output.weight too.")
    var processOutput = false

    @Option(
        help: ArgumentHelp(
            "What linear layers take in: q8 rounded as engines do, so that a token reaches the"
                + " experts that it reaches there; f32 as it is. What is summed is never rounded."
                + " (default: q8)", valueName: "f32|q8"), transform: Activations.named)
    var activations = Activations.q8

    @Flag(help: "The texts of control tokens in the text become those tokens.")
    var parseSpecial = false

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

    private var modelPath: String? { model ?? modelOption }

    mutating func validate() throws {
        guard model == nil || modelOption == nil else {
            throw ValidationError("expected one model: MODEL.gguf or -m MODEL.gguf")
        }
        if modelPath != nil {
            try options.requireText()
        } else if inFile.isEmpty || !options.texts.isEmpty {
            throw ValidationError("expected MODEL.gguf and -f TEXT, or files to add: --in-file")
        }
        guard fromChunk >= 0, outputFrequency >= 1, saveFrequency >= 0 else {
            throw ValidationError(
                "--from-chunk and --save-frequency are at least 0, --output-frequency at least 1")
        }
    }

    func run() throws {
        var sums = ImportanceSums(chunkSize: options.context)
        for path in inFile {
            let earlier = try ImportanceSums(path: path, legacyChunkSize: options.context)
            if modelPath == nil, path == inFile[0] { sums.chunkSize = earlier.chunkSize }
            try sums.add(earlier, path: path)
        }
        if let modelPath {
            try calibrate(Model(path: modelPath), &sums)
        }
        try sums.write(to: output)
        for warning in ImatrixCommand.warnings(sums) { Terminal.warning(warning) }
        Terminal.print(
            "\(output): \(sums.entries.count) tensors, \(Numbers.counted(sums.chunkCount, "window")) of"
                + " \(sums.chunkSize)")
    }

    private func calibrate(_ model: Model, _ sums: inout ImportanceSums) throws {
        let text = try options.allWindows.text(for: model, parseSpecial: parseSpecial).windows
        guard fromChunk < text.windowCount else {
            throw EvaluationError(
                .textTooShort(
                    tokens: text.tokenCount, contextLength: (fromChunk + 1) * text.contextLength),
                path: options.texts.joined(separator: " + "))
        }
        let limit = options.chunks.flatMap { $0 > 0 ? $0 : nil } ?? Int.max
        let end = limit < text.windowCount - fromChunk ? fromChunk + limit : text.windowCount
        let calibration = try Calibration(
            model: model, includesOutput: processOutput, activations: activations,
            pool: options.pool)
        let before = sums
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
            sums = before
            try sums.add(
                ImportanceSums(
                    entries: calibration.entries, datasets: options.texts.map(Paths.name),
                    chunkCount: windows, chunkSize: text.contextLength), path: model.path)
            if (windows - count) / outputFrequency < windows / outputFrequency, done + count < end {
                try sums.write(to: output)
            }
            if saveFrequency > 0, windows % saveFrequency == 0 {
                try sums.write(to: "\(output).at_\(windows)")
            }
            done += count
            line.update(
                windows, of: end - fromChunk, detail: "window \(windows)/\(end - fromChunk)")
        }
        line.finish()
        for warning in text.warnings + text.contextWarnings([model]) {
            Terminal.warning(warning.description)
        }
    }

    /// Experts that the text never reached; those of a layer's tensors in one sentence.
    private static func warnings(_ sums: ImportanceSums) -> [String] {
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
