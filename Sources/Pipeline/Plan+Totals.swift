import GGUF
public import Quantization
import TensorCore

extension Plan {
    /// The number of values in all tensors.
    public var elementCount: Int { tensors.reduce(0) { $0 + $1.source.shape.elementCount } }
    /// The bytes of all tensors in their source formats.
    public var sourceByteCount: Int { tensors.reduce(0) { $0 + $1.sourceByteCount } }
    /// The bytes of all tensors as they are written, without padding.
    public var byteCount: Int { tensors.reduce(0) { $0 + $1.byteCount } }
    /// Bits per value in the source formats.
    public var sourceBitsPerWeight: Double { Plan.bits(sourceByteCount, elementCount) }
    /// Bits per value as written.
    public var bitsPerWeight: Double { Plan.bits(byteCount, elementCount) }

    private static func bits(_ bytes: Int, _ elements: Int) -> Double {
        elements == 0 ? 0 : Double(bytes) * 8 / Double(elements)
    }

    /// Tensors, values and bytes of one format of the output.
    public struct FormatTotal: Sendable {
        /// The format.
        public let format: Format
        /// The number of tensors.
        public let tensorCount: Int
        /// The number of values.
        public let elementCount: Int
        /// The number of bytes.
        public let byteCount: Int
    }

    /// Totals by format of the output, most bytes first.
    public var formatTotals: [FormatTotal] {
        Dictionary(grouping: tensors, by: \.choice.format)
            .map { format, tensors in
                FormatTotal(
                    format: format, tensorCount: tensors.count,
                    elementCount: tensors.reduce(0) { $0 + $1.source.shape.elementCount },
                    byteCount: tensors.reduce(0) { $0 + $1.byteCount })
            }
            .sorted { ($0.byteCount, $0.format.name) > ($1.byteCount, $1.format.name) }
    }

    /// The tensors whose rows do not fit the format that the recipe wanted.
    public var fallbacks: [Tensor] {
        tensors.filter { if case .fallback = $0.choice.reason { true } else { false } }
    }

    /// The tensors that get another format than the recipe's because nothing weighs their columns.
    public var raised: [Tensor] {
        tensors.filter { if case .raised = $0.choice.reason { true } else { false } }
    }

    /// The tensors that are quantized without an entry in the importance matrix.
    ///
    /// Token embeddings are looked up and not multiplied: no matrix has activations for them, so
    /// they are not missed; tensors in `raised` are not among these.
    public var withoutImportance: [Tensor] {
        tensors.filter {
            if case .raised = $0.choice.reason { return false }
            return !$0.isCopy && $0.choice.format.blockElementCount > 1 && $0.importance == nil
                && !$0.name.hasSuffix("token_embd.weight")
        }
    }
}
