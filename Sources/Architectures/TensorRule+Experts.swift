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

    /// The blocks with experts, which are those after the first `first_k_dense_replace` (DeepSeek).
    static let sparseAfterFirst = TensorRule.Condition {
        configuration, block throws(ArchitectureError) in
        block >= (try configuration.integer("first_k_dense_replace") ?? 0)
    }
}

extension [TensorRule] {
    /// A gated network for each expert, stacked in the GGUF file: one tensor for each matrix of
    /// each expert in the checkpoint.
    ///
    /// - Parameters:
    ///   - experts: The name in front of the matrices, with `{bid}` and `{xid}`.
    ///   - matrices: The matrices in the order in which the file has them: the checkpoint's name,
    ///     and which of `gate`, `up` and `down` it is.
    ///   - width: The width of one expert.
    static func stackedExperts(
        _ experts: String, _ matrices: [(name: String, role: String)], width: Dimension,
        where condition: TensorRule.Condition = .always
    ) -> [TensorRule] {
        let shapes = matrices.map { matrix in
            matrix.role == "down" ? [Dimension.hidden, width] : [width, .hidden]
        }
        return [
            TensorRule(
                zip(matrices, shapes).map { .init("\(experts).\($0.name).weight", $1) },
                into: matrices.indices.map { index in
                    .init(
                        "blk.{bid}.ffn_\(matrices[index].role)_exps.weight",
                        [.experts] + shapes[index], [.init(index)])
                },
                where: condition)
        ]
    }

    /// The same as one tensor for all experts, as newer versions of transformers hold them: `down`
    /// `[experts, hidden, width]`, and gate and up together, `[experts, 2 · width, hidden]`.
    ///
    /// - Parameter count: The number of experts.
    static func mergedExperts(
        _ experts: String, width: Dimension, count: Dimension = .experts,
        where condition: TensorRule.Condition = .always
    ) -> [TensorRule] {
        let block = "blk.{bid}.ffn_"
        let halves: [Dimension] = [count, 2, width, .hidden]
        return ["", ".weight"].flatMap { suffix in
            [
                TensorRule(
                    "\(experts).down_proj\(suffix)", block + "down_exps.weight",
                    [count, .hidden, width], where: condition),
                TensorRule(
                    [
                        .init(
                            "\(experts).gate_up_proj\(suffix)", [count, 2 * width, .hidden])
                    ],
                    into: ["gate", "up"].enumerated().map { index, name in
                        .init(
                            "\(block)\(name)_exps.weight", [count, width, .hidden],
                            [.init(0, .part(of: halves, axis: 1, from: .constant(index)))])
                    },
                    where: condition),
            ]
        }
    }

    /// The same with a column for each output: `down` `[experts, width, hidden]`, and gate and up
    /// together, `[experts, hidden, 2 · width]`.
    static func transposedExperts(
        _ experts: String, width: Dimension, where condition: TensorRule.Condition = .always
    ) -> [TensorRule] {
        let block = "blk.{bid}.ffn_"
        let halves: [Dimension] = [.experts, .hidden, 2, width]
        return [
            TensorRule(
                [.init("\(experts).gate_up_proj", [.experts, .hidden, 2 * width])],
                into: ["gate", "up"].enumerated().map { index, name in
                    .init(
                        "\(block)\(name)_exps.weight", [.experts, width, .hidden],
                        [
                            .init(
                                0,
                                .part(
                                    of: halves, axis: 2, from: .constant(index),
                                    order: [0, 2, 3, 1]))
                        ])
                }, where: condition),
            TensorRule(
                [.init("\(experts).down_proj", [.experts, width, .hidden])],
                into: [
                    .init(
                        "\(block)down_exps.weight", [.experts, .hidden, width],
                        [.init(0, .init(as: [.experts, width, .hidden], order: [0, 2, 1]))])
                ], where: condition),
        ]
    }

    /// The names of the matrices in most checkpoints, in the order in which the file has them.
    static let expertMatrices: [(name: String, role: String)] = [
        ("down_proj", "down"), ("gate_proj", "gate"), ("up_proj", "up"),
    ]
}
