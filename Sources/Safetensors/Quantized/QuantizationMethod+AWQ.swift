extension QuantizationMethod {
    /// AWQ checkpoints in AutoAWQ's `gemm` packing: `qweight`, `qzeros` and `scales` for each weight.
    static let awq = QuantizationMethod(names: ["awq"]) { pool, configuration in
        let version = try configuration.text("version", otherwise: "gemm").lowercased()
        guard version == "gemm" else {
            throw configuration.fault("version", found: version, expected: "gemm")
        }
        let modules = try TransposedModules(
            configuration, key: "zero_point", widths: [4], isMixed: false)
        for name in pool.names(endingIn: ".qweight") {
            try modules.dequantize(name, .outputs, &pool)
        }
    }
}
