import Architectures
import Quantization
import Safetensors
import TensorCore

/// The tensors of a norm over batches, collected until its factor and its addend can be computed:
/// `factor = weight / √(variance + ε)` and `addend = bias − mean · factor`.
struct FoldedNorm {
    /// The most channels that are read.
    static let channelLimit = 1 << 20
    /// The parts of a module's names that are folded.
    private static let parts = ["weight", "bias", "running_mean", "running_var"]

    private var found: [String: any ReadableTensor] = [:]

    /// The parts that have not come.
    var missing: [String] { Self.parts.filter { found[$0] == nil } }

    /// Takes a tensor.
    ///
    /// - Returns: Whether the norm knows the part: a count of batches is passed over.
    /// - Throws: `ConversionError` about shapes and parts that come twice.
    mutating func add(_ tensor: any ReadableTensor, as part: String) throws -> Bool {
        if part == "num_batches_tracked" { return true }
        guard Self.parts.contains(part) else { return false }
        let shape = tensor.shape
        guard shape.rank == 1, shape.elementCount <= Self.channelLimit,
            found.values.allSatisfy({ $0.shape == shape })
        else {
            throw ConversionError(
                .invalidShape(shape.dimensions), path: tensor.path, place: tensor.name)
        }
        guard found.updateValue(tensor, forKey: part) == nil else {
            throw ConversionError(
                .duplicateTensor(sources: [tensor.name]), path: tensor.path, place: tensor.name)
        }
        return true
    }

    /// The factor and the addend of each channel; `nil` until all parts have come.
    ///
    /// Every step is rounded to what the tensors are stored in, as the reference converter has it.
    func folded(epsilon: Float) throws -> (factors: [Float], addends: [Float])? {
        guard missing.isEmpty else { return nil }
        let values = try Self.parts.map { try Self.floats(found[$0]) }
        let isHalf = found.values.allSatisfy { $0.format == .F16 }
        func rounded(_ value: Float) -> Float {
            isHalf ? HalfFloat.float(fromF16: HalfFloat.f16(from: value)) : value
        }
        let factors = zip(values[0], values[3]).map { weight, variance in
            rounded(weight / rounded(rounded(variance + epsilon).squareRoot()))
        }
        let addends = factors.indices.map {
            rounded(values[1][$0] - rounded(values[2][$0] * factors[$0]))
        }
        return (factors, addends)
    }

    private static func floats(_ tensor: (any ReadableTensor)?) throws -> [Float] {
        guard let tensor else { return [] }
        var values = [Float](repeating: 0, count: tensor.shape.elementCount)
        try values.withUnsafeMutableBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return }
            try tensor.readFloats(0..<buffer.count, into: base, scratch: ScratchBuffer())
        }
        return values
    }
}
