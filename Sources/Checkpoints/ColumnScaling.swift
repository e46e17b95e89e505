import Architectures
import Conversion
import GGUF
import Inference
import Quantization
import Safetensors
import Synchronization
import TensorCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Columns that are scaled before they are rounded, and what is divided by the same numbers in front of
/// them: the norm before a layer, or the rows of the matrix whose outputs it takes in.
///
/// Columns that take in large numbers get finer steps that way. The scale of a column is its mean
/// magnitude to a power, which is searched by the error that it leaves on the columns' mean squares.
/// Source: Lin et al., AWQ, arXiv 2306.00978. Only blocks of attention and a dense network behind norms
/// without an offset are scaled; others stay as they are.
struct ColumnScaling: Sendable {
    /// What the columns of a tensor of the GGUF view are multiplied by.
    private(set) var columns: [Int: [Float]] = [:]
    /// What the rows of a tensor are multiplied by.
    private(set) var rows: [Int: [Float]] = [:]
    /// The new values of tensors that are not quantized, by their names in the checkpoint.
    private(set) var replacements: [String: [Float]] = [:]

    /// The powers that are tried.
    private static let powers: [Float] = [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8]
    /// The rows of a matrix that they are tried on.
    private static let sampleRowCount = 32

    private let plan: CheckpointPlan
    private let numbers: [String: Int]

    /// Finds the scales.
    init(_ plan: CheckpointPlan, inputs: InputRanges, pool: WorkerPool) throws {
        self.plan = plan
        let source = plan.model.conversion
        numbers = Dictionary(
            source.tensors.enumerated().map { ($0.element.name, $0.offset) },
            uniquingKeysWith: { $1 })
        let model = try Model(source: source)
        for block in model.description.blocks.indices {
            let groups = model.linearInputs(ofBlock: block)
            guard isPlain(groups, block: block) else { continue }
            try scaleNetwork(block, inputs, pool)
            for (norm, first) in [("attn_norm", "attn_q"), ("ffn_norm", "ffn_up")] {
                guard
                    let group = groups.first(where: {
                        $0.contains { $0.hasPrefix("blk.\(block).\(first)") }
                    })
                else { continue }
                try scaleNorm("blk.\(block).\(norm)", of: group, inputs, pool)
            }
        }
    }

    /// Whether a block has attention and a dense network, each behind its norm, and nothing else.
    private func isPlain(_ groups: [[String]], block: Int) -> Bool {
        let known: Set<String> = [
            "attn_q", "attn_k", "attn_v", "attn_qkv", "attn_output", "ffn_gate", "ffn_up",
            "ffn_down",
        ]
        let prefix = "blk.\(block)."
        return groups.joined().allSatisfy { name in
            name.hasPrefix(prefix) && name.hasSuffix(".weight")
                && known.contains(String(name.dropFirst(prefix.count).dropLast(".weight".count)))
        } && numbers[prefix + "attn_norm.weight"] != nil
            && numbers[prefix + "ffn_norm.weight"] != nil
    }

    /// Divides a norm and multiplies the columns behind it.
    private mutating func scaleNorm(
        _ norm: String, of group: [String], _ inputs: InputRanges, _ pool: WorkerPool
    ) throws {
        let source = plan.model.conversion
        let tensors = group.compactMap { numbers[$0] }
        guard numbers[norm + ".bias"] == nil, let number = numbers[norm + ".weight"],
            tensors.count == group.count, areQuantized(tensors),
            let stored = source.parts(ofTensor: number).first,
            source.parts(ofTensor: number).count == 1,
            let factors = try factors(tensors, inputs, pool)
        else { return }
        let old = try values(of: number)
        var same = [Float](repeating: 0, count: old.count)
        guard stored.shape.elementCount == old.count else { return }
        try same.withUnsafeMutableBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return }
            try stored.readFloats(0..<buffer.count, into: base, scratch: ScratchBuffer())
        }
        // A norm that is stored less one cannot be divided.
        guard same == old else { return }
        let type = stored.dataType ?? .BF16
        let new = zip(old, factors).map { type.rounded($0 / $1) }
        // What rounding makes of the quotient is what columns are multiplied by.
        let exact = zip(old, new).map { $1 != 0 && ($0 / $1).isFinite && $0 != 0 ? $0 / $1 : 1 }
        replacements[stored.name] = zip(zip(old, new), exact).map {
            $1 == 1 ? $0.0 : $0.1
        }
        for tensor in tensors { columns[tensor] = exact }
    }

    /// Divides the rows of a gated network's second matrix and multiplies the columns of its last.
    private mutating func scaleNetwork(
        _ block: Int, _ inputs: InputRanges, _ pool: WorkerPool
    ) throws {
        let names = ["ffn_gate", "ffn_up", "ffn_down"].map { "blk.\(block).\($0).weight" }
        let found = names.compactMap { numbers[$0] }
        guard found.count == 3, areQuantized(found),
            numbers["blk.\(block).ffn_up.bias"] == nil,
            plan.model.conversion.tensors[found[1]].shape.rowCount
                == plan.model.conversion.tensors[found[2]].shape.rowLength,
            plan.model.conversion.parts(ofTensor: found[1]).count == 1,
            plan.model.conversion.parts(ofTensor: found[1])[0].shape
                == plan.model.conversion.tensors[found[1]].shape,
            let factors = try factors([found[2]], inputs, pool)
        else { return }
        columns[found[2]] = factors
        rows[found[1]] = factors.map { 1 / $0 }
    }

    private func areQuantized(_ tensors: [Int]) -> Bool {
        let quantized = Set(plan.matrices.map(\.linear.place.tensor))
        return tensors.allSatisfy(quantized.contains)
    }

    /// The scales with the least error; `nil` where no scaling is better.
    private func factors(
        _ tensors: [Int], _ inputs: InputRanges, _ pool: WorkerPool
    ) throws -> [Float]? {
        let source = plan.model.conversion
        guard let statistics = inputs.columns(of: source.tensors[tensors[0]].name) else {
            return nil
        }
        let samples = try tensors.map { try sample($0) }
        let tried = ColumnScaling.powers.map { power in
            ColumnScaling.normalized(statistics.map { $0.magnitude }, power)
        }
        let errors = Mutex([Double](repeating: 0, count: tried.count))
        let weights = statistics.map(\.square)
        let grid = plan.grid
        try pool.run(jobCount: tried.count) { _, job in
            let error = samples.reduce(0) {
                $0 + ColumnScaling.error($1, tried[job], weights, grid)
            }
            errors.withLock { $0[job] = error }
        }
        let found = errors.withLock { $0 }
        guard let best = found.indices.min(by: { found[$0] < found[$1] }), best > 0 else {
            return nil
        }
        return tried[best]
    }

    /// Magnitudes to a power, so that the largest and the least are as far from 1.
    private static func normalized(_ magnitudes: [Float], _ power: Float) -> [Float] {
        let powers = magnitudes.map { Float(exp2(log2(Double(max($0, 1e-4))) * Double(power))) }
        guard let least = powers.min(), let largest = powers.max() else { return powers }
        let centre = (least * largest).squareRoot()
        return powers.map { $0 / centre }
    }

    /// What rounding leaves on the mean squares of the columns.
    private static func error(
        _ rows: [Float], _ factors: [Float], _ weights: [Float], _ grid: WeightGrid
    ) -> Double {
        let count = factors.count
        let scaled = rows.indices.map { rows[$0] * factors[$0 % count] }
        let coded = CodedMatrix(grid, rows: rows.count / count, columns: count)
        coded.round(0..<coded.rowCount, scaled, largest: 0)
        var error = 0.0
        for row in 0..<coded.rowCount {
            for column in 0..<count {
                let value = coded.value(row: row, column: column) / factors[column]
                let difference = Double(value - rows[row * count + column])
                error += Double(weights[column]) * difference * difference
            }
        }
        return error
    }

    private func values(of tensor: Int) throws -> [Float] {
        let shape = plan.model.conversion.tensors[tensor].shape
        return try read(tensor, rows: Array(0..<shape.rowCount))
    }

    /// Some rows of a tensor, evenly spread, scaled as they are so far.
    private func sample(_ tensor: Int) throws -> [Float] {
        let shape = plan.model.conversion.tensors[tensor].shape
        let count = min(shape.rowCount, ColumnScaling.sampleRowCount)
        let chosen = (0..<count).map { $0 * shape.rowCount / count }
        var values = try read(tensor, rows: chosen)
        if let factors = rows[tensor] {
            for index in values.indices {
                values[index] *= factors[chosen[index / shape.rowLength]]
            }
        }
        return values
    }

    private func read(_ tensor: Int, rows: [Int]) throws -> [Float] {
        let source = plan.model.conversion
        let length = source.tensors[tensor].shape.rowLength
        var values = [Float](repeating: 0, count: rows.count * length)
        let scratch = ScratchBuffer()
        try values.withUnsafeMutableBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return }
            for (place, row) in rows.enumerated() {
                try source.readRows(
                    row..<row + 1, ofTensor: tensor, into: base + place * length, scratch: scratch)
            }
        }
        return values
    }

    /// Scales rows of a tensor.
    func apply(
        to values: UnsafeMutablePointer<Float>, rows range: Range<Int>, tensor: Int, rowLength: Int
    ) {
        let (columns, rows) = (columns[tensor], rows[tensor])
        guard columns != nil || rows != nil else { return }
        for row in range {
            let line = values + (row - range.lowerBound) * rowLength
            let own = rows?[row] ?? 1
            for column in 0..<rowLength { line[column] *= own * (columns?[column] ?? 1) }
        }
    }
}

extension DataType {
    /// The nearest number of this type.
    fileprivate func rounded(_ value: Float) -> Float {
        switch self {
        case .F16: HalfFloat.float(fromF16: HalfFloat.f16(from: value))
        case .BF16: HalfFloat.float(fromBF16: HalfFloat.bf16(from: value))
        default: value
        }
    }
}
