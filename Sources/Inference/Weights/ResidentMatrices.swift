import Architectures
import CKernels
import GGUF
import Quantization
import TensorCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// One tensor in memory: all rows, those of all experts.
struct ResidentMatrix: Sendable {
    let format: Format
    let rowLength: Int
    let rowByteCount: Int
    /// How it is held as codes; `nil` where it is held as it is stored.
    let coded: CodedMatrix?
    /// What rows are rounded to before they are multiplied.
    let rounding: Rounding
    let buffer: FloatBuffer
}

/// A model's matrices in memory, as they are stored or as codes, for products with few rows.
///
/// With few rows a product costs what reading its weights costs, so weights are not decoded to
/// memory first: some rows of a matrix at a time are decoded to a cache and multiplied at once, on
/// all threads. With `Activations.q8` matrices whose formats have codes are held as codes.
///
/// Memory: the bytes of the matrices in their formats; as codes 1 to 1.5 bytes for a weight.
///
/// `@unchecked Sendable`: read only after the start, but for the workers' buffers, which belong to
/// one thread at a time. One product runs at a time.
final class ResidentMatrices: @unchecked Sendable {
    /// Weights that a job multiplies at a time: decoded, they stay in the second cache.
    private static let chunkWeights = 1 << 15
    /// A product of fewer weights is not worth a second thread.
    private static let threadWeights = 1 << 18

    private let products: MatrixProducts
    private let team: WorkerTeam
    private let matrices: [Int: ResidentMatrix]
    private let scratch: [ScratchBuffer]
    private let unpacked: [ScratchBuffer]

    /// Reads the matrices of a model; `nil` when they take more than `byteLimit`.
    init?(
        _ model: Model, activations: Activations, products: MatrixProducts, pool: WorkerPool,
        byteLimit: Int
    ) throws {
        let numbers = Set(
            model.blocks.flatMap(\.stacks).flatMap(\.parts).map(\.number) + [model.output])
        var matrices: [Int: ResidentMatrix] = [:]
        var left = byteLimit
        for number in numbers.sorted() {
            let tensor = model.source.tensors[number]
            let rowCount = tensor.shape.rowCount
            let rowLength = tensor.shape.rowLength
            let coded =
                activations == .q8
                ? CodedMatrix(format: tensor.format, rowCount: rowCount, rowLength: rowLength)
                : nil
            guard let rowByteCount = tensor.format.byteCount(rowLength: rowLength, rowCount: 1),
                let bytes = rowByteCount.multiplied(checkedBy: rowCount)
            else { return nil }
            let count = coded?.floatCount ?? (bytes + 3) / 4
            guard count <= left / 4 else { return nil }
            left -= count * 4
            matrices[number] = ResidentMatrix(
                format: tensor.format, rowLength: rowLength, rowByteCount: rowByteCount,
                coded: coded,
                rounding: activations == .q8 ? Rounding(tensor.format, coded: coded) : .none,
                buffer: try FloatBuffer(count: count))
        }
        self.products = products
        self.matrices = matrices
        team = WorkerTeam(threadCount: pool.threadCount)
        scratch = (0..<pool.threadCount).map { _ in ScratchBuffer() }
        unpacked = (0..<pool.threadCount).map { _ in ScratchBuffer() }
        try read(model, pool)
    }

    /// Half of the machine's memory.
    static var usualByteLimit: Int {
        sysconf(Int32(_SC_PHYS_PAGES)) / 2 * sysconf(Int32(_SC_PAGESIZE))
    }

    private func read(_ model: Model, _ pool: WorkerPool) throws {
        let jobs = matrices.keys.sorted().flatMap { number -> [(number: Int, rows: Range<Int>)] in
            let tensor = model.source.tensors[number]
            let step = DecodingJob.rowCount(rowLength: tensor.shape.rowLength)
            return stride(from: 0, to: tensor.shape.rowCount, by: step).map {
                (number, $0..<min(tensor.shape.rowCount, $0 + step))
            }
        }
        try pool.run(jobCount: jobs.count) { worker, job in
            let (number, rows) = jobs[job]
            guard let matrix = matrices[number] else { return }
            if let coded = matrix.coded {
                try coded.read(
                    rows, of: model.source, tensor: number, first: 0, into: matrix.buffer.base,
                    bytes: scratch[worker], unpacked: unpacked[worker])
            } else {
                try model.source.readBytes(
                    ofRows: rows, ofTensor: number,
                    into: UnsafeMutableRawBufferPointer(
                        start: UnsafeMutableRawPointer(matrix.buffer.base)
                            + rows.lowerBound * matrix.rowByteCount,
                        count: rows.count * matrix.rowByteCount))
            }
        }
    }

    /// A tensor of the model's linear layers.
    func matrix(_ number: Int, _ name: String) throws(InferenceError) -> ResidentMatrix {
        if let matrix = matrices[number] { return matrix }
        throw InferenceError(.missingTensor(expected: "a linear layer's"), path: nil, place: name)
    }

    // MARK: Products

    /// `result = W x + keep · result` for some outputs of a stack, as `LinearLayer.apply` has it.
    func multiply(
        _ stack: LinearStack, _ matrices: [ResidentMatrix], outputs: Range<Int>, expert: Int,
        _ input: UnsafePointer<Float>, rows: Int, into result: UnsafeMutablePointer<Float>,
        strides: (input: Int, result: Int), keep: Bool, rounded: RoundedRows
    ) {
        let pieces = zip(stack.parts, matrices).compactMap { part, matrix -> Product? in
            let wanted = part.outputs.clamped(to: outputs)
            guard !wanted.isEmpty else { return nil }
            let first = expert * part.outputs.count + wanted.lowerBound - part.outputs.lowerBound
            return Product(
                matrix: matrix, rows: first..<first + wanted.count,
                result: result + (wanted.lowerBound - outputs.lowerBound))
        }
        // Matrices whose input is rounded alike are multiplied in one round.
        let batches = Dictionary(grouping: pieces, by: \.matrix.rounding)
        for (rounding, batch) in batches {
            let given = Input(
                values: input, rowCount: rows, stride: strides.input, rowLength: stack.inputs,
                rounding, by: rounded)
            run(batch, given, stride: strides.result, keep: keep)
        }
    }

    /// The products of a whole matrix with rows that follow one another.
    func multiply(
        _ matrix: ResidentMatrix, rowCount: Int, _ input: UnsafePointer<Float>, rows: Int,
        into result: UnsafeMutablePointer<Float>, rounded: RoundedRows
    ) {
        let product = Product(matrix: matrix, rows: 0..<rowCount, result: result)
        let given = Input(
            values: input, rowCount: rows, stride: matrix.rowLength, rowLength: matrix.rowLength,
            matrix.rounding, by: rounded)
        run([product], given, stride: rowCount, keep: false)
    }

    /// Some rows of a matrix, and where their products go.
    private struct Product {
        let matrix: ResidentMatrix
        let rows: Range<Int>
        let result: UnsafeMutablePointer<Float>
    }

    /// The rows that are multiplied, rounded as the matrices want them.
    ///
    /// `@unchecked Sendable`: nobody writes them meanwhile.
    private struct Input: @unchecked Sendable {
        let values: UnsafePointer<Float>
        let rowCount: Int
        let stride: Int
        let rounded: RoundedRows

        init(
            values: UnsafePointer<Float>, rowCount: Int, stride: Int, rowLength: Int,
            _ rounding: Rounding, by rounded: RoundedRows
        ) {
            self.rowCount = rowCount
            self.rounded = rounded
            (self.values, self.stride) = rounded.round(
                values, stride: stride, count: rowCount, length: rowLength, to: rounding)
        }
    }

    /// Some rows of a product.
    ///
    /// `@unchecked Sendable`: each has outputs of its own.
    private struct Job: @unchecked Sendable {
        let product: Product
        let rows: Range<Int>
    }

    private func run(_ products: [Product], _ input: Input, stride: Int, keep: Bool) {
        let jobs = products.flatMap { product in
            let step = max(16, ResidentMatrices.chunkWeights / product.matrix.rowLength / 16 * 16)
            return Swift.stride(
                from: product.rows.lowerBound, to: product.rows.upperBound, by: step
            ).map { Job(product: product, rows: $0..<min(product.rows.upperBound, $0 + step)) }
        }
        let weights = products.reduce(0) { $0 + $1.rows.count * $1.matrix.rowLength }
        guard weights > ResidentMatrices.threadWeights else {
            for job in jobs {
                multiply(job, input, stride: stride, keep: keep, scratch[0])
            }
            return
        }
        // Each worker has its own.
        nonisolated(unsafe) let scratch = scratch
        team.run(jobCount: jobs.count) { worker, job in
            self.multiply(
                jobs[job], input, stride: stride, keep: keep, scratch[worker])
        }
    }

    private func multiply(
        _ job: Job, _ input: Input, stride: Int, keep: Bool, _ scratch: ScratchBuffer
    ) {
        let matrix = job.product.matrix
        let result = job.product.result + (job.rows.lowerBound - job.product.rows.lowerBound)
        if let coded = matrix.coded {
            input.rounded.multiply(
                rows: 0..<input.rowCount, by: coded, at: UnsafePointer(matrix.buffer.base),
                outputs: job.rows, into: result, stride: stride, keep: keep, scratch: scratch)
            return
        }
        let bytes =
            UnsafeRawPointer(matrix.buffer.base) + job.rows.lowerBound * matrix.rowByteCount
        let weights: UnsafePointer<Float>
        if matrix.format == .F32 {
            weights = bytes.assumingMemoryBound(to: Float.self)
        } else {
            let count = job.rows.count * matrix.rowLength
            guard let decoded = scratch.floats(count).baseAddress, let decode = matrix.format.decode
            else { return }
            decode(bytes, count, decoded)
            weights = UnsafePointer(decoded)
        }
        if input.rowCount == 1 {
            products.timesVector(
                weights, input.values, into: result, rows: job.rows.count,
                inner: matrix.rowLength, keep: keep ? 1 : 0)
        } else {
            products.timesTransposed(
                input.values, weights, into: result, rows: input.rowCount,
                columns: job.rows.count, inner: matrix.rowLength,
                strides: (input.stride, matrix.rowLength, stride), keep: keep ? 1 : 0)
        }
    }
}
