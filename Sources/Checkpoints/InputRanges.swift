import Architectures
import Calibration
import GGUF
import Inference
import Synchronization
import TensorCore

/// The magnitudes of what linear layers take in on a text: a histogram for each tensor of the GGUF view.
///
/// The experts of a layer count together: engines take one scale for all of them.
final class InputRanges: Sendable {
    /// Magnitudes of one input.
    struct Range: Sendable {
        /// The largest.
        var largest: Float = 0
        /// How many have the bits of each exponent and its first three of the fraction.
        var counts = [Int](repeating: 0, count: 1 << 11)
    }

    private let ranges = Mutex<[String: Range]>([:])

    /// Runs windows through a model.
    ///
    /// - Throws: `InferenceError` when NaN or infinity appear.
    init(_ source: any TensorSource, windows: [[Int32]], pool: WorkerPool) throws {
        let model = try Model(source: source)
        let decoder = try Decoder(models: [model], products: .ordered, pool: pool)
        let longest = windows.map(\.count).max() ?? 1
        let step = max(1, decoder.batchTokenCount / max(1, longest))
        let state = ForwardState()
        for start in stride(from: 0, to: windows.count, by: step) {
            let batch = Batch(windows: Array(windows[start..<min(start + step, windows.count)]))
            try decoder.observe(batch, in: state) { self.add($0) }
        }
    }

    private func add(_ input: LinearInput) {
        var own = Range()
        for index in 0..<input.rowCount {
            for value in input.row(index) {
                let magnitude = abs(value)
                own.largest = max(own.largest, magnitude)
                own.counts[Int(magnitude.bitPattern >> 20)] += 1
            }
        }
        let found = own
        ranges.withLock { ranges in
            for tensor in input.tensors {
                var range = ranges[tensor] ?? Range()
                ranges[tensor] = nil
                range.largest = max(range.largest, found.largest)
                for index in range.counts.indices { range.counts[index] += found.counts[index] }
                ranges[tensor] = range
            }
        }
    }

    /// The magnitude that the scale of a tensor's input is made of; `nil` where no text reached it.
    ///
    /// - Parameter levels: For even steps, the steps up to the largest code: the magnitude is then
    ///   that beyond which clipping costs more than smaller steps gain.
    func magnitude(of tensor: String, levels: Float?) -> Float? {
        guard let range = ranges.withLock({ $0[tensor] }), range.largest > 0 else { return nil }
        guard let levels else { return range.largest }
        var best = (magnitude: range.largest, error: Double.infinity)
        for share in stride(from: 1, through: 0.05, by: -0.05) {
            let limit = range.largest * Float(share)
            let step = Double(limit / levels)
            var error = 0.0
            for (index, count) in range.counts.enumerated() where count > 0 {
                let value = Double(Float(bitPattern: UInt32(index) << 20 | 1 << 19))
                let beyond = max(0, value - Double(limit))
                error += Double(count) * (beyond > 0 ? beyond * beyond : step * step / 12)
            }
            if error < best.error { best = (limit, error) }
        }
        return best.magnitude
    }
}
