import TensorCore

/// The form in which a checkpoint holds quantized weights, as its tensors show it.
struct StoredForm: Sendable {
    /// What the tensors of a form are called, and the methods that have it.
    private struct Sign {
        /// The form's name for people.
        let name: String
        /// The values of `quant_method`.
        let methods: [String]
        /// How the names of codes end.
        let codes: String
        /// What a tensor beside them has instead of `codes` at its end; `nil` where none need be.
        let companion: String?

        init(_ name: String, _ methods: [String], codes: String, companion: String? = nil) {
            (self.name, self.methods) = (name, methods)
            (self.codes, self.companion) = (codes, companion)
        }

        func matches(_ name: String, in pool: TensorPool) -> Bool {
            guard name.hasSuffix(codes) else { return false }
            guard let companion else { return true }
            return pool.part(name.dropLast(codes.count) + companion) != nil
        }
    }

    /// The form's name; `nil` for codes that no name explains.
    let name: String?
    private let methods: [String]
    /// The tensor that shows it.
    private let part: TensorPool.Part

    private static let signs: [Sign] = [
        Sign("bitsandbytes", ["bitsandbytes"], codes: ".weight", companion: ".weight.absmax"),
        Sign("bitsandbytes", ["bitsandbytes"], codes: ".weight", companion: ".SCB"),
        Sign(
            "GPTQ or AWQ",
            ["gptq", "gptqmodel", "awq", "auto-round", "auto_round", "intel/auto-round"],
            codes: ".qweight"),
        Sign(
            "compressed-tensors",
            ["compressed-tensors", "auto-round", "auto_round", "intel/auto-round"],
            codes: ".weight_packed"),
        Sign("MLX", ["mlx", "metal"], codes: ".weight", companion: ".scales"),
        Sign("MXFP4", ["mxfp4"], codes: "_blocks", companion: "_scales"),
        Sign("FP8", ["fp8", "fbgemm_fp8"], codes: ".weight", companion: ".scale"),
        Sign("EXL2", ["exl2"], codes: ".q_weight"), Sign("EXL3", ["exl3"], codes: ".trellis"),
        Sign("QuIP#", ["quip"], codes: ".Qidxs"), Sign("HQQ", ["hqq"], codes: ".W_q"),
        Sign("AQLM", ["aqlm"], codes: ".codes", companion: ".codebooks"),
        Sign("VPTQ", ["vptq"], codes: ".indices", companion: ".centroids.weight"),
        Sign("Quanto", ["quanto"], codes: "._data"),
        Sign("torchao", ["torchao"], codes: "_weight_qdata"),
    ]

    /// Looks at the tensors; `nil` when all weights are plain.
    init?(_ pool: TensorPool) {
        var unexplained: TensorPool.Part?
        for part in pool.storedParts {
            // bitsandbytes may keep its codes in elements that look like floats.
            let isCodes = StoredForm.isCodes(part.tensor)
            let candidates = isCodes ? StoredForm.signs[...] : StoredForm.signs.prefix(1)
            if let sign = candidates.first(where: { $0.matches(part.tensor.name, in: pool) }) {
                (name, methods, self.part) = (sign.name, sign.methods, part)
                return
            }
            if unexplained == nil, isCodes { unexplained = part }
        }
        guard let unexplained else { return nil }
        (name, methods, part) = (nil, [], unexplained)
    }

    /// Whether elements can be codes of a weight; masks and numbers of positions are not.
    private static func isCodes(_ tensor: StoredTensor) -> Bool {
        switch tensor.dataType {
        case .F64, .F32, .F16, .BF16, .C64, .BOOL, .I64, .U64: false
        default:
            tensor.shape.rank >= 2
                && !["bias", "_ids", "mask"].contains(where: tensor.name.hasSuffix)
        }
    }

    /// The method of this form that is among `methods`, unless the configuration says another.
    func method(among kept: [String], said: String?) -> String? {
        methods.first { kept.contains($0) && (said ?? $0) == $0 }
    }

    /// Puts the weights together by the method that the configuration names.
    func dequantize(
        _ pool: inout TensorPool, _ quantization: QuantizationConfiguration?
    ) throws {
        guard let quantization else {
            // Weights that were cast to FP8 have no scales and are what they seem.
            if name == nil, !pool.hasScales { return }
            throw part.fault(.undescribedQuantization(name ?? part.tensor.dataType.rawValue))
        }
        let supported = QuantizationMethod.all.flatMap(\.names)
        guard let method = quantization.method else {
            if let name {
                throw part.fault(.unsupportedQuantization(found: name, supported: supported))
            }
            throw quantization.fault(
                "quant_method", found: quantization.json["quant_method"]?.kindName ?? "nothing",
                expected: "the name of a method")
        }
        if let name, !methods.contains(method) {
            throw part.fault(.otherQuantization(found: name, said: quantization.label))
        }
        guard let known = QuantizationMethod.all.first(where: { $0.names.contains(method) }) else {
            throw SafetensorsError(
                .unsupportedQuantization(found: method, supported: supported),
                path: quantization.path, place: quantization.place)
        }
        try known.dequantize(&pool, quantization)
    }
}
