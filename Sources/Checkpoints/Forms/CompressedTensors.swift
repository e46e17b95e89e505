import TensorCore

/// The configuration of compressed-tensors.
///
/// Source: `quantization/quant_config.py` and `quant_args.py` of
/// <https://github.com/vllm-project/compressed-tensors>; an unknown key in a group is an error there.
enum CompressedTensors {
    /// What linear layers round their inputs to.
    enum Activations: Sendable {
        case none
        /// Each token's by its largest magnitude while the model runs.
        case token(bits: Int, type: String)
        /// All by one scale, which is stored.
        case tensor(bits: Int, type: String)
        /// Groups of a token's.
        case group(bits: Int, size: Int, scaleType: String?)
        /// NVFP4: groups of 16, whose scales are multiples of a stored one.
        case local

        var json: JSON {
            switch self {
            case .none: .null
            case .token(let bits, let type):
                arguments(bits, type, "token", dynamic: true, observer: .null)
            case .tensor(let bits, let type):
                arguments(bits, type, "tensor", dynamic: false, observer: "minmax")
            case .group(let bits, let size, let scaleType):
                arguments(
                    bits, "float", "group", dynamic: true, groupSize: size, observer: .null,
                    scaleType: scaleType)
            case .local:
                arguments(
                    4, "float", "tensor_group", dynamic: "local", groupSize: 16,
                    observer: "minmax", scaleType: "torch.float8_e4m3fn")
            }
        }
    }

    /// Makes the function of a form.
    static func configuration(
        _ format: String, _ activations: Activations = .none
    ) -> @Sendable (ConfigurationRequest) -> CheckpointConfiguration {
        { request in
            let group: JSON = [
                "targets": ["Linear"], "format": .string(ByteString(format)),
                "weights": weights(request.grid), "input_activations": activations.json,
                "output_activations": .null,
            ]
            return CheckpointConfiguration(quantization: [
                "quant_method": "compressed-tensors", "format": .string(ByteString(format)),
                "quantization_status": "compressed", "global_compression_ratio": .null,
                "ignore": .array(
                    (request.ignored + request.towers.map { "re:(^|.*\\.)\($0)\\..*" })
                        .map { .string(ByteString($0)) }),
                "kv_cache_scheme": request.hasCacheScales
                    ? arguments(8, "float", "tensor", dynamic: false, observer: "minmax") : .null,
                "config_groups": ["group_0": group],
            ])
        }
    }

    private static func weights(_ grid: WeightGrid) -> JSON {
        let strategy: (name: String, groupSize: Int?, block: JSON?) =
            switch grid.scope {
            case .tensor: ("tensor", nil, nil)
            case .channel: ("channel", nil, nil)
            case .group(let size): (grid.hasGlobalScale ? "tensor_group" : "group", size, nil)
            case .block(let rows, let columns):
                ("block", nil, [.integer(rows), .integer(columns)])
            }
        let scaleType: String? =
            switch grid.scale {
            case .e4m3: "torch.float8_e4m3fn"
            case .exponent: "torch.uint8"
            default: nil
            }
        let type = if case .integers = grid.codes { "int" } else { "float" }
        return arguments(
            grid.bits, type, strategy.name, symmetric: !grid.hasZeroPoints, dynamic: false,
            groupSize: strategy.groupSize, block: strategy.block, observer: "minmax",
            scaleType: scaleType)
    }

    private static func arguments(
        _ bits: Int, _ type: String, _ strategy: String, symmetric: Bool = true, dynamic: JSON,
        groupSize: Int? = nil, block: JSON? = nil, observer: JSON, scaleType: String? = nil
    ) -> JSON {
        var members: [(String, JSON)] = [
            ("num_bits", .integer(bits)), ("type", .string(ByteString(type))),
            ("symmetric", .bool(symmetric)), ("strategy", .string(ByteString(strategy))),
            ("group_size", groupSize.map { .integer($0) } ?? .null), ("dynamic", dynamic),
            ("observer", observer), ("observer_kwargs", .object([])),
            ("zp_dtype", symmetric ? .null : "torch.int8"),
        ]
        if let block { members.append(("block_structure", block)) }
        if let scaleType { members.append(("scale_dtype", .string(ByteString(scaleType)))) }
        return .object(members.map { .init(key: ByteString($0.0), value: $0.1) })
    }
}
