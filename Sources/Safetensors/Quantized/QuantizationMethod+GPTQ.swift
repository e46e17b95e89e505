import TensorCore

extension QuantizationMethod {
    /// GPTQ checkpoints: `qweight`, `qzeros`, `scales` and, as a rule, `g_idx` for each weight.
    static let gptq = QuantizationMethod(names: ["gptq", "gptqmodel"]) { pool, configuration in
        let format = try configuration.text("checkpoint_format", otherwise: "gptq")
        guard ["gptq", "gptq_v2"].contains(format) else {
            throw configuration.fault(
                "checkpoint_format", found: format, expected: "gptq or gptq_v2")
        }
        let bits = try configuration.integer("bits", in: 2...8)
        let groupSize = try configuration.groupSize()
        // Modules may differ from the rest; the shapes say how.
        let isDynamic = configuration.json["dynamic"]?.members?.isEmpty == false
        let cache = StripCache()
        for name in pool.names(endingIn: ".qweight") {
            guard let codes = pool.part(name + ".qweight") else { continue }
            let zeros = try pool.part(name + ".qzeros", neededBy: codes)
            let scales = try pool.part(name + ".scales", neededBy: codes)
            let index = pool.part(name + ".g_idx")
            guard codes.tensor.shape.rank == 2 else {
                throw codes.fault(.wrongShape(found: codes.tensor.shape, expected: "a matrix"))
            }
            guard scales.tensor.shape.rank == 2 else {
                throw scales.fault(.wrongShape(found: scales.tensor.shape, expected: "a matrix"))
            }
            guard let bitCount = codes.tensor.shape.dimensions[0].multiplied(checkedBy: 32) else {
                throw codes.fault(.wrongShape(found: codes.tensor.shape, expected: "fewer rows"))
            }
            let indexed = index?.tensor.shape.elementCount
            var moduleBits = bits
            if isDynamic, let indexed, indexed > 0, bitCount % indexed == 0 {
                moduleBits = bitCount / indexed
            }
            guard [2, 3, 4, 8].contains(moduleBits) else {
                throw configuration.fault("bits", found: "\(moduleBits)", expected: "2, 3, 4 or 8")
            }
            let inputCount = indexed ?? bitCount / moduleBits
            let groupCount = scales.tensor.shape.dimensions[0]
            let moduleGroup =
                isDynamic && groupCount > 0
                ? inputCount.dividedRoundingUp(by: groupCount) : groupSize ?? inputCount
            let weight = try TransposedMatrix(
                codes: codes, zeros: zeros, scales: scales, groupIndex: index,
                packing: .inputs(
                    CodeLayout(bits: moduleBits, isDense: true),
                    zeroOffset: format == "gptq" ? 1 : 0),
                inputCount: inputCount, outputCount: codes.tensor.shape.dimensions[1],
                groupSize: max(1, moduleGroup), cache: cache)
            try pool.append(name + ".weight", from: codes, weight)
            pool.remove(name + ".qweight", name + ".qzeros", name + ".scales", name + ".g_idx")
        }
    }
}

extension QuantizationConfiguration {
    /// The inputs of a group; `nil` when all inputs are one group (−1).
    func groupSize(key: String = "group_size") throws -> Int? {
        let size = try integer(key, in: -1...1 << 30)
        guard size != 0 else {
            throw fault(key, found: "0", expected: "-1 or a positive number")
        }
        return size == -1 ? nil : size
    }
}
