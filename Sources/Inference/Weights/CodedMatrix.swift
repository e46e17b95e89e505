import CKernels
import GGUF
import Quantization
import TensorCore

/// A matrix whose rows are held as codes, in panels for products in integers.
///
/// Panels of 16 rows: first all codes, then all scales, then all minimums. With 8 bits for a code
/// and F32 scales it takes a third of what it takes in F32, or less.
struct CodedMatrix: Sendable {
    let codes: CodeForm
    let rowCount: Int
    let rowLength: Int
    private let rowByteCount: Int

    /// Describes a matrix in this format; `nil` when the format has no codes.
    init?(format: Format, rowCount: Int, rowLength: Int) {
        guard let codes = format.codes,
            let bytes = format.byteCount(rowLength: rowLength, rowCount: 1), rowLength > 0
        else { return nil }
        self.codes = codes
        self.rowCount = rowCount
        self.rowLength = rowLength
        rowByteCount = bytes
    }

    /// Rows of a panel.
    static let panelRows = Int(INGOT_PANEL_OUTPUTS)

    private var paddedRowCount: Int {
        (rowCount + CodedMatrix.panelRows - 1) / CodedMatrix.panelRows * CodedMatrix.panelRows
    }
    private var groupsPerRow: Int { rowLength / Int(codes.form.groupLength) }
    private var scaleCount: Int { paddedRowCount * groupsPerRow }

    /// The length in floats of a buffer that holds the panels.
    var floatCount: Int {
        paddedRowCount * rowLength / 4 + scaleCount * (codes.form.hasMinimum ? 2 : 1)
    }

    /// The panels in a buffer that starts at `base`.
    func panels(at base: UnsafeMutablePointer<Float>) -> ingot_code_panels {
        let scales = base + paddedRowCount * rowLength / 4
        return ingot_code_panels(
            codes: UnsafeMutableRawPointer(base).assumingMemoryBound(to: UInt8.self),
            scales: scales, minimums: codes.form.hasMinimum ? scales + scaleCount : nil)
    }

    /// Whether all scales and minimums in a buffer are finite.
    func isFinite(at base: UnsafeMutablePointer<Float>) -> Bool {
        let panels = panels(at: base)
        return ingot_all_finite(panels.scales, scaleCount)
            && (panels.minimums.map { ingot_all_finite($0, scaleCount) } ?? true)
    }

    /// Reads rows and puts them in their panels.
    ///
    /// - Parameters:
    ///   - rows: The first is a multiple of 16, and the last ends a panel or the matrix.
    ///   - first: The tensor's row that is row 0 of this matrix.
    ///   - scratch: A worker's buffer for bytes as stored.
    ///   - buffer: Its buffer for codes on their way.
    func read(
        _ rows: Range<Int>, of source: any TensorSource, tensor: Int, first: Int,
        into base: UnsafeMutablePointer<Float>, bytes scratch: ScratchBuffer,
        unpacked buffer: ScratchBuffer
    ) throws {
        let bytes = scratch.bytes(rows.count * rowByteCount)
        try source.readBytes(
            ofRows: first + rows.lowerBound..<first + rows.upperBound, ofTensor: tensor,
            into: bytes)
        guard let start = bytes.baseAddress else { return }
        let panels = panels(at: base)
        let panelRows = CodedMatrix.panelRows
        let scaleCount = panelRows * groupsPerRow
        let room = buffer.floats(2 * scaleCount + panelRows * rowLength / 4)
        guard let scales = room.baseAddress else { return }
        let minimums = scales + scaleCount
        let unpacked = UnsafeMutableRawPointer(minimums + scaleCount)
            .assumingMemoryBound(to: UInt8.self)
        var form = codes.form
        for row in stride(from: rows.lowerBound, to: rows.upperBound, by: panelRows) {
            let count = min(panelRows, rows.upperBound - row)
            let isUnpacked = codes.unpack(
                start + (row - rows.lowerBound) * rowByteCount, count * rowLength, unpacked, scales,
                minimums)
            precondition(isUnpacked, "a processor without kernels")
            withUnsafePointer(to: panels) {
                ingot_pack_panel(
                    &form, unpacked, scales, minimums, count, rowLength, row / panelRows, $0)
            }
        }
    }
}
