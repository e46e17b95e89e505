import ArgumentParser
import Calibration
import Checkpoints
import Conversion
import GGUF
import Pipeline
import Quantization
import Reporting
import TensorCore

/// The command `ingot quantize IN [OUT.gguf] TYPE [THREADS]`.
struct QuantizeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "quantize",
        abstract: "Quantize a GGUF file or a Hugging Face directory.",
        usage: """
            ingot quantize [options] IN [OUT.gguf] TYPE [THREADS]
            ingot quantize [options] IN FOLDER/ TYPE TYPE …
            ingot quantize [options] --target-size SIZE IN [OUT.gguf] [TYPE] [THREADS]
            ingot quantize [options] IN OUT_DIR/ W4A16|FP8_DYNAMIC|…
            """,
        discussion: """
            IN is a GGUF file, the first of a split one, or a Hugging Face directory: the result is \
            that of converting it to F16 (or what --outtype says) and quantizing that file, which \
            is not written.

            Without OUT.gguf the output is ggml-model-TYPE.gguf beside the input. With a folder and \
            several types the input is read once for all: FOLDER/NAME-TYPE.gguf.

            Examples:
              ingot quantize model-f16.gguf model-Q4_K_M.gguf Q4_K_M
              ingot quantize my-model/ model-Q4_K_M.gguf Q4_K_M
              ingot quantize --imatrix imatrix.gguf model-f16.gguf Q4_K_M 8
              ingot quantize --dry-run model-f16.gguf Q4_K_M
              ingot quantize --dry-run --json model-f16.gguf Q4_K_M | jq .fileByteCount
              ingot quantize model-f16.gguf levels/ Q8_0 Q6_K Q5_K_M Q4_K_M
              ingot quantize model-f16.gguf model-Q4_K_M.gguf Q4_K_M --calibrate
              ingot quantize model-f16.gguf levels/ Q2_K Q4_K_M \\
                --calibrate mine.txt,code.txt
              ingot quantize --target-size 3.9G -f prose.txt -f code.txt \\
                model-f16.gguf out.gguf
              ingot quantize --resume --verify --provenance model-f16.gguf Q4_K_M
              ingot quantize model-f16.gguf out.gguf Q4_K_M --part 3/8
              ingot join out.gguf
              ingot quantize my-model/ my-model-w4a16/ W4A16 --calibrate
              ingot quantize model-f16.gguf my-model-fp8/ FP8_DYNAMIC

            Types, with the bits per weight of their most common format; llama-quantize's numbers \
            for them are taken too (15 is Q4_K_M):
            \(QuantizeCommand.typeList)

            Types of directories for vLLM, SGLang, TensorRT-LLM, TGI and transformers \
            (ingot quantize --list-types [IN] says for what, and which fit IN):
            \(CheckpointForm.all.map(\.name).joined(separator: " "))
            """)

    @Argument(
        help: ArgumentHelp("Input, output, type and threads.", valueName: "IN [OUT] TYPE [THREADS]")
    )
    var words: [String] = []

    @OptionGroup var checkpoint: CheckpointOptions

    @Option(
        help: ArgumentHelp(
            "Importance matrix (GGUF or .dat) to weigh the columns with.", valueName: "file")
    )
    var imatrix: String?

    @Option(
        help: ArgumentHelp(
            """
            Format of the tensors in whose name the pattern (as std::regex) occurs; may be \
            repeated, the first that occurs decides.
            """, valueName: "regex=format"))
    var tensorType: [String] = []

    @Option(help: ArgumentHelp("Format of the output matrix.", valueName: "format"))
    var outputTensorType: String?

    @Option(help: ArgumentHelp("Format of the token embeddings.", valueName: "format"))
    var tokenEmbeddingType: String?

    @Flag(help: "Leave output.weight in the format that it has.")
    var leaveOutputTensor = false

    @Flag(help: "Give every tensor the type's main format, without the recipe's mixture.")
    var pure = false

    @Flag(help: "Quantize tensors that are already quantized; quality suffers.")
    var allowRequantize = false

    @Option(
        help: ArgumentHelp(
            "Formats by name, as for --tensor-type, separated by white space; may be repeated.",
            valueName: "file"))
    var tensorTypeFile: [String] = []

    @Option(
        help: ArgumentHelp(
            "Use the importance matrix only for tensors whose name contains this; may be repeated.",
            valueName: "name"))
    var includeWeights: [String] = []

    @Option(
        help: ArgumentHelp(
            "Use no importance for tensors whose name contains this; may be repeated.",
            valueName: "name"))
    var excludeWeights: [String] = []

    @Option(
        help: ArgumentHelp(
            """
            What becomes of tensors without importance that their 1- or 2-bit format needs: raise \
            gives them the next format that needs none, error ends the run. By default raise where \
            a matrix lacks entries, error without a matrix.
            """, valueName: "raise|error"))
    var imatrixMissing: String?

    @Option(
        help: ArgumentHelp(
            "Set metadata; the type is int, float, bool or str; may be repeated.",
            valueName: "key=type:value"))
    var overrideKv: [String] = []

    @Option(
        help: ArgumentHelp(
            "Leave these blocks out and renumber the others.", valueName: "3,5,7"))
    var pruneLayers: String?

    @Flag(help: "Write as many files as the input has, with the same tensors in each.")
    var keepSplit = false

    @OptionGroup var calibration: CalibrateOptions

    @OptionGroup var target: TargetOptions

    @OptionGroup var stored: StoredPlanOptions

    @Option(
        help: ArgumentHelp(
            "For a directory: the type to quantize from (f16 by default, bf16, f32 or auto).",
            valueName: "type"))
    var outtype: String?

    @Option(
        help: ArgumentHelp(
            "For a directory: GGUF name of the pre-tokenizer, where it cannot be told.",
            valueName: "name"))
    var pre: String?

    @Option(
        help: ArgumentHelp(
            "For a directory: leave out its tensors whose name matches; may be repeated.",
            valueName: "pattern"))
    var ignoreTensors: [String] = []

    @Flag(help: "Read the written bytes back from the disk and compare before the file appears.")
    var verify = false

    @Flag(
        help: """
            Write OUT.provenance.json: what was made from what, with SHA-256 digests; of parts ingot \
            join does, if the first was made with it.
            """)
    var provenance = false

    @Flag(help: "Continue a run that was killed; keep what is written should this one be.")
    var resume = false

    @Option(
        help: ArgumentHelp(
            "Upper bound for memory: bytes, or a number with K, M or G.", valueName: "size"))
    var maxMemory: String?

    @OptionGroup var parts: PartOptions

    @OptionGroup var planning: PlanOptions

    mutating func validate() throws {
        if !includeWeights.isEmpty, !excludeWeights.isEmpty {
            throw ValidationError("--include-weights and --exclude-weights do not go together")
        }
        if imatrix == nil, !includeWeights.isEmpty || !excludeWeights.isEmpty {
            throw ValidationError("--include-weights and --exclude-weights need --imatrix")
        }
        if imatrix != nil, calibration.calibrate != nil {
            throw ValidationError(
                "--imatrix and --calibrate do not go together: calibration weighs columns itself")
        }
        if target.isWanted, keepSplit || planning.split.isWanted || pure {
            throw ValidationError(
                "a target is for one file of chosen formats: --keep-split, --split-max-tensors,"
                    + " --split-max-size and --pure do not go with it")
        }
        if parts.part != nil, target.isWanted {
            throw ValidationError(
                "a target is chosen by measuring the whole model: run once with --dry-run --json"
                    + " in place of --part, and make the parts with --formats-from and what that"
                    + " printed")
        }
        if target.isWanted, stored.formatsFrom != nil {
            throw ValidationError("--formats-from tells what a target would choose; expected one")
        }
        if keepSplit, planning.split.isWanted {
            throw ValidationError(
                "--keep-split and --split-max-tensors, --split-max-size do not go together")
        }
    }

    func run() throws {
        if checkpoint.listTypes {
            return Terminal.print(lines: try typeListing())
        }
        let formats = try stored.load()
        if !target.isWanted, formats == nil,
            let run = try CheckpointRun(words, threads: planning.run.threads)
        {
            return try run.run(self)
        }
        let request = try request(formats)
        let template = try planning.template.load()
        let source = try source(at: request.input, template: template)
        var options = try quantizeOptions()
        if let template, !Paths.isFolder(request.input) {
            planning.run.note([
                ChatTemplateOptions.notice(template, replacing: source.metadata)
            ])
            options.metadataOverrides.append(
                MetadataOverride(key: ChatTemplateOptions.key, value: .string(template)))
        }
        let calibration = try calibration.load(for: source)
        options.calibrated = calibration?.tensors
        options.metadataOverrides += calibration?.metadata ?? []
        options.recipe.allocation = formats?.formats ?? [:]
        let outputs = try outputs(of: request, from: source, options, calibration?.windows)
        try formats?.check(outputs)
        let importance = options.importance
        try planning.check(outputs, importance: importance)
        Terminal.warnings(importance?.warnings(for: source) ?? [])
        var writeOptions = try writeOptions(threads: request.threads)
        let finishing = try calibration?.finishing(
            of: source, threads: request.threads, isQuiet: planning.run.quiet)
        writeOptions.finishing = finishing
        if parts.part != nil, finishing != nil, Paths.isFolder(request.input) {
            throw ValidationError(
                "--effort best tunes norms when parts are joined, by a GGUF file: convert the"
                    + " directory first, or leave --part out")
        }
        let rounding = try calibration?.round(outputs.files, with: &writeOptions)
        let partRun = try parts.part.map {
            try PartRun(
                outputs, command: "quantize", part: $0, overwrites: parts.overwrite,
                importance: importance, options: writeOptions, isQuiet: planning.run.quiet,
                calibrationTokenCount: calibration?.windows.tokenCount)
        }
        if planning.dryRun {
            try PlanListing.show(
                outputs, importance: importance, options: writeOptions, asJSON: planning.json)
            if let partRun, !planning.json { Terminal.print("  \(partRun.summary)") }
            return
        }
        if rounding != nil {
            let bytes = try PlanWriter.memoryByteCount(of: outputs.files, options: writeOptions)
            planning.run.note(["calibrating takes about \(NumberFormat.bytes(bytes)) of memory"])
        }
        if let folder = request.folder { try Directory.create(folder) }
        if let partRun {
            try partRun.run(importance: importance)
            if provenance { try partRun.addRecords(importance, calibration?.record) }
            if let rounding, !planning.run.quiet { CalibrationListing.show(rounding.outcome) }
            return
        }
        try planning.write(outputs, importance: importance, options: writeOptions) {
            if let rounding, !planning.run.quiet {
                CalibrationListing.show(rounding.outcome)
                CalibrationListing.show(norms: finishing?.outcomes ?? [])
            }
            guard provenance else { return }
            try ProvenanceRecord.write(
                outputs.files, importance: importance, calibration: calibration?.record,
                toolVersion: Ingot.version, arguments: Array(CommandLine.arguments.dropFirst()))
        }
    }

    /// The GGUF files that the words ask for: as an earlier plan has them, for a target, or of types.
    private func request(_ formats: StoredPlan?) throws -> QuantizeRequest {
        if let option = checkpoint.given.first {
            throw ValidationError(
                "\(option) is for directories for GPU engines; ingot quantize --list-types names"
                    + " their types")
        }
        let threads = planning.run.threads
        if let formats {
            return try QuantizeRequest(planned: words, threads: threads, recipe: formats.recipe)
        }
        guard target.isWanted else { return try QuantizeRequest(words, threads: threads) }
        return try QuantizeRequest(allocating: words, threads: threads, label: target.label)
    }

    /// The plans of all outputs: for a target the one that meets it.
    private func outputs(
        of request: QuantizeRequest, from source: any TensorSource, _ options: QuantizeOptions,
        _ calibration: CalibrationWindows?
    ) throws -> [PlannedOutput] {
        let chosen =
            try target.isWanted
            ? [
                target.plan(
                    source, request, options: options, calibration: calibration,
                    isQuiet: planning.run.quiet)
            ] : []
        return try chosen
            + request.outputs.flatMap { output in
                if keepSplit, let split = source as? SplitSource {
                    let (whole, files) = try Plan.quantizeKeepingSplit(
                        split, recipe: output.recipe, options: options, outputPath: output.path)
                    return parts.part == nil || files.count == 1
                        ? files.map { PlannedOutput($0) } : [PlannedOutput(whole, files: files)]
                }
                let plan = try Plan.quantize(
                    source, recipe: output.recipe, options: options, outputPath: output.path)
                return [try PlannedOutput(plan, split: planning.split)]
            }
    }

    /// The GGUF file, or the directory as the file that it would be converted to.
    private func source(at path: String, template: ByteString?) throws -> any TensorSource {
        guard Paths.isFolder(path) else {
            guard outtype == nil, pre == nil, ignoreTensors.isEmpty else {
                throw ValidationError(
                    "--outtype, --pre and --ignore-tensors are for directories; \(path) is a file")
            }
            return try SplitSource.open(path: path)
        }
        guard !keepSplit else {
            throw ValidationError(
                "--keep-split is for GGUF files; for a directory use --split-max-size")
        }
        let types: [OutputType] = [.f16, .bf16, .f32, .auto]
        guard let type = types.first(where: { $0.rawValue == (outtype ?? "f16").lowercased() })
        else {
            throw ValidationError(
                "--outtype is \(outtype ?? ""), expected f16, bf16, f32 or auto")
        }
        var conversion = ConversionSource.Options(
            outputType: type, pre: pre, chatTemplate: template, ignoredTensors: ignoreTensors)
        conversion.refusesDepartures = planning.strict
        let source = try ConversionSource(directory: path, options: conversion)
        planning.tell(source.notices, source.warnings)
        return RoundedSource(source, allowsNonFinite: planning.allowNonfinite)
    }

    private func writeOptions(threads: Int?) throws -> WriteOptions {
        var options = planning.writeOptions
        options.threadCount = threads
        options.verifies = verify
        options.journaling = resume ? .resume : .fresh
        options.memoryLimit = try maxMemory.map { text in
            guard let bytes = ByteSize.parse(text) else {
                throw ValidationError(
                    "--max-memory is \(text), expected bytes or a number with K, M or G")
            }
            return bytes
        }
        return options
    }

    private static var typeList: String {
        var columns = TextTable(rightAligned: [false, true, false])
        for recipe in Recipe.all {
            let bits = recipe.defaultFormat.map { NumberFormat.fixed($0.bitsPerWeight, 2) } ?? ""
            columns.add(recipe.name, bits, recipe.summary)
        }
        return columns.lines.joined(separator: "\n")
    }
}
