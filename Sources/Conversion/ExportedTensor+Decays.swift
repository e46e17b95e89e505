import Architectures
import GGUF
import Safetensors
import TensorCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

extension ValueChange {
    /// The value that becomes `value`; the nearest where none does.
    ///
    /// - Parameter inHalves: Whether the checkpoint is to have F16.
    func undone(_ value: Float, inHalves: Bool) -> Float {
        switch self {
        // What is three values already becomes the same again.
        case .none, .centred, .ternary: value
        case .exponential: Float(log(Double(value)))
        case .plus(let addend): value - addend
        case .negatedExponential: Decay.logarithm(of: value, inHalves: inHalves).value
        case .softplus: value > 20 ? value : Float(log(expm1(Double(value))))
        }
    }
}

/// Decays, which a checkpoint has as logarithms.
enum Decay {
    /// The decay that a conversion makes of a logarithm, rounded as it does.
    private static func decay(of logarithm: Float, inHalves: Bool) -> Float {
        let decay = ValueChange.negatedExponential.applied(to: logarithm)
        return inHalves ? HalfFloat.float(fromF16: HalfFloat.f16(from: decay)) : decay
    }

    /// The logarithm that a conversion makes this decay of, or the nearest.
    static func logarithm(of decay: Float, inHalves: Bool) -> (value: Float, isExact: Bool) {
        // Rounding may have gone past the one that was there: its neighbours are looked at too.
        let nearest = Float(log(-Double(decay)))
        var candidates = [nearest, nearest.nextUp, nearest.nextDown]
        if inHalves {
            let half = HalfFloat.f16(from: nearest)
            candidates = [half, half &+ 1, half &- 1].map { HalfFloat.float(fromF16: $0) }
        }
        let exact = candidates.first { self.decay(of: $0, inHalves: inHalves) == decay }
        return (exact ?? candidates[0], exact != nil)
    }
}

extension TensorExporter {
    /// The type of a checkpoint's tensor of logarithms, whose exponentials the file has as negative
    /// numbers: F16 for those that only F16 gives back, and how many are not given back.
    ///
    /// - Returns: `nil` for a tensor with other numbers.
    func logarithms(
        of tensor: Int, as type: DataType
    ) throws -> (type: DataType, inexactCount: Int)? {
        let shape = source.tensors[tensor].shape
        // No model has rows of so many decays; the buffer of a row stays small whatever a file says.
        guard shape.rowLength <= 1 << 20 else { return nil }
        let step = max(1, (1 << 16) / max(1, shape.rowLength))
        let values = UnsafeMutableBufferPointer<Float>.allocate(capacity: step * shape.rowLength)
        defer { values.deallocate() }
        guard let base = values.baseAddress else { return nil }
        var (inexact, inexactHalves) = (0, 0)
        for start in stride(from: 0, to: shape.rowCount, by: step) {
            let rows = start..<min(start + step, shape.rowCount)
            try source.readRows(rows, ofTensor: tensor, into: base, scratch: ScratchBuffer())
            for value in values.prefix(rows.count * shape.rowLength) {
                guard value <= 0 else { return nil }
                if !Decay.logarithm(of: value, inHalves: false).isExact { inexact += 1 }
                if !Decay.logarithm(of: value, inHalves: true).isExact { inexactHalves += 1 }
            }
        }
        // Another type has been asked for, and all weights change.
        guard type == .F32 else { return (type, 0) }
        return inexact > 0 && inexactHalves == 0 ? (.F16, 0) : (.F32, inexact)
    }
}
