public import GGUF
public import Quantization

/// How the rows of tensors are rounded, where not by the formats' own encoders: with error
/// feedback, say.
public protocol TensorRounding: Sendable {
    /// Encodes rows as the file will hold them.
    ///
    /// A row's bytes depend on the row, the tensor and the format, on nothing else. It may be called
    /// from several threads at once.
    ///
    /// - Parameters:
    ///   - values: The rows, one after another.
    ///   - rows: Their numbers in the tensor.
    ///   - destination: Room for their blocks.
    func encode(
        _ values: UnsafePointer<Float>, rows: Range<Int>, of tensor: TensorDescription,
        as format: Format, into destination: UnsafeMutableRawPointer
    ) throws

    /// The harm of rows' differences: `Σ ΔW H ΔWᵀ` for a Hessian of the layer's inputs; `nil` where
    /// none is known, which leaves it to the inputs' mean squares.
    func loss(
        ofDifferences differences: UnsafePointer<Float>, rows: Range<Int>,
        of tensor: TensorDescription
    ) -> Double?
}

extension TensorRounding {
    /// No Hessian is known.
    public func loss(
        ofDifferences differences: UnsafePointer<Float>, rows: Range<Int>,
        of tensor: TensorDescription
    ) -> Double? { nil }
}
