import Safetensors
import Synchronization
import TensorCore

/// The mean of the sizes of a tensor's values, read when it is first asked for.
final class MeanSize: Sendable {
    private let parts: [StoredParts.Part]
    private let known = Mutex<Float?>(nil)

    init(_ parts: [StoredParts.Part]) { self.parts = parts }

    /// The mean, at least 1e-5, rounded once.
    ///
    /// - Complexity: Linear in the tensor the first time; memory for one piece of it.
    func value(_ scratch: ScratchBuffer) throws -> Float {
        if let mean = known.withLock({ $0 }) { return mean }
        let pieceLength = 1 << 16
        var piece = [Float](repeating: 0, count: pieceLength)
        var sum = 0.0
        var count = 0
        for part in parts {
            var start = 0
            while start < part.view.elementCount {
                let end = min(start + pieceLength, part.view.elementCount)
                try piece.withUnsafeMutableBufferPointer { buffer in
                    guard let base = buffer.baseAddress else { return }
                    try part.readFloats(start..<end, into: base, scratch: scratch)
                }
                for value in piece[..<(end - start)] { sum += Double(abs(value)) }
                start = end
            }
            count += part.view.elementCount
        }
        let mean = max(Float(sum / Double(max(1, count))), 1e-5)
        known.withLock { $0 = mean }
        return mean
    }

    /// The nearest of −mean, 0 and mean, with the steps of the reference, in the stored precision.
    static func nearest(_ value: Float, _ mean: Float, stored type: DataType?) -> Float {
        let scale = 1 / mean
        let step = min(max((value * scale).rounded(.toNearestOrEven), -1), 1) / scale
        switch type {
        case .F16: return HalfFloat.float(fromF16: HalfFloat.f16(from: step))
        case .BF16: return HalfFloat.float(fromBF16: HalfFloat.bf16(from: step))
        default: return step
        }
    }
}
