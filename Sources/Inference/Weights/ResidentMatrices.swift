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

/// A model's matrices in memory, for products with few rows or many.
///
/// Every output of every row is computed in one order, so that rows do not depend on each other.
/// Panels are shared out between all threads.
///
/// `@unchecked Sendable`: the matrices are read only after the start; one product runs at a time.
final class ResidentMatrices: @unchecked Sendable {
    /// Weights, times rows, of a job.
    private static let jobWork = 1 << 16
    /// A product of less is not worth a second thread.
    private static let threadWork = 1 << 17

    let workers: ResidentWorkers
    private let matrices: [Int: ResidentMatrix]
    private let rounded: RoundedInput
    private var products: [Product] = []

    /// Reads the matrices of a model; `nil` when they take more than `byteLimit`.
    init?(_ model: Model, activations: Activations, pool: WorkerPool, byteLimit: Int) throws {
        let parts = model.matrixParts
        // All in one place, in the order in which tensors are stored.
        var starts: [Int] = []
        var total = 0
        for part in parts {
            guard
                let bytes = ResidentMatrix.byteCount(
                    model.source.tensors[part.number],
                    holdsBytes: model.source.holdsBytes(ofTensor: part.number),
                    partCount: part.count), bytes <= byteLimit - total
            else { return nil }
            starts.append(total)
            total += bytes
        }
        let buffer = try FloatBuffer(count: total / 4, largePages: true)
        matrices = Dictionary(
            uniqueKeysWithValues: zip(parts, starts).map { part, start in
                (
                    part.number,
                    ResidentMatrix(
                        model.source.tensors[part.number],
                        holdsBytes: model.source.holdsBytes(ofTensor: part.number),
                        partCount: part.count,
                        activations: part.takesFloats ? .f32 : activations, in: buffer, at: start)
                )
            })
        workers = ResidentWorkers(threadCount: pool.threadCount)
        rounded = RoundedInput(workers)
        try read(model, pool)
    }

    /// Half of the machine's memory.
    static var usualByteLimit: Int {
        sysconf(Int32(_SC_PHYS_PAGES)) / 2 * sysconf(Int32(_SC_PAGESIZE))
    }

    private func read(_ model: Model, _ pool: WorkerPool) throws {
        let jobs = matrices.keys.sorted().flatMap { number -> [(number: Int, panels: Range<Int>)] in
            guard let matrix = matrices[number] else { return [] }
            let step = max(1, (1 << 18) / (matrix.rowLength * PackedForm.panelRows))
            return stride(from: 0, to: matrix.panelCount, by: step).map {
                (number, $0..<min(matrix.panelCount, $0 + step))
            }
        }
        nonisolated(unsafe) let unpacked = (0..<pool.threadCount).map { _ in ScratchBuffer() }
        try pool.run(jobCount: jobs.count) { worker, job in
            try matrices[jobs[job].number]?.read(
                panels: jobs[job].panels, of: model.source, tensor: jobs[job].number,
                bytes: workers.scratch[worker], unpacked: unpacked[worker])
        }
    }

    /// A tensor of the model's linear layers.
    func matrix(_ number: Int, _ name: String) throws(InferenceError) -> ResidentMatrix {
        if let matrix = matrices[number] { return matrix }
        throw InferenceError(.missingTensor(expected: "a linear layer's"), path: nil, place: name)
    }

    // MARK: Products

    /// Rows on their way through matrices.
    struct Rows {
        let input: UnsafePointer<Float>
        let stride: Int
        let count: Int
        let result: UnsafeMutablePointer<Float>
        let resultStride: Int
        let keep: Bool
    }

    /// `result = W x + keep · result` for some outputs of a stack, as `LinearLayer.apply` has it.
    func multiply(
        _ stack: LinearStack, _ matrices: [ResidentMatrix], outputs: Range<Int>, expert: Int,
        _ rows: Rows
    ) {
        var done: Rounding?
        var floats = (rows: rows.input, stride: rows.stride)
        for (index, part) in stack.parts.enumerated() {
            let wanted = part.outputs.clamped(to: outputs)
            guard !wanted.isEmpty else { continue }
            let matrix = matrices[index]
            // Matrices whose input is rounded alike are multiplied in one round.
            if done != matrix.rounding {
                run(rows.count)
                done = matrix.rounding
                floats = rounded.round(
                    rows.input, stride: rows.stride, count: rows.count, length: stack.inputs,
                    to: matrix.rounding)
            }
            add(
                matrix, part: expert, first: wanted.lowerBound - part.outputs.lowerBound,
                count: wanted.count, floats, rows,
                result: rows.result + (wanted.lowerBound - outputs.lowerBound))
        }
        run(rows.count)
    }

    /// The products of a matrix for each head with rows of the head's.
    ///
    /// - Parameter steps: The floats from head to head.
    func multiplyHeads(
        _ matrix: ResidentMatrix, _ rows: Rows, steps: (input: Int, result: Int)
    ) {
        for head in 0..<matrix.partCount {
            add(
                matrix, part: head, first: 0, count: matrix.rowCount,
                (rows.input + head * steps.input, rows.stride), rows,
                result: rows.result + head * steps.result)
        }
        run(rows.count)
    }

    /// The products of a whole matrix.
    func multiply(_ matrix: ResidentMatrix, _ rows: Rows) {
        let floats = rounded.round(
            rows.input, stride: rows.stride, count: rows.count, length: matrix.rowLength,
            to: matrix.rounding)
        add(
            matrix, part: 0, first: 0, count: matrix.rowCount, floats, rows, result: rows.result)
        run(rows.count)
    }

    private func add(
        _ matrix: ResidentMatrix, part: Int, first: Int, count: Int,
        _ input: (rows: UnsafePointer<Float>, stride: Int), _ rows: Rows,
        result: UnsafeMutablePointer<Float>
    ) {
        let known = products.last.map { $0.firstJob + $0.jobCount } ?? 0
        var product = Product(
            rowLength: matrix.rowLength, panels: matrix.panels(part: part),
            first: first, count: count, input: input.rows, inputStride: input.stride,
            rowCount: rows.count, result: result, resultStride: rows.resultStride,
            keep: rows.keep, firstJob: known)
        switch matrix.kind {
        case .floats(let floats): product.floats = floats
        case .codes(let form):
            product.form = form.form
            if matrix.rounding != .none, let codes = rounded.rows,
                let prepared = rounded.prepare(form.form)
            {
                product.rounded = (codes, prepared)
            }
        }
        let panel = matrix.rowLength * PackedForm.panelRows
        product.panelsPerJob = max(1, ResidentMatrices.jobWork / (panel * min(8, rows.count)))
        products.append(product)
    }

    /// Does what was added.
    private func run(_ rowCount: Int) {
        guard let last = products.last else { return }
        let work = products.reduce(0) { $0 + $1.count * $1.rowLength } * rowCount
        let isa = InstructionSet.current.isa
        if work < ResidentMatrices.threadWork || workers.team.threadCount == 1 {
            for product in products { product.run(first: product.first, product.count, isa) }
        } else {
            products.withUnsafeBufferPointer { products in
                nonisolated(unsafe) let products = products
                workers.team.run(jobCount: last.firstJob + last.jobCount) { _, job in
                    var index = products.count - 1
                    while products[index].firstJob > job { index -= 1 }
                    products[index].run(job: job, isa)
                }
            }
        }
        products.removeAll(keepingCapacity: true)
    }

    /// Some outputs of a matrix for some rows.
    ///
    /// It holds no reference: threads that count the same one wait for each other.
    private struct Product {
        /// How codes are packed; `nil` for floats.
        var form: ingot_packed_form?
        var floats = INGOT_PACKED_F32
        let rowLength: Int
        let panels: UnsafeRawPointer
        let first: Int
        let count: Int
        let input: UnsafePointer<Float>
        let inputStride: Int
        let rowCount: Int
        let result: UnsafeMutablePointer<Float>
        let resultStride: Int
        let keep: Bool
        let firstJob: Int
        var rounded: (rows: ingot_rounded_rows, prepared: ingot_prepared_rows)?
        var panelsPerJob = 1

        private var firstPanel: Int { first / PackedForm.panelRows }
        private var endPanel: Int { (first + count - 1) / PackedForm.panelRows + 1 }
        var jobCount: Int { (endPanel - firstPanel + panelsPerJob - 1) / panelsPerJob }

        func run(job: Int, _ isa: ingot_isa) {
            let start = firstPanel + (job - firstJob) * panelsPerJob
            let low = max(first, start * PackedForm.panelRows)
            let high = min(first + count, (start + panelsPerJob) * PackedForm.panelRows)
            run(first: low, high - low, isa)
        }

        /// Outputs from `output` on.
        func run(first output: Int, _ outputs: Int, _ isa: ingot_isa) {
            let result = result + (output - first)
            guard var form else {
                return ingot_packed_float_product(
                    isa, floats, rowLength, panels, output, outputs, input, inputStride, rowCount,
                    result, resultStride, keep)
            }
            guard var (rows, prepared) = rounded else {
                return ingot_packed_decoded_product(
                    isa, &form, rowLength, panels, output, outputs, input, inputStride, rowCount,
                    result, resultStride, keep)
            }
            ingot_packed_product(
                isa, &form, rowLength, panels, output, outputs, &rows, &prepared, rowCount, result,
                resultStride, keep)
        }
    }
}

extension Model {
    /// A tensor that stays in memory.
    fileprivate struct MatrixPart {
        var number: Int
        /// How many matrices it has: one for each expert, or head.
        var count = 1
        /// Whether it takes numbers as they are whatever the activations.
        var takesFloats = false
    }

    /// The tensors of linear layers and of heads' matrices, by number.
    fileprivate var matrixParts: [MatrixPart] {
        // An encoder has no use for its output matrix.
        var parts = description.seesAhead ? [:] : [output: MatrixPart(number: output)]
        for block in blocks {
            for part in block.stacks.flatMap(\.parts) {
                parts[part.number] = MatrixPart(number: part.number)
            }
            for heads in block.headMatrices {
                parts[heads.number] = MatrixPart(
                    number: heads.number, count: heads.headCount, takesFloats: true)
            }
            guard case .experts(let experts) = block.feedForward else { continue }
            for part in experts.network.stacks.flatMap(\.parts) {
                parts[part.number] = MatrixPart(
                    number: part.number, count: experts.description.count)
            }
        }
        return parts.values.sorted { $0.number < $1.number }
    }
}
