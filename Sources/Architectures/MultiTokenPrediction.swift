/// What becomes of layers behind the last one, which predict further tokens: multi-token prediction
/// (MTP), `num_nextn_predict_layers`.
public enum MultiTokenPrediction: Sendable, Hashable {
    /// No checkpoint of the family has them.
    case none
    /// They are left out of the file.
    case leftOut
    /// They are blocks of the file like all others.
    case kept
    /// They are blocks of the file, and named apart in a checkpoint: `mtp.layers.0.…` is the layer
    /// behind the last. Modules beside the layers belong to the first of them, under the names given
    /// here.
    case apart(prefix: String, modules: [String: String])
}

extension ModelFamily {
    /// How many layers that predict further tokens a checkpoint has, of a family that names them
    /// apart.
    ///
    /// - Parameter names: The names of its tensors.
    public func predictorCount(
        of names: some Sequence<String>
    ) -> Int {
        guard case .apart(let prefix, let modules) = checkpoint.multiTokenPrediction else {
            return 0
        }
        let layer = prefix + "layers."
        // Modules beside the layers stand for one, where it is named as the others are.
        let own = modules.keys.map { prefix + $0 + "." }
        return names.reduce(0) { count, name in
            if count == 0, own.contains(where: name.hasPrefix) { return 1 }
            guard name.hasPrefix(layer),
                let number = Int(name.dropFirst(layer.count).prefix { $0 != "." }),
                (0..<ModelConfiguration.layerLimit).contains(number)
            else { return count }
            return max(count, number + 1)
        }
    }

    /// A tensor's name with layers that are named apart counted on behind the others.
    public func ruleName(
        countingOn name: String, in configuration: ModelConfiguration
    ) throws(ArchitectureError) -> String {
        guard case .apart(let prefix, let modules) = checkpoint.multiTokenPrediction,
            name.hasPrefix(prefix)
        else {
            return name
        }
        let rest = name.dropFirst(prefix.count)
        let layerCount = try configuration.numHiddenLayers()
        if rest.hasPrefix("layers.") {
            let inner = rest.dropFirst("layers.".count)
            let digits = inner.prefix { $0 != "." }
            guard let number = Int(digits), (0..<ModelConfiguration.layerLimit).contains(number),
                "\(number)" == digits
            else { return name }
            return "model.layers.\(layerCount + number)\(inner.dropFirst(digits.count))"
        }
        let module = rest.prefix { $0 != "." }
        guard let other = modules[String(module)] else { return name }
        return "model.layers.\(layerCount).\(other)\(rest.dropFirst(module.count))"
    }

    /// The name of a tensor in a checkpoint where the rules have another: `ruleName(countingOn:in:)`
    /// turned round.
    public func checkpointName(
        of name: String, in configuration: ModelConfiguration
    ) throws(ArchitectureError) -> String {
        let layers = "model.layers."
        guard case .apart(let prefix, let modules) = checkpoint.multiTokenPrediction,
            name.hasPrefix(layers)
        else {
            return name
        }
        let inner = name.dropFirst(layers.count)
        let digits = inner.prefix { $0 != "." }
        let layerCount = try configuration.numHiddenLayers()
        guard let number = Int(digits), number >= layerCount else { return name }
        let rest = inner.dropFirst(digits.count + 1)
        if number == layerCount,
            let module = modules.first(where: { rest.hasPrefix($0.value + ".") })
        {
            return prefix + module.key + rest.dropFirst(module.value.count)
        }
        return "\(prefix)layers.\(number - layerCount).\(rest)"
    }
}
