public import GGUF
public import TensorCore

/// Changes of a model's metadata and of the names of its tensors, in the order in which they are
/// made.
public struct ModelEdit: Sendable {
    /// One of them.
    public enum Change: Sendable, Hashable {
        /// Gives a key a value.
        case set(MetadataEntry)
        /// Gives a key a value that is there already.
        case replace(MetadataOverride)
        /// Removes a key.
        case remove(String)
        /// Gives a key's value another key.
        case rename(String, to: String)
        /// Gives a tensor another name.
        case renameTensor(String, to: String)
    }

    /// The metadata afterwards.
    public private(set) var metadata: Metadata
    /// The tensors afterwards, in the model's order.
    public private(set) var tensors: [TensorDescription]
    private let path: String

    /// Makes changes of a model's description.
    ///
    /// - Throws: `PipelineError` when a key or tensor is not there, the new one is, or a value does
    ///   not fit.
    public init(
        _ changes: [Change], metadata: Metadata, tensors: [TensorDescription], path: String
    ) throws(PipelineError) {
        (self.metadata, self.tensors, self.path) = (metadata, tensors, path)
        self.metadata[HeaderEdit.fillerKey] = nil
        for change in changes { try make(change) }
        let key = "general.architecture"
        guard metadata[key] == nil || self.metadata[key]?.text != nil else {
            throw PipelineError(
                .metadata(key: key, found: "removed", expected: "a string, which readers need"),
                path: path)
        }
    }

    private mutating func make(_ change: Change) throws(PipelineError) {
        switch change {
        case .set(let entry):
            try assign(entry.key, to: try entry.value(replacing: metadata[entry.key]))
        case .replace(let entry): try assign(entry.key, to: entry.value)
        case .remove(let key):
            try check(key)
            metadata[key] = nil
        case .rename(let old, let new):
            try check(old)
            try check(isFree: new)
            var renamed = Metadata()
            for (key, value) in metadata.entries { renamed[key == old ? new : key] = value }
            metadata = renamed
        case .renameTensor(let old, let new):
            let name = ByteString(old)
            guard let index = tensors.firstIndex(where: { ByteString($0.name) == name }) else {
                throw PipelineError(.unknownName(what: "tensor", name: old), path: path)
            }
            guard !new.isEmpty, !tensors.contains(where: { ByteString($0.name) == ByteString(new) })
            else { throw PipelineError(.takenName(what: "tensor", name: new), path: path) }
            let tensor = tensors[index]
            tensors[index] = TensorDescription(
                name: new, shape: tensor.shape, format: tensor.format)
        }
    }

    private mutating func assign(
        _ key: String, to value: MetadataValue
    ) throws(PipelineError) {
        try checkSplit(key)
        metadata[key] = value
    }

    private func check(_ key: String) throws(PipelineError) {
        try checkSplit(key)
        guard metadata[key] != nil else {
            throw PipelineError(.unknownName(what: "metadata key", name: key), path: path)
        }
    }

    private func check(isFree key: String) throws(PipelineError) {
        try checkSplit(key)
        guard !key.isEmpty, key.utf8.count <= MetadataOverride.longestKey, metadata[key] == nil
        else { throw PipelineError(.takenName(what: "metadata key", name: key), path: path) }
    }

    /// How a model is split is told by its files, not by its user.
    private func checkSplit(_ key: String) throws(PipelineError) {
        guard !SplitSource.keys.contains(key) else {
            throw PipelineError(
                .metadata(key: key, found: "to be changed", expected: "left to split and merge"),
                path: path)
        }
    }
}

/// A model with another description of the same tensors.
public struct EditedSource: ForwardingSource {
    /// The model that was changed.
    public let base: any TensorSource
    /// The metadata.
    public let metadata: Metadata
    /// The tensors, with their new names.
    public let tensors: [TensorDescription]

    /// Changes a model.
    ///
    /// - Throws: `PipelineError` as `ModelEdit` does.
    public init(_ base: any TensorSource, changes: [ModelEdit.Change]) throws(PipelineError) {
        let edit = try ModelEdit(
            changes, metadata: base.metadata, tensors: base.tensors, path: base.path)
        self.base = base
        (metadata, tensors) = (edit.metadata, edit.tensors)
    }
}
