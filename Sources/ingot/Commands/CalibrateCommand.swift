import ArgumentParser
import Calibration
import GGUF
import Inference
import Reporting
import TensorCore

/// The command `ingot calibrate`: steps of a calibration by themselves.
struct CalibrateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "calibrate",
        abstract: "Steps of a calibration that several machines share.",
        subcommands: [CalibrateInputsCommand.self])
}

/// The command `ingot calibrate inputs IN DIR [TEXT…]`.
struct CalibrateInputsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inputs",
        abstract: "Store what a model's layers take in on calibration texts.",
        discussion: """
            Runs the texts once and stores the rows before every block, in F32: 4 bytes for each token, \
            column and block. ingot quantize --calibrate DIR then rounds by them as by the texts, to the \
            same bytes; with --part K/N each part reads the rows before its first block and needs no \
            block before it. A run that was killed is gone on with; DIR appears when it is complete.

            Examples:
              ingot calibrate inputs model-f16.gguf inputs/
              ingot calibrate inputs model-f16.gguf inputs/ mine.txt code.txt
              ingot quantize model-f16.gguf out.gguf Q4_K_M --calibrate inputs/ --part 1/8
            """)

    @Argument(help: "The GGUF file that is to be quantized; of a split model, the first part.")
    var input: String

    @Argument(help: "The folder to write.")
    var folder: String

    @Argument(help: "Calibration texts; the built-in mix without.")
    var texts: [String] = []

    @Option(
        help: ArgumentHelp("The texts, as ingot quantize takes them.", valueName: "text,…"))
    var calibrate: String?

    @Option(
        help: ArgumentHelp("As of ingot quantize.", valueName: "text,…"))
    var calibrateCheck: String?

    @Option(
        help: ArgumentHelp("As of ingot quantize.", valueName: "count"))
    var calibrateTokens: Int?

    @OptionGroup var options: RunOptions

    mutating func validate() throws {
        guard texts.isEmpty || calibrate == nil else {
            throw ValidationError("texts are named twice: behind the folder, and by --calibrate")
        }
        guard !texts.contains(where: { $0.contains(",") }) else {
            throw ValidationError("commas divide texts; name one whose name has none")
        }
    }

    func run() throws {
        var words = ["--calibrate=" + (calibrate ?? texts.joined(separator: ","))]
        if let calibrateCheck { words.append("--calibrate-check=\(calibrateCheck)") }
        if let calibrateTokens { words.append("--calibrate-tokens=\(calibrateTokens)") }
        let source = try SplitSource.open(path: input)
        guard let calibration = try CalibrateOptions.parse(words).load(for: source) else { return }
        let line = ProgressLine("inputs", isQuiet: options.quiet)
        defer { line.finish() }
        try StoredInputs.write(
            Model(source: source), windows: calibration.windows, sources: calibration.sources,
            version: Ingot.version, to: folder, pool: options.pool
        ) { done, all in
            line.update(done, of: all, detail: "block \(done)/\(all)")
        }
        line.finish()
        guard !options.quiet else { return }
        Terminal.print(
            "\(folder): \(NumberFormat.count(calibration.windows.tokenCount)) tokens before every"
                + " block")
    }
}
