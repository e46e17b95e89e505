import TensorCore

/// A model's metadata under its architecture's prefix, read with bounds.
struct LayerKeys {
    let architecture: String
    private let metadata: Metadata
    private let path: String

    /// More layers, heads or columns than this no model has; it keeps products far from overflow.
    static let largest = 1 << 24
    /// The most layers that are believed.
    static let mostLayers = 4096

    init(_ metadata: Metadata, path: String) {
        self.metadata = metadata
        self.path = path
        architecture = metadata["general.architecture"]?.text ?? ""
    }

    func has(_ suffix: String) -> Bool { metadata["\(architecture).\(suffix)"] != nil }

    /// A count, `nil` when the key is missing.
    func count(_ suffix: String) throws(PlanningError) -> Int? {
        guard let value = metadata["\(architecture).\(suffix)"] else { return nil }
        guard let count = value.integer, (0...LayerKeys.largest).contains(count) else {
            throw invalid(suffix, "a number up to \(LayerKeys.largest)")
        }
        return count
    }

    /// A count that must be there.
    func required(_ suffix: String) throws(PlanningError) -> Int {
        guard let value = try count(suffix) else {
            throw PlanningError(.missingKey, file: path, place: "\(architecture).\(suffix)")
        }
        return value
    }

    /// A count for each layer, `nil` when the key is missing.
    func counts(_ suffix: String, layers: Int) throws(PlanningError) -> [Int]? {
        guard let value = metadata["\(architecture).\(suffix)"] else { return nil }
        guard let counts = value.integers else {
            return [Int](repeating: try count(suffix) ?? 0, count: layers)
        }
        guard counts.count >= layers,
            counts.allSatisfy({ (0...LayerKeys.largest).contains($0) })
        else { throw invalid(suffix, "\(layers) numbers up to \(LayerKeys.largest)") }
        return Array(counts.prefix(layers))
    }

    /// True or false for each layer; `nil` when the key is missing or is one number.
    func flags(_ suffix: String, layers: Int) -> [Bool]? {
        guard case .bools(let flags)? = metadata["\(architecture).\(suffix)"],
            flags.count >= layers
        else { return nil }
        return Array(flags.prefix(layers))
    }

    private func invalid(_ suffix: String, _ expected: String) -> PlanningError {
        let found = metadata["\(architecture).\(suffix)"]?.typeName ?? "nothing"
        return PlanningError(
            .invalidValue(found: found, expected: expected), file: path,
            place: "\(architecture).\(suffix)")
    }
}

extension CacheLayout {
    /// Reads the layers from GGUF's general keys.
    init(keysOf metadata: Metadata, path: String) throws(PlanningError) {
        let keys = LayerKeys(metadata, path: path)
        guard !keys.architecture.isEmpty else {
            throw PlanningError(.missingKey, file: path, place: "general.architecture")
        }
        let predictors = try keys.count("nextn_predict_layers") ?? 0
        let count = try keys.required("block_count") - predictors
        let seesAhead = metadata["\(keys.architecture).attention.causal"]?.boolean == false
        guard (1...LayerKeys.mostLayers).contains(count) else {
            throw PlanningError(
                .invalidValue(found: "\(count) layers", expected: "1 to \(LayerKeys.mostLayers)"),
                file: path, place: "\(keys.architecture).block_count")
        }
        let heads = try keys.counts("attention.head_count", layers: count)
        let headsKV = try keys.counts("attention.head_count_kv", layers: count) ?? heads
        let windows = try CacheLayout.windows(keys, layers: count)
        let state = try CacheLayout.stateLength(keys)
        let shared = try keys.count("attention.shared_kv_layers") ?? 0
        let recurrent = keys.flags("attention.recurrent_layers", layers: count)
        let width = try keys.required("embedding_length")
        var layers: [Layer] = []
        for index in 0..<count {
            let headCount = headsKV?[index] ?? 0
            if recurrent?[index] ?? (headCount == 0) {
                layers.append(Layer(stateLength: state))
                continue
            }
            guard index < count - shared, !seesAhead else {
                layers.append(Layer())
                continue
            }
            let standard = width / max(1, heads?[index] ?? 1)
            func length(_ name: String) throws(PlanningError) -> Int {
                if windows[index] != nil, let own = try keys.count("attention.\(name)_swa") {
                    return own
                }
                return try keys.count("attention.\(name)") ?? standard
            }
            let isLatent = keys.has("attention.key_length_mla")
            layers.append(
                Layer(
                    attention: Attention(
                        headCount: headCount, keyLength: try length("key_length"),
                        valueLength: isLatent ? 0 : try length("value_length"),
                        window: windows[index])))
        }
        self.init(layers: layers, origin: .keys)
    }

    /// The window of each layer.
    private static func windows(
        _ keys: LayerKeys, layers: Int
    ) throws(PlanningError) -> [Int?] {
        guard let window = try keys.count("attention.sliding_window"), window > 0 else {
            return [Int?](repeating: nil, count: layers)
        }
        let suffix = "attention.sliding_window_pattern"
        if let flags = keys.flags(suffix, layers: layers) {
            return flags.map { $0 ? window : nil }
        }
        // How often a layer sees everything where the file does not say, and whether it is the
        // first or the last of so many.
        let usual: (period: Int, isFirst: Bool)? =
            switch keys.architecture {
            case "gemma2", "gpt-oss": (2, false)
            case "gemma3": (6, false)
            case "gemma3n": (5, false)
            case "cohere2", "afmoe", "olmo2", "exaone-moe", "mellum", "muse-glimmer": (4, false)
            case "cohere2moe", "smallthinker", "laguna": (4, true)
            case "plamo3": (8, false)
            default: nil
            }
        guard let period = try keys.count(suffix) ?? usual?.period else {
            return [Int?](repeating: nil, count: layers)
        }
        let isFirst = usual?.isFirst ?? false
        return (0..<layers).map {
            period == 0 || ($0 + (isFirst ? 0 : 1)) % period != 0 ? window : nil
        }
    }

    /// The numbers of a text's state in a layer that recurs.
    private static func stateLength(_ keys: LayerKeys) throws(PlanningError) -> Int {
        func product(_ factors: Int...) throws(PlanningError) -> Int {
            var result = 1
            for factor in factors {
                guard let product = result.multiplied(checkedBy: factor), product < 1 << 48 else {
                    throw PlanningError(.tooLarge)
                }
                result = product
            }
            return result
        }
        let width = try keys.required("embedding_length")
        if let head = try keys.count("wkv.head_size") {
            // RWKV: the last inputs, and a matrix for each head.
            return try product(width, (try keys.count("token_shift_count") ?? 2) + head)
        }
        if let cached = try keys.count("shortconv.l_cache") {
            return try product(width, max(0, cached - 1))
        }
        if let head = try keys.count("kda.head_dim") {
            let heads = try keys.counts("attention.head_count", layers: 1)?.first ?? 0
            let kernel = try keys.count("ssm.conv_kernel") ?? 4
            return try product(heads, head, 3 * max(0, kernel - 1) + head)
        }
        let inner = try keys.count("ssm.inner_size") ?? 0
        let state = try keys.count("ssm.state_size") ?? 0
        let groups = try keys.count("ssm.group_count") ?? 0
        let kernel = try keys.count("ssm.conv_kernel") ?? 0
        let channels = inner + (try product(2, groups, state))
        return try product(max(0, kernel - 1), channels) + product(inner, state)
    }
}
