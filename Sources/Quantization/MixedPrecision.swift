/// Which format each kind of tensor gets in one file type.
struct MixedPrecision: Sendable {
    /// A tensor that a rule looks at: its role, where in the model it stands, and the model.
    struct Tensor: Sendable {
        /// What the tensor does.
        let role: TensorRole
        /// Where it stands among the tensors or layers that the rule counts.
        let position: Position
        /// How many matrices are stacked in it.
        let matrixCount: Int
        /// The model that it belongs to.
        let model: RecipeModel

        /// At least four query heads share a value head: the value projection is small, so that
        /// more bits there are cheap.
        var sharesValues: Bool { model.queriesPerKey >= 4 }
        /// Eight experts share one attention: more bits there are next to nothing.
        var hasEightExperts: Bool { model.expertCount == 8 }
    }

    /// A place in a row of layers.
    struct Position: Sendable {
        /// Counted from 0.
        let index: Int
        /// How many there are.
        let count: Int

        var isInFirstEighth: Bool { index < count / 8 }
        var isInFirstSixteenth: Bool { index < count / 16 }
        var isInMiddle: Bool { !isInFirstEighth && index < 7 * count / 8 }
        /// The first and the last eighth, and every third layer between: where the larger mixtures
        /// (`_M`) spend their bits.
        var deservesMoreBits: Bool { !isInMiddle || (index - count / 8) % 3 == 2 }
    }

    /// Names the format of a tensor that gets another one than `base`.
    typealias Rule = @Sendable (_ tensor: Tensor) -> Format?

    /// The format of all tensors that no rule speaks of.
    let base: Format
    /// The format of the output matrix.
    let output: Format
    /// Whether the rules common to most file types apply on top of `rule`: more bits for the
    /// attention of 70B models and of models with eight experts.
    let followsCommonRules: Bool
    /// The file type's own rule; never asked about the output matrix.
    let rule: Rule

    /// Declares which formats are mixed.
    init(
        _ base: Format, output: Format = .Q6_K, followsCommonRules: Bool = true,
        rule: @escaping Rule = { _ in nil }
    ) {
        self.base = base
        self.output = output
        self.followsCommonRules = followsCommonRules
        self.rule = rule
    }

    /// The format wanted for a tensor that is not the output matrix.
    func format(of tensor: Tensor) -> Format {
        let wanted = rule(tensor) ?? base
        guard followsCommonRules else { return wanted }
        switch tensor.role {
        case .attentionValue where tensor.hasEightExperts: return .Q8_0
        case .attentionKey where tensor.hasEightExperts: return .Q8_0
        case .attentionValue where tensor.model.isSeventyBillion:
            return wanted == .Q3_K || wanted == .Q4_K ? .Q5_K : wanted
        default: return wanted
        }
    }

    /// The format wanted for the output matrix, whose rows have `rowLength` values.
    func outputFormat(rowLength: Int, model: RecipeModel) -> Format {
        model.isFalcon || !base.fits(rowLength: rowLength) ? .Q8_0 : output
    }
}

extension MixedPrecision.Tensor {
    /// Whether this is the attention output of a model with eight experts. (Falcon has none.)
    var isOutputOfEightExperts: Bool {
        role == .attentionOutput && hasEightExperts && !model.isFalcon
    }
}
