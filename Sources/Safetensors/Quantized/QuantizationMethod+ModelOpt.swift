import TensorCore

extension QuantizationMethod {
    /// NVIDIA's ModelOpt: FP8 weights with a scale for the tensor or for each row, and NVFP4.
    ///
    /// A weight's parts tell which of the two it is, so that both may stand in one checkpoint
    /// (`MIXED_PRECISION`). Source: `modelopt/torch/quantization` and `torch/export` of
    /// <https://github.com/NVIDIA/Model-Optimizer>.
    static let modelOpt = QuantizationMethod(names: ["modelopt", "modelopt_fp4"]) {
        pool, configuration in
        try configuration.requireModelOptAlgorithms()
        for name in pool.names(endingIn: ".weight_scale") {
            guard let scale = pool.part(name + ".weight_scale"),
                let weight = pool.part(name + ".weight")
            else { continue }
            let tensor: any DequantizedTensor
            if weight.tensor.dataType == .U8 {
                tensor = try FourBitFloats(
                    codes: weight, scale: scale,
                    globalScale: .multiplies(
                        by: try pool.part(name + ".weight_scale_2", neededBy: weight)),
                    groupSize: 16, isExponent: false)
            } else {
                tensor = try ScaledTensor(fp8: weight, scale: scale, block: nil)
            }
            pool.replace(name + ".weight", of: weight.shard, by: tensor)
            pool.remove(name + ".weight_scale", name + ".weight_scale_2")
        }
        try pool.refuseCodes(scale: "_scale")
    }
}

extension QuantizationConfiguration {
    /// Fails unless the algorithm, and that of every layer that has its own, is undone here.
    fileprivate func requireModelOptAlgorithms() throws(SafetensorsError) {
        let known = ["FP8", "FP8_PER_CHANNEL_PER_TOKEN", "NVFP4", "W4A16_NVFP4"]
        func check(_ algorithm: String, _ key: String) throws(SafetensorsError) {
            guard !known.contains(algorithm) else { return }
            throw fault(
                key, found: algorithm, expected: "one of \(known.joined(separator: ", "))")
        }
        let algorithm = json["quant_algo"]?.text ?? "FP8"
        if algorithm != "MIXED_PRECISION" { try check(algorithm, "quant_algo") }
        for layer in json["quantized_layers"]?.members ?? [] {
            if let own = layer.value["quant_algo"]?.text {
                try check(own, "quantized_layers.\(layer.key)")
            }
        }
    }
}
