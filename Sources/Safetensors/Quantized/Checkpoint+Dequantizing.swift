import TensorCore

/// The tensors of a model, whatever form the files hold them in.
public struct ModelTensors: Sendable {
    /// The tensors: those that are stored in the checkpoint's order, then those that no stored
    /// tensor has the name of, in the order of their codes.
    public let tensors: [CheckpointTensor]
    /// The method by which weights are stored; `nil` where all of them are plain, whatever the
    /// configuration says.
    public let method: String?
    /// What is left out, a sentence each.
    public let notices: [String]
    /// What the directory says otherwise than its tensors show, a sentence each.
    public let warnings: [String]
}

extension Checkpoint {
    /// The tensors of the model: those that are stored as they are, and those that a quantization
    /// method stores as codes and scales.
    ///
    /// The tensors decide whether weights are quantized, the configuration how: one that was left
    /// behind in a directory of plain weights has no effect.
    ///
    /// - Parameters:
    ///   - quantization: What the directory says about quantization, if it does.
    ///   - keptMethods: The methods whose parts are wanted as they are stored.
    /// - Throws: `SafetensorsError` when the method is not one that can be undone, or parts are
    ///   missing or do not go together.
    /// - Complexity: O(tensors); no values are read.
    public func modelTensors(
        quantization: QuantizationConfiguration?, keeping keptMethods: [String] = []
    ) throws -> ModelTensors {
        var pool = TensorPool(self)
        var notices: [String] = []
        var warnings: [String] = []
        let scaleCount = pool.removeRuntimeScales()
        if scaleCount > 0 {
            notices.append(
                "\(scaleCount) scales of activations and of the KV cache are left out")
        }
        let form = StoredForm(pool)
        var used = quantization?.method
        if let quantization, form == nil {
            try quantization.requireWeightsCanBePlain()
            // A configuration that quantizes nothing but the KV cache says so.
            if quantization.json["quant_algo"]?.isNull != true {
                warnings.append(
                    "\(quantization.label) is left aside: no weight is stored in that form")
            }
            used = nil
        } else if let kept = form?.method(among: keptMethods, said: used) {
            used = kept
        } else if let form {
            try form.dequantize(&pool, quantization)
            warnings += quantization.flatMap(ListedModules.init)?.warnings(about: pool.all) ?? []
        }
        pool.splitStackedExperts()
        return ModelTensors(
            tensors: pool.all, method: used, notices: notices,
            warnings: warnings)
    }
}

/// A way to store weights in fewer bits, by the names that configurations call it.
struct QuantizationMethod: Sendable {
    /// The values of `quant_method`.
    let names: [String]
    /// Puts the weights together.
    let dequantize: @Sendable (inout TensorPool, QuantizationConfiguration) throws -> Void

    /// Every method, in the order in which messages list them.
    static let all: [QuantizationMethod] = [
        .fp8, .modelOpt, .compressedTensors, .gptq, .awq, .autoRound, .bitsAndBytes, .mlx,
    ]
}

extension QuantizationConfiguration {
    /// How messages call this configuration: `quantization_config (awq) of config.json`.
    var label: String {
        let file = path.split(separator: "/").last.map(String.init) ?? path
        let name = method.map { " (\($0))" } ?? ""
        return place.isEmpty ? file + name : "\(place)\(name) of \(file)"
    }

    /// Fails for methods whose models round their weights in every step: plain weights are what
    /// training goes on from and not what the model computes with.
    func requireWeightsCanBePlain() throws(SafetensorsError) {
        guard method == "bitnet" else { return }
        throw SafetensorsError(
            .unsupportedQuantization(
                found: "bitnet", supported: QuantizationMethod.all.flatMap(\.names)),
            path: path, place: place)
    }
}
