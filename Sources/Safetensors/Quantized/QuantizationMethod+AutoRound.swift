import TensorCore

extension QuantizationMethod {
    /// Intel's AutoRound: its `packing_format` says whose layout the weights have.
    ///
    /// - `auto_round:auto_gptq`: GPTQ's first version, zero points stored minus one.
    /// - `auto_round`, `auto_round:gptqmodel`: the same with zero points as they are.
    /// - `auto_round:auto_awq`: AWQ's words.
    /// - `auto_round:fp8`, `auto_round:fp8_static`: FP8 beside scales of blocks, rows or the tensor.
    /// - `auto_round:llm_compressor`: the MX and NVFP4 tensors of compressed-tensors.
    ///
    /// Modules named in `extra_config` may have other bits and groups, which their shapes show.
    /// Source: `inference/backend.py` and `export/export_to_autoround` of
    /// <https://github.com/intel/auto-round>.
    static let autoRound = QuantizationMethod(
        names: ["auto-round", "auto_round", "intel/auto-round"]
    ) { pool, configuration in
        let format = try configuration.text("packing_format", otherwise: "auto_round:auto_gptq")
        let kind = format.hasPrefix("auto_round:") ? String(format.dropFirst(11)) : format
        switch kind {
        case "auto_gptq", "gptq", "auto":
            try pool.dequantizeRounded(configuration, .inputs(zeroOffset: 1))
        case "auto_round", "gptqmodel":
            try pool.dequantizeRounded(configuration, .inputs(zeroOffset: 0))
        case "auto_awq", "awq": try pool.dequantizeRounded(configuration, .outputs)
        case "fp8", "fp8_static":
            let block = try configuration.block("weight_block_size")
            try pool.scaleFP8(block: block.map { .rows($0.rows, columns: $0.columns) })
        case "llm_compressor":
            try configuration.requireFloats()
            try pool.dequantizeFloats()
        default:
            throw configuration.fault(
                "packing_format", found: format,
                expected: "auto_round, or auto_round: with auto_gptq, gptqmodel, auto_awq, fp8, "
                    + "fp8_static or llm_compressor")
        }
    }
}

extension TensorPool {
    /// Puts integer codes together.
    fileprivate mutating func dequantizeRounded(
        _ configuration: QuantizationConfiguration, _ packing: TransposedModules.Packing
    ) throws {
        let modules = try TransposedModules(
            configuration, key: "packing_format", widths: Array(2...8),
            isMixed: configuration.json["extra_config"]?.members?.isEmpty == false)
        for name in names(endingIn: ".qweight") {
            try modules.dequantize(name, packing, &self)
        }
    }

    /// Puts floats of 4 and 8 bits together; a weight's parts tell which it is.
    fileprivate mutating func dequantizeFloats() throws {
        for name in names(endingIn: ".weight_packed") {
            guard let codes = part(name + ".weight_packed") else { continue }
            let scale = try part(name + ".weight_scale", neededBy: codes)
            let isMX = scale.tensor.dataType != .F8_E4M3
            let weight = try FourBitFloats(
                codes: codes, scale: scale,
                globalScale: isMX
                    ? .none
                    : .divides(by: part(name + ".weight_global_scale", neededBy: codes)),
                groupSize: isMX ? 32 : 16, isExponent: isMX)
            try append(name + ".weight", from: codes, weight)
            remove(
                name + ".weight_packed", name + ".weight_scale", name + ".weight_global_scale")
        }
        for name in names(endingIn: ".weight_scale") {
            guard let scale = part(name + ".weight_scale") else { continue }
            let weight = try part(name + ".weight", neededBy: scale)
            let isMX = scale.tensor.dataType == .U8 || scale.tensor.dataType == .F8_E8M0
            replace(
                name + ".weight", of: weight.shard,
                by: isMX
                    ? try ScaledTensor(mxfp8: weight, scale: scale, groupSize: 32)
                    : try ScaledTensor(fp8: weight, scale: scale, block: nil))
            remove(name + ".weight_scale")
        }
        try refuseCodes(scale: "_scale")
    }
}

extension QuantizationConfiguration {
    /// Fails unless the codes are floats of the kinds that compressed-tensors has.
    fileprivate func requireFloats() throws {
        let known = ["mx_fp", "mx_fp_rceil", "nv_fp", "nv_fp4", "nv_fp4_with_static_gs", "fp"]
        let type = try text("data_type", otherwise: "mx_fp")
        guard known.contains(type) else {
            throw fault("data_type", found: type, expected: "mx_fp, nv_fp or fp")
        }
    }
}
