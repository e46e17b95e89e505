import Quantization
import Safetensors
import TensorCore

/// Rows of MXFP4 blocks, put together from a tensor of codes and one of exponents without a detour
/// over floats.
///
/// gpt-oss, DeepSeek V4 and compressed-tensors store a block's 32 codes as 16 bytes of two neighbours (the
/// earlier one in the low bits) and its exponent in another tensor. GGUF puts the exponent first and pairs code `i` with
/// code `i + 16`. Source: the OCP Microscaling formats specification, 1.0, for what they mean.
struct MXFP4Rows: Sendable {
    /// A tensor of codes and what belongs to it: all experts, or one of them.
    struct Part: Sendable {
        /// U8 or I8 `[…, blocks, 16]` or `[…, 16 · blocks]`.
        let codes: any ReadableTensor
        /// U8 or E8M0 `[…, blocks]`.
        let exponents: any ReadableTensor
        /// The rows that are taken.
        let rows: StridedView
    }

    /// One after another; each has as many rows.
    let parts: [Part]
    /// The blocks of one row.
    let blockCount: Int

    /// The bytes of a block's codes.
    static let codeByteCount = 16
    private static let blockByteCount = codeByteCount + 1

    init(_ parts: [Part], blockCount: Int) {
        self.parts = parts
        self.blockCount = blockCount
    }

    /// All rows.
    var rowCount: Int { parts.reduce(0) { $0 + $1.rows.elementCount } }

    func readBytes(
        _ range: Range<Int>, into destination: UnsafeMutableRawBufferPointer
    ) throws {
        let rowByteCount = blockCount * MXFP4Rows.blockByteCount
        var first = 0
        for part in parts {
            let end = first + part.rows.elementCount
            let taken = range.clamped(to: first..<end)
            if !taken.isEmpty {
                let start = (taken.lowerBound - range.lowerBound) * rowByteCount
                try read(
                    taken.lowerBound - first..<taken.upperBound - first, of: part,
                    into: UnsafeMutableRawBufferPointer(
                        rebasing: destination[start..<start + taken.count * rowByteCount]))
            }
            first = end
        }
    }

    private func read(
        _ range: Range<Int>, of part: Part, into destination: UnsafeMutableRawBufferPointer
    ) throws {
        let rowByteCount = blockCount * MXFP4Rows.blockByteCount
        var staged: [UInt8] = []
        try part.rows.forEachPiece(of: range) { piece in
            let count = piece.stored.count * blockCount
            staged = [UInt8](repeating: 0, count: count * MXFP4Rows.blockByteCount)
            try staged.withUnsafeMutableBytes { bytes in
                let split = count * MXFP4Rows.codeByteCount
                try part.codes.readBytes(
                    piece.stored.lowerBound * blockCount * MXFP4Rows.codeByteCount..<piece.stored
                        .upperBound * blockCount * MXFP4Rows.codeByteCount,
                    into: UnsafeMutableRawBufferPointer(rebasing: bytes[..<split]))
                try part.exponents.readBytes(
                    piece.stored.lowerBound * blockCount..<piece.stored.upperBound * blockCount,
                    into: UnsafeMutableRawBufferPointer(rebasing: bytes[split...]))
                guard let codes = bytes.baseAddress, let base = destination.baseAddress else {
                    return
                }
                piece.forEach { stored, row in
                    for block in 0..<blockCount {
                        let number = stored * blockCount + block
                        MXFP4Rows.pack(
                            codes + number * MXFP4Rows.codeByteCount, bytes[split + number],
                            into: base + row * rowByteCount + block * MXFP4Rows.blockByteCount)
                    }
                }
            }
        }
    }

    func readFloats(
        _ range: Range<Int>, into destination: UnsafeMutablePointer<Float>, scratch: ScratchBuffer
    ) throws {
        let count = range.count * blockCount
        let bytes = scratch.bytes(count * Format.MXFP4.blockByteCount)
        try readBytes(range, into: bytes)
        if let base = bytes.baseAddress {
            Format.MXFP4.decode?(base, count * Format.MXFP4.blockElementCount, destination)
        }
    }

    /// Writes a block: byte `i` of its codes has stored code `i` low and code `i + 16` high.
    private static func pack(
        _ codes: UnsafeRawPointer, _ exponent: UInt8, into block: UnsafeMutableRawPointer
    ) {
        block.storeBytes(of: exponent, as: UInt8.self)
        for index in 0..<codeByteCount {
            let shift = UInt8(index % 2 * 4)
            let low = codes.load(fromByteOffset: index / 2, as: UInt8.self) >> shift & 0xF
            let high = codes.load(fromByteOffset: index / 2 + 8, as: UInt8.self) >> shift & 0xF
            block.storeBytes(of: low | high << 4, toByteOffset: 1 + index, as: UInt8.self)
        }
    }
}
