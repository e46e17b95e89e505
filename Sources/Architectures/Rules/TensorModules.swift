/// Modules of a checkpoint, as its model class names them, and what becomes of them in a GGUF file:
/// the one dialect in which families say tensors.
///
/// A value is a module or any number of them, and an array literal of values is one too. Names in
/// `blocks` are relative to the layer. A module is a weight and perhaps a bias; `tensor` has names as
/// they stand; where several tensors become one or one becomes several, sources and outputs are
/// listed with views: `.reshaped(…).narrowed(…).permuted(…)`.
public struct TensorModules: Sendable, ExpressibleByArrayLiteral {
    /// The rules that a conversion and, turned round, an export obey.
    public let rules: [TensorRule]

    init(_ rules: [TensorRule]) { self.rules = rules }

    /// One after another.
    public init(arrayLiteral elements: Self...) { rules = elements.flatMap(\.rules) }

    /// A weight with the dimensions `shape`, and perhaps a bias with the first of them.
    ///
    /// - Parameters:
    ///   - source: The module's name: `self_attn.q_proj`.
    ///   - name: The GGUF name: `attn_q`.
    ///   - bias: Whether there may or must be a bias; `nil` when there is none.
    ///   - transform: What happens to the values of the weight. Rows that change places do so in the
    ///     bias, too.
    ///   - factors: What its values are multiplied by.
    init(
        _ source: String, _ name: String, _ shape: [Dimension], bias: TensorRule.Presence? = nil,
        presence: TensorRule.Presence = .required, transform: TensorTransform = .none,
        times factors: [TensorRule.Factor] = []
    ) {
        var rules = [
            TensorRule(
                "\(source).weight", "\(name).weight", shape, presence: presence,
                transform: transform, times: factors)
        ]
        if let bias {
            rules.append(
                TensorRule(
                    "\(source).bias", "\(name).bias", [shape[0]], presence: bias,
                    transform: transform.ofBias))
        }
        self.init(rules)
    }

    /// A norm, of the residual stream unless `length` says another.
    @inline(never)
    static func norm(
        _ source: String, _ name: String, _ length: Dimension = .hidden,
        bias: TensorRule.Presence? = nil, presence: TensorRule.Presence = .required,
        transform: TensorTransform = .none
    ) -> Self {
        .init(
            source, name, [length], bias: bias, presence: presence, transform: transform)
    }

    /// One tensor under whole names, which has the dimensions `shape` in the GGUF file.
    ///
    /// - Parameters:
    ///   - stored: The dimensions in the checkpoint where they differ.
    ///   - view: The order of the elements where it differs.
    @inline(never)
    static func tensor(
        _ source: String, _ name: String, _ shape: [Dimension], from stored: [Dimension]? = nil,
        view: TensorView? = nil, change: ValueChange = .none,
        presence: TensorRule.Presence = .required
    ) -> Self {
        .tensors(
            [.init(source, stored ?? shape)],
            into: [.init(name, shape, [.init(0, view)], change: change)], presence: presence)
    }

    /// Tensors of which others are made, all under whole names.
    @inline(never)
    static func tensors(
        _ sources: [TensorRule.Source], into outputs: [TensorRule.Output],
        presence: TensorRule.Presence = .required, isLeading: Bool = false,
        leavesUnused: Bool = false
    ) -> Self {
        .init([
            TensorRule(
                sources, into: outputs, presence: presence, isLeading: isLeading,
                leavesUnused: leavesUnused)
        ])
    }

    /// A tensor with gate and up in one, which are two in a GGUF file: `{role}` in its name.
    ///
    /// - Parameters:
    ///   - stored: The dimensions in the checkpoint.
    ///   - box: The same with a side of two, for gate and up.
    ///   - axis: The number of that side.
    ///   - order: The sides of the result.
    @inline(never)
    static func gateAndUp(
        _ source: String, _ stored: [Dimension], _ name: String, _ shape: [Dimension],
        as box: [Dimension], axis: Int, order: [Int]? = nil,
        presence: TensorRule.Presence = .required
    ) -> Self {
        .tensors(
            [.init(source, stored)],
            into: ["gate", "up"].enumerated().map { index, role in
                let half = TensorView.reshaped(box).narrowed(axis, from: .constant(index))
                let pattern = TensorPattern(name.replacing("{role}", with: role))
                return .init(
                    pattern, shape,
                    values: .parts([.init(0, order.map(half.permuted) ?? half)], .none))
            }, presence: presence)
    }

    /// A tensor that is the token embeddings once more, where GGUF files have no place for another: a
    /// checkpoint whose matrix differs is refused.
    @inline(never)
    static func copyOfEmbeddings(_ source: String) -> Self {
        .init([
            TensorRule(
                [.init(source, [.vocabulary, .hidden])], into: [], presence: .optional,
                isCopy: true)
        ])
    }

    /// Tensors which checkpoints carry along and which are no part of the GGUF file: masks.
    @inline(never)
    static func ignoring(_ sources: String...) -> Self {
        .init(sources.map { TensorRule([.init($0, nil)], into: [], presence: .optional) })
    }

    /// The modules of a layer: names follow that of the layer, and `blk.{bid}.` in a GGUF file.
    ///
    /// - Parameter condition: The blocks of the models that have them.
    @inline(never)
    static func blocks(
        of layer: String = "model.layers.{bid}.", as block: String = "blk.{bid}.",
        where condition: TensorRule.Condition = .always, _ modules: Self...
    ) -> Self {
        .init(
            modules.flatMap(\.rules).map { rule in
                var rule = rule
                rule.sources = rule.sources.map {
                    .init(layer + $0.pattern.text, $0.shape, count: $0.count)
                }
                rule.outputs = rule.outputs.map {
                    var output = TensorRule.Output(
                        TensorPattern(block + $0.name.text), $0.shape, values: $0.values)
                    output.repeats = $0.repeats
                    output.isPadded = $0.isPadded
                    return output
                }
                rule.condition = rule.condition && condition
                return rule
            })
    }

    /// Modules that some models have.
    @inline(never)
    static func only(where condition: TensorRule.Condition, _ modules: Self...) -> Self {
        .init(
            modules.flatMap(\.rules).map { rule in
                var rule = rule
                rule.condition = rule.condition && condition
                return rule
            })
    }
}
