import CKernels
import GGUF
import Quantization
import TensorCore

/// One tensor in memory: a matrix, or those of all experts, in panels of 16 rows.
///
/// Panels hold what is stored, about as many bytes as in a file (grids of one to three bits take
/// four): codes as codes, floats of 16 bits as they are.
struct ResidentMatrix: Sendable {
    /// What is in the panels.
    enum Kind: Sendable {
        case codes(PackedForm)
        case floats(ingot_packed_float)
    }

    let kind: Kind
    /// Rows of a matrix, of which there are several for experts.
    let rowCount: Int
    let partCount: Int
    let rowLength: Int
    /// What rows are rounded to before they are multiplied.
    let rounding: Rounding
    private let panelByteCount: Int
    /// Where the panels are, from `start` on.
    private let buffer: FloatBuffer
    private let start: Int

    /// A tensor whose rows are those of `partCount` matrices.
    ///
    /// - Parameters:
    ///   - buffer: Has room for `byteCount` bytes from `start` on.
    ///   - start: A multiple of 64.
    init(
        _ tensor: TensorDescription, holdsBytes: Bool, partCount: Int, activations: Activations,
        in buffer: FloatBuffer, at start: Int
    ) {
        (self.buffer, self.start) = (buffer, start)
        rowLength = tensor.shape.rowLength
        rowCount = tensor.shape.rowCount / partCount
        self.partCount = partCount
        let packed = holdsBytes ? PackedForm(tensor.format) : nil
        if let packed {
            kind = .codes(packed)
            panelByteCount = packed.panelByteCount(rowLength: rowLength)
        } else {
            let is16 = holdsBytes && (tensor.format == .F16 || tensor.format == .BF16)
            kind = .floats(
                !is16
                    ? INGOT_PACKED_F32
                    : tensor.format == .F16 ? INGOT_PACKED_F16 : INGOT_PACKED_BF16)
            panelByteCount = rowLength * PackedForm.panelRows * (is16 ? 2 : 4)
        }
        rounding =
            switch (activations, packed) {
            case (.f32, _): .none
            case (.q8, let packed?): .codes(blockLength: Int(packed.form.blockLength))
            case (.q8, nil): Rounding(tensor.format, coded: nil)
            }
    }

    /// The bytes that a tensor's panels take, a multiple of 64; `nil` beyond what can be addressed.
    static func byteCount(
        _ tensor: TensorDescription, holdsBytes: Bool, partCount: Int
    ) -> Int? {
        let rows = PackedForm.panelRows
        let rowCount = tensor.shape.rowCount / partCount
        let panels = (rowCount + rows - 1) / rows * partCount
        let is16 = holdsBytes && (tensor.format == .F16 || tensor.format == .BF16)
        let packed = holdsBytes ? PackedForm(tensor.format) : nil
        let bytes =
            packed?.panelByteCount(rowLength: tensor.shape.rowLength)
            ?? tensor.shape.rowLength * rows * (is16 ? 2 : 4)
        return bytes.multiplied(checkedBy: panels).flatMap { bytes in
            bytes <= Int.max - 63 ? (bytes + 63) / 64 * 64 : nil
        }
    }

    private var panelsPerPart: Int { (rowCount + PackedForm.panelRows - 1) / PackedForm.panelRows }

    /// The number of panels, those of all experts.
    var panelCount: Int { panelsPerPart * partCount }

    /// The first panel of an expert's matrix.
    func panels(part: Int) -> UnsafeRawPointer {
        UnsafeRawPointer(buffer.base) + start + part * panelsPerPart * panelByteCount
    }

    /// Reads panels from a source.
    func read(
        panels range: Range<Int>, of source: any TensorSource, tensor: Int, bytes: ScratchBuffer,
        unpacked: ScratchBuffer
    ) throws {
        let rows = PackedForm.panelRows
        for panel in range {
            let (part, index) = panel.quotientAndRemainder(dividingBy: panelsPerPart)
            let first = part * rowCount + index * rows
            let count = min(rows, rowCount - index * rows)
            let destination =
                UnsafeMutableRawPointer(buffer.base) + start + panel * panelByteCount
            switch kind {
            case .codes(let form):
                let room = bytes.bytes(
                    source.tensors[tensor].format.byteCount(rowLength: rowLength, rowCount: count)
                        ?? 0)
                try source.readBytes(
                    ofRows: first..<first + count, ofTensor: tensor, into: room)
                guard let base = room.baseAddress else { return }
                form.pack(
                    base, rowCount: count, rowLength: rowLength, into: destination,
                    scratch: unpacked)
            case .floats(INGOT_PACKED_F32):
                guard let values = unpacked.floats(count * rowLength).baseAddress else { return }
                try source.readRows(
                    first..<first + count, ofTensor: tensor, into: values, scratch: bytes)
                interleave(values, count, into: destination)
            case .floats:
                let room = bytes.bytes(count * rowLength * 2)
                try source.readBytes(
                    ofRows: first..<first + count, ofTensor: tensor, into: room)
                guard let base = room.baseAddress else { return }
                interleave(base.assumingMemoryBound(to: UInt16.self), count, into: destination)
            }
        }
    }

    /// Puts rows into a panel; those that are missing are zeros.
    private func interleave<Number: Numeric>(
        _ values: UnsafePointer<Number>, _ count: Int, into panel: UnsafeMutableRawPointer
    ) {
        let rows = PackedForm.panelRows
        let destination = panel.assumingMemoryBound(to: Number.self)
        if count < rows { destination.update(repeating: 0, count: rows * rowLength) }
        for row in 0..<count {
            let source = values + row * rowLength
            let target = destination + row
            for column in 0..<rowLength { target[column * rows] = source[column] }
        }
    }
}
