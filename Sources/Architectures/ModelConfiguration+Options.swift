import TensorCore

extension ModelConfiguration {
    /// Checks that the activation is one that GGUF's `architecture` runs.
    ///
    /// - Parameters:
    ///   - keys: Where the configuration may say so; the first that is there counts.
    ///   - names: The names that mean the activation that is run.
    func requireActivation(
        _ keys: [String], oneOf names: [String], architecture: String
    ) throws(ArchitectureError) {
        guard let (key, value) = first(of: keys) else { return }
        guard let name = value.text else {
            throw fault(.invalidValue(found: value.kindName, expected: "a string"), key)
        }
        guard names.contains(name) else {
            throw fault(
                .notExpressible(
                    found: "\"\(name)\"", expected: "\"\(names[0])\"", architecture: architecture),
                key)
        }
    }

    /// Checks that a switch is where GGUF's `architecture` has it; a missing one is.
    func require(
        _ key: String, _ expected: Bool, architecture: String
    ) throws(ArchitectureError) {
        guard let value = self[key] else { return }
        guard let found = value.boolean else {
            throw fault(.invalidValue(found: value.kindName, expected: "true or false"), key)
        }
        guard found == expected else {
            throw fault(
                .notExpressible(
                    found: "\(found)", expected: "\(expected)", architecture: architecture), key)
        }
    }

    /// Refuses heads of a size of their own, for families whose GGUF files cannot say it.
    func requireHeadDimIsShare(architecture: String) throws(ArchitectureError) {
        let share = try hiddenSize() / numAttentionHeads()
        let found = try headDim()
        guard found == share else {
            throw fault(
                .notExpressible(
                    found: "\(found)",
                    expected: "\(share), the hidden size shared out among the heads",
                    architecture: architecture), "head_dim")
        }
    }

    /// Checks that every `period`-th layer attends to the whole context and the others through a
    /// window, where the configuration lists its layers' types; without a period all layers attend
    /// to the whole context.
    func requireSlidingLayers(
        unlessEvery period: Int = 1, architecture: String
    ) throws(ArchitectureError) {
        guard let layers = try slidingLayers() else { return }
        guard try layers == slidingLayers(period: period) else {
            let count = layers.count { $0 }
            throw fault(
                .notExpressible(
                    found: "\(count) sliding layers of \(layers.count)",
                    expected: "full attention in every \(period). layer",
                    architecture: architecture), "layer_types")
        }
    }
}

extension HyperparameterRule {
    /// Which layers have a sliding window, where it is not all but every `period`-th, which readers
    /// of this architecture assume.
    static func slidingLayers(unlessEvery period: Int) -> Self {
        .slidingWindowPattern { configuration throws(ArchitectureError) in
            let layers = try configuration.slidingLayers()
            return try layers == configuration.slidingLayers(period: period) ? nil : layers
        }
    }
}
