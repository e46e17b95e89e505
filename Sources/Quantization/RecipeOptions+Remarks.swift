import TensorCore

/// Something about a run's options that the user will not have meant.
public enum OptionRemark: Sendable, Hashable {
    /// The pattern occurs in no tensor's name.
    case unmatched(pattern: String)
    /// The pattern occurs in names, but decides for no tensor.
    case undeciding(pattern: String, first: String, cause: Cause)
    /// Lower case has made another escape of one.
    case loweredEscape(pattern: String, escapes: [String])

    /// Why a pattern that occurs decides nothing.
    public enum Cause: Sendable, Hashable {
        /// Tensors of this kind are not quantized.
        case kept
        /// The type quantizes nothing.
        case floatType(String)
        /// An earlier pattern, or another option, has decided.
        case decided
    }

    /// One sentence, without a closing full stop.
    public var text: String {
        switch self {
        case .unmatched(let pattern): "--tensor-type \(pattern): no tensor has such a name"
        case .undeciding(let pattern, let first, .kept):
            "--tensor-type \(pattern): \(first) and whatever else has such a name is not quantized"
        case .undeciding(let pattern, _, .floatType(let type)):
            "--tensor-type \(pattern): has no effect, \(type) quantizes nothing"
        case .undeciding(let pattern, let first, .decided):
            "--tensor-type \(pattern): has no effect, an earlier pattern or another option decides"
                + " for \(first) and whatever else has such a name"
        case .loweredEscape(let pattern, let escapes):
            "--tensor-type \(pattern): patterns are read in lower case, so that"
                + " \(escapes.joined(separator: ", ")) means"
                + " \(escapes.map { $0.lowercased() }.joined(separator: ", "))"
        }
    }
}

extension Recipe {
    /// What the user will not have meant about the options of a run.
    ///
    /// Throws when a pattern takes too long.
    /// - Complexity: O(tensor count × override count).
    public func remarks(
        on options: RecipeOptions, for model: RecipeModel
    ) throws(RecipeError) -> [OptionRemark] {
        var remarks: [OptionRemark] = []
        var undecided = Array(model.tensors)
        for override in options.overrides {
            let pattern = override.pattern.source
            if !override.loweredEscapes.isEmpty {
                remarks.append(
                    .loweredEscape(pattern: pattern, escapes: override.loweredEscapes))
            }
            var matched: [RecipeModel.Tensor] = []
            for tensor in model.tensors where try override.covers(tensor) {
                matched.append(tensor)
            }
            guard let first = matched.first else {
                remarks.append(.unmatched(pattern: pattern))
                continue
            }
            let names = Set(matched.map(\.name))
            let decides = undecided.contains { tensor in
                names.contains(tensor.name) && tensor.isQuantizable
                    && !isDecided(tensor, by: options)
            }
            undecided.removeAll { names.contains($0.name) }
            let cause: OptionRemark.Cause? =
                if !matched.contains(where: \.isQuantizable) {
                    .kept
                } else if (defaultFormat?.blockElementCount ?? 1) == 1 {
                    .floatType(name)
                } else { decides ? nil : .decided }
            if let cause {
                remarks.append(.undeciding(pattern: pattern, first: first.name, cause: cause))
            }
        }
        return remarks
    }

    /// Whether an option for one tensor comes before all patterns.
    private func isDecided(_ tensor: RecipeModel.Tensor, by options: RecipeOptions) -> Bool {
        switch tensor.role {
        case .output: options.leavesOutput || options.outputFormat != nil
        case .tokenEmbedding:
            options.tokenEmbeddingFormat != nil && tensor.name == "token_embd.weight"
        default: false
        }
    }
}
