import TensorCore

extension QuantizationMethod {
    /// AWQ checkpoints in AutoAWQ's `gemm` packing: `qweight`, `qzeros` and `scales` for each weight.
    static let awq = QuantizationMethod(names: ["awq"]) { pool, configuration in
        let version = try configuration.text("version", otherwise: "gemm").lowercased()
        guard version == "gemm" else {
            throw configuration.fault("version", found: version, expected: "gemm")
        }
        let bits = try configuration.integer(
            configuration.json["bits"] == nil ? "w_bit" : "bits", in: 1...32)
        guard bits == 4 else {
            throw configuration.fault("bits", found: "\(bits)", expected: "4")
        }
        let groupSize = try configuration.groupSize(
            key: configuration.json["group_size"] == nil ? "q_group_size" : "group_size")
        let cache = StripCache()
        for name in pool.names(endingIn: ".qweight") {
            guard let codes = pool.part(name + ".qweight") else { continue }
            let zeros = try pool.part(name + ".qzeros", neededBy: codes)
            let scales = try pool.part(name + ".scales", neededBy: codes)
            guard codes.tensor.shape.rank == 2,
                let outputCount = codes.tensor.shape.dimensions[1].multiplied(checkedBy: 8)
            else {
                throw codes.fault(.wrongShape(found: codes.tensor.shape, expected: "a matrix"))
            }
            let inputCount = codes.tensor.shape.dimensions[0]
            let weight = try TransposedMatrix(
                codes: codes, zeros: zeros, scales: scales, groupIndex: nil, packing: .outputs,
                inputCount: inputCount, outputCount: outputCount,
                groupSize: groupSize ?? max(1, inputCount), cache: cache)
            try pool.append(name + ".weight", from: codes, weight)
            pool.remove(name + ".qweight", name + ".qzeros", name + ".scales")
        }
    }
}
