import TensorCore

/// What a family's GGUF files take for granted about a configuration.
///
/// A GGUF architecture has no keys for some options: its readers know what the published models
/// did. A check tells the values of which a file becomes another model, which its readers compute;
/// it refuses those of which there is no file, or one that readers end on; and it returns sentences
/// about what may be left out. Families list their checks; the first that refuses counts.
public struct ConfigurationCheck: Sendable {
    /// Looks at a configuration.
    let run: @Sendable (ModelConfiguration) throws(ArchitectureError) -> ConfigurationReview

    /// A check of a family's own that returns what is left out.
    @inline(never)
    static func noting(
        _ run: @escaping @Sendable (ModelConfiguration) throws(ArchitectureError) -> [String]
    ) -> Self {
        .init { configuration throws(ArchitectureError) in
            .init(notices: try run(configuration))
        }
    }

    /// A check of a family's own that refuses.
    @inline(never)
    static func refusing(
        _ check: @escaping @Sendable (ModelConfiguration) throws(ArchitectureError) -> Void
    ) -> Self {
        .init { configuration throws(ArchitectureError) in
            try check(configuration)
            return .init()
        }
    }

    /// A check of a family's own that tells an option without a key, where it throws one; all else
    /// that it throws is refused.
    @inline(never)
    static func departing(
        _ check: @escaping @Sendable (ModelConfiguration) throws(ArchitectureError) -> Void
    ) -> Self {
        .init { configuration throws(ArchitectureError) in
            do throws(ArchitectureError) {
                try check(configuration)
                return .init()
            } catch {
                guard case .notExpressible = error.kind else { throw error }
                return .init(departures: [error])
            }
        }
    }

    /// Checks that refuse what they would tell: the file has no place for what such a model has, or
    /// its readers end on it.
    @inline(never)
    static func refused(_ checks: Self...) -> Self {
        .refusing { configuration throws(ArchitectureError) in
            for check in checks {
                if let departure = try check.run(configuration).departures.first { throw departure }
            }
        }
    }

    /// Switches of what the file has tensors for, and needs; refused where they are off.
    @inline(never)
    static func needing(_ keys: String...) -> Self { .refused(.switches(keys, true)) }

    /// Switches of what the file has no tensors for; refused where they are on.
    @inline(never)
    static func without(_ keys: String...) -> Self { .refused(.switches(keys, false)) }

    /// The activation between a network's layers, where the configuration says one.
    ///
    /// - Parameters:
    ///   - names: The names that mean the activation that is run; the usual one first.
    ///   - keys: Where the configuration may say so; the first that is there counts.
    @inline(never)
    static func activation(_ names: [String], at keys: String...) -> Self {
        .text(keys.isEmpty ? ["hidden_act"] : keys, names)
    }

    /// A text that is one of some where it is there.
    @inline(never)
    static func text(_ key: String, _ names: String...) -> Self { .text([key], names) }

    private static func text(_ keys: [String], _ names: [String]) -> Self {
        .departing { configuration throws(ArchitectureError) in
            guard let (key, value) = configuration.first(of: keys) else { return }
            guard let name = value.text else {
                throw configuration.fault(
                    .invalidValue(found: value.kindName, expected: "a string"), key)
            }
            guard names.contains(name) else {
                throw configuration.inexpressible(
                    key, found: "\"\(name)\"", expected: "\"\(names[0])\"")
            }
        }
    }

    /// Switches that are on where they are there.
    @inline(never)
    static func on(_ keys: String...) -> Self { .switches(keys, true) }

    /// Switches that are off where they are there.
    @inline(never)
    static func off(_ keys: String...) -> Self { .switches(keys, false) }

    private static func switches(_ keys: [String], _ expected: Bool) -> Self {
        .init { configuration throws(ArchitectureError) in
            var review = ConfigurationReview()
            for key in keys {
                let check = ConfigurationCheck.departing {
                    configuration throws(ArchitectureError) in
                    try configuration.require(key, expected)
                }
                review.departures += try check.run(configuration).departures
            }
            return review
        }
    }

    /// A number that is this one where it is there.
    @inline(never)
    static func number(_ key: String, _ expected: Double) -> Self {
        .departing { configuration throws(ArchitectureError) in
            guard let found = try configuration.number([key]), found != expected else { return }
            func text(_ number: Double) -> String {
                Int(exactly: number).map { "\($0)" } ?? "\(number)"
            }
            throw configuration.inexpressible(key, found: text(found), expected: text(expected))
        }
    }

    /// An integer that is this one; one that the configuration must have.
    @inline(never)
    static func count(_ key: String, _ expected: Int) -> Self {
        .departing { configuration throws(ArchitectureError) in
            let found = try configuration.required(key)
            guard found != expected else { return }
            throw configuration.inexpressible(key, found: "\(found)", expected: "\(expected)")
        }
    }

    /// A count that is 0 where it is there.
    @inline(never)
    static func zero(_ key: String) -> Self {
        .departing { configuration throws(ArchitectureError) in
            guard let found = try configuration.integer(key), found != 0 else { return }
            throw configuration.inexpressible(key, found: "\(found)", expected: "0")
        }
    }

    /// Options that are not there.
    @inline(never)
    static func absent(_ keys: String...) -> Self {
        .departing { configuration throws(ArchitectureError) in
            for key in keys {
                guard let value = configuration[key] else { continue }
                throw configuration.inexpressible(
                    key, found: value.double.map { "\($0)" } ?? value.text ?? value.kindName,
                    expected: "nothing")
            }
        }
    }

    /// Heads that share out the hidden size among them: the family's files cannot say another length.
    static let headsShareWidth = refusing { configuration throws(ArchitectureError) in
        let share = try configuration.hiddenSize() / configuration.numAttentionHeads()
        let found = try configuration.headDim()
        guard found != share else { return }
        throw configuration.inexpressible(
            "head_dim", found: "\(found)",
            expected: "\(share), the hidden size shared out among the heads")
    }

    /// A sliding window (SWA) that is lost, as the family's readers attend to the whole context.
    static let lostSlidingWindow = noting { configuration throws(ArchitectureError) in
        guard configuration["use_sliding_window"]?.boolean != false,
            let window = try configuration.integer("sliding_window"),
            let context = try configuration.integer("max_position_embeddings"), window < context,
            try configuration.integer("max_window_layers") ?? 0 < configuration.numHiddenLayers()
        else { return [] }
        return [
            "the sliding window of \(window) positions is not carried over; readers of "
                + "\(configuration.architecture) attend to the whole context"
        ]
    }

    /// Layers that have a sliding window exactly where `slides` says so, where the configuration
    /// lists their types.
    ///
    /// - Parameter pattern: What is expected, in words.
    @inline(never)
    static func layerTypes(
        _ pattern: String, slides: @escaping @Sendable (Int) -> Bool
    ) -> Self {
        .departing { configuration throws(ArchitectureError) in
            try configuration.requireLayerTypes(pattern, slides: slides)
        }
    }
}

extension [String] {
    /// SiLU, which is also called Swish.
    static let silu = ["silu", "swish"]
    /// GELU in its tanh form, under the names that transformers and older files have.
    static let geluTanh = ["gelu_pytorch_tanh", "gelu_new", "gelu_fast", "gelu"]
}

extension ModelConfiguration {
    /// An error about an option for which the GGUF architecture has no key.
    func inexpressible(_ key: String, found: String, expected: String) -> ArchitectureError {
        fault(.notExpressible(found: found, expected: expected, architecture: architecture), key)
    }

    /// Checks that a switch is where the GGUF architecture has it; a missing one is.
    func require(_ key: String, _ expected: Bool) throws(ArchitectureError) {
        guard let value = self[key] else { return }
        guard let found = value.boolean else {
            throw fault(.invalidValue(found: value.kindName, expected: "true or false"), key)
        }
        guard found == expected else {
            throw inexpressible(key, found: "\(found)", expected: "\(expected)")
        }
    }

    /// Checks that layer `i` has a sliding window exactly when `slides(i)`.
    func requireLayerTypes(
        _ pattern: String, slides: (Int) -> Bool
    ) throws(ArchitectureError) {
        try checkLayerTypes()
        for (index, type) in (self["layer_types"]?.array ?? []).enumerated() {
            guard type.text == (slides(index) ? "sliding_attention" : "full_attention") else {
                throw inexpressible(
                    "layer_types", found: "\(type.text ?? type.kindName) in layer \(index)",
                    expected: pattern)
            }
        }
    }
}
