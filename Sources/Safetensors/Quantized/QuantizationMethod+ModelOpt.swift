import TensorCore

extension QuantizationMethod {
    /// NVIDIA's ModelOpt: FP8 with a scale for the tensor, each row or each block, MXFP8, 8-bit
    /// integers, NVFP4, MXFP4, and the 4-bit integers of its AWQ.
    ///
    /// A weight's parts tell which of them it is, so that several may stand in one checkpoint
    /// (`MIXED_PRECISION`). Where there is a `pre_quant_scale`, the model multiplies what goes into
    /// the layer by it, column by column; here the weights are. Source: `modelopt/torch/quantization`
    /// and `torch/export` of <https://github.com/NVIDIA/Model-Optimizer>.
    static let modelOpt = QuantizationMethod(names: ["modelopt", "modelopt_fp4", "modelopt_mxfp8"])
    {
        pool, configuration in
        try configuration.requireModelOptAlgorithms()
        let block = try configuration.block("weight_block_size") ?? (128, 128)
        for name in pool.names(endingIn: ".weight_scale") {
            guard let scale = pool.part(name + ".weight_scale"),
                let weight = pool.part(name + ".weight")
            else { continue }
            var tensor = try pool.modelOptTensor(name, weight, scale, block: block)
            if let factors = pool.part(name + ".pre_quant_scale") {
                tensor = try ColumnScaledTensor(tensor, factors: factors)
            }
            pool.replace(name + ".weight", of: weight.shard, by: tensor)
            pool.remove(
                name + ".weight_scale", name + ".weight_scale_2", name + ".pre_quant_scale")
        }
        try pool.refuseCodes(scale: "_scale")
    }
}

extension TensorPool {
    /// A weight of ModelOpt by its parts.
    fileprivate func modelOptTensor(
        _ name: String, _ weight: Part, _ scale: Part, block: (rows: Int, columns: Int)
    ) throws -> any DequantizedTensor {
        switch (weight.tensor.dataType, scale.tensor.dataType) {
        case (.U8, .F8_E4M3):
            return try FourBitFloats(
                codes: weight, scale: scale,
                globalScale: .multiplies(by: part(name + ".weight_scale_2", neededBy: weight)),
                groupSize: 16, isExponent: false)
        case (.U8, .U8), (.U8, .F8_E8M0):
            return try FourBitFloats(
                codes: weight, scale: scale, globalScale: .none, groupSize: 32, isExponent: true)
        case (.U8, _): return try RowPairs(codes: weight, scale: scale)
        case (.I8, _):
            try scale.requireFloats()
            let isSingle = scale.tensor.shape.elementCount == 1
            return ScaledTensor(
                weight: weight,
                scales: try ScaleGrid(
                    scale, of: weight.tensor.shape, block: isSingle ? .tensor : .channel))
        case (_, .U8), (_, .F8_E8M0):
            return try ScaledTensor(mxfp8: weight, scale: scale, groupSize: 32)
        default:
            let isBlocks = scale.tensor.shape.rank >= 4
            return try ScaledTensor(
                fp8: weight, scale: scale,
                block: isBlocks ? .rows(block.rows, columns: block.columns) : nil)
        }
    }
}

/// A tensor whose columns are multiplied by a factor each; the product is rounded once more.
struct ColumnScaledTensor: DequantizedTensor {
    private let base: any DequantizedTensor
    private let factors: TensorPool.Part

    var shape: Shape { base.shape }

    /// Multiplies the columns of `base`.
    init(_ base: any DequantizedTensor, factors: TensorPool.Part) throws {
        try factors.requireFloats()
        try factors.require(shape: [base.shape.rowLength], "a factor for each column")
        self.base = base
        self.factors = factors
    }

    func readElements(
        _ elements: Range<Int>, into destination: UnsafeMutablePointer<Float>,
        scratch: ScratchBuffer
    ) throws {
        try unsafe base.readElements(elements, into: destination, scratch: scratch)
        let columns = rowsAndColumns(of: elements).columns
        let buffer = ScratchBuffer()
        let row = unsafe buffer.floats(columns.count)
        guard let start = row.baseAddress else { return }
        try unsafe factors.shard.readElements(
            columns, of: factors.tensor, into: start, scratch: scratch)
        forEachRow(of: elements) { _, part, place in
            for column in part {
                unsafe destination[place + column - part.lowerBound] *=
                    row[column - columns.lowerBound]
            }
        }
    }
}

extension QuantizationConfiguration {
    /// Fails unless the algorithm, and that of every layer that has its own, is undone here.
    fileprivate func requireModelOptAlgorithms() throws(SafetensorsError) {
        let known = [
            "FP8", "FP8_PER_CHANNEL_PER_TOKEN", "FP8_PB_WO", "MXFP8", "W8A16",
            "W8A8_SQ_PER_CHANNEL", "NVFP4", "NVFP4_AWQ", "W4A16_NVFP4", "W4A16_AWQ", "MXFP4",
            "W4A16_MXFP4", "W4A8_MXFP4_FP8", "W4A8_NVFP4_FP8",
        ]
        func check(_ algorithm: String, _ key: String) throws(SafetensorsError) {
            guard !known.contains(algorithm.uppercased()) else { return }
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
