import TensorCore

extension QuantizationMethod {
    /// FP8 weights beside their scales: DeepSeek-V3's blocks (`fp8`), or a scale for each row
    /// (`fbgemm_fp8`) or for the tensor.
    ///
    /// Scales are called `NAME_scale_inv` or `NAME_scale` and multiply, whatever the name says. DeepSeek V4
    /// has `scale` beside `weight`; weights of four bits, which it has so too, stay as they are stored.
    static let fp8 = QuantizationMethod(names: ["fp8", "fbgemm_fp8"]) {
        pool, configuration in
        let block = try configuration.block("weight_block_size")
        try pool.scaleFP8(block: block.map { .rows($0.rows, columns: $0.columns) })
    }
}

extension TensorPool {
    /// Puts FP8 weights together with the scales beside them.
    ///
    /// - Parameter block: How many values share a scale; by the scales' shape where nothing says.
    mutating func scaleFP8(block: ScaleGrid.Block?) throws {
        for suffix in ["_scale_inv", "_scale"] {
            for name in names(endingIn: suffix) {
                // `k_scale` and other scales of activations belong to no weight.
                guard let weight = part(name), let scale = part(name + suffix) else { continue }
                replace(
                    name, of: weight.shard,
                    by: try ScaledTensor(fp8: weight, scale: scale, block: block))
                remove(name + suffix)
            }
        }
        for module in names(endingIn: ".scale") {
            guard let weight = part(module + ".weight"), let scale = part(module + ".scale"),
                [.F8_E4M3, .F8_E5M2].contains(weight.tensor.dataType)
            else { continue }
            replace(
                module + ".weight", of: weight.shard,
                by: try ScaledTensor(fp8: weight, scale: scale, block: block))
            remove(module + ".scale")
        }
        try refuseCodes(scale: "_scale_inv")
    }
}

extension ScaledTensor {
    /// FP8 values beside their scales.
    ///
    /// - Parameter block: How many values share a scale; by the scales' shape where nothing says.
    init(fp8 weight: TensorPool.Part, scale: TensorPool.Part, block: ScaleGrid.Block?) throws {
        try weight.require(.F8_E4M3, .F8_E5M2, expected: "FP8")
        try scale.requireScales()
        let isSingle = scale.tensor.shape.elementCount == 1
        self.init(
            weight: weight,
            scales: try ScaleGrid(
                scale, of: weight.tensor.shape, block: block ?? (isSingle ? .tensor : .channel)))
    }

    /// FP8 values beside powers of two for groups of columns, stored as biased exponents: MXFP8.
    init(mxfp8 weight: TensorPool.Part, scale: TensorPool.Part, groupSize: Int) throws {
        try weight.require(.F8_E4M3, .F8_E5M2, expected: "FP8")
        let shape = weight.tensor.shape
        guard shape.rowLength % groupSize == 0 else {
            throw weight.fault(
                .wrongShape(found: shape, expected: "rows of whole groups of \(groupSize)"))
        }
        self.init(
            weight: weight,
            scales: try ScaleGrid(
                scale, of: shape, block: .rows(1, columns: groupSize), isExponent: true))
    }
}

extension TensorPool.Part {
    /// Fails unless the elements can be scales: floats, or powers of two.
    func requireScales() throws {
        guard tensor.dataType != .F8_E8M0 else { return }
        try requireFloats()
    }
}

extension TensorPool {
    /// Fails when a weight is stored as codes that nothing has scaled.
    ///
    /// Their bare values would make a model of nonsense.
    func refuseCodes(scale suffix: String) throws {
        for name in names(endingIn: ".weight") {
            guard let part = part(name + ".weight"), self.part(name + ".scale") == nil else {
                continue
            }
            switch part.tensor.dataType {
            case .F8_E4M3, .F8_E5M2, .I8, .U8:
                throw part.fault(.missingCompanion(part.tensor.name + suffix))
            default: break
            }
        }
    }
}
