import TensorCore

extension TensorRule.Condition {
    /// The blocks with experts, where `mlp_only_layers` and `decoder_sparse_step` say which (Qwen).
    static let sparseBySteps = TensorRule.Condition {
        configuration, block throws(ArchitectureError) in
        let dense = configuration["mlp_only_layers"]?.array ?? []
        if dense.contains(where: { $0.integer == block }) { return false }
        let step = try configuration.integer("decoder_sparse_step") ?? 1
        guard step > 0 else {
            throw configuration.fault(
                .invalidValue(found: "\(step)", expected: "a positive integer"),
                "decoder_sparse_step")
        }
        return (block + 1) % step == 0
    }

    /// The blocks with experts, which are those after the first few: as many as the key says.
    @inline(never)
    static func sparse(after key: String) -> Self {
        .init { configuration, block throws(ArchitectureError) in
            block >= (try configuration.integer(key) ?? 0)
        }
    }

    /// The blocks with experts in DeepSeek's words.
    static let sparseAfterFirst = sparse(after: "first_k_dense_replace")
}

extension TensorModules {
    /// A matrix of each expert: the checkpoint's name, and which of `gate`, `up` and `down` it is.
    typealias ExpertMatrix = (name: String, role: String)

    /// Gated networks of experts (MoE), which a GGUF file has stacked: one tensor for each matrix of
    /// each expert in the checkpoint, or, as newer versions of transformers hold them, one for all.
    ///
    /// - Parameters:
    ///   - matrices: The matrices in the order in which the file has them.
    ///   - width: The width of one expert.
    @inline(never)
    static func experts(
        _ matrices: [ExpertMatrix] = .named, width: Dimension, count: Dimension = .experts
    ) -> Self {
        [
            .stackedExperts(matrices, width: width, count: count),
            .mergedExperts(width: width, count: count),
        ]
    }

    /// The same as one tensor for each matrix of each expert.
    @inline(never)
    static func stackedExperts(
        _ matrices: [ExpertMatrix] = .named, width: Dimension, count: Dimension = .experts
    ) -> Self {
        let shapes = matrices.map { matrix in
            matrix.role == "down" ? [Dimension.hidden, width] : [width, .hidden]
        }
        return .tensors(
            zip(matrices, shapes).map {
                .init("experts.{xid}.\($0.name).weight", $1, count: count)
            },
            into: matrices.indices.map { index in
                .init(
                    "ffn_\(matrices[index].role)_exps.weight", [count] + shapes[index],
                    [.init(index)])
            })
    }

    /// The same as one tensor for all experts: `down` `[experts, hidden, width]`, and gate and up
    /// together, `[experts, 2 · width, hidden]`.
    @inline(never)
    static func mergedExperts(width: Dimension, count: Dimension = .experts) -> Self {
        .init(
            ["", ".weight"].flatMap { suffix in
                let both: Self = [
                    .tensor(
                        "experts.down_proj\(suffix)", "ffn_down_exps.weight",
                        [count, .hidden, width]),
                    .gateAndUp(
                        "experts.gate_up_proj\(suffix)", [count, 2 * width, .hidden],
                        "ffn_{role}_exps.weight", [count, width, .hidden],
                        as: [count, 2, width, .hidden], axis: 1),
                ]
                return both.rules
            })
    }

    /// The same with a column for each output: `down` `[experts, width, hidden]`, and gate and up
    /// together, `[experts, hidden, 2 · width]`.
    @inline(never)
    static func transposedExperts(width: Dimension) -> Self {
        [
            .gateAndUp(
                "experts.gate_up_proj", [.experts, .hidden, 2 * width], "ffn_{role}_exps.weight",
                [.experts, width, .hidden], as: [.experts, .hidden, 2, width], axis: 2,
                order: [0, 2, 3, 1]),
            .tensor(
                "experts.down_proj", "ffn_down_exps.weight", [.experts, .hidden, width],
                from: [.experts, width, .hidden],
                view: .reshaped([.experts, width, .hidden]).permuted([0, 2, 1])),
        ]
    }

    /// What follows the first `first_k_dense_replace` layers, as DeepSeek names it: a router with a
    /// correction, experts, and a network that every token passes.
    ///
    /// - Parameters:
    ///   - correction: Whether there may or must be a number for each expert that is added to its
    ///     score for the choice; `nil` when there is none.
    ///   - shared: Whether there may or must be a network for every token.
    ///   - areMerged: Whether the family's own checkpoints have one tensor for all experts, as an
    ///     export then writes them.
    @inline(never)
    static func routedExperts(
        correction: TensorRule.Presence? = .optional, shared: TensorRule.Presence = .optional,
        areMerged: Bool = false
    ) -> Self {
        let width = Dimension.key("moe_intermediate_size")
        return .blocks(
            of: "model.layers.{bid}.mlp.", where: .sparseAfterFirst,
            .init("gate", "ffn_gate_inp", [.experts, .hidden]),
            correction.map {
                .tensor(
                    "gate.e_score_correction_bias", "exp_probs_b.bias", [.experts], presence: $0)
            } ?? [],
            .gatedNetwork(
                "shared_experts", width: width * .key("n_shared_experts"), suffix: "_shexp",
                presence: shared),
            areMerged
                ? [.mergedExperts(width: width), .stackedExperts(width: width)]
                : .experts(width: width))
    }
}

extension TensorModules {
    /// Experts of four bits (MXFP4), a tensor of codes and one of exponents for each matrix of each
    /// expert; they come first in the file.
    static func packedExperts(
        width: Dimension, hidden: Dimension = .hidden, codes: String, exponents: String
    ) -> Self {
        let matrices: [(name: String, role: String, rows: Dimension, columns: Dimension)] = [
            ("w1", "gate", width, hidden), ("w2", "down", hidden, width),
            ("w3", "up", width, hidden),
        ]
        return .tensors(
            matrices.flatMap { matrix -> [TensorRule.Source] in
                let name = "experts.{xid}.\(matrix.name)"
                return [
                    .init(name + codes, [matrix.rows, matrix.columns / 2]),
                    .init(name + exponents, [matrix.rows, matrix.columns / 32]),
                ]
            },
            into: matrices.enumerated().map { number, matrix in
                .init(
                    TensorPattern("ffn_\(matrix.role)_exps.weight"),
                    [.experts, matrix.rows, matrix.columns],
                    values: .mxfp4(codes: 2 * number, exponents: 2 * number + 1, rows: nil))
            }, presence: .optional, isLeading: true)
    }
}

extension [TensorModules.ExpertMatrix] {
    /// The names in most checkpoints, in the order in which most files have them.
    static let named: Self = [("down_proj", "down"), ("gate_proj", "gate"), ("up_proj", "up")]
    /// The names that Mixtral and many after it have.
    static let numbered: Self = [("w1", "gate"), ("w2", "down"), ("w3", "up")]
}
