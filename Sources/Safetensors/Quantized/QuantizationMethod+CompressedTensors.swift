import TensorCore

extension QuantizationMethod {
    /// compressed-tensors: what its configuration calls `pack-quantized`, `int-quantized`,
    /// `float-quantized`, `naive-quantized`, `mxfp8-quantized`, `nvfp4-pack-quantized` and
    /// `mxfp4-pack-quantized`.
    ///
    /// Modules that the configuration ignores have plain weights without scales, which is how they
    /// are told.
    static let compressedTensors = QuantizationMethod(names: ["compressed-tensors"]) {
        pool, configuration in
        let groups = try CompressedGroups(configuration)
        for name in pool.names(endingIn: ".weight_packed") {
            guard let codes = pool.part(name + ".weight_packed") else { continue }
            let group = try groups.group(of: name)
            let weight = try group.packed(name, codes, in: pool)
            try pool.append(name + ".weight", from: codes, weight)
            pool.remove(
                name + ".weight_packed", name + ".weight_scale", name + ".weight_shape",
                name + ".weight_zero_point", name + ".weight_g_idx",
                name + ".weight_global_scale")
        }
        for name in pool.names(endingIn: ".weight_scale") {
            guard let scale = pool.part(name + ".weight_scale") else { continue }
            let weight = try pool.part(name + ".weight", neededBy: scale)
            let tensor = try groups.group(of: name).scaled(name, weight, scale, in: pool)
            pool.replace(name + ".weight", of: weight.shard, by: tensor)
            pool.remove(name + ".weight_scale", name + ".weight_zero_point")
        }
        try pool.refuseCodes(scale: "_scale")
    }
}

/// The groups of modules that a configuration of compressed-tensors tells apart.
private struct CompressedGroups {
    /// A group, by its targets: names of modules, patterns after `re:`, or names of classes.
    private struct Entry {
        let targets: [String]
        let patterns: [NamePattern]
        let group: CompressedGroup
    }

    private let entries: [Entry]
    private let configuration: QuantizationConfiguration

    init(_ configuration: QuantizationConfiguration) throws {
        self.configuration = configuration
        let groups = try configuration.object("config_groups")
        let format = try configuration.text("format")
        entries = try (groups.json.members ?? []).map { member in
            let name = member.key.description
            let group = try groups.object(name)
            let targets = (group.json["targets"]?.array ?? []).compactMap(\.text)
            return Entry(
                targets: targets,
                patterns: try targets.compactMap { try configuration.pattern(of: $0) },
                group: try CompressedGroup(
                    try group.object("weights"), format: group.text("format", otherwise: format)))
        }
        guard !entries.isEmpty else {
            throw configuration.fault("config_groups", found: "none", expected: "at least one")
        }
    }

    /// The group of a module: the one that names it, else one whose pattern it matches, else one
    /// for a class of modules.
    func group(of module: String) throws -> CompressedGroup {
        if entries.count == 1 { return entries[0].group }
        if let exact = entries.first(where: { $0.targets.contains(module) }) { return exact.group }
        for entry in entries {
            for pattern in entry.patterns {
                let occurs: Bool
                do {
                    occurs = try pattern.occurs(in: module)
                } catch {
                    throw configuration.fault(
                        "config_groups", found: "\"\(pattern.source)\"",
                        expected: "a pattern that is soon found or not")
                }
                if occurs { return entry.group }
            }
        }
        let general = entries.first {
            $0.targets.contains { !$0.hasPrefix("re:") && !$0.contains(".") }
        }
        guard let general else {
            throw configuration.fault(
                "config_groups", found: "no group for \(module)", expected: "one")
        }
        return general.group
    }
}

extension QuantizationConfiguration {
    /// The pattern after `re:`, which has to begin where a name does; `nil` for another target.
    fileprivate func pattern(of target: String) throws -> NamePattern? {
        guard target.hasPrefix("re:") else { return nil }
        do {
            return try NamePattern("^(?:\(target.dropFirst(3)))")
        } catch {
            throw fault(
                "config_groups", found: "\"\(target)\"", expected: "a regular expression")
        }
    }
}

/// How the weights of a group of modules are stored.
private struct CompressedGroup {
    private let weights: QuantizationConfiguration
    private let format: String
    private let bits: Int
    private let strategy: String
    private let groupSize: Int?
    private let isSymmetric: Bool

    init(_ weights: QuantizationConfiguration, format: String) throws {
        let known = [
            "pack-quantized", "int-quantized", "float-quantized", "naive-quantized",
            "nvfp4-pack-quantized", "mxfp4-pack-quantized", "mxfp8-quantized",
        ]
        guard known.contains(format) else {
            throw weights.fault(
                "format", found: format, expected: "one of \(known.joined(separator: ", "))")
        }
        self.weights = weights
        self.format = format
        bits = try weights.integer("num_bits", in: 1...16)
        groupSize = try weights.json["group_size"].flatMap {
            $0.isNull ? nil : try weights.groupSize()
        }
        strategy = try weights.text(
            "strategy", otherwise: groupSize == nil ? "tensor" : "group")
        isSymmetric = try weights.boolean("symmetric", otherwise: true)
    }

    private var isFourBitFloat: Bool { format.hasSuffix("fp4-pack-quantized") }

    /// How many values of a matrix share a scale.
    private func block() throws -> ScaleGrid.Block {
        switch strategy {
        case "tensor": return .tensor
        case "channel": return .channel
        case "group", "tensor_group":
            guard let groupSize else {
                throw weights.fault("group_size", found: "none", expected: "a positive number")
            }
            return .rows(1, columns: groupSize)
        case "block":
            guard let block = try weights.block("block_structure") else {
                throw weights.fault(
                    "block_structure", found: "nothing", expected: "two positive numbers")
            }
            return .rows(block.rows, columns: block.columns)
        default:
            throw weights.fault(
                "strategy", found: strategy, expected: "tensor, channel, group or block")
        }
    }

    /// A weight whose codes are packed.
    func packed(
        _ name: String, _ codes: TensorPool.Part, in pool: TensorPool
    ) throws -> any DequantizedTensor {
        let scale = try pool.part(name + ".weight_scale", neededBy: codes)
        if isFourBitFloat {
            let isMX = format == "mxfp4-pack-quantized"
            return try FourBitFloats(
                codes: codes, scale: scale,
                globalScale: isMX
                    ? .none
                    : .divides(by: try pool.part(name + ".weight_global_scale", neededBy: codes)),
                groupSize: groupSize ?? (isMX ? 32 : 16), isExponent: isMX)
        }
        guard format == "pack-quantized", bits <= 8 else {
            throw codes.fault(
                .malformedQuantization(
                    found: "packed codes in format \(format) of \(bits) bits",
                    expected: "pack-quantized, at most 8 bits"))
        }
        let shape = try shape(pool.part(name + ".weight_shape", neededBy: codes), of: codes)
        let block = try block()
        let columns = shape.rowLength
        if case .rows(_, let size) = block, columns % size != 0 {
            throw codes.fault(
                .wrongShape(found: shape, expected: "rows of whole groups of \(size)"))
        }
        return try PackedMatrix(
            codes: codes, shape: shape, bits: bits, scale: scale, block: block,
            groupSize: groupSize ?? max(1, columns),
            zeroPoints: isSymmetric
                ? nil : try pool.part(name + ".weight_zero_point", neededBy: codes),
            groupIndex: pool.part(name + ".weight_g_idx"))
    }

    /// A weight that is stored in 8 bits beside its scales.
    func scaled(
        _ name: String, _ weight: TensorPool.Part, _ scale: TensorPool.Part, in pool: TensorPool
    ) throws -> any DequantizedTensor {
        if format == "mxfp8-quantized" {
            return try ScaledTensor(mxfp8: weight, scale: scale, groupSize: groupSize ?? 32)
        }
        try weight.require(
            .F8_E4M3, .F8_E5M2, .I8, .U8, expected: "weights of 8 bits beside their scales")
        try scale.requireScales()
        let (shape, block) = (weight.tensor.shape, try block())
        let zeroPoints =
            try isSymmetric
            ? nil
            : ScaleGrid(
                pool.part(name + ".weight_zero_point", neededBy: weight), of: shape, block: block)
        return ScaledTensor(
            weight: weight, scales: try ScaleGrid(scale, of: shape, block: block),
            zeroPoints: zeroPoints)
    }

    /// Reads the two numbers of `weight_shape`.
    private func shape(_ part: TensorPool.Part, of codes: TensorPool.Part) throws -> Shape {
        try part.require(.I64, .I32, expected: "a shape in I64")
        try part.require(shape: [2], "rows and columns")
        let width = part.tensor.dataType.bitCount / 8
        let bytes = try part.shard.file.read(at: part.tensor.offset, count: 2 * width)
        let numbers = (0..<2).map { index in
            bytes[index * width..<(index + 1) * width].reversed().reduce(UInt64(0)) {
                $0 << 8 | UInt64($1)
            }
        }
        guard let rows = Int(exactly: numbers[0]), let columns = Int(exactly: numbers[1]),
            let shape = Shape([rows, columns]), rows > 0, columns > 0
        else {
            throw part.fault(
                .malformedQuantization(
                    found: "a shape of \(numbers[0]) × \(numbers[1])",
                    expected: "positive numbers of rows and columns"))
        }
        return shape
    }
}
