import GGUF
package import Quantization
import TensorCore

/// What writing a tensor costs, in nanoseconds of one thread: the one place that parts are balanced by.
///
/// Measured with `ingot quantize --pure -t 1` of a model of 192 M weights in F16, as processor time, on an
/// x86-64 processor with AVX-512; only ratios matter.
package enum EncodingCost {
    /// For each byte that is read or written.
    private static let byte = 0.6
    /// For each value that is looked at and not encoded in blocks.
    private static let value = 0.3

    /// For each value that is encoded, without and with importance.
    private static let formats: [Format: (plain: Double, weighted: Double)] = [
        .Q8_0: (0.3, 0.3), .Q4_0: (0.3, 3.6), .Q4_1: (0.3, 8.9), .Q5_0: (0.3, 3),
        .Q5_1: (0.3, 10.3),
        .Q2_K: (8.8, 14), .Q3_K: (2.4, 4.3), .Q4_K: (10.3, 13.5), .Q5_K: (9, 11.4),
        .Q6_K: (4.2, 5.3),
        .IQ4_NL: (4.1, 5.8), .IQ4_XS: (4.3, 5.3), .IQ3_S: (62, 62), .IQ3_XXS: (88, 88),
        .IQ2_S: (66, 66), .IQ2_XS: (69, 69), .IQ2_XXS: (52, 52), .IQ1_S: (25, 25), .IQ1_M: (33, 33),
        .MXFP4: (1.6, 1.6),
    ]

    /// What a tensor costs; reading its source is counted.
    package static func nanoseconds(of tensor: Plan.Tensor) -> Double {
        let bytes = byte * Double(tensor.byteCount + tensor.sourceByteCount)
        return bytes + Double(tensor.source.shape.elementCount)
            * nanoseconds(
                in: tensor.isCopy ? nil : tensor.choice.format,
                isWeighted: tensor.importance != nil)
    }

    /// What so many values cost that are read in one format and written in another.
    package static func nanoseconds(
        of count: Int, from source: Format, to format: Format, isWeighted: Bool
    ) -> Double {
        let bytes = (source.bitsPerWeight + format.bitsPerWeight) / 8
        return Double(count)
            * (byte * bytes
                + nanoseconds(in: source == format ? nil : format, isWeighted: isWeighted))
    }

    /// For each value; `nil` for one that is copied.
    private static func nanoseconds(in format: Format?, isWeighted: Bool) -> Double {
        guard let cost = format.flatMap({ formats[$0] }) else { return value }
        return isWeighted ? cost.weighted : cost.plain
    }
}
