import CKernels
import Quantization
import TensorCore
import TestSupport
import Testing

/// Products with matrices in panels, against those of the kernels that unpack whole matrices, on every
/// instruction set that this machine has.
@Suite("Products with packed matrices")
struct PackedProductTests {
    private static let formats = Format.all.filter { $0.codes != nil }
    private static let length = 768
    private static let outputs = 37

    /// Rows of a format whose bytes are random, but for scales that are finite.
    private static func matrix(_ format: Format, seed: UInt64) throws -> [UInt8] {
        var random = SeededRandom(seed: seed)
        let encode = try #require(format.encode)
        let count = try #require(format.byteCount(rowLength: length, rowCount: outputs))
        let values = (0..<outputs * length).map { _ in random.normal() }
        let importance = [Float](repeating: 1, count: length)
        var bytes = [UInt8](repeating: 0, count: count)
        bytes.withUnsafeMutableBytes { bytes in
            guard let base = bytes.baseAddress else { return }
            encode(values, outputs, length, importance, base)
        }
        return bytes
    }

    private static func pack(_ form: PackedForm, _ format: Format, _ bytes: [UInt8]) throws
        -> AlignedBytes
    {
        let rowBytes = try #require(format.byteCount(rowLength: length, rowCount: 1))
        let panelBytes = form.panelByteCount(rowLength: length)
        let panels = AlignedBytes((outputs + 15) / 16 * panelBytes)
        let scratch = ScratchBuffer()
        bytes.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return }
            for panel in 0..<(outputs + 15) / 16 {
                form.pack(
                    base + 16 * panel * rowBytes, rowCount: min(16, outputs - 16 * panel),
                    rowLength: length, into: panels.base + panel * panelBytes, scratch: scratch)
            }
        }
        return panels
    }

    @Test("Every format with codes has a form of about as many bits", arguments: formats)
    func forms(format: Format) throws {
        let form = try #require(PackedForm(format))
        let stored = try #require(format.byteCount(rowLength: 256, rowCount: 16))
        let packed = form.panelByteCount(rowLength: 256)
        let bitsStored = Double(stored) * 8 / 4096
        let bits = Double(packed) * 8 / 4096
        #expect(bits <= max(4.7, bitsStored * 1.35), "\(bits) for \(bitsStored) bits")
    }

    @Test("Products with codes equal those of unpacked panels bit by bit", arguments: formats)
    func codes(format: Format) throws {
        let form = try #require(PackedForm(format))
        let bytes = try Self.matrix(format, seed: 51)
        var random = SeededRandom(seed: 52)
        let rows = 15
        let input = (0..<rows * Self.length).map { _ in random.normal() }
        let expected = try unpackedProduct(format, bytes, input, rows: rows)
        for set in InstructionSet.supported {
            try InstructionSet.$current.withValue(set) {
                let panels = try Self.pack(form, format, bytes)
                for count in [1, 2, 3, 4, 7, 15] {
                    for outputs in [0..<Self.outputs, 3..<20] {
                        let found = packedProduct(
                            set, form, panels, input, rows: count, outputs: outputs)
                        let wanted = (0..<count).flatMap { row in
                            outputs.map { expected[row * Self.outputs + $0] }
                        }
                        let wrong = found.indices.first { found[$0] != wanted[$0] }
                        #expect(
                            wrong == nil,
                            "\(format) on \(set), \(count) rows, \(outputs): \(wrong ?? 0), seeds 51, 52"
                        )
                    }
                }
            }
        }
    }

    @Test("Products in F32 equal ordered products of the decoded values", arguments: formats)
    func decoded(format: Format) throws {
        let form = try #require(PackedForm(format))
        let bytes = try Self.matrix(format, seed: 53)
        let decode = try #require(format.decode)
        var values = [Float](repeating: 0, count: Self.outputs * Self.length)
        decode(bytes, values.count, &values)
        var random = SeededRandom(seed: 54)
        let rows = 14
        let input = (0..<rows * Self.length).map { _ in random.normal() }
        let expected = orderedProduct(input, values, rows: rows, keep: nil)
        for set in InstructionSet.supported {
            let panels = try InstructionSet.$current.withValue(set) {
                try Self.pack(form, format, bytes)
            }
            for count in [1, 14] {
                var found = [Float](repeating: 0, count: count * Self.outputs)
                withUnsafePointer(to: form.form) {
                    ingot_packed_decoded_product(
                        set.isa, $0, Self.length, panels.base, 0, Self.outputs, input,
                        Self.length, count, &found, Self.outputs, false)
                }
                #expect(
                    found == Array(expected[..<found.count]),
                    "\(format) on \(set), \(count) rows, seeds 53, 54")
            }
        }
    }

    @Test(
        "Products with floats equal ordered products, added to what is there too",
        arguments: [Format.F32, .F16, .BF16])
    func floats(format: Format) throws {
        var random = SeededRandom(seed: 55)
        let rows = 14
        var values = (0..<Self.outputs * Self.length).map { _ in random.normal() }
        let input = (0..<rows * Self.length).map { _ in random.normal() }
        let kind =
            format == .F16
            ? INGOT_PACKED_F16 : format == .BF16 ? INGOT_PACKED_BF16 : INGOT_PACKED_F32
        let size = format == .F32 ? 4 : 2
        let panels = AlignedBytes((Self.outputs + 15) / 16 * 16 * Self.length * size)
        for output in 0..<Self.outputs {
            for column in 0..<Self.length {
                let place =
                    ((output / 16 * Self.length + column) * 16 + output % 16) * size
                let value = values[output * Self.length + column]
                if format == .F32 {
                    panels.base.storeBytes(of: value, toByteOffset: place, as: Float.self)
                } else {
                    let bits =
                        format == .F16
                        ? HalfFloat.f16(from: value) : UInt16(value.bitPattern >> 16)
                    panels.base.storeBytes(of: bits, toByteOffset: place, as: UInt16.self)
                    values[output * Self.length + column] =
                        format == .F16
                        ? HalfFloat.float(fromF16: bits)
                        : Float(bitPattern: UInt32(bits) << 16)
                }
            }
        }
        for keep in [nil, Float(0.5)] {
            let expected = orderedProduct(input, values, rows: rows, keep: keep)
            for set in InstructionSet.supported {
                for count in [1, 2, 14] {
                    var found = [Float](repeating: keep ?? .nan, count: count * Self.outputs)
                    ingot_packed_float_product(
                        set.isa, kind, Self.length, panels.base, 0, Self.outputs, input,
                        Self.length, count, &found, Self.outputs, keep != nil)
                    #expect(
                        found == Array(expected[..<found.count]),
                        "\(format) on \(set), \(count) rows, seed 55")
                }
            }
        }
    }

    // MARK: By other means

    private func orderedProduct(
        _ input: [Float], _ values: [Float], rows: Int, keep: Float?
    ) -> [Float] {
        var result = [Float](repeating: keep ?? 0, count: rows * Self.outputs)
        input.withUnsafeBufferPointer { input in
            values.withUnsafeBufferPointer { values in
                result.withUnsafeMutableBufferPointer { result in
                    guard let a = input.baseAddress, let b = values.baseAddress,
                        let c = result.baseAddress
                    else { return }
                    OrderedProduct.multiply(
                        MatrixView(a, rows: rows, columns: Self.length),
                        MatrixView(b, rows: Self.outputs, columns: Self.length).transposed,
                        into: MutableMatrixView(c, rows: rows, columns: Self.outputs),
                        keep: keep != nil, scratch: ScratchBuffer())
                }
            }
        }
        return result
    }

    private func packedProduct(
        _ set: InstructionSet, _ form: PackedForm, _ panels: AlignedBytes, _ input: [Float],
        rows: Int, outputs: Range<Int>
    ) -> [Float] {
        let (length, block) = (Self.length, Int(form.form.blockLength))
        let groups = rows * length / Int(form.form.groupLength)
        let (codes, numbers) = (
            AlignedBytes(rows * length),
            AlignedBytes(4 * (2 * rows * length / block + rows * length / 16))
        )
        let scales = numbers.base.assumingMemoryBound(to: Float.self)
        var rounded = ingot_rounded_rows(
            codes: codes.base.assumingMemoryBound(to: Int8.self), scales: scales,
            steps: scales + rows * length / block,
            sums: (numbers.base + 8 * (rows * length / block)).assumingMemoryBound(to: Int32.self))
        let room = AlignedBytes(8 * groups)
        var prepared = ingot_prepared_rows(
            starts: room.base.assumingMemoryBound(to: Int32.self),
            factors: (room.base + 4 * groups).assumingMemoryBound(to: Float.self))
        var result = [Float](repeating: .nan, count: rows * outputs.count)
        withUnsafePointer(to: form.form) { form in
            ingot_round_rows(
                set.isa, input, length, rows, length, form.pointee.blockLength, &rounded)
            ingot_prepare_rows(set.isa, form, &rounded, rows, length, &prepared)
            ingot_packed_product(
                set.isa, form, length, panels.base, outputs.lowerBound, outputs.count, &rounded,
                &prepared, rows, &result, outputs.count, false)
        }
        return result
    }

    /// By `ingot_integer_product`, in plain C.
    private func unpackedProduct(
        _ format: Format, _ bytes: [UInt8], _ input: [Float], rows: Int
    ) throws -> [Float] {
        let codes = try #require(format.codes)
        var form = codes.form
        let (length, outputs) = (Self.length, Self.outputs)
        let group = Int(form.groupLength)
        var unpacked = [UInt8](repeating: 0, count: outputs * length)
        var scales = [Float](repeating: 0, count: outputs * length / group)
        var minimums = scales
        #expect(codes.unpack(bytes, unpacked.count, &unpacked, &scales, &minimums))
        let (padded, panelRows) = ((rows + 7) / 8 * 8, (outputs + 15) / 16 * 16)
        let block = Int(form.blockLength)
        let rowRoom = AlignedBytes(padded * length)
        let numbers = AlignedBytes(padded * (8 * length / block + length / 4))
        let steps = numbers.base.assumingMemoryBound(to: Float.self)
        var rounded = ingot_q8_rows(
            codes: rowRoom.base.assumingMemoryBound(to: Int8.self), scales: steps,
            steps: steps + padded * length / block,
            sums: (numbers.base + 8 * (padded * length / block))
                .assumingMemoryBound(to: Int32.self))
        let codeRoom = AlignedBytes(panelRows * length)
        let scaleRoom = AlignedBytes(8 * panelRows * length / group)
        let scaleBase = scaleRoom.base.assumingMemoryBound(to: Float.self)
        var panels = ingot_code_panels(
            codes: codeRoom.base.assumingMemoryBound(to: UInt8.self), scales: scaleBase,
            minimums: scaleBase + panelRows * length / group)
        ingot_quantize_activations(
            INGOT_SCALAR, input, length, rows, length, form.blockLength, 0, &rounded)
        for panel in 0..<panelRows / 16 {
            let (first, count) = (16 * panel, min(16, outputs - 16 * panel))
            ingot_pack_panel(
                &form, Array(unpacked[first * length..<(first + count) * length]),
                Array(scales[first * length / group..<(first + count) * length / group]),
                Array(minimums[first * length / group..<(first + count) * length / group]), count,
                length, panel, &panels)
        }
        let scratch = AlignedBytes(ingot_integer_product_scratch(&form, length))
        var result = [Float](repeating: .nan, count: rows * outputs)
        ingot_integer_product(
            INGOT_SCALAR, &form, length, &rounded, 0, rows, &panels, 0, outputs, &result, outputs,
            false, scratch.base)
        return result
    }
}

/// Memory aligned to 64 bytes.
private final class AlignedBytes {
    let base: UnsafeMutableRawPointer

    init(_ count: Int) { base = .allocate(byteCount: max(64, count), alignment: 64) }

    deinit { base.deallocate() }
}
