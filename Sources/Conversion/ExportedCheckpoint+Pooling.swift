import Architectures
import TensorCore

extension ExportedCheckpoint {
    /// The files in which the sentence-transformers library finds how vectors are pooled; none for a
    /// model whose file does not say.
    static func poolingFiles(
        _ keys: ConfigurationExport.Source
    ) -> [(name: String, bytes: [UInt8])] {
        guard let number = keys.value("pooling_type")?.integer.flatMap({ UInt32(exactly: $0) }),
            let pooling = ModelConfiguration.Pooling(rawValue: number),
            let width = keys.value("embedding_length")?.integer
        else { return [] }
        let folder = "1_Pooling"
        let modules = [("", "Transformer"), (folder, "Pooling")].enumerated().map { index, module in
            JSON.object([
                .init(key: "idx", value: .integer(index)),
                .init(key: "name", value: .string(ByteString("\(index)"))),
                .init(key: "path", value: .string(ByteString(module.0))),
                .init(
                    key: "type",
                    value: .string(ByteString("sentence_transformers.models.\(module.1)"))),
            ])
        }
        let modes: [(key: ByteString, pooling: ModelConfiguration.Pooling)] = [
            ("pooling_mode_cls_token", .cls), ("pooling_mode_mean_tokens", .mean),
            ("pooling_mode_lasttoken", .last),
        ]
        let settings = JSON.object(
            [.init(key: "word_embedding_dimension", value: .integer(width))]
                + modes.map { .init(key: $0.key, value: .bool($0.pooling == pooling)) })
        return [
            ("modules.json", JSON.array(modules).written()),
            ("\(folder)/config.json", settings.written()),
        ]
    }
}
