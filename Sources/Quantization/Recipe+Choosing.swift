import TensorCore

extension Recipe {
    /// Picks one choice per tensor of `model`, in the same order.
    ///
    /// Throws when a format needs importance that is not there, when no format divides a row, and
    /// when a model with experts has a feed-forward tensor outside its layers.
    /// - Complexity: O(tensor count × (override count + 1)).
    public func choose(
        _ model: RecipeModel, options: RecipeOptions = RecipeOptions()
    ) throws(RecipeError) -> [FormatChoice] {
        guard let precision else { return model.tensors.map { FormatChoice($0.format, .kept) } }
        var chooser = FormatChooser(model: model, precision: precision, options: options)
        var choices: [FormatChoice] = []
        choices.reserveCapacity(model.tensors.count)
        for tensor in model.tensors {
            let choice = try chooser.choose(tensor)
            if !model.hasImportanceMatrix, choice.reason != .kept {
                choices.append(try checked(choice, of: tensor, options: options))
            } else {
                choices.append(choice)
            }
        }
        // A missing entry shows only when the tensor's turn comes: after all choices are made.
        if model.hasImportanceMatrix {
            for (index, tensor) in model.tensors.enumerated()
            where choices[index].reason != .kept && choices[index].format != tensor.format
                && !tensor.hasImportance
            {
                choices[index] = try checked(choices[index], of: tensor, options: options)
            }
        }
        return choices
    }

    /// The choice for a tensor without importance: another format where the tensor would be noise.
    ///
    /// Throws when `options` want no other.
    private func checked(
        _ choice: FormatChoice, of tensor: RecipeModel.Tensor, options: RecipeOptions
    ) throws(RecipeError) -> FormatChoice {
        let need = choice.format.importance
        let isRequired =
            switch tensor.role {
            // The importance matrix knows nothing of these two; only what cannot be encoded at all
            // is refused.
            case .output, .tokenEmbedding: need == .required
            default: need >= .expected || expectsImportance && choice.format == defaultFormat
            }
        guard isRequired else { return choice }
        guard options.missingImportance == .raise else {
            throw RecipeError(.importanceRequired(choice.format), tensor: tensor.name)
        }
        let raised: Format =
            switch choice.format {
            case .Q2_K: .Q3_K
            case .IQ3_XXS: .IQ3_S
            default: fileType == Self.Q2_K_S.fileType ? .Q3_K : .Q2_K
            }
        return FormatChoice(raised, .raised(from: choice.format))
    }
}

/// Chooses formats, one tensor of a model after the other.
private struct FormatChooser {
    let model: RecipeModel
    let precision: MixedPrecision
    let options: RecipeOptions
    /// Without an output matrix of their own, the token embeddings serve as one.
    let isTied: Bool
    let valueCount: Int
    /// How many tensors of a role came by so far.
    var seen: [TensorRole: Int] = [:]

    init(model: RecipeModel, precision: MixedPrecision, options: RecipeOptions) {
        self.model = model
        self.precision = precision
        self.options = options
        let roles = model.tensors.map(\.role)
        isTied = !roles.contains(.output)
        valueCount = roles.count { $0 == .attentionValue }
    }

    mutating func choose(_ tensor: RecipeModel.Tensor) throws(RecipeError) -> FormatChoice {
        let role = tensor.role
        guard tensor.isQuantizable, !(role == .output && options.leavesOutput) else {
            return FormatChoice(tensor.format, .kept)
        }
        let override = try override(for: tensor)
        // The embeddings of the layers are a table of their own, which a pattern may name.
        let isOwnTable = role == .tokenEmbedding && tensor.name != "token_embd.weight"
        if let format = namedFormat(for: role), !(isOwnTable && override != nil) {
            guard format.fits(rowLength: tensor.shape.rowLength) else {
                throw RecipeError(
                    .noFormatFits(rowLength: tensor.shape.rowLength, wanted: format),
                    tensor: tensor.name)
            }
            return FormatChoice(format, .override)
        }
        // F32, F16, BF16: nothing is mixed, and any row fits.
        guard precision.base.blockElementCount > 1 else {
            return FormatChoice(precision.base, .recipe)
        }
        let wanted: FormatChoice
        if let override {
            wanted = FormatChoice(override.format, .override)
        } else if options.isPure {
            wanted = FormatChoice(precision.base, .recipe)
        } else {
            wanted = try mixed(tensor, role)
        }
        return try wanted.fitted(to: tensor)
    }

    /// The first pattern that occurs in the tensor's name.
    private func override(for tensor: RecipeModel.Tensor) throws(RecipeError) -> TensorOverride? {
        for override in options.overrides where try override.covers(tensor) { return override }
        return nil
    }

    /// The format that an option names for the output matrix or the token embeddings.
    private func namedFormat(for role: TensorRole) -> Format? {
        switch role {
        case .output: options.outputFormat
        case .tokenEmbedding: options.tokenEmbeddingFormat
        default: nil
        }
    }

    private mutating func mixed(
        _ tensor: RecipeModel.Tensor, _ role: TensorRole
    ) throws(RecipeError) -> FormatChoice {
        let servesAsOutput = role == .output || role == .tokenEmbedding && isTied
        if servesAsOutput, let format = options.outputFormat {
            return FormatChoice(format, .override)
        }
        if let format = options.allocation[tensor.name] { return FormatChoice(format, .allocated) }
        if servesAsOutput {
            let format = precision.outputFormat(rowLength: tensor.shape.rowLength, model: model)
            return FormatChoice(format, .recipe)
        }
        let format = precision.format(
            of: MixedPrecision.Tensor(
                role: role, position: try position(of: tensor, role),
                matrixCount: tensor.matrixCount, model: model))
        return FormatChoice(format, .recipe)
    }

    /// Value projections are counted among themselves.
    ///
    /// Feed-forward tensors are counted against the layers; experts come in no fixed order, so
    /// with experts the name tells the layer.
    private mutating func position(
        of tensor: RecipeModel.Tensor, _ role: TensorRole
    ) throws(RecipeError) -> MixedPrecision.Position {
        let index = seen[role, default: 0]
        seen[role] = index + 1
        switch role {
        case .attentionValue:
            return MixedPrecision.Position(index: index, count: valueCount)
        case .feedForwardUp, .feedForwardGate, .feedForwardDown:
            guard model.expertCount > 1, precision.followsCommonRules else {
                return MixedPrecision.Position(index: index, count: model.blockCount)
            }
            guard let layer = RecipeModel.blockIndex(of: tensor.name), layer < model.blockCount
            else {
                throw RecipeError(
                    .layerUnknown(blockCount: model.blockCount), tensor: tensor.name)
            }
            return MixedPrecision.Position(index: layer, count: model.blockCount)
        default:
            return MixedPrecision.Position(index: index, count: model.blockCount)
        }
    }
}

extension FormatChoice {
    /// This choice, or the format's first fallback that fits when the tensor's rows are not whole
    /// blocks.
    fileprivate func fitted(to tensor: RecipeModel.Tensor) throws(RecipeError) -> FormatChoice {
        let rowLength = tensor.shape.rowLength
        guard !format.fits(rowLength: rowLength) else { return self }
        guard let fitting = format.fallbacks.first(where: { $0.fits(rowLength: rowLength) }) else {
            throw RecipeError(
                .noFormatFits(rowLength: rowLength, wanted: format), tensor: tensor.name)
        }
        return FormatChoice(fitting, .fallback(from: format))
    }
}
