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
        /// The sums of each column's magnitudes and squares, where they are wanted.
        var columns: [(magnitude: Double, square: Double)] = []
        /// The rows that are summed.
        var rowCount = 0
    }

    private let ranges = Mutex<[String: Range]>([:])
    private let sumsColumns: Bool
    private let cache: CacheRanges?

    /// Runs windows through a model.
    ///
    /// - Parameters:
    ///   - sumsColumns: Whether columns are summed one by one; experts' are not.
    ///   - cache: Told the inputs of keys and values.
    /// - Throws: `InferenceError` when NaN or infinity appear.
    init(
        _ source: any TensorSource, windows: [[Int32]], sumsColumns: Bool = false,
        cache: CacheRanges? = nil, pool: WorkerPool
    ) throws {
        self.sumsColumns = sumsColumns
        self.cache = cache
        let model = try Model(source: source)
        let decoder = try Decoder(models: [model], products: .ordered, pool: pool)
        let longest = windows.map(\.count).max() ?? 1
        let step = max(1, decoder.batchTokenCount / max(1, longest))
        let state = ForwardState()
        for start in stride(from: 0, to: windows.count, by: step) {
            let batch = Batch(windows: Array(windows[start..<min(start + step, windows.count)]))
            try decoder.observe(batch, in: state) { self.add($0) }
        }
        try cache?.check()
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
        if sumsColumns, input.part == nil { own.sumColumns(of: input) }
        cache?.add(input)
        let found = own
        ranges.withLock { ranges in
            for tensor in input.tensors {
                var range = ranges[tensor] ?? Range()
                ranges[tensor] = nil
                range.addColumns(of: found)
                range.largest = max(range.largest, found.largest)
                for index in range.counts.indices { range.counts[index] += found.counts[index] }
                ranges[tensor] = range
            }
        }
    }

    /// The mean magnitude and the mean square of every column of a tensor's input.
    func columns(of tensor: String) -> [(magnitude: Float, square: Float)]? {
        guard let range = ranges.withLock({ $0[tensor] }), range.rowCount > 0 else { return nil }
        let scale = 1 / Double(range.rowCount)
        return range.columns.map { (Float($0.magnitude * scale), Float($0.square * scale)) }
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

extension InputRanges.Range {
    fileprivate mutating func sumColumns(of input: LinearInput) {
        columns = Array(repeating: (0, 0), count: input.rowLength)
        rowCount = input.rowCount
        for index in 0..<input.rowCount {
            for (column, value) in input.row(index).enumerated() {
                columns[column].magnitude += Double(abs(value))
                columns[column].square += Double(value) * Double(value)
            }
        }
    }

    fileprivate mutating func addColumns(of other: InputRanges.Range) {
        guard !other.columns.isEmpty else { return }
        if columns.isEmpty { columns = Array(repeating: (0, 0), count: other.columns.count) }
        rowCount += other.rowCount
        for column in columns.indices {
            columns[column].magnitude += other.columns[column].magnitude
            columns[column].square += other.columns[column].square
        }
    }
}
