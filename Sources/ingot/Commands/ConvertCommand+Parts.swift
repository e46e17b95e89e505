import ArgumentParser
import Conversion
import Pipeline

/// Files beside a model's: adapters and projectors.
extension ConvertCommand {
    /// The plan of an adapter's file.
    func adapterOutput() throws -> PlannedOutput {
        let types: [OutputType] = [.f32, .f16, .bf16, .q8_0, .auto]
        let name = outtype ?? OutputType.f32.rawValue
        guard let type = types.first(where: { $0.rawValue == name.lowercased() }) else {
            throw ValidationError(
                "--outtype is \(name), which an adapter cannot have; expected "
                    + types.map(\.rawValue).joined(separator: ", ")
                    + ", or --merge for a model of that type")
        }
        try refuseModelOptions("an adapter's file")
        let directory = try AdapterDirectory(path: directory)
        let source = try AdapterSource(
            directory, base: adapter.base(of: directory),
            options: .init(
                outputType: type, name: modelName,
                metadata: try metadata.map { try MetadataFile(path: $0) },
                foldsScales: adapter.foldScales))
        planning.tell(source.notices, source.warnings)
        let path = outputPath(
            for: source.metadata, folder: source.path, typeName: source.outputType.rawValue,
            kind: "LoRA")
        return try PlannedOutput(
            Plan.asDescribed(source, outputPath: path), split: planning.split)
    }

    /// The plan of a projector file.
    func projectorOutput() throws -> PlannedOutput {
        guard !adapter.isAdapter(directory) else {
            throw ValidationError("--mmproj is for models; name the directory of the base model")
        }
        let types: [OutputType] = [.f32, .f16, .bf16, .q8_0, .auto]
        let name = outtype ?? OutputType.f16.rawValue
        guard let type = types.first(where: { $0.rawValue == name.lowercased() }) else {
            throw ValidationError(
                "--outtype is \(name), expected \(types.map(\.rawValue).joined(separator: ", "));"
                    + " ingot quantize makes other types of the file")
        }
        try refuseModelOptions("a projector file")
        let source = try ProjectorSource(
            directory: directory,
            options: .init(
                outputType: type, name: modelName,
                metadata: try metadata.map { try MetadataFile(path: $0) }))
        planning.tell(source.notices, source.warnings)
        let path = outputPath(
            for: source.metadata, folder: source.path, typeName: source.outputType.rawValue,
            prefix: "mmproj-")
        return try PlannedOutput(
            Plan.asDescribed(source, outputPath: path), split: planning.split)
    }

    /// Refuses options about tokenizers and weights of a language model.
    private func refuseModelOptions(_ file: String) throws {
        for (option, isGiven) in [
            ("--pre", pre != nil), ("--check-tokenizer", checkTokenizer),
            ("--imatrix", imatrix != nil), ("--imatrix-missing", imatrixMissing != nil),
            ("--ignore-tensors", !ignoreTensors.isEmpty), ("--vocab-only", vocabOnly),
            ("--chat-template", planning.template.chatTemplate != nil),
        ] where isGiven {
            throw ValidationError("\(option) is for models; \(file) has no use for it")
        }
    }
}
