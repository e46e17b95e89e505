import TensorCore

// What the layers of a file say that a configuration says in other words.

extension ConfigurationExport.Source {
    /// The kinds of layers, told by their key-value heads.
    ///
    /// - Parameters:
    ///   - attention: The word for layers with heads.
    ///   - other: The word for layers without.
    func attentionLayers(_ attention: String, others other: String) -> [ConfigurationExport.Entry] {
        guard let heads = value("attention.head_count_kv")?.integers, let most = heads.max()
        else { return [] }
        return [
            ("num_key_value_heads", .integer(most)),
            ("layer_types", .array(heads.map { .text($0 == 0 ? other : attention) })),
        ]
    }

    /// `mlp_layer_types`: experts where a layer has a router.
    var networkTypesByRouter: [ConfigurationExport.Entry] {
        guard let count = layerCount else { return [] }
        let types = (0..<count).map {
            hasTensor("blk.\($0).ffn_gate_inp.weight") ? "sparse" : "dense"
        }
        return [("mlp_layer_types", .array(types.map { .text($0) }))]
    }

    /// How the scores of experts become weights, where the file says so.
    func gating(_ word: String = "scoring_func") -> [ConfigurationExport.Entry] {
        switch integer("expert_gating_func") {
        case 1?: [(word, .text("softmax"))]
        case 2?: [(word, .text("sigmoid"))]
        default: []
        }
    }

    /// The value of a list at a layer.
    func integer(_ key: String, ofLayer layer: Int) -> Int? {
        guard let list = value(key)?.integers, list.indices.contains(layer) else {
            return integer(key)
        }
        return list[layer]
    }
}
