import Safetensors
import TensorCore

extension HuggingFaceDirectory {
    /// The error about a directory without `config.json`, by what it holds instead.
    static func absence(of names: [String], in path: String) throws -> any IngotError {
        if let adapter = try Checkpoint.adapter(in: path) { return adapter }
        if names.contains("params.json") {
            return ConversionError(.notAModel(.originalFormat), path: path)
        }
        if names.contains("model_index.json") {
            return ConversionError(.notAModel(.diffusers), path: path)
        }
        let files = names.filter { $0.hasSuffix(".gguf") }
        if !files.isEmpty { return ConversionError(.notAModel(.onlyGGUF(files)), path: path) }
        let folder = path.hasSuffix("/") ? path : path + "/"
        let models = names.filter { name in
            !name.hasPrefix(".")
                && (FileIdentity(path: folder + name + "/config.json") != nil
                    || ModelLocation.isDirectory(folder + name + "/snapshots") == true)
        }
        if !models.isEmpty { return ConversionError(.notAModel(.models(models)), path: path) }
        return ConversionError(.missingFile("config.json"), path: path)
    }

    /// Fails when a file that describes model or tokenizer is a link to nothing or a Git LFS pointer.
    ///
    /// A reader that can do without the file would take it for one that the model does not have.
    /// Weights are looked at when they are opened.
    static func requireFetched(_ names: [String], in folder: String) throws(FileError) {
        let beginnings = [
            "config.json", "generation_config", "tokenizer", "special_tokens_map", "added_tokens",
            "vocab", "merges", "spiece", "sentencepiece", "chat_template", "modules.json",
        ]
        for name in names where beginnings.contains(where: name.hasPrefix) {
            let path = folder + name
            guard let target = Directory.target(ofLink: path), FileIdentity(path: path) == nil
            else {
                if ModelLocation.isDirectory(path) == false { _ = try InputFile(path: path) }
                continue
            }
            throw FileError(.brokenLink(to: target), path: path)
        }
    }
}
