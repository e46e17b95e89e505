import CKernels

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
        var outputs: Range<Int>
    }

    var offset: Int
    var outputs: Int
    var inputs: Int
    var bias: Int?
    var parts: [Part]
}

/// Applies stacks of matrices to rows: the one place where the decoder's activations meet weights,
/// but for the output matrix.
struct LinearLayer {
    /// The buffer that stacks' offsets count from.
    let weights: UnsafePointer<Float>
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
        MatrixProduct.timesTransposed(
            input, weights + stack.offset + outputs.lowerBound * stack.inputs, into: result,
            rows: rows, columns: outputs.count, inner: stack.inputs,
            strides: (strides.input, stack.inputs, strides.result), keep: keep)
        guard let bias = stack.bias else { return }
        for row in 0..<rows {
            ingot_add(
                result + row * strides.result, weights + bias + outputs.lowerBound, outputs.count)
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
