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
    ///   - norm: Whether there must be a norm of the result; `nil` when there is none.
    static func stateSpace(
        _ layer: String, _ sizes: StateSpaceSizes, norm: TensorRule.Presence? = .required,
        where condition: TensorRule.Condition = .always
    ) -> [TensorRule] {
        let block = "blk.{bid}.ssm_"
        /// A tensor that has a further dimension, or one less, in the file.
        func reshaped(
            _ source: String, _ stored: [Dimension], _ name: String, _ shape: [Dimension],
            change: ValueChange = .none, presence: TensorRule.Presence = .required
        ) -> TensorRule {
            .init(
                [.init(layer + source, stored)],
                into: [.init(block + name, shape, change: change)], presence: presence,
                where: condition)
        }
        let (channels, width) = (sizes.channels, sizes.width)
        var rules: [TensorRule] = [
            .init(
                layer + "in_proj.weight", block + "in.weight",
                [width + channels + sizes.heads, .hidden], where: condition),
            reshaped(
                "conv1d.weight", [channels, 1, sizes.kernel], "conv1d.weight",
                [channels, sizes.kernel]),
            .init(
                layer + "conv1d.bias", block + "conv1d.bias", [channels], presence: .optional,
                where: condition),
            .init(layer + "dt_bias", block + "dt.bias", [sizes.heads], where: condition),
            reshaped(
                "A_log", [sizes.heads], "a", [sizes.heads, 1], change: .negatedExponential),
            reshaped("D", [sizes.heads], "d", [sizes.heads, 1]),
            .init(
                layer + "out_proj.weight", block + "out.weight", [.hidden, width],
                where: condition),
        ]
        if let norm {
            rules.append(
                reshaped(
                    "norm.weight", [width], "norm.weight", [sizes.groups, width / sizes.groups],
                    presence: norm))
        }
        return rules
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

extension ModelConfiguration {
    /// Checks that the sizes of a state space go together, and that it has no option which a GGUF
    /// file cannot express.
    ///
    /// - Parameters:
    ///   - projectionBias: The key that says whether projections have biases.
    ///   - headLength: The key of a head's length.
    func reviewStateSpace(
        _ sizes: StateSpaceSizes, projectionBias: String, headLength: String, architecture: String
    ) throws(ArchitectureError) {
        try require(projectionBias, false, architecture: architecture)
        if let limits = self["time_step_limit"] {
            func number(_ index: Int) -> Double? {
                guard let all = limits.array, all.count == 2 else { return nil }
                if all[index]["__float__"]?.text == "Infinity" { return .infinity }
                return all[index].double
            }
            guard number(0) == 0, number(1) == .infinity else {
                throw fault(
                    .notExpressible(
                        found: "other limits of steps", expected: "0 and Infinity",
                        architecture: architecture), "time_step_limit")
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
