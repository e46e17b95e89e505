import TensorCore

extension QuantizationMethod {
    /// bitsandbytes: `nf4` and `fp4`, with and without double quantization, and `int8`.
    ///
    /// The tensors beside a weight tell which it is. Source: `functional.py`, `backends/default` and
    /// `nn/modules.py` of <https://github.com/bitsandbytes-foundation/bitsandbytes>.
    static let bitsAndBytes = QuantizationMethod(names: ["bitsandbytes"]) { pool, _ in
        for name in pool.names(endingIn: ".absmax") {
            // `nested_absmax` ends otherwise: its name has no dot before `absmax`.
            guard let scale = pool.part(name + ".absmax") else { continue }
            let codes = try pool.part(name, neededBy: scale)
            let states = ["nf4", "fp4"].map { name + ".quant_state.bitsandbytes__" + $0 }
            let state =
                try pool.part(states[0]) ?? pool.part(states[1])
                ?? pool.part(states[0], neededBy: codes)
            let weight = try CodebookTensor(
                codes: codes, state: CodebookTensor.State(state), absmax: scale,
                codebook: pool.part(name + ".quant_map", neededBy: codes),
                nested: pool.nestedScales(name, scale))
            pool.replace(name, of: codes.shard, by: weight)
            pool.remove(
                name + ".absmax", name + ".quant_map", name + ".nested_absmax",
                name + ".nested_quant_map", states[0], states[1])
        }
        for name in pool.names(endingIn: ".SCB") {
            guard let scale = pool.part(name + ".SCB") else { continue }
            let weight = try pool.part(name + ".weight", neededBy: scale)
            try weight.require(.I8, expected: "weights of 8 bits in I8")
            try scale.requireFloats()
            try pool.part(name + ".weight_format")?.requireRowLayout()
            pool.replace(
                name + ".weight", of: weight.shard,
                by: ScaledTensor(
                    weight: weight,
                    scales: try ScaleGrid(scale, of: weight.tensor.shape, block: .channel),
                    unit: 1 / 127))
            pool.remove(name + ".SCB", name + ".weight_format")
        }
        for name in pool.names(endingIn: ".weight") {
            guard let part = pool.part(name + ".weight"), part.tensor.shape.rank >= 2 else {
                continue
            }
            switch part.tensor.dataType {
            case .I8: throw part.fault(.missingCompanion(name + ".SCB"))
            case .U8: throw part.fault(.missingCompanion(name + ".weight.absmax"))
            default: break
            }
        }
    }
}

extension TensorPool {
    /// The parts that the scales of `name` are put together from, when they are quantized too.
    fileprivate func nestedScales(
        _ name: String, _ absmax: Part
    ) throws -> (absmax: Part, codebook: Part)? {
        guard absmax.tensor.dataType == .U8 else { return nil }
        return (
            try part(name + ".nested_absmax", neededBy: absmax),
            try part(name + ".nested_quant_map", neededBy: absmax)
        )
    }
}

extension TensorPool.Part {
    /// Fails unless 8-bit codes stand row by row, and not in the tiles of a GPU.
    fileprivate func requireRowLayout() throws {
        try require(.U8, expected: "the number of a layout in U8")
        guard tensor.shape.elementCount == 1 else {
            throw fault(.wrongShape(found: tensor.shape, expected: "a single number"))
        }
        let number = try shard.file.read(at: tensor.offset, count: 1)[0]
        guard number == 0 else {
            throw fault(
                .malformedQuantization(
                    found: "layout \(number)", expected: "0, codes row by row"))
        }
    }
}
