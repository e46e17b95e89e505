package import CKernels
package import TensorCore

/// How a format's rows are packed for products with few rows.
///
/// Codes have as many bits as they need, scales are held about as they are stored; `packed.h`
/// describes the panels.
package struct PackedForm: Sendable, Hashable {
    /// What the kernels need to know.
    package let form: ingot_packed_form
    private let format: Format
    private let nested: NestedScales?

    /// Where a super-block of 256 keeps the numbers that its scales are multiples of.
    private struct NestedScales: Hashable {
        /// The place of the F16 number; `nil` where it is in the top bits of four words.
        var offset: Int?
        var minimumOffset: Int?
        /// What a multiple of 1 stands for.
        var unit: Float = 1
    }

    /// The form of a format that has codes.
    package init?(_ format: Format) {
        guard let codes = format.codes?.form,
            let (bits, table, nested) = PackedForm.codes(of: format)
        else { return nil }
        var form = ingot_packed_form()
        form.groupLength = codes.groupLength
        form.blockLength = codes.blockLength
        form.offset = codes.offset
        form.hasMinimum = codes.hasMinimum
        form.bits = bits
        form.hasTable = table != nil
        form.unit = nested?.unit ?? 1
        form.scaling =
            nested != nil
            ? INGOT_SCALES_NESTED
            : format == .MXFP4 || format == .NVFP4 ? INGOT_SCALES_F32 : INGOT_SCALES_F16
        if let table {
            withUnsafeMutableBytes(of: &form.table) { entries in
                for index in entries.indices {
                    entries[index] = UInt8(
                        Int(codes.offset) + table[min(index, table.count - 1)])
                }
            }
        }
        guard ingot_packed_form_exists(&form) else { return nil }
        self.form = form
        self.format = format
        self.nested = nested
    }

    /// The bits of a format's codes, the values that they stand for where these are not all whole
    /// numbers up to a largest, and where nested scales are.
    private static func codes(
        of format: Format
    ) -> (bits: UInt32, table: [Int]?, nested: NestedScales?)? {
        func signed(_ magnitudes: [Int]) -> [Int] {
            Array(Set(magnitudes + magnitudes.map { -$0 })).sorted()
        }
        let curve = NonLinearCode.values.map { Int($0) }
        let two = signed([8, 25, 43])
        return switch format {
        case .Q4_0, .Q4_1: (4, nil, nil)
        case .Q5_0, .Q5_1: (5, nil, nil)
        case .Q8_0: (8, nil, nil)
        case .Q1_0, .Q2_0: (2, nil, nil)
        case .IQ4_NL: (4, curve, nil)
        case .MXFP4, .NVFP4: (4, signed([0, 1, 2, 3, 4, 6, 8, 12]), nil)
        case .Q2_K: (2, nil, NestedScales(offset: 80, minimumOffset: 82))
        case .Q3_K: (3, nil, NestedScales(offset: 108))
        case .Q4_K: (4, nil, NestedScales(offset: 0, minimumOffset: 2))
        case .Q5_K: (5, nil, NestedScales(offset: 0, minimumOffset: 2))
        case .Q6_K: (6, nil, NestedScales(offset: 208))
        case .TQ1_0: (2, nil, NestedScales(offset: 52))
        case .TQ2_0: (2, nil, NestedScales(offset: 64))
        case .IQ4_XS: (4, curve, NestedScales(offset: 0))
        case .IQ3_S: (4, signed([1, 3, 5, 7, 9, 11, 13, 15]), NestedScales(offset: 0))
        case .IQ3_XXS:
            (4, signed([4, 12, 20, 28, 36, 44, 52, 62]), NestedScales(offset: 0, unit: 0.25))
        case .IQ2_XXS, .IQ2_XS, .IQ2_S: (4, two, NestedScales(offset: 0, unit: 0.125))
        case .IQ1_S: (4, signed([1, 7, 9]), NestedScales(offset: 0, unit: 0.125))
        case .IQ1_M: (4, signed([1, 7, 9]), NestedScales(unit: 0.125))
        default: nil
        }
    }

    /// Rows of a panel.
    package static let panelRows = Int(INGOT_PACKED_OUTPUTS)

    /// The bytes of a panel.
    package func panelByteCount(rowLength: Int) -> Int {
        withUnsafePointer(to: form) { ingot_packed_panel_bytes($0, rowLength) }
    }

    /// Packs up to 16 rows, as they are stored, into a panel.
    ///
    /// - Complexity: O(values).
    package func pack(
        _ rows: UnsafeRawPointer, rowCount: Int, rowLength: Int,
        into panel: UnsafeMutableRawPointer, scratch: ScratchBuffer
    ) {
        guard let codes = format.codes else { return }
        let groups = rowCount * rowLength / Int(form.groupLength)
        let supers = nested == nil ? 0 : rowCount * rowLength / 256
        let room = scratch.floats(2 * groups + 2 * supers + (rowCount * rowLength + 3) / 4)
        guard let scales = room.baseAddress else { return }
        let minimums = scales + groups
        let bases = minimums + groups
        let minimumBases = bases + supers
        let unpacked = UnsafeMutableRawPointer(minimumBases + supers)
            .assumingMemoryBound(to: UInt8.self)
        let isUnpacked = codes.unpack(rows, rowCount * rowLength, unpacked, scales, minimums)
        precondition(isUnpacked, "a processor without kernels")
        if let nested {
            for block in 0..<supers {
                let start = rows + block * format.blockByteCount
                bases[block] = PackedForm.base(start, nested.offset)
                minimumBases[block] =
                    nested.minimumOffset.map {
                        PackedForm.base(start, $0)
                    } ?? 0
            }
        }
        let isPacked = withUnsafePointer(to: form) {
            ingot_pack_codes(
                $0, unpacked, scales, minimums, bases, minimumBases, rowCount, rowLength, panel)
        }
        precondition(isPacked, "codes and scales that their format does not have")
    }

    private static func base(_ block: UnsafeRawPointer, _ offset: Int?) -> Float {
        if let offset {
            return HalfFloat.float(
                fromF16: block.loadUnaligned(fromByteOffset: offset, as: UInt16.self))
        }
        // IQ1_M: four bits from each of four words.
        let bits = (0..<4).reduce(UInt16(0)) { bits, index in
            let word = block.loadUnaligned(fromByteOffset: 48 + 2 * index, as: UInt16.self)
            return bits | (word >> 12) << (4 * UInt16(index))
        }
        return HalfFloat.float(fromF16: bits)
    }

    /// Compares formats.
    package static func == (left: PackedForm, right: PackedForm) -> Bool {
        left.format == right.format
    }

    /// Hashes the format.
    package func hash(into hasher: inout Hasher) { hasher.combine(format) }
}
