import CKernels
import Quantization

/// What engines on processors round the input of a matrix to.
enum Rounding: Hashable, Sendable {
    /// Nothing, for matrices of F32.
    case none
    /// Codes of 8 bits, so many with a scale, for matrices that have codes.
    case codes(blockLength: Int)
    /// The matrix's own type, for 16-bit floats.
    case floats(Format)

    init(_ format: Format, coded: CodedMatrix?) {
        if let coded {
            self = .codes(blockLength: Int(coded.codes.form.blockLength))
        } else {
            self = format == .F16 || format == .BF16 ? .floats(format) : .none
        }
    }

    /// Rounds a row to a type of floats and back; `output` may be `input`.
    ///
    /// Finite numbers beyond F16's range become its largest (an engine would go on with infinity).
    static func round(
        _ input: UnsafePointer<Float>, count: Int, to format: Format,
        into output: UnsafeMutablePointer<Float>
    ) {
        guard let encode = format.encode, let decode = format.decode else { return }
        let largest: Float = format == .F16 ? 65504 : .greatestFiniteMagnitude
        for index in 0..<count {
            let value = input[index]
            let isBeyond = abs(value) > largest && value.isFinite
            output[index] = isBeyond ? (value < 0 ? -largest : largest) : value
        }
        withUnsafeTemporaryAllocation(
            byteCount: count * format.blockByteCount, alignment: 16
        ) { bytes in
            guard let bytes = bytes.baseAddress else { return }
            encode(output, 1, count, nil, bytes)
            decode(bytes, count, output)
        }
    }
}
