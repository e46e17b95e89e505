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

    /// Which layers have a sliding window: `layer_types`, or all but every `period`-th.
    func slidingLayers(period: Int) throws(ArchitectureError) -> [Bool] {
        let count = try numHiddenLayers()
        guard let types = self["layer_types"] else {
            return (1...count).map { $0 % period != 0 }
        }
        let names = (types.array ?? []).map(\.text)
        let known = ["sliding_attention", "full_attention"]
        guard names.count >= count, names.allSatisfy({ known.contains($0 ?? "") }) else {
            throw fault(
                .invalidValue(
                    found: types.array.map { "\($0.count) types" } ?? types.kindName,
                    expected: "sliding_attention or full_attention for each layer"), "layer_types")
        }
        return names.prefix(count).map { $0 == "sliding_attention" }
    }
}

extension HyperparameterRule {
    /// Which layers have a sliding window, where it is not all but every `period`-th, which readers
    /// of this architecture assume.
    static func slidingLayers(unlessEvery period: Int) -> Self {
        .entries { configuration throws(ArchitectureError) in
            let layers = try configuration.slidingLayers(period: period)
            guard layers != layers.indices.map({ ($0 + 1) % period != 0 }) else { return [] }
            return [.init("{arch}.attention.sliding_window_pattern", .bools(layers))]
        }
    }
}
