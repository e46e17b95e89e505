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
    /// The number of rows.
    public let rowCount: Int
    /// The length of a row: the tensors' row length.
    public let rowLength: Int
    let base: UnsafePointer<Float>
    let stride: Int

    /// Row number `index`.
    public func row(_ index: Int) -> UnsafeBufferPointer<Float> {
        precondition((0..<rowCount).contains(index), "no such row")
        return UnsafeBufferPointer(start: base + index * stride, count: rowLength)
    }
}

/// Sees the input of every linear layer; called from several threads at once.
public typealias LinearObserver = @Sendable (LinearInput) -> Void

/// Matrices stacked row under row in a buffer of floats, with a bias for every row or none.
struct Stack: Sendable {
    /// A tensor of the stack and its rows.
    struct Part: Sendable {
        var tensor: String
        /// The tensor's number in its source.
        var number: Int
        var outputs: Range<Int>
        /// Where in the buffer its weights are.
        var offset: Int
        /// How they are held as codes, where they can be.
        var coded: CodedMatrix?
        /// What engines round the input to.
        var rounding: Rounding
    }

    var offset: Int
    var outputs: Int
    var inputs: Int
    var bias: Int?
    var parts: [Part]

    /// No matrix at all.
    static let empty = Stack(offset: 0, outputs: 0, inputs: 0, parts: [])
}

/// Applies stacks of matrices to rows: the one place where the decoder's activations meet weights,
/// but for the output matrix.
struct LinearLayer {
    /// The buffer that stacks' offsets count from.
    let weights: UnsafePointer<Float>
    /// Has room for rounded rows where products are in integers.
    let workspace: Workspace
    let observer: LinearObserver?
    /// The expert whose matrices these are.
    var part: Int?

    /// `result = W x + b` for some outputs of a stack, for each of `rows` rows.
    ///
    /// - Parameters:
    ///   - strides: The floats from row to row of `input` and `result`.
    ///   - result: The place of the first row's first output.
    ///   - keep: 1 to add to `result`; the stack then has no bias.
    func apply(
        _ stack: Stack, outputs: Range<Int>? = nil, to input: UnsafePointer<Float>, rows: Int,
        into result: UnsafeMutablePointer<Float>, strides: (input: Int, result: Int),
        keep: Float = 0
    ) {
        let outputs = outputs ?? 0..<stack.outputs
        observe(stack, outputs: outputs, input, rows: rows, stride: strides.input)
        if let stored = workspace.stored {
            stored.multiply(
                stack, outputs: outputs, part: part, input, rows: rows, into: result,
                strides: strides, keep: keep != 0, rounded: workspace.rounded)
        } else if let rounded = workspace.rounded {
            multiply(
                stack, outputs: outputs, rounded, input, rows: rows, into: result, strides: strides,
                keep: keep)
        } else {
            MatrixProduct.timesTransposed(
                input, weights + stack.offset + outputs.lowerBound * stack.inputs, into: result,
                rows: rows, columns: outputs.count, inner: stack.inputs,
                strides: (strides.input, stack.inputs, strides.result), keep: keep)
        }
        guard let bias = stack.bias else { return }
        for row in 0..<rows {
            ingot_add(
                result + row * strides.result, weights + bias + outputs.lowerBound, outputs.count)
        }
    }

    /// Matrix by matrix, each with rows rounded as it wants them.
    private func multiply(
        _ stack: Stack, outputs: Range<Int>, _ rounded: RoundedRows,
        _ input: UnsafePointer<Float>, rows: Int, into result: UnsafeMutablePointer<Float>,
        strides: (input: Int, result: Int), keep: Float
    ) {
        var done = Rounding.none
        var floats = (rows: input, stride: strides.input)
        for part in stack.parts {
            let wanted = part.outputs.clamped(to: outputs)
            guard !wanted.isEmpty else { continue }
            let destination = result + (wanted.lowerBound - outputs.lowerBound)
            let first = wanted.lowerBound - part.outputs.lowerBound
            if part.rounding != done {
                done = part.rounding
                switch done {
                case .none: floats = (input, strides.input)
                case .floats(let format):
                    floats.rows = rounded.floats(
                        of: input, stride: strides.input, count: rows, length: stack.inputs,
                        as: format)
                    floats.stride = stack.inputs
                case .codes(let blockLength):
                    rounded.reshape(
                        rowCount: rows, rowLength: stack.inputs, blockLength: blockLength)
                    rounded.round(input, stride: strides.input, count: rows)
                }
            }
            guard let coded = part.coded else {
                MatrixProduct.timesTransposed(
                    floats.rows, weights + part.offset + first * stack.inputs, into: destination,
                    rows: rows, columns: wanted.count, inner: stack.inputs,
                    strides: (floats.stride, stack.inputs, strides.result), keep: keep)
                continue
            }
            rounded.multiply(
                rows: 0..<rows, by: coded, at: weights + part.offset,
                outputs: first..<first + wanted.count, into: destination, stride: strides.result,
                keep: keep != 0, scratch: workspace.scratch)
        }
    }

    private func observe(
        _ stack: Stack, outputs: Range<Int>, _ input: UnsafePointer<Float>, rows: Int, stride: Int
    ) {
        guard let observer, rows > 0 else { return }
        let tensors = stack.parts.filter { $0.outputs.overlaps(outputs) }.map(\.tensor)
        observer(
            LinearInput(
                tensors: tensors, part: part, rowCount: rows, rowLength: stack.inputs, base: input,
                stride: stride))
    }
}
