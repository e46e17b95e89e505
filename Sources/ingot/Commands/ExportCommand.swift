import ArgumentParser
import Conversion
import Evaluation
import GGUF
import Reporting
import TensorCore

/// The command `ingot export GGUF HF_DIR`.
struct ExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Write a GGUF file as a Hugging Face directory.",
        discussion: """
            Writes safetensors, config.json, the tokenizer's files and a model card that transformers \
            loads. Quantized tensors are dequantized. Converting the directory of an F16, BF16 or F32 \
            file gives the file back; where it would give another model, nothing is written. An \
            adapter (LoRA) becomes a directory of PEFT; --base names the model that it is for.

            Examples:
              ingot export model-f16.gguf my-model/
              ingot export model-Q4_K_M.gguf my-model/ --outtype bf16
            """)

    @Argument(help: "The GGUF file; of a split model, the first part.")
    var model: String

    @Argument(help: "The directory to write, which must not be there yet, or be empty.")
    var directory: String

    @Option(
        help: ArgumentHelp(
            "f32, f16, bf16, or auto: as stored, and F16 for what is quantized.",
            valueName: "type"))
    var outtype = "auto"

    @Option(
        help: ArgumentHelp(
            "The most that one file of weights holds: 500M, 5G (powers of 1000).",
            valueName: "size"))
    var maxShardSize = "5G"

    @Flag(help: "Write it although converting it back gives another model; say what changes.")
    var allowChanges = false

    @Option(
        help: ArgumentHelp(
            "For an adapter: the directory of the model that it changes.", valueName: "directory"))
    var base: String?

    @OptionGroup var options: RunOptions

    func run() throws {
        guard let type = ExportedCheckpoint.WeightType(rawValue: outtype.lowercased()) else {
            let known = ExportedCheckpoint.WeightType.allCases.map(\.rawValue)
            throw ValidationError(
                "--outtype is \(outtype), expected one of \(known.joined(separator: ", "))")
        }
        guard let shardByteCount = ByteSize.parseDecimal(maxShardSize), shardByteCount > 0
        else {
            throw ValidationError(
                "--max-shard-size is \(maxShardSize), expected a number and M or G: 5G")
        }
        let start = ContinuousClock.now
        let source = try SplitSource.open(path: model)
        if source.metadata["general.type"]?.text == "adapter" {
            return try exportAdapter(source)
        }
        for warning in TokenizerCheck.warnings(source.metadata, path: model) {
            Terminal.warning(warning.description)
        }
        let checkpoint = try ExportedCheckpoint(source, type: type)
        let line = ProgressLine(Paths.name(directory), isQuiet: options.quiet)
        let findings = try checkpoint.write(
            to: directory, shardByteCount: shardByteCount, allowsChanges: allowChanges,
            threadCount: options.threads
        ) { done, total in
            line.update(done, of: total)
        }
        line.finish()
        options.note(findings.notices)
        if findings.outOfRangeCount > 0 {
            Terminal.warning(
                "\(findings.outOfRangeCount) values are beyond F16's range and became infinite;"
                    + " use --outtype bf16 or f32")
        }
        guard !options.quiet else { return }
        let files = findings.shardCount == 1 ? "1 file" : "\(findings.shardCount) files"
        Terminal.print("\(model) → \(directory)")
        Terminal.print(
            "  \(checkpoint.className): \(checkpoint.tensorCount) tensors,"
                + " \(NumberFormat.bytes(findings.byteCount)) in \(files);"
                + " \(NumberFormat.duration(start.secondsAgo))")
    }

    private func exportAdapter(_ source: any TensorSource) throws {
        guard let base else {
            throw ValidationError(
                "\(model) is an adapter; name the directory of its base model with --base")
        }
        let adapter = try ExportedAdapter(source, base: base)
        let byteCount = try adapter.write(to: directory)
        guard !options.quiet else { return }
        Terminal.print("\(model) → \(directory)")
        Terminal.print(
            "  an adapter that changes \(adapter.changeCount) matrices,"
                + " \(NumberFormat.bytes(byteCount))")
    }
}
