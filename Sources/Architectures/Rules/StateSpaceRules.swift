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

extension TensorModules {
    /// The tensors of a layer of Mamba-2's state space.
    ///
    /// - Parameters:
    ///   - source: What their names in a checkpoint start with.
    ///   - hasNorm: Whether the norm of the result is among them.
    ///   - hasProjections: Whether the two matrices are among them.
    @inline(never)
    static func stateSpace(
        _ source: String, _ sizes: StateSpaceSizes, hasNorm: Bool = true,
        hasProjections: Bool = true
    ) -> Self {
        let (channels, width) = (sizes.channels, sizes.width)
        let projections: Self = [
            .init(
                source + "in_proj", "ssm_in", [width + channels + sizes.heads, .hidden]),
            .init(source + "out_proj", "ssm_out", [.hidden, width]),
        ]
        return [
            .tensor(
                source + "conv1d.weight", "ssm_conv1d.weight", [channels, sizes.kernel],
                from: [channels, 1, sizes.kernel]),
            .tensor(source + "conv1d.bias", "ssm_conv1d.bias", [channels], presence: .optional),
            .tensor(source + "dt_bias", "ssm_dt.bias", [sizes.heads]),
            .tensor(
                source + "A_log", "ssm_a", [sizes.heads, 1], from: [sizes.heads],
                change: .negatedExponential),
            .tensor(source + "D", "ssm_d", [sizes.heads, 1], from: [sizes.heads]),
            hasProjections ? projections : [],
            hasNorm ? .stateSpaceNorm(source, sizes) : [],
        ]
    }

    /// The norm of a state space's result.
    @inline(never)
    static func stateSpaceNorm(_ source: String, _ sizes: StateSpaceSizes) -> Self {
        .tensor(
            source + "norm.weight", "ssm_norm.weight",
            [sizes.groups, sizes.width / sizes.groups], from: [sizes.width])
    }
}

extension [MetadataRule] {
    /// The keys of Mamba-2's state space, as they follow those of attention.
    @inline(never)
    static func stateSpace(_ sizes: StateSpaceSizes) -> [MetadataRule] {
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
    @inline(never)
    static func stateSpace(
        _ sizes: StateSpaceSizes, projectionBias: String, headLength: String
    ) -> Self {
        .init { configuration throws(ArchitectureError) in
            try configuration.checkStateSpace(
                sizes, projectionBias: projectionBias, headLength: headLength)
            return try ConfigurationCheck.stepLimits.run(configuration)
        }
    }

    /// Limits of a state space's steps, which no file has.
    private static let stepLimits = departing { configuration throws(ArchitectureError) in
        guard let limits = configuration["time_step_limit"] else { return }
        func number(_ index: Int) -> Double? {
            guard let all = limits.array, all.count == 2 else { return nil }
            if all[index]["__float__"]?.text == "Infinity" { return .infinity }
            return all[index].double
        }
        guard number(0) == 0, number(1) == .infinity else {
            throw configuration.inexpressible(
                "time_step_limit", found: "other limits of steps", expected: "0 and Infinity")
        }
    }
}

extension ModelConfiguration {
    /// The check that `ConfigurationCheck.stateSpace` makes.
    fileprivate func checkStateSpace(
        _ sizes: StateSpaceSizes, projectionBias: String, headLength: String
    ) throws(ArchitectureError) {
        try require(projectionBias, false)
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

extension TensorModules {
    /// Queries, keys and values of delta attention, each convolved by itself; checkpoints have the
    /// convolutions with and without a length of 1.
    @inline(never)
    static func deltaInputs(width: Dimension, kernel: Dimension) -> Self {
        .init(
            ["q", "k", "v"].flatMap { role in
                TensorModules("\(role)_proj", "attn_\(role)", [width, .hidden]).rules
                    + [[width, 1, kernel], [width, kernel]].flatMap { stored in
                        TensorModules.tensor(
                            "\(role)_conv1d.weight", "ssm_conv1d_\(role).weight",
                            [1, width, 1, kernel], from: stored
                        ).rules
                    }
            })
    }
}
