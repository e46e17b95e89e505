import Architectures
import TensorCore

extension HuggingFaceDirectory {
    /// Refuses what would convert to a file that does not work.
    ///
    /// - Parameter packedMethods: Kinds of packed weights that the family has rules for.
    func checkConvertible(packedMethods: [String]) throws(ConversionError) {
        if let quantization = config["quantization_config"], quantization.members?.isEmpty == false,
            !packedMethods.contains(quantization["quant_method"]?.text ?? "")
        {
            throw ConversionError(
                .quantizedCheckpoint(
                    method: quantization["quant_method"]?.text ?? "method unknown"),
                path: file("config.json"), place: "quantization_config")
        }
        // The reference converter tells rerankers by these names; it makes a classifier of them.
        let hints = [name, config["_name_or_path"]?.text ?? ""].map { $0.lowercased() }
        if hints.contains(where: { $0.contains("qwen3-reranker") }) {
            throw ConversionError(.reranker, path: path)
        }
    }

    /// How an embedding model of the sentence-transformers library pools, by `modules.json`.
    func pooling() throws -> ModelConfiguration.Pooling? {
        let modules = try json("modules.json")?.array ?? []
        let module = modules.first { $0["type"]?.text?.hasSuffix("Pooling") ?? false }
        guard let module else { return nil }
        let folder = module["path"]?.text ?? ""
        guard !folder.isEmpty, !folder.hasPrefix("/"), !folder.split(separator: "/").contains("..")
        else {
            throw ConversionError(
                .invalidValue(found: "\"\(folder)\"", expected: "a folder inside the directory"),
                path: file("modules.json"), place: "path")
        }
        guard let pooling = try json(folder + "/config.json") else {
            throw ConversionError(.missingFile(folder + "/config.json"), path: path)
        }
        let modes: [(key: String, name: String, pooling: ModelConfiguration.Pooling)] = [
            ("pooling_mode_mean_tokens", "mean", .mean), ("pooling_mode_cls_token", "cls", .cls),
            ("pooling_mode_lasttoken", "lasttoken", .last),
        ]
        let found =
            modes.first { pooling[$0.key]?.boolean == true }
            ?? modes.first { $0.name == pooling["pooling_mode"]?.text }
        guard let found else {
            throw ConversionError(
                .invalidValue(found: "another pooling mode", expected: "mean, cls or last token"),
                path: file(folder + "/config.json"))
        }
        return found.pooling
    }
}
