import Architectures
import Safetensors
import TensorCore

/// The matrices that the sentence-transformers library keeps behind a model, each in a folder of its own
/// (`2_Dense/model.safetensors`), as tensors of the checkpoint.
struct DenseModules {
    private(set) var tensors: [any ReadableTensor] = []
    private(set) var files: [InputFile] = []
    private(set) var notices: [String] = []

    /// Looks for the folders that a family knows.
    ///
    /// - Parameter areWanted: Whether they are asked for.
    /// - Throws: `ConversionError` about one with more than a matrix, `SafetensorsError`.
    init(
        of directory: HuggingFaceDirectory, _ family: ModelFamily, areWanted: Bool
    ) throws {
        guard let modules = family.checkpoint.denseModules else {
            if areWanted {
                notices.append(
                    "files of \(family.name) have no room for dense modules of sentence-transformers"
                )
            }
            return
        }
        let found = modules.folders.filter {
            FileIdentity(path: directory.file("\($0.folder)/model.safetensors")) != nil
        }
        guard areWanted || !modules.isOnRequest else {
            if !found.isEmpty {
                let names = found.map(\.folder).joined(separator: " and ")
                notices.append(
                    "left out: \(names), through which sentence-transformers puts vectors; "
                        + "--sentence-transformers-dense-modules makes them a part of the file")
            }
            return
        }
        if areWanted, found.isEmpty {
            notices.append("the directory has no dense modules of sentence-transformers")
        }
        for (folder, name) in found {
            tensors.append(try module(directory.file(folder), named: name))
        }
    }

    private mutating func module(_ folder: String, named name: String) throws -> any ReadableTensor
    {
        let path = folder + "/config.json"
        let settings = FileIdentity(path: path) == nil ? nil : try JSON.parse(path: path)
        if let activation = settings?["activation_function"]?.text,
            !activation.hasSuffix("Identity")
        {
            throw ConversionError(
                .invalidValue(found: "\"\(activation)\"", expected: "an activation that is none"),
                path: path, place: "activation_function")
        }
        let checkpoint = try Checkpoint(directory: folder)
        files += checkpoint.shards.map(\.file)
        let tensors = try checkpoint.modelTensors(quantization: nil, keeping: []).tensors
        guard let weight = tensors.first(where: { $0.name == "linear.weight" }), tensors.count == 1
        else {
            throw ConversionError(
                .unmappedTensors(tensors.map(\.name).filter { $0 != "linear.weight" }), path: folder
            )
        }
        return RenamedTensor(base: weight, name: name)
    }
}
