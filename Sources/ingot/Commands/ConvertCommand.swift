import ArgumentParser
import Conversion
import GGUF
import Pipeline
import Quantization
import TensorCore
import Tokenization

/// The command `ingot convert HF_DIR [--outfile F] [--outtype T]`.
struct ConvertCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "convert",
        abstract: "Convert a Hugging Face directory to GGUF.",
        discussion: """
            The directory holds config.json, safetensors (one file, or shards with an index) and the \
            tokenizer's files; it may be one of the Hugging Face hub's cache (models--OWNER--NAME). \
            Weights in FP8, compressed-tensors, GPTQ, AWQ, ModelOpt and MLX are dequantized. \
            Vectors and norms stay F32 whatever the type. A directory with an adapter (LoRA of PEFT) \
            becomes an adapter's file, or with --merge a model; --mmproj writes the part of a model \
            that takes pictures or sound.

            Examples:
              ingot convert my-model/
              ingot convert my-model/ --outfile my-model-bf16.gguf --outtype bf16
              ingot convert my-model/ --outfile my-model-{ftype}.gguf --outtype auto
              ingot convert my-model/ --outtype Q4_K_M --split-max-size 4G
              ingot convert my-adapter/ --base my-model/
              ingot convert my-adapter/ --base my-model/ --merge --outtype q8_0
              ingot convert my-model/ --mmproj
              ingot convert my-model/ --outfile my-model.gguf --part 1/4
              ingot convert --check-tokenizer --dry-run my-model/
              ingot convert --dry-run --json my-model/ | jq .fileByteCount
            """)

    @Argument(help: "The model's directory, or a repository's in the hub's cache.")
    var directory: String

    @Option(
        help: ArgumentHelp(
            """
            The file to write, {ftype} and {FTYPE} standing for the type; by default, or in a \
            folder, the model's name and type.
            """, valueName: "file"))
    var outfile: String?

    @Option(
        help: ArgumentHelp(
            """
            f32, f16, bf16, q8_0, tq1_0, tq2_0, auto (the smallest float type that loses nothing), \
            or a type of `ingot quantize` (default: f16, of an adapter f32).
            """, valueName: "type"))
    var outtype: String?

    @Option(help: ArgumentHelp("The model's name in the file (general.name).", valueName: "name"))
    var modelName: String?

    @Option(
        help: ArgumentHelp(
            "A JSON object of general.* keys to be set in the file.", valueName: "file"))
    var metadata: String?

    @Option(
        help: ArgumentHelp(
            "GGUF name of the pre-tokenizer, where it cannot be told from the tokenizer.",
            valueName: "name"))
    var pre: String?

    @Flag(
        help: """
            Encode hostile texts by the directory's own definition and by the file's vocabulary first, \
            and fail where they differ; with --dry-run nothing else.
            """)
    var checkTokenizer = false

    @Option(
        help: ArgumentHelp(
            "For a type of `ingot quantize`: importance matrix to weigh the columns with.",
            valueName: "file"))
    var imatrix: String?

    @Option(
        help: ArgumentHelp(
            "For a type of `ingot quantize`: as there.", valueName: "raise|error"))
    var imatrixMissing: String?

    @Option(
        help: ArgumentHelp(
            """
            Leave out tensors of the directory whose name contains a match of this regular \
            expression; may be repeated.
            """, valueName: "pattern"))
    var ignoreTensors: [String] = []

    @Flag(help: "Write metadata and vocabulary without tensors; weights need not be there.")
    var vocabOnly = false

    @Flag(name: [.customShort("v"), .long], help: "List the tensors before they are written.")
    var verbose = false

    @Flag(help: .hidden)
    var bigendian = false

    @Flag(help: "Write the encoders of pictures and sound as a file of their own (mmproj).")
    var mmproj = false

    @OptionGroup var adapter: AdapterOptions

    @OptionGroup var parts: PartOptions

    @OptionGroup var draft: DraftOptions

    @OptionGroup var dense: DenseModuleOptions

    @OptionGroup var planning: PlanOptions

    mutating func validate() throws {
        if vocabOnly, planning.split.isWanted {
            throw ValidationError("a vocabulary has no tensors that could be split")
        }
        if bigendian {
            throw ValidationError(
                "big-endian files are not written: every current machine that runs models, and "
                    + "every common tool, reads little-endian ones")
        }
    }

    func run() throws {
        let importance = try imatrix.map { try ImportanceMatrix(path: $0) }
        let output = try plannedOutput(importance: importance)
        try planning.check([output], importance: importance)
        let options = planning.writeOptions
        let partRun = try parts.part.map {
            try PartRun(
                [output], command: "convert", part: $0, overwrites: parts.overwrite,
                importance: importance, options: options, isQuiet: planning.run.quiet)
        }
        if planning.dryRun {
            try PlanListing.show(
                [output], importance: importance, options: options, asJSON: planning.json)
            if let partRun, !planning.json { Terminal.print("  \(partRun.summary)") }
            return
        }
        if verbose { Terminal.print(lines: try PlanListing(output, options: options).lines) }
        if let partRun { return try partRun.run(importance: importance) }
        try planning.write([output], importance: importance, options: options)
    }

    private func plannedOutput(importance: ImportanceMatrix?) throws -> PlannedOutput {
        if mmproj { return try projectorOutput() }
        if adapter.isAdapter(directory), !adapter.merge { return try adapterOutput() }
        // A type that the converter does not make itself is quantized to, from F16.
        let outtype = outtype ?? OutputType.f16.rawValue
        let type = OutputType(rawValue: outtype.lowercased())
        let recipe = type == nil ? try Recipe.parse(outtype) : nil
        guard recipe != nil || importance == nil && imatrixMissing == nil else {
            throw ValidationError(
                "--imatrix and --imatrix-missing are for types of `ingot quantize`, such as IQ3_XXS"
            )
        }
        let merged = adapter.merge ? try AdapterDirectory(path: directory) : nil
        var conversion = ConversionSource.Options(
            outputType: type ?? .f16, name: modelName, pre: pre,
            metadata: try metadata.map { try MetadataFile(path: $0) },
            chatTemplate: try planning.template.load(),
            isVocabularyOnly: vocabOnly, ignoredTensors: ignoreTensors, adapter: merged,
            target: draft.targetModelDir)
        conversion.includesDenseModules = dense.includesDenseModules
        conversion.refusesDepartures = planning.strict
        let source = try ConversionSource(
            directory: merged.map { try adapter.base(of: $0) } ?? directory, options: conversion)
        planning.tell(source.notices, source.warnings)
        if checkTokenizer { try check(source) }
        let typeName = recipe?.name ?? source.outputType.rawValue
        let path = outputPath(
            for: source.metadata, folder: merged?.path ?? source.path, typeName: typeName)
        guard let recipe, !vocabOnly else {
            return try PlannedOutput(
                Plan.asDescribed(source, outputPath: path), split: planning.split)
        }
        var options = QuantizeOptions()
        options.importance = importance
        options.recipe.missingImportance = try MissingImportance(
            option: imatrixMissing, hasMatrix: importance != nil)
        let plan = try Plan.quantize(
            RoundedSource(source, allowsNonFinite: planning.allowNonfinite), recipe: recipe,
            options: options, outputPath: path)
        return try PlannedOutput(plan, split: planning.split)
    }

    /// Compares the tokenizer's definition with what the file would say.
    private func check(_ source: ConversionSource) throws {
        let result = try TokenizerCheck(source.tokenizer, metadata: source.metadata).run()
        planning.run.note(result.notices + [result.summary])
    }

    /// The path that the user named, or one of the field's naming convention,
    /// `Basename-Size-Finetune-Version-TYPE-Kind.gguf`, in the model's directory or the folder named.
    func outputPath(
        for metadata: Metadata, folder: String, typeName: String, prefix: String = "",
        kind: String? = nil
    ) -> String {
        if let outfile, !Paths.isFolder(outfile) {
            return
                outfile
                .replacing("{ftype}", with: typeName.lowercased())
                .replacing("{outtype}", with: typeName.lowercased())
                .replacing("{FTYPE}", with: typeName.uppercased())
                .replacing("{OUTTYPE}", with: typeName.uppercased())
        }
        func part(_ key: String) -> String? {
            metadata["general.\(key)"]?.text.map { text in
                String(text.map { $0 == " " || $0 == "/" ? "-" : $0 })
            }
        }
        let name = part("basename") ?? part("name") ?? "model"
        let end = vocabOnly ? ["vocab"] : [typeName.uppercased()]
        let parts = [
            prefix + name, vocabOnly || !prefix.isEmpty ? nil : part("size_label"),
            part("finetune"), part("version"),
        ]
        let folder = outfile ?? folder
        return (folder.hasSuffix("/") ? folder : folder + "/")
            + (parts.compactMap { $0 } + end + (kind.map { [$0] } ?? [])).joined(separator: "-")
            + ".gguf"
    }
}
