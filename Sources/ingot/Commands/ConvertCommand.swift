import ArgumentParser
import Conversion
import GGUF
import Pipeline
import TensorCore

/// The command `ingot convert HF_DIR [--outfile F] [--outtype T]`.
struct ConvertCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "convert",
        abstract: "Convert a Hugging Face directory to GGUF.",
        discussion: """
            The directory holds config.json, safetensors (one file, or shards with an index) and the
            tokenizer's files. Vectors and norms stay F32 whatever the type.

            Examples:
              ingot convert my-model/
              ingot convert my-model/ --outfile my-model-bf16.gguf --outtype bf16
            """)

    @Argument(help: "The model's directory.")
    var directory: String

    @Option(
        help: ArgumentHelp(
            "The file to write; by default the model's name and type, in its directory.",
            valueName: "file"))
    var outfile: String?

    @Option(
        help: ArgumentHelp(
            "f32, f16, bf16, q8_0, or auto: the 16-bit type that the checkpoint has.",
            valueName: "type"))
    var outtype = "f16"

    @Option(help: ArgumentHelp("The model's name in the file (general.name).", valueName: "name"))
    var modelName: String?

    @Option(
        help: ArgumentHelp(
            "GGUF name of the pre-tokenizer, where it cannot be told from the tokenizer.",
            valueName: "name"))
    var pre: String?

    @Flag(help: "Write tensors with NaN or infinity all the same; say how many there are.")
    var allowNonfinite = false

    @Option(name: [.customShort("t"), .long], help: "Threads; one per processor by default.")
    var threads: Int?

    @Flag(name: [.customShort("q"), .long], help: "Say nothing but errors and warnings.")
    var quiet = false

    mutating func validate() throws {
        if let threads, !(1...1024).contains(threads) {
            throw ValidationError("\(threads) threads asked for, expected 1 to 1024")
        }
    }

    func run() throws {
        guard let type = OutputType(rawValue: outtype.lowercased()) else {
            let known = OutputType.allCases.map(\.rawValue).joined(separator: ", ")
            throw ValidationError("--outtype is \(outtype), expected one of \(known)")
        }
        let source = try ConversionSource(
            directory: directory,
            options: .init(outputType: type, name: modelName, pre: pre))
        for notice in source.notices where !quiet { Terminal.note(notice) }
        let plan = try Plan.asDescribed(
            source, outputPath: outfile ?? ConvertCommand.defaultPath(for: source))
        let start = Clock.seconds()
        let findings = try Writing.write(
            plan, threadCount: threads, allowsNonFinite: allowNonfinite, isQuiet: quiet)
        if !quiet {
            for line in Writing.summary(of: plan, seconds: Clock.seconds() - start) {
                Terminal.print(line)
            }
        }
        for warning in Writing.warnings(of: plan, findings: findings) { Terminal.warning(warning) }
    }

    /// The field's naming convention: `Basename-Size-Finetune-Version-TYPE.gguf`, in the model's
    /// directory.
    private static func defaultPath(for source: ConversionSource) -> String {
        func part(_ key: String) -> String? {
            source.metadata["general.\(key)"]?.text.map { text in
                String(text.map { $0 == " " || $0 == "/" ? "-" : $0 })
            }
        }
        let name = part("basename") ?? part("name") ?? "model"
        let type = source.outputType.rawValue.uppercased()
        let parts = [name, part("size_label"), part("finetune"), part("version"), type]
        let folder = source.path.hasSuffix("/") ? source.path : source.path + "/"
        return folder + parts.compactMap { $0 }.joined(separator: "-") + ".gguf"
    }
}
