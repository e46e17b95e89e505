import TensorCore

extension QuantizationMethod {
    /// GPTQ checkpoints: `qweight`, `qzeros`, `scales` and, as a rule, `g_idx` for each weight.
    static let gptq = QuantizationMethod(names: ["gptq", "gptqmodel"]) { pool, configuration in
        let format = try configuration.text("checkpoint_format", otherwise: "gptq")
        guard ["gptq", "gptq_v2"].contains(format) else {
            throw configuration.fault(
                "checkpoint_format", found: format, expected: "gptq or gptq_v2")
        }
        let modules = try TransposedModules(
            configuration, key: "checkpoint_format", widths: [2, 3, 4, 8],
            // Modules may differ from the rest; the shapes say how.
            isMixed: configuration.json["dynamic"]?.members?.isEmpty == false)
        let packing = TransposedModules.Packing.inputs(zeroOffset: format == "gptq" ? 1 : 0)
        for name in pool.names(endingIn: ".qweight") {
            try modules.dequantize(name, packing, &pool)
        }
    }
}

/// The weights of a checkpoint that are stored transposed, and what they have in common.
struct TransposedModules {
    /// How codes are packed.
    enum Packing {
        /// Along the inputs (GPTQ), with what is to be added to stored zero points.
        case inputs(zeroOffset: Int)
        /// Eight outputs in a word, in AWQ's order.
        case outputs
    }

    private let configuration: QuantizationConfiguration
    /// The key that says how zero points are stored.
    private let key: String
    private let widths: [Int]
    private let bits: Int
    private let groupSize: Int?
    private let isMixed: Bool
    private let isSymmetric: Bool
    private let cache = StripCache()

    /// Reads what the configuration says of all modules.
    ///
    /// - Parameters:
    ///   - key: The key that says how zero points are stored, for messages.
    ///   - widths: The bits that codes may have.
    ///   - isMixed: Whether modules may have other bits and groups than the configuration says of
    ///     all; the shapes of their parts tell.
    init(_ configuration: QuantizationConfiguration, key: String, widths: [Int], isMixed: Bool)
        throws
    {
        self.configuration = configuration
        self.widths = widths
        self.key = key
        self.isMixed = isMixed
        bits = try configuration.integer(
            configuration.json["w_bit"] == nil ? "bits" : "w_bit", in: 1...32)
        groupSize = try configuration.groupSize(
            key: configuration.json["q_group_size"] == nil ? "group_size" : "q_group_size")
        isSymmetric =
            configuration.json["sym"]?.boolean == true
            || configuration.json["zero_point"]?.boolean == false
    }

    /// The bits of a module's codes.
    private func bits(
        _ codes: TensorPool.Part, _ zeros: TensorPool.Part, outputs: Int, indexed: Int?
    ) -> Int {
        guard isMixed else { return bits }
        if let indexed, indexed > 0, let bitCount = codes.rows.multiplied(checkedBy: 32),
            bitCount % indexed == 0
        {
            return bitCount / indexed
        }
        if indexed == nil, outputs > 0,
            let bitCount = zeros.tensor.shape.rowLength.multiplied(checkedBy: 32),
            bitCount % outputs == 0
        {
            return bitCount / outputs
        }
        return bits
    }

    /// The inputs of a module's groups.
    private func groupSize(inputs: Int, groups: Int) -> Int {
        let general = max(1, groupSize ?? inputs)
        guard isMixed, groups > 0, inputs.dividedRoundingUp(by: general) != groups else {
            return general
        }
        return max(1, inputs.dividedRoundingUp(by: groups))
    }

    /// Puts the weight of a module together.
    func dequantize(_ name: String, _ packing: Packing, _ pool: inout TensorPool) throws {
        guard let codes = pool.part(name + ".qweight") else { return }
        let zeros = try pool.part(name + ".qzeros", neededBy: codes)
        let scales = try pool.part(name + ".scales", neededBy: codes)
        for part in [codes, scales] where part.tensor.shape.rank != 2 {
            throw part.fault(.wrongShape(found: part.tensor.shape, expected: "a matrix"))
        }
        let weight: TransposedMatrix
        switch packing {
        case .inputs(let zeroOffset):
            let index = pool.part(name + ".g_idx")
            let indexed = index?.tensor.shape.elementCount
            guard let bitCount = codes.rows.multiplied(checkedBy: 32) else {
                throw codes.fault(.wrongShape(found: codes.tensor.shape, expected: "fewer rows"))
            }
            let outputs = codes.tensor.shape.rowLength
            let bits = bits(codes, zeros, outputs: outputs, indexed: indexed)
            guard widths.contains(bits) else {
                let known = widths.map(String.init).joined(separator: ", ")
                throw configuration.fault("bits", found: "\(bits)", expected: "one of \(known)")
            }
            let inputs = indexed ?? bitCount / bits
            weight = try TransposedMatrix(
                codes: codes, zeros: zeros, scales: scales, groupIndex: index,
                packing: .inputs(
                    CodeLayout(bits: bits, isDense: true), zeroOffset: Float(zeroOffset)),
                inputCount: inputs, outputCount: outputs,
                groupSize: groupSize(inputs: inputs, groups: scales.rows), cache: cache)
            try requireMiddle(zeros, bits: bits, offset: zeroOffset)
        case .outputs:
            guard bits == 4 else {
                throw configuration.fault("bits", found: "\(bits)", expected: "4")
            }
            guard let outputs = codes.tensor.shape.rowLength.multiplied(checkedBy: 8) else {
                throw codes.fault(.wrongShape(found: codes.tensor.shape, expected: "a matrix"))
            }
            weight = try TransposedMatrix(
                codes: codes, zeros: zeros, scales: scales, groupIndex: nil, packing: .outputs,
                inputCount: codes.rows, outputCount: outputs,
                groupSize: groupSize(inputs: codes.rows, groups: scales.rows), cache: cache)
            try requireMiddle(zeros, bits: 4, offset: 0)
        }
        try pool.append(name + ".weight", from: codes, weight)
        pool.remove(name + ".qweight", name + ".qzeros", name + ".scales", name + ".g_idx")
    }

    /// Fails when codes are said to be symmetric and all zero points of the first group are one off
    /// from the middle: then they are stored as the other version of the format does.
    private func requireMiddle(_ zeros: TensorPool.Part, bits: Int, offset: Int) throws {
        let words = zeros.tensor.shape.rowLength
        guard isSymmetric, zeros.rows > 0, words > 0, 8 % bits == 0 else { return }
        let bytes = try zeros.shard.file.read(at: zeros.tensor.offset, count: words * 4)
        let stored = Set(
            bytes.flatMap { byte in
                stride(from: 0, to: 8, by: bits).map { Int(byte) >> $0 & (1 << bits - 1) }
            })
        let middle = 1 << (bits - 1)
        guard stored.count == 1, let only = stored.first, abs(only + offset - middle) == 1 else {
            return
        }
        throw zeros.fault(
            .shiftedZeroPoints(
                found: only + offset, expected: middle,
                remedy: "Set \(key) of \(configuration.label) to what the checkpoint was made as."))
    }
}

extension TensorPool.Part {
    /// The first dimension.
    fileprivate var rows: Int { tensor.shape.dimensions.first ?? 0 }
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
