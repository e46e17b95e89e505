import Architectures
import Safetensors
import TensorCore

/// The weights of a directory as a GGUF file has them, and where they come from.
struct ConvertedWeights {
    private(set) var mapping = TensorMapping()
    /// The output type, `auto` resolved.
    private(set) var outputType: OutputType
    /// The shards.
    private(set) var files: [InputFile] = []
    /// The method by which the weights are quantized.
    private(set) var method: String?
    /// What the weights are stored as: `W4A16 g128`, `BF16`.
    private(set) var storedType = ""
    /// The bytes of all tensors as they are stored.
    private(set) var storedByteCount = 0
    private(set) var notices: [String] = []
    private(set) var warnings: [String] = []

    /// Maps the weights; without tensors where the options want the vocabulary alone.
    ///
    /// - Parameters:
    ///   - configuration: Learns how many layers predict further tokens.
    ///   - exported: Tensors that are not in the directory's files (yet).
    init(
        _ directory: HuggingFaceDirectory, _ family: ModelFamily,
        _ configuration: inout ModelConfiguration, options: ConversionSource.Options,
        values exported: [any ReadableTensor]?
    ) throws {
        outputType = options.outputType == .auto ? .f16 : options.outputType
        guard !options.isVocabularyOnly else { return }
        var values = try exported ?? read(directory, family, options)
        try configuration.measure(values, by: family.checkpoint)
        configuration.predictorCount += family.predictorCount(of: values.lazy.map(\.name))
        let dequantizedCount = values.count { $0.dataType == nil }
        if dequantizedCount > 0 {
            notices.append("\(dequantizedCount) weights stored by \(method ?? "") are dequantized")
        }
        if let adapter = options.adapter {
            let merged = try adapter.merged(
                into: values, AdapterTarget(directory, family, configuration))
            values = merged.tensors
            notices += merged.notices
            warnings += adapter.configuration.warnings
            files.append(adapter.file)
        }
        do {
            mapping = try TensorMapping(
                family: family, configuration: configuration, values: values,
                directory: directory.path, outputType: outputType, ignoring: options.ignoredTensors)
        } catch let error as ConversionError {
            throw error.naming(assumed: configuration.assumed)
        }
        notices += mapping.notices
        warnings += mapping.warnings
        if options.outputType == .auto {
            outputType = .smallest(holding: mapping.decidedTypes)
            mapping = mapping.with(outputType)
        }
    }

    /// The tensors of the directory's files.
    private mutating func read(
        _ directory: HuggingFaceDirectory, _ family: ModelFamily,
        _ options: ConversionSource.Options
    ) throws -> [any ReadableTensor] {
        let checkpoint = try Checkpoint(
            directory: directory.path, named: directory.config["transformers_weights"]?.text)
        files = checkpoint.shards.map(\.file)
        // Some packed forms go into the file as they are.
        let quantization = try directory.quantization()
        let model = try checkpoint.modelTensors(
            quantization: quantization,
            keeping: family.checkpoint.packedMethods.filter {
                $0 != "compressed-tensors" || quantization?.isMXFP4 == true
            })
        method = model.method
        storedByteCount = checkpoint.entries.reduce(0) { $0 + $1.tensor.byteCount }
        storedType =
            model.method == nil
            ? checkpoint.mainType?.rawValue ?? "" : quantization?.typeName ?? model.method ?? ""
        notices += model.notices
        warnings += checkpoint.warnings + model.warnings
        let dense = try DenseModules(
            of: directory, family, areWanted: options.includesDenseModules)
        files += dense.files
        notices += dense.notices
        return dense.tensors + model.tensors
    }
}
