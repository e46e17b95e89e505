import ArgumentParser
import Checkpoints
import Evaluation
import Planning
import Quantization
import Reporting
import TensorCore

/// The command `ingot plan MODEL [TYPE…]`.
struct PlanCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract: "What serving a model takes: memory, devices, types, engine, price.",
        discussion: """
            MODEL is a GGUF file (of a split one the first part), a Hugging Face directory, or a bare \
            config.json, which needs a TYPE. No weights are read. Bytes of weights are exact, of keys, \
            values and states those that llama.cpp allocates. docs/planning.md explains every figure.

            TYPE is any type of ingot quantize: of GGUF files, or of directories for vLLM, SGLang, \
            TensorRT-LLM and TGI (ingot quantize --list-types). A directory that is quantized already is \
            planned as it is stored.

            Examples:
              ingot plan model-Q4_K_M.gguf --context 8192 --slots 4
              ingot plan my-model/ Q4_K_M --hardware "RTX 4090" --hardware L4
              ingot plan my-model/ W4A16 FP8_DYNAMIC NVFP4 --hardware H100 --slots 32
              ingot plan config.json Q4_K_M --qps 5 --input 1000 --output 300 \\
                --slo-tpot 0.05
              ingot plan model-f16.gguf --all-types --report report/report.json \\
                --html plan.html
              ingot plan model.gguf --hardware this --json | jq .memory.total
            """)

    @Argument(help: "A GGUF file, a Hugging Face directory, or a config.json.")
    var model: String?

    @Argument(
        help: "Types that the model would be quantized to; the first is planned, all compared.")
    var types: [String] = []

    @Option(
        name: .customLong("type"),
        help: ArgumentHelp("The same as an option; may be given again.", valueName: "type"))
    var typeOptions: [String] = []

    @Flag(help: "Compare all types with the devices, of GGUF files and of directories.")
    var allTypes = false

    @OptionGroup var shape: ServingShapeOptions
    @OptionGroup var load: ServingLoadOptions
    @OptionGroup var hardware: HardwareOptions

    @Option(
        help: ArgumentHelp(
            "A report.json of ingot report: its divergences choose among types.",
            valueName: "file"))
    var report: String?

    @Option(
        help: ArgumentHelp(
            "Write one page with the tables and a plot of memory against context.",
            valueName: "file"))
    var html: String?

    @Flag(help: "Print one JSON object.")
    var json = false

    mutating func validate() throws {
        guard model != nil || hardware.listHardware else {
            throw ValidationError("MODEL is missing: a GGUF file, a directory or a config.json")
        }
    }

    func run() throws {
        if hardware.listHardware {
            let list = try hardware.devices().map(DeviceListing.init)
            return try Terminal.show(
                ["devices": list], asJSON: json, lines: DeviceListing.lines(list))
        }
        let wanted = try (types + typeOptions).map(PlannedType.init)
        let place = try ModelAtPath(path: model ?? "")
        if place.kind == .configuration, wanted.isEmpty {
            throw ValidationError(
                "\(place.path) has no weights, which would say a type: name one, such as Q4_K_M")
        }
        let measured = try report.map(measuredDivergences) ?? [:]
        let models = TypedModels(place)
        let stored = wanted.isEmpty || allTypes ? try place.asStored() : nil
        let typed = try wanted.first.map(models.typed) ?? stored ?? place.asItIs()
        let shape = try shape.shape(trainedContext: typed.model.trainedContext)
        let plan = try ServingPlan(
            of: place, typed, shape, load: load.load(), devices: hardware.devices(),
            ladder: ladder(models, wanted, stored, measured))
        Terminal.warnings(plan.notices)
        if let html {
            try OutputFile.write(Array(plan.htmlPage().utf8), to: html)
        }
        try Terminal.show(plan, asJSON: json, lines: plan.lines)
    }

    /// The types that are compared, the most bytes first.
    private func ladder(
        _ models: TypedModels, _ wanted: [PlannedType], _ stored: ModelAtPath.TypedModel?,
        _ measured: [String: Double]
    ) throws -> [(typed: ModelAtPath.TypedModel, divergence: Double?)] {
        var compared = wanted
        if allTypes {
            compared = PlannedType.all
        } else if wanted.isEmpty {
            compared = (measured.isEmpty ? ModelAtPath.usualTypes : measured.keys.sorted())
                .compactMap(PlannedType.named)
        }
        let typed = try compared.compactMap { type -> ModelAtPath.TypedModel? in
            // A type that this model has no rows for is left out of a comparison.
            do {
                return try models.typed(type)
            } catch let error as any IngotError where allTypes || wanted.isEmpty {
                if let sentence = models.omission(type, error) { Terminal.warning(sentence) }
                return nil
            }
        }
        let known = (stored.map { [$0] } ?? []) + typed
        return known.map { ($0, measured[$0.type]) }.sorted {
            ($0.typed.model.work.byteCount, $0.typed.type)
                > ($1.typed.model.work.byteCount, $1.typed.type)
        }
    }

    /// The mean divergence of each type in a report.
    private func measuredDivergences(_ path: String) throws -> [String: Double] {
        let report = try QualityReport(
            json: InputFile.contents(path: path, limit: 256 << 20), file: path)
        var divergences: [String: Double] = [:]
        for level in report.levels {
            guard let name = PlannedType.reported(level.name)?.name else { continue }
            let mean = level.divergence.mean.value
            guard mean.isFinite else { continue }
            divergences[name] = min(mean, divergences[name] ?? .infinity)
        }
        guard !divergences.isEmpty else {
            throw ValidationError("\(path) has no level of a type that ingot quantize knows")
        }
        return divergences
    }
}
