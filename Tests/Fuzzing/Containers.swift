import Architectures
import Evaluation
import GGUF
import Inference
import Safetensors
import TensorCore
import Tokenization
import Zstandard

extension FuzzTarget {
    /// Binary files.
    static let containers: [FuzzTarget] = [
        FuzzTarget("gguf", sources: ["GGUF", "Tokenization/Vocabulary"]) { bytes, scratch in
            try readModel(scratch.file("model.gguf", bytes))
        },
        // The same behind lengths that are right: a text of decisions becomes a file.
        FuzzTarget("gguf-entries", sources: ["GGUF", "Architectures", "Inference/Model"]) {
            bytes, scratch in
            var decisions = Decisions(bytes)
            try readModel(scratch.file("model.gguf", decisions.gguf()))
        },
        FuzzTarget("safetensors", sources: ["Safetensors"]) { bytes, scratch in
            let file = try SafetensorsFile(path: scratch.file("model.safetensors", bytes))
            for tensor in file.tensors.prefix(8) {
                _ = try file.file.read(at: tensor.offset, count: min(16, tensor.byteCount))
            }
        },
        FuzzTarget("imatrix", sources: ["GGUF/Importance", "GGUF/Legacy"]) { bytes, scratch in
            let path = try scratch.file("imatrix", bytes)
            _ = try? ImportanceMatrix(path: path)
            _ = try ImportanceSums(path: path)
        },
        FuzzTarget("logits", sources: ["Evaluation/Logits"]) { bytes, scratch in
            let reader = try LogitsReader(path: scratch.file("logits", bytes), bos: 1)
            _ = reader.text.windowCount
        },
        FuzzTarget("zstandard", sources: ["Zstandard"]) { bytes, scratch in
            let file = try InputFile(path: scratch.file("a.zst", bytes))
            let reader = try ZstandardReader(file: file)
            var buffer = [UInt8](repeating: 0, count: 1 << 16)
            for _ in 0..<64 {
                let count = try buffer.withUnsafeMutableBytes { try reader.read(into: $0) }
                if count < buffer.count { break }
            }
        },
    ]

    /// What every command does with a model before it computes.
    private static func readModel(_ path: String) throws {
        let source = try SplitSource.open(path: path)
        for fault in ReaderRequirements(
            metadata: source.metadata, tensors: source.tensors, path: path
        ).faults() {
            precondition(!fault.description.isEmpty, "a fault without words")
        }
        if let vocabulary = try? Vocabulary(metadata: source.metadata, file: path),
            let tokenizer = try? Tokenizer(vocabulary: vocabulary)
        {
            _ = try? tokenizer.encode("Hello wörld <s> 123".utf8, parseSpecial: true)
        }
        _ = try Model(source: source)
    }
}
