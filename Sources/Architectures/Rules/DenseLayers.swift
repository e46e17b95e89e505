import TensorCore

// Models whose first few layers have a dense network and all others experts: GGUF has the number of
// the dense ones.

extension ConfigurationDefault {
    /// How many dense layers come first, by `mlp_layer_types` where the configuration has it.
    ///
    /// - Parameters:
    ///   - key: The key that gets the number.
    ///   - standard: The number where neither says.
    @inline(never)
    static func denseLayers(
        _ key: String = "first_k_dense_replace", standard: Int
    ) -> Self {
        .computed(key) { configuration in
            guard configuration["mlp_layer_types"] != nil else {
                return configuration[key] ?? .integer(standard)
            }
            return configuration.leadingDenseLayers.map { .integer($0) }
        }
    }
}

extension ConfigurationCheck {
    /// Dense layers that come before all with experts.
    static let denseLayersFirst = refusing { configuration throws(ArchitectureError) in
        guard configuration["mlp_layer_types"] != nil, configuration.leadingDenseLayers == nil
        else { return }
        throw configuration.inexpressible(
            "mlp_layer_types", found: "another order", expected: "dense layers, then experts")
    }

    /// No dense layers.
    static let noDenseLayers = refusing { configuration throws(ArchitectureError) in
        let types = configuration["mlp_layer_types"]?.array ?? []
        guard types.contains(where: { $0.text != "sparse" }) else { return }
        throw configuration.inexpressible(
            "mlp_layer_types", found: "dense layers", expected: "experts in all layers")
    }
}

extension ConfigurationExport.Source {
    /// `mlp_layer_types`: as many dense layers as the file says, then experts.
    var networkTypes: [ConfigurationExport.Entry] {
        guard let count = layerCount else { return [] }
        let dense = integer("leading_dense_block_count") ?? 0
        return [
            (
                "mlp_layer_types",
                .array((0..<count).map { .text($0 < dense ? "dense" : "sparse") })
            )
        ]
    }
}

extension ModelConfiguration {
    /// How many dense layers come before those with experts, by `mlp_layer_types`; `nil` where that
    /// is not enough.
    fileprivate var leadingDenseLayers: Int? {
        let types = self["mlp_layer_types"]?.array?.map(\.text) ?? []
        let count = types.prefix { $0 == "dense" }.count
        return types.dropFirst(count).allSatisfy { $0 == "sparse" } ? count : nil
    }
}
