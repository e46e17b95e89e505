import Architectures
import GGUF
import Quantization
import Safetensors
import TensorCore

/// The tensors of a conversion: what a GGUF file lists, and where the values come from.
struct Catalogue: Sendable {
    private(set) var tensors: [TensorDescription] = []
    private(set) var contents: [TensorContent] = []
    /// Keys made of tensors.
    private(set) var learned: [Hyperparameter] = []
    /// The number of tensors that are no part of the language model.
    private(set) var otherCount = 0
    /// The number of tensors of layers that predict further tokens, which the family leaves out.
    private(set) var predictorCount = 0
    /// The number of such layers that the configuration has and the checkpoint has not.
    private(set) var absentPredictorCount = 0

    /// Names that files carry along and nobody needs.
    private static let ignoredSuffixes = [
        ".attention.masked_bias", ".attention.bias", ".rotary_emb.inv_freq",
    ]

    /// Maps a checkpoint's tensors.
    ///
    /// Tensors computed from the configuration come first, the checkpoint's follow in its order;
    /// where several become one or more, at the place of the last of them.
    ///
    /// - Throws: `ConversionError` about tensors that are missing, have no place or another shape
    ///   or type than expected; `ArchitectureError` about the configuration.
    init(
        family: ModelFamily, modelClass: ModelFamily.ModelClass,
        configuration: ModelConfiguration, values: [any StoredValues], directory: String,
        outputType: OutputType
    ) throws {
        for tensor in try family.generated(configuration) {
            guard let shape = Shape([tensor.values.count]) else { continue }
            append(
                .init(name: tensor.name, shape: shape, content: .generated(tensor.values)),
                outputType)
        }
        var matcher = try TensorMatcher(
            rules: family.tensors, configuration: configuration, directory: directory)
        var numbers = try LearnedNumbers(family, configuration: configuration)
        var others: [TensorMatcher.Made] = []
        var unmapped: [String] = []
        let layer = TensorPattern("model.layers.{bid}.")
        let layerCount = try configuration.numHiddenLayers()
        for stored in values {
            if Catalogue.ignoredSuffixes.contains(where: stored.name.hasSuffix) { continue }
            guard let name = modelClass.ruleName(of: stored.name) else {
                otherCount += 1
                continue
            }
            if family.predictors == .leftOut,
                let place = layer.place(ofNameBeginning: name.utf8), place.block >= layerCount
            {
                predictorCount += 1
                continue
            }
            if try numbers.add(stored, named: name) { continue }
            let counted = try family.ruleName(countingOn: name, in: configuration)
            guard let made = try matcher.add(stored, named: counted) else {
                unmapped.append(stored.name)
                continue
            }
            for tensor in made {
                if tensor.isLeading { append(tensor, outputType) } else { others.append(tensor) }
            }
        }
        guard unmapped.isEmpty else {
            throw ConversionError(.unmappedTensors(unmapped), path: directory)
        }
        absentPredictorCount = try matcher.absentPredictors().count
        let missing = try matcher.missing() + numbers.missing
        learned = numbers.entries
        guard missing.isEmpty else {
            throw ConversionError(
                .missingTensors(
                    missing.map { String($0.dropFirst(modelClass.omittedPrefix.count)) }),
                path: directory)
        }
        for tensor in others { append(tensor, outputType) }
    }

    /// No tensors: the catalogue of a vocabulary.
    init() {}

    /// The stored types of the tensors that an output type decides the format of.
    var decidedTypes: [DataType?] {
        zip(tensors, contents).flatMap { tensor, content in
            tensor.format == .F32 ? [] : content.storedTypes
        }
    }

    /// The same tensors for another output type.
    func with(_ outputType: OutputType) -> Catalogue {
        var catalogue = self
        catalogue.tensors = zip(tensors, contents).map { tensor, content in
            TensorDescription(
                name: tensor.name, shape: tensor.shape,
                format: content.format(in: outputType, name: tensor.name, shape: tensor.shape))
        }
        return catalogue
    }

    private mutating func append(_ tensor: TensorMatcher.Made, _ outputType: OutputType) {
        tensors.append(
            TensorDescription(
                name: tensor.name, shape: tensor.shape,
                format: tensor.content.format(
                    in: outputType, name: tensor.name, shape: tensor.shape)))
        contents.append(tensor.content)
    }
}
