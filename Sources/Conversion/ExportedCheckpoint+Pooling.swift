import Architectures
import Safetensors
import TensorCore

extension ExportedCheckpoint {
    /// A matrix behind the model, which the sentence-transformers library keeps in a folder of its own.
    struct DenseModule: Sendable {
        /// The folder in the model's directory.
        let folder: String
        /// The matrix under its name in the checkpoint.
        let weight: any ReadableTensor

        /// Takes those out of a checkpoint's tensors.
        static func taken(
            from groups: inout [[ExportedTensor]], of family: ModelFamily
        ) -> [DenseModule] {
            var modules: [DenseModule] = []
            for (folder, name) in family.checkpoint.denseModules?.folders ?? [] {
                guard let place = groups.firstIndex(where: { $0.map(\.name) == [name] }) else {
                    continue
                }
                modules.append(.init(folder: folder, weight: groups.remove(at: place)[0]))
            }
            return modules
        }

        /// What the library is told about it.
        fileprivate var settings: JSON {
            let sizes = weight.shape.dimensions
            return [
                "in_features": .integer(sizes.last ?? 0),
                "out_features": .integer(sizes.first ?? 0), "bias": false,
                "activation_function": "torch.nn.modules.linear.Identity",
            ]
        }
    }

    /// The files in which the sentence-transformers library finds how vectors are pooled and what comes
    /// behind; none for a model whose file does not say.
    static func moduleFiles(
        _ keys: ConfigurationExport.Source, _ dense: [DenseModule]
    ) -> [(name: String, bytes: [UInt8])] {
        var files: [(name: String, bytes: [UInt8])] = dense.map {
            ("\($0.folder)/config.json", $0.settings.written())
        }
        var modules = [("", "Transformer")]
        if let number = keys.value("pooling_type")?.integer.flatMap({ UInt32(exactly: $0) }),
            let pooling = ModelConfiguration.Pooling(rawValue: number),
            let width = keys.value("embedding_length")?.integer
        {
            let folder = "1_Pooling"
            modules.append((folder, "Pooling"))
            files.append(("\(folder)/config.json", settings(of: pooling, width: width).written()))
        } else if dense.isEmpty {
            return []
        }
        modules += dense.map { ($0.folder, "Dense") }
        let list = modules.enumerated().map { index, module in
            JSON.object([
                .init(key: "idx", value: .integer(index)),
                .init(key: "name", value: .string(ByteString("\(index)"))),
                .init(key: "path", value: .string(ByteString(module.0))),
                .init(
                    key: "type",
                    value: .string(ByteString("sentence_transformers.models.\(module.1)"))),
            ])
        }
        return [("modules.json", JSON.array(list).written())] + files
    }

    private static func settings(of pooling: ModelConfiguration.Pooling, width: Int) -> JSON {
        let modes: [(key: ByteString, pooling: ModelConfiguration.Pooling)] = [
            ("pooling_mode_cls_token", .cls), ("pooling_mode_mean_tokens", .mean),
            ("pooling_mode_lasttoken", .last),
        ]
        return .object(
            [.init(key: "word_embedding_dimension", value: .integer(width))]
                + modes.map { .init(key: $0.key, value: .bool($0.pooling == pooling)) })
    }
}
