import TensorCore

extension Checkpoint {
    /// The tensors of the model: those that are stored as they are, and those that a quantization
    /// method stores as codes and scales.
    ///
    /// Tensors stand in the checkpoint's order; those that no stored tensor has the name of follow,
    /// in the order of their codes.
    ///
    /// - Parameter quantization: What the directory says about quantization, if it does.
    /// - Throws: `SafetensorsError` when the method is not one that can be undone, or parts are
    ///   missing or do not go together.
    /// - Complexity: O(tensors); no values are read.
    public func tensors(
        quantization: QuantizationConfiguration?
    ) throws -> [LogicalTensor] {
        var pool = TensorPool(self)
        guard let quantization else { return pool.all }
        guard let name = quantization.method else {
            throw quantization.fault(
                "quant_method", found: quantization.json["quant_method"]?.kindName ?? "nothing",
                expected: "the name of a method")
        }
        guard let method = QuantizationMethod.all.first(where: { $0.names.contains(name) }) else {
            throw SafetensorsError(
                .unsupportedQuantization(
                    found: name, supported: QuantizationMethod.all.flatMap(\.names)),
                path: quantization.path, place: quantization.place)
        }
        try method.dequantize(&pool, quantization)
        return pool.all
    }
}

/// A way to store weights in fewer bits, by the names that configurations call it.
struct QuantizationMethod: Sendable {
    /// The values of `quant_method`.
    let names: [String]
    /// Puts the weights together.
    let dequantize: @Sendable (inout TensorPool, QuantizationConfiguration) throws -> Void

    /// Every method, in the order in which messages list them.
    static let all: [QuantizationMethod] = [.fp8, .compressedTensors, .gptq, .awq]
}
