import CKernels
import Quantization
import TensorCore

/// The rows that a linear layer takes in: what importance matrices are made of.
///
/// The memory is valid during the observer's call only.
public struct LinearInput {
    /// The tensors that these rows are multiplied by: several where matrices share their input.
    public let tensors: [String]
    /// The expert whose part of the tensors takes these rows; `nil` where the whole tensor does.
    ///
    /// For tensors with a matrix for each head, the head.
    public let part: Int?
    /// The row of the batch that the worker's rows start with; for experts, the first of the rows
    /// that reach the expert.
    ///
    /// Inputs of one place come one after the other from one thread: what is summed in the order of
    /// places does not depend on the threads.
    public let place: Int
    /// The weight with which an expert takes each row, as the router gives it; `nil` elsewhere.
    public let weights: UnsafeBufferPointer<Float>?
    /// The number of rows.
    public let rowCount: Int
    /// The length of a row: the tensors' row length.
    public let rowLength: Int
    let base: UnsafePointer<Float>
    let stride: Int

    package init(
        tensors: [String], part: Int?, place: Int, weights: UnsafeBufferPointer<Float>? = nil,
        rowCount: Int, rowLength: Int, base: UnsafePointer<Float>, stride: Int
    ) {
        self.tensors = tensors
        self.part = part
        self.place = place
        self.weights = weights
        self.rowCount = rowCount
        self.rowLength = rowLength
        self.base = base
        self.stride = stride
    }

    /// Row number `index`.
    public func row(_ index: Int) -> UnsafeBufferPointer<Float> {
        precondition((0..<rowCount).contains(index), "no such row")
        return UnsafeBufferPointer(start: base + index * stride, count: rowLength)
    }
}

/// Sees the input of every linear layer; called from several threads at once.
public typealias LinearObserver = @Sendable (LinearInput) -> Void

/// Applies stacks of matrices to rows: the one place where the decoder's activations meet weights,
/// but for the output matrix.
struct LinearLayer {
    /// The buffer that places of weights count from.
    let weights: UnsafePointer<Float>
    let workspace: Workspace
    let observer: LinearObserver?
    /// What the observer is told of the rows' place.
    var place: Int
    /// The expert whose matrices these are.
    var expert: Int?
    /// The weights with which the expert takes its rows, for the observer.
    var rowWeights: UnsafeBufferPointer<Float>?
    /// The adapters that rows take; `nil` where there are none.
    var choices: RowAdapters?

    /// `result = W x + b` for some outputs of a stack, for each of `rows` rows.
    ///
    /// - Parameters:
    ///   - strides: The floats from row to row of `input` and `result`.
    ///   - result: The place of the first row's first output.
    ///   - keep: 1 to add to `result`; the stack then has no bias.
    func apply(
        _ stack: LinearStack, outputs: Range<Int>? = nil, to input: UnsafePointer<Float>,
        rows: Int, into result: UnsafeMutablePointer<Float>, strides: (input: Int, result: Int),
        keep: Float = 0
    ) {
        guard rows > 0 else { return }
        let outputs = outputs ?? 0..<stack.outputs
        observe(stack, outputs: outputs, input, rows: rows, stride: strides.input)
        switch stack.storage {
        case .floats(let offset):
            workspace.products.timesTransposed(
                input, weights + offset + outputs.lowerBound * stack.inputs, into: result,
                rows: rows, columns: outputs.count, inner: stack.inputs,
                strides: (strides.input, stack.inputs, strides.result), keep: keep)
        case .codes(let places):
            multiply(
                stack, places, outputs: outputs, input, rows: rows, into: result,
                strides: strides, keep: keep)
        case .resident(let resident, let matrices):
            resident.multiply(
                stack, matrices, outputs: outputs, expert: expert ?? 0,
                ResidentMatrices.Rows(
                    input: input, stride: strides.input, count: rows, result: result,
                    resultStride: strides.result, keep: keep != 0))
        }
        if let choices {
            for adapters in stack.adapters where adapters.outputs.overlaps(outputs) {
                adapters.add(
                    choices, to: input, rows: rows, into: result, strides: strides,
                    outputs: outputs, weights, workspace.products)
            }
        }
        guard let bias = stack.bias else { return }
        for row in 0..<rows {
            ingot_add(
                result + row * strides.result, weights + bias + outputs.lowerBound, outputs.count)
        }
    }

    /// Part by part, each with rows rounded as it wants them.
    private func multiply(
        _ stack: LinearStack, _ places: [LinearStack.Place], outputs: Range<Int>,
        _ input: UnsafePointer<Float>, rows: Int, into result: UnsafeMutablePointer<Float>,
        strides: (input: Int, result: Int), keep: Float
    ) {
        let rounded = workspace.rounded
        var done = Rounding.none
        var floats = (rows: input, stride: strides.input)
        for (part, place) in zip(stack.parts, places) {
            let wanted = part.outputs.clamped(to: outputs)
            guard !wanted.isEmpty else { continue }
            let destination = result + (wanted.lowerBound - outputs.lowerBound)
            let first = wanted.lowerBound - part.outputs.lowerBound
            if part.rounding != done {
                done = part.rounding
                floats = rounded.round(
                    input, stride: strides.input, count: rows, length: stack.inputs, to: done)
            }
            guard let coded = place.coded else {
                workspace.products.timesTransposed(
                    floats.rows, weights + place.offset + first * stack.inputs, into: destination,
                    rows: rows, columns: wanted.count, inner: stack.inputs,
                    strides: (floats.stride, stack.inputs, strides.result), keep: keep)
                continue
            }
            rounded.multiply(
                rows: 0..<rows, by: coded, at: weights + place.offset,
                outputs: first..<first + wanted.count, into: destination, stride: strides.result,
                keep: keep != 0, scratch: workspace.scratch)
        }
    }

    private func observe(
        _ stack: LinearStack, outputs: Range<Int>, _ input: UnsafePointer<Float>, rows: Int,
        stride: Int
    ) {
        guard let observer else { return }
        let tensors = stack.parts.filter { $0.outputs.overlaps(outputs) }.map(\.tensor)
        observer(
            LinearInput(
                tensors: tensors, part: expert, place: place, weights: rowWeights, rowCount: rows,
                rowLength: stack.inputs, base: input, stride: stride))
    }
}
