import GGUF
import Quantization
import Safetensors
import TensorCore

extension ExportedCheckpoint {
    /// Converts a directory with the checkpoint's files forward again and compares the result with
    /// the GGUF file.
    ///
    /// - Parameters:
    ///   - shards: The weights of each file.
    ///   - allowsChanges: Whether another model may come back, with a notice for each difference.
    /// - Returns: What the user should know: keys that do not come back, in particular.
    /// - Throws: `ConversionError.Kind.changedByExport`, and whatever a conversion throws.
    package func compare(
        directory: String, shards: [Range<Int>], allowsChanges: Bool
    ) throws -> [String] {
        let isSame = ExportedCheckpoint.comesBack(source, as: type)
        var options = ConversionSource.Options(outputType: forwardType)
        let values =
            denseModules.map(\.weight)
            + shards.flatMap { shard in
                weights[shard].sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
            }
        var back = try ConversionSource(directory: directory, options: options, values: values)
        var notices =
            isTextOf.map {
                [
                    "written as the text-only class \(className), which computes the same of text; "
                        + "converted back it is no longer \($0)"
                ]
            } ?? []
        let preKey = "tokenizer.ggml.pre"
        if let pre = source.metadata[preKey]?.text, back.metadata[preKey]?.text != pre {
            options.pre = pre
            back = try ConversionSource(directory: directory, options: options, values: values)
            notices.append("to convert it back, give --pre \(pre): other names mean the same rules")
        }
        if !denseModules.isEmpty {
            notices.append("to convert it back, give --sentence-transformers-dense-modules")
        }
        var changes = try tensorChanges(back, isSame: isSame)
        let architecture = source.metadata["general.architecture"]?.text ?? ""
        func matters(_ key: String) -> Bool {
            key.hasPrefix("\(architecture).") || key.hasPrefix("tokenizer.")
        }
        let free: Set = isSame ? [] : ["general.file_type"]
        for (key, value) in source.metadata.entries where !free.contains(key) {
            let made = back.metadata[key]
            guard made != value else { continue }
            let what =
                made.map { "\(key) would become \(ExportedCheckpoint.show($0)) instead of " }
                ?? "\(key) would be lost, which is "
            let change = what + ExportedCheckpoint.show(value)
            if matters(key) { changes.append(change) } else { notices.append(change) }
        }
        for (key, value) in back.metadata.entries where source.metadata[key] == nil {
            notices.append("\(key) would be added, as \(ExportedCheckpoint.show(value))")
        }
        if isSame, changes.isEmpty, notices.isEmpty || isTextOf != nil,
            source.metadata.entries.map(\.key) != back.metadata.entries.map(\.key)
        {
            notices.append("the keys would come back in another order")
        }
        // Another order is not another model.
        if isSame, changes.isEmpty, back.tensors.map(\.name) != source.tensors.map(\.name) {
            notices.append("the tensors would come back in another order")
        }
        guard changes.isEmpty || allowsChanges else {
            throw ConversionError(.changedByExport(changes), path: source.path)
        }
        return changes + notices
    }

    /// The type of a conversion that gives the file back.
    private var forwardType: OutputType {
        let embedding = source.tensors.first { $0.name == "token_embd.weight" }?.format ?? .F16
        return switch type.dataType(of: embedding) {
        case .F32: .f32
        case .BF16: .bf16
        default: .f16
        }
    }

    private func tensorChanges(_ back: ConversionSource, isSame: Bool) throws -> [String] {
        var changes: [String] = []
        var made: [String: Int] = [:]
        for (number, tensor) in back.tensors.enumerated() { made[tensor.name] = number }
        for (number, tensor) in source.tensors.enumerated() {
            guard let place = made.removeValue(forKey: tensor.name) else {
                changes.append("the tensor \(tensor.name) would be lost")
                continue
            }
            let other = back.tensors[place]
            if other.shape != tensor.shape {
                changes.append(
                    "\(tensor.name) would have the shape \(other.shape) instead of \(tensor.shape)")
            } else if isSame, other.format != tensor.format {
                changes.append(
                    "\(tensor.name) would become \(other.format) instead of \(tensor.format)")
            }
            // Tensors that the conversion computes stand in no checkpoint.
            let isComputed = !back.holdsBytes(ofTensor: place) && tensor.format == .F32
            if isComputed, tensor.shape.rank == 1, tensor.name.hasPrefix("rope_"),
                try ExportedCheckpoint.values(ofSmall: number, of: source)
                    != ExportedCheckpoint.values(ofSmall: place, of: back)
            {
                changes.append("\(tensor.name) would have other values")
            }
        }
        changes += made.keys.sorted().map { "the tensor \($0) would be added" }
        return changes
    }

    private static func show(_ value: MetadataValue) -> String {
        if let text = value.text {
            return text.count <= 60 ? "\"\(text)\"" : "\"\(text.prefix(60))…\""
        }
        if let integer = value.integer { return "\(integer)" }
        if let number = value.float { return "\(number)" }
        if let flag = value.boolean { return "\(flag)" }
        if let integers = value.integers, integers.count <= 8 { return "\(integers)" }
        return "another \(value.typeName)"
    }
}
