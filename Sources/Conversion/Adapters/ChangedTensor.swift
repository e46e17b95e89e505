import Safetensors
import Synchronization
import TensorCore

/// A tensor with an adapter's change: the base's values, or none, and `scale · B · A`.
///
/// Values are computed in F32 when they are asked for; of the factors a few are held at a time.
struct ChangedTensor: ReadableTensor {
    let name: String
    let shape: Shape
    let path: String
    let change: AdapterDirectory.Change
    /// Whether the product is the tensor with rows and columns exchanged.
    let isTransposed: Bool
    /// What is changed; `nil` for the change alone.
    let base: (any ReadableTensor)?
    private let cache: FactorCache

    /// Computed values have no type of their own and get that of the other tensors.
    var dataType: DataType? { nil }

    /// The change to a tensor of the base.
    ///
    /// - Parameter isTransposed: Whether the base stores a column for each output.
    /// - Throws: `AdapterError` when the base has another shape.
    init(
        _ change: AdapterDirectory.Change, to base: any ReadableTensor, isTransposed: Bool,
        cache: FactorCache
    ) throws {
        try self.init(
            change, named: base.name, base: base, isTransposed: isTransposed, cache: cache)
        guard base.shape == shape else {
            throw AdapterError(
                .shape(
                    found: "\(shape)", expected: "\(base.shape), as the base model's tensor has"),
                path: change.b.path, place: change.name)
        }
    }

    /// The change by itself, as a tensor of the base's shape.
    init(_ change: AdapterDirectory.Change, isTransposed: Bool) throws {
        try self.init(
            change, named: change.name, base: nil, isTransposed: isTransposed,
            cache: FactorCache(capacity: 1))
    }

    private init(
        _ change: AdapterDirectory.Change, named name: String, base: (any ReadableTensor)?,
        isTransposed: Bool, cache: FactorCache
    ) throws {
        let sides = [change.b.shape.dimensions[0], change.a.shape.dimensions[1]]
        self.isTransposed = isTransposed || change.isOfEmbeddings
        let dimensions = self.isTransposed ? sides.reversed() : sides
        guard let shape = Shape(dimensions) else {
            throw ConversionError(
                .invalidShape(dimensions), path: change.b.path, place: change.name)
        }
        self.name = name
        self.shape = shape
        path = base?.path ?? change.b.path
        self.change = change
        self.base = base
        self.cache = cache
    }

    func readElements(
        _ elements: Range<Int>, into destination: UnsafeMutablePointer<Float>,
        scratch: ScratchBuffer
    ) throws {
        if let base {
            try base.readFloats(elements, into: destination, scratch: scratch)
        } else {
            destination.update(repeating: 0, count: elements.count)
        }
        let factors = try cache.factors(of: self)
        let (rank, length, scale) = (change.rank, shape.rowLength, Float(change.scale))
        withUnsafeTemporaryAllocation(of: Float.self, capacity: length) { sums in
            guard let sums = sums.baseAddress else { return }
            var position = elements.lowerBound
            while position < elements.upperBound {
                let (row, first) = position.quotientAndRemainder(dividingBy: length)
                let count = min(length - first, elements.upperBound - position)
                factors.sum(row: row, columns: first..<first + count, rank: rank, into: sums)
                let place = destination + (position - elements.lowerBound)
                for index in 0..<count { place[index] += sums[index] * scale }
                position += count
            }
        }
    }

    /// The two factors in F32: `left` is `[rows, rank]` and `right` `[rank, columns]`, so that a row of the product is a row of `left` times `right`.
    struct Factors: Sendable {
        let left: [Float]
        let right: [Float]

        /// Computes a part of a row; O(rank · columns).
        func sum(
            row: Int, columns: Range<Int>, rank: Int, into sums: UnsafeMutablePointer<Float>
        ) {
            let length = right.count / rank
            right.withUnsafeBufferPointer { right in
                guard let right = right.baseAddress else { return }
                for index in 0..<columns.count { sums[index] = 0 }
                for term in 0..<rank {
                    let factor = left[row * rank + term]
                    let values = right + (term * length + columns.lowerBound)
                    for index in 0..<columns.count { sums[index] += factor * values[index] }
                }
            }
        }
    }

    fileprivate func makeFactors() throws -> Factors {
        let (a, b) = (try Self.values(of: change.a), try Self.values(of: change.b))
        guard isTransposed else { return Factors(left: b, right: a) }
        return Factors(
            left: Self.transposed(a, columns: change.a.shape.rowLength),
            right: Self.transposed(b, columns: change.b.shape.rowLength))
    }

    private static func values(of tensor: any ReadableTensor) throws -> [Float] {
        var values = [Float](repeating: 0, count: tensor.shape.elementCount)
        try values.withUnsafeMutableBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return }
            try tensor.readFloats(0..<buffer.count, into: base, scratch: ScratchBuffer())
        }
        return values
    }

    private static func transposed(_ values: [Float], columns: Int) -> [Float] {
        let rows = values.count / columns
        return [Float](unsafeUninitializedCapacity: values.count) { buffer, count in
            for column in 0..<columns {
                for row in 0..<rows { buffer[column * rows + row] = values[row * columns + column] }
            }
            count = values.count
        }
    }
}

/// The factors of the changes that were last asked for.
final class FactorCache: Sendable {
    private let capacity: Int
    private let entries = Mutex<[(name: String, factors: ChangedTensor.Factors)]>([])

    /// Holds the factors of so many changes.
    init(capacity: Int) { self.capacity = capacity }

    /// The factors of a tensor's change, read where they are not held.
    func factors(of tensor: ChangedTensor) throws -> ChangedTensor.Factors {
        let name = tensor.change.name
        let held = entries.withLock { $0.first { $0.name == name }?.factors }
        if let held { return held }
        let factors = try tensor.makeFactors()
        entries.withLock { entries in
            guard !entries.contains(where: { $0.name == name }) else { return }
            if entries.count == capacity { entries.removeFirst() }
            entries.append((name, factors))
        }
        return factors
    }
}
