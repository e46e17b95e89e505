import TensorCore

/// The sizes of Mamba-2's state space in the words of a family's configuration.
struct StateSpaceSizes: Sendable {
    /// The number of heads.
    let heads: Dimension
    /// The number of groups of heads that share B and C.
    let groups: Dimension
    /// The values of all heads.
    let width: Dimension
    /// The length of B and C.
    let state: Dimension
    /// How many positions the convolution takes in.
    let kernel: Dimension

    /// The channels that are convolved: x, B and C.
    var channels: Dimension { width + 2 * groups * state }
}

extension [TensorRule] {
    /// The tensors of a layer of Mamba-2's state space.
    ///
    /// - Parameters:
    ///   - layer: What their names in a checkpoint start with.
    ///   - hasNorm: Whether the norm of the result is among them.
    ///   - hasProjections: Whether the two matrices are among them.
    static func stateSpace(
        _ layer: String, _ sizes: StateSpaceSizes, hasNorm: Bool = true,
        hasProjections: Bool = true, where condition: TensorRule.Condition = .always
    ) -> [TensorRule] {
        let block = "blk.{bid}.ssm_"
        let (channels, width) = (sizes.channels, sizes.width)
        var rules: [TensorRule] = [
            .reshaped(
                layer + "conv1d.weight", [channels, 1, sizes.kernel], block + "conv1d.weight",
                [channels, sizes.kernel], where: condition),
            .init(
                layer + "conv1d.bias", block + "conv1d.bias", [channels], presence: .optional,
                where: condition),
            .init(layer + "dt_bias", block + "dt.bias", [sizes.heads], where: condition),
            .reshaped(
                layer + "A_log", [sizes.heads], block + "a", [sizes.heads, 1],
                change: .negatedExponential, where: condition),
            .reshaped(
                layer + "D", [sizes.heads], block + "d", [sizes.heads, 1], where: condition),
        ]
        if hasProjections {
            rules += [
                .init(
                    layer + "in_proj.weight", block + "in.weight",
                    [width + channels + sizes.heads, .hidden], where: condition),
                .init(
                    layer + "out_proj.weight", block + "out.weight", [.hidden, width],
                    where: condition),
            ]
        }
        return hasNorm ? rules + stateSpaceNorm(layer, sizes, where: condition) : rules
    }

    /// The norm of a state space's result.
    static func stateSpaceNorm(
        _ layer: String, _ sizes: StateSpaceSizes, where condition: TensorRule.Condition
    ) -> [TensorRule] {
        [
            .reshaped(
                layer + "norm.weight", [sizes.width], "blk.{bid}.ssm_norm.weight",
                [sizes.groups, sizes.width / sizes.groups], where: condition)
        ]
    }
}

extension TensorRule {
    /// A tensor that has a further dimension, or one less, in the file.
    static func reshaped(
        _ source: String, _ stored: [Dimension], _ name: String, _ shape: [Dimension],
        change: ValueChange = .none, where condition: Condition = .always
    ) -> TensorRule {
        .init(
            [.init(source, stored)], into: [.init(name, shape, change: change)], where: condition)
    }
}

extension [HyperparameterRule] {
    /// The keys of Mamba-2's state space, as they follow those of attention.
    static func stateSpace(_ sizes: StateSpaceSizes) -> [HyperparameterRule] {
        [
            .size("ssm.conv_kernel", sizes.kernel), .size("ssm.state_size", sizes.state),
            .size("ssm.group_count", sizes.groups), .size("ssm.inner_size", sizes.width),
            .size("ssm.time_step_rank", sizes.heads),
        ]
    }
}

extension ConfigurationCheck {
    /// Sizes of a state space that go together, and no option which a GGUF file cannot express.
    ///
    /// - Parameters:
    ///   - projectionBias: The key that says whether projections have biases.
    ///   - headLength: The key of a head's length.
    static func stateSpace(
        _ sizes: StateSpaceSizes, projectionBias: String, headLength: String
    ) -> Self {
        .refusing { configuration throws(ArchitectureError) in
            try configuration.checkStateSpace(
                sizes, projectionBias: projectionBias, headLength: headLength)
        }
    }
}

extension ModelConfiguration {
    /// The check that `ConfigurationCheck.stateSpace` makes.
    func checkStateSpace(
        _ sizes: StateSpaceSizes, projectionBias: String, headLength: String
    ) throws(ArchitectureError) {
        try require(projectionBias, false)
        if let limits = self["time_step_limit"] {
            func number(_ index: Int) -> Double? {
                guard let all = limits.array, all.count == 2 else { return nil }
                if all[index]["__float__"]?.text == "Infinity" { return .infinity }
                return all[index].double
            }
            guard number(0) == 0, number(1) == .infinity else {
                throw inexpressible(
                    "time_step_limit", found: "other limits of steps", expected: "0 and Infinity")
            }
        }
        let (heads, width) = (try sizes.heads.size(in: self), try sizes.width.size(in: self))
        let groups = try sizes.groups.size(in: self)
        guard heads % groups == 0 else {
            throw fault(
                .invalidValue(
                    found: "\(groups) groups of \(heads) heads", expected: "groups of equal size"))
        }
        if let length = self[headLength]?.integer {
            let (product, overflow) = length.multipliedReportingOverflow(by: heads)
            guard !overflow, product == width else {
                throw fault(
                    .invalidValue(
                        found: "\(heads) heads of \(length)", expected: "\(width) values"),
                    headLength)
            }
        } else if width % heads != 0 {
            throw fault(
                .invalidValue(found: "\(heads) heads", expected: "a divisor of \(width) values"),
                headLength)
        }
    }
}
