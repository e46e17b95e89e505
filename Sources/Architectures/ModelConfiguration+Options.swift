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

    /// Checks that options which GGUF's `architecture` does without are not there.
    func requireNone(_ keys: [String], architecture: String) throws(ArchitectureError) {
        for key in keys {
            guard let value = self[key] else { continue }
            throw fault(
                .notExpressible(
                    found: value.double.map { "\($0)" } ?? value.text ?? value.kindName,
                    expected: "nothing", architecture: architecture), key)
        }
    }

    /// Says that a sliding window is lost, for families whose readers attend to the whole context.
    func lostSlidingWindow(architecture: String) throws(ArchitectureError) -> [String] {
        guard self["use_sliding_window"]?.boolean != false,
            let window = try integer("sliding_window"),
            let context = try integer("max_position_embeddings"), window < context,
            try integer("max_window_layers") ?? 0 < numHiddenLayers()
        else { return [] }
        return [
            "the sliding window of \(window) positions is not carried over; readers of "
                + "\(architecture) attend to the whole context"
        ]
    }

    /// Checks that layer `i` has a sliding window exactly when `slides(i)`, where the configuration
    /// lists its layers' types.
    func requireLayerTypes(
        architecture: String, pattern: String, slides: (Int) -> Bool
    ) throws(ArchitectureError) {
        try checkLayerTypes()
        for (index, type) in (self["layer_types"]?.array ?? []).enumerated() {
            let expected = slides(index) ? "sliding_attention" : "full_attention"
            guard type.text == expected else {
                throw fault(
                    .notExpressible(
                        found: "\(type.text ?? type.kindName) in layer \(index)",
                        expected: pattern, architecture: architecture), "layer_types")
            }
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
