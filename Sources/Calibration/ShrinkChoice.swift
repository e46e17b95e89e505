import GGUF
import Quantization
import Synchronization
import TensorCore

/// Chooses how far a Hessian is shrunk to its diagonal: some rows are rounded with each shrinkage,
/// and what the errors cost on the validation windows decides.
struct ShrinkChoice {
    /// The shrinkages that are tried; 1, the diagonal alone, is the format's own encoder.
    static let candidates = [0.1, 0.25, 0.5, 0.75]
    /// The rows of a matrix that are rounded for it.
    static let sampleRowCount = 48

    /// A matrix's sample in a format.
    struct Sample: Sendable {
        var tensor: Int
        var format: Format
        var rows: [Float]
    }

    /// The shrinkage with the least cost over all samples; `nil` where none is better than 1.
    private(set) var shrink: Double?
    /// The samples whose cost with it is no less than the plain encoder's.
    private(set) var plain: Set<Int> = []
    /// The number of times that damping was raised.
    private(set) var retryCount = 0

    /// The damping for formats of so many bits.
    static func damping(_ formats: some Sequence<Format>, rowCount: Int, columnCount: Int) -> Double
    {
        let bits = formats.map(\.bitsPerWeight).min() ?? 8
        return bits < 3 || rowCount < 2 * columnCount ? 0.025 : 0.01
    }

    /// Candidates that are factored at the same time.
    static func parallelCount(columnCount: Int, pool: WorkerPool) -> Int {
        columnCount <= 4096 ? min(pool.threadCount, candidates.count) : 1
    }

    static func workingByteCount(columnCount: Int, pool: WorkerPool) -> Int {
        parallelCount(columnCount: columnCount, pool: pool) * columnCount * columnCount * 12
    }

    init(
        _ moments: LayerInputs.Moments, samples: [Sample], damping: Double,
        effort: RoundingEffort, pool: WorkerPool
    ) throws {
        let importance = moments.fitting.diagonal
        let plainCosts = samples.map {
            ShrinkChoice.cost($0, nil, importance, effort, moments.validation)
        }
        let results = Mutex([Int: (costs: [Double], retries: Int)]())
        let parallel = ShrinkChoice.parallelCount(
            columnCount: moments.fitting.columnCount, pool: pool)
        try WorkerPool(threadCount: parallel).run(jobCount: ShrinkChoice.candidates.count) {
            _, job in
            guard
                let made = HessianFactor(
                    moments.fitting,
                    .init(shrink: ShrinkChoice.candidates[job], damping: damping))
            else { return }
            let costs = samples.map {
                ShrinkChoice.cost($0, made.factor, importance, effort, moments.validation)
            }
            results.withLock { $0[job] = (costs, made.retryCount) }
        }
        var least = 1.0
        for (job, result) in results.withLock({ $0 }).sorted(by: { $0.key < $1.key }) {
            retryCount += result.retries
            // Each sample counts alike, whatever its format's error.
            let ratio =
                zip(result.costs, plainCosts).reduce(0) {
                    $0 + ($1.1 > 0 ? $1.0 / $1.1 : 1)
                } / Double(max(1, samples.count))
            guard ratio < least else { continue }
            least = ratio
            shrink = ShrinkChoice.candidates[job]
            plain = Set(
                samples.indices.filter { !(result.costs[$0] < plainCosts[$0]) })
        }
    }

    private static func cost(
        _ sample: Sample, _ factor: FeedbackFactor?, _ importance: [Float],
        _ effort: RoundingEffort, _ hessian: Hessian
    ) -> Double {
        let count = hessian.columnCount
        let rowCount = sample.rows.count / count
        guard
            let byteCount = sample.format.byteCount(rowLength: count, rowCount: rowCount),
            let decode = sample.format.decode
        else { return 0 }
        let bytes = UnsafeMutableRawPointer.allocate(byteCount: max(64, byteCount), alignment: 64)
        defer { bytes.deallocate() }
        var errors = [Float](repeating: 0, count: sample.rows.count)
        sample.rows.withUnsafeBufferPointer { rows in
            guard let base = rows.baseAddress else { return }
            PreparedRounding.encode(
                base, rowCount: rowCount, columnCount: count, as: sample.format, factor,
                importance, effort, into: bytes)
            errors.withUnsafeMutableBufferPointer { errors in
                guard let decoded = errors.baseAddress else { return }
                decode(bytes, errors.count, decoded)
                for index in errors.indices { decoded[index] -= base[index] }
            }
        }
        return hessian.cost(of: errors)
    }
}
