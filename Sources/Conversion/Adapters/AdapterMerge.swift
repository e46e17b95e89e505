import Architectures
import Safetensors
import TensorCore

extension AdapterDirectory {
    /// The tensors of a model with the adapter merged in: `W + scale · B · A`, in F32.
    ///
    /// Nothing is computed before it is read; memory is that of the factors of a few tensors.
    ///
    /// - Parameter values: The base model's tensors.
    /// - Returns: The tensors in the same order, and what the user should know.
    /// - Throws: `AdapterError` about changes that do not go with the model.
    func merged(
        into values: [any ReadableTensor], _ target: AdapterTarget
    ) throws -> (tensors: [any ReadableTensor], notices: [String]) {
        var changes: [String: Change] = [:]
        var foreignCount = 0
        for change in self.changes {
            guard let name = try target.ruleName(of: change.name, path: change.a.path) else {
                foreignCount += 1
                continue
            }
            changes[name] = change
        }
        var wholes: [String: any ReadableTensor] = [:]
        for whole in self.wholes {
            guard !whole.name.contains(".lora_B.bias") else {
                throw AdapterError(
                    .unsupported(
                        found: "a bias of a factor (lora_bias) found",
                        remedy: "Merge it with PEFT (merge_and_unload) and convert the model."),
                    path: whole.path, place: whole.name)
            }
            let base = AdapterDirectory.baseName(of: whole.name)
            guard let name = try target.ruleName(of: base, path: whole.path) else {
                foreignCount += 1
                continue
            }
            wholes[name] = whole
        }
        let counts = (changes.count, wholes.count)
        let cache = FactorCache(capacity: 8)
        var tensors: [any ReadableTensor] = try values.map { value in
            guard let name = try? target.ruleName(of: value.name, path: value.path) else {
                return value
            }
            let base = wholes.removeValue(forKey: name).map {
                RenamedTensor(base: $0, name: value.name)
            }
            guard let change = changes.removeValue(forKey: name) else { return base ?? value }
            return try ChangedTensor(
                change, to: base ?? value, isTransposed: target.storesColumns(name), cache: cache)
        }
        if let change = changes.min(by: { $0.key < $1.key })?.value {
            for (name, change) in changes {
                try target.refuseTied(name, path: change.a.path, place: change.name)
            }
            throw AdapterError(.unknownModule, path: change.a.path, place: change.name)
        }
        // An output matrix of its own for a model that had none.
        for (name, whole) in wholes.sorted(by: { $0.key < $1.key }) {
            let place = tensors.firstIndex { $0.name > name } ?? tensors.endIndex
            tensors.insert(RenamedTensor(base: whole, name: name), at: place)
        }
        guard counts.0 + counts.1 > 0 else { throw AdapterError(.empty, path: path) }
        var notices = ["the adapter changes \(counts.0) tensors and replaces \(counts.1)"]
        if foreignCount > 0 {
            notices.append(
                "\(foreignCount) changes that are not the language model's are left out")
        }
        return (tensors, notices)
    }
}

/// A tensor under another name.
struct RenamedTensor: ReadableTensor {
    let base: any ReadableTensor
    let name: String

    var shape: Shape { base.shape }
    var path: String { base.path }
    var dataType: DataType? { base.dataType }
    var location: (file: InputFile, offset: Int)? { base.location }

    func readElements(
        _ elements: Range<Int>, into destination: UnsafeMutablePointer<Float>,
        scratch: ScratchBuffer
    ) throws { try base.readElements(elements, into: destination, scratch: scratch) }
}
