import Architectures
import Safetensors
import TensorCore

/// The model that an adapter changes: its family and configuration, without weights.
struct AdapterTarget {
    let directory: HuggingFaceDirectory
    let family: ModelFamily
    let configuration: ModelConfiguration
    private let names: CheckpointNames

    /// Reads a base model's configuration.
    ///
    /// - Throws: `ArchitectureError`, `ConversionError`, `FileError`, `JSONError`.
    init(base path: String) throws {
        directory = try HuggingFaceDirectory(path: path)
        let configPath = directory.file("config.json")
        family = try ModelFamily.of(config: directory.config, path: configPath)
        configuration = try family.configuration(directory.config, path: configPath)
        names = try CheckpointNames(family, in: configuration)
    }

    /// The same of a base that has been read.
    init(
        _ directory: HuggingFaceDirectory, _ family: ModelFamily,
        _ configuration: ModelConfiguration
    ) throws {
        self.directory = directory
        self.family = family
        self.configuration = configuration
        names = try CheckpointNames(family, in: configuration)
    }

    /// The rules' name of a tensor; `nil` for one that is not the language model's.
    ///
    /// - Throws: `AdapterError.Kind.unknownModule`
    func ruleName(of name: String, path: String) throws -> String? {
        switch names.meaning(of: name) {
        case .rule(let name): return try family.ruleName(countingOn: name, in: configuration)
        case .foreign: return nil
        case .adapter, .unknown:
            throw AdapterError(.unknownModule, path: path, place: name)
        }
    }

    /// Whether checkpoints of the family store a column for each output of this matrix.
    func storesColumns(_ name: String) -> Bool {
        family.tensors.rules.contains { rule in
            rule.sources.count == 1 && rule.sources[0].pattern.place(of: name.utf8) != nil
                && rule.outputs.contains { output in
                    guard case .parts(let parts, _) = output.values, let view = parts[0].view else {
                        return false
                    }
                    return view.axes.count == 2 && view.cut == nil && view.order == [1, 0]
                }
        }
    }

    /// Refuses a change to an output matrix that is no matrix of its own.
    func refuseTied(_ name: String, path: String, place: String) throws {
        let isTied = family.outputMatrices.contains { matrix in
            matrix.name == name
                && (matrix.place == .none
                    || matrix.place == .unlessTied && configuration.tieWordEmbeddings)
        }
        guard isTied else { return }
        throw AdapterError(
            .inexpressible(
                "a change to the output matrix found, which in this model is the embeddings"),
            path: path, place: place)
    }
}
