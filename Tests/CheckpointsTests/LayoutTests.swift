import Checkpoints
import Safetensors
import TensorCore
import Testing

/// Bytes of small matrices, worked out by hand.
@Suite struct LayoutTests {
    /// The bytes of a part of a matrix.
    private func bytes(
        _ form: String, _ suffix: String, of matrix: CodedMatrix
    ) throws -> [UInt8] {
        let form = try #require(CheckpointForm.named(form)?.form)
        let part = try #require(form.layout.parts.first { $0.suffix == suffix })
        let shape = part.shape(
            MatrixShape(rows: matrix.rowCount, columns: matrix.columnCount, grid: matrix.grid))
        let count = shape.reduce(1, *)
        let type = part.dataType ?? .BF16
        var bytes = [UInt8](repeating: 0xEE, count: count * type.bitCount / 8)
        bytes.withUnsafeMutableBytes { buffer in
            guard let base = buffer.baseAddress else { return }
            part.fill(matrix, 0..<(shape.first ?? 1), base)
        }
        return bytes
    }

    private func words(_ bytes: [UInt8]) -> [UInt32] {
        stride(from: 0, to: bytes.count, by: 4).map { start in
            bytes[start..<start + 4].reversed().reduce(0) { $0 << 8 | UInt32($1) }
        }
    }

    private func matrix(
        _ codes: WeightGrid.Codes, rows: Int, columns: Int, group: Int,
        code: (_ row: Int, _ column: Int) -> UInt8
    ) -> CodedMatrix {
        let grid = WeightGrid(codes, scope: .group(group), scale: .bf16)
        let matrix = CodedMatrix(grid, rows: rows, columns: columns)
        for row in 0..<rows {
            for column in 0..<columns {
                matrix.codes[row * columns + column] = code(row, column)
            }
        }
        return matrix
    }

    @Test func packedRowsBeginInTheLowestBits() throws {
        let matrix = matrix(
            .integers(bits: 4, isSymmetric: true), rows: 2, columns: 16, group: 16
        ) { UInt8(($1 + $0) & 15) }
        #expect(
            words(try bytes("W4A16", ".weight_packed", of: matrix)) == [
                0x7654_3210, 0xFEDC_BA98, 0x8765_4321, 0x0FED_CBA9,
            ])
        #expect(
            try bytes("W4A16", ".weight_shape", of: matrix) == [
                2, 0, 0, 0, 0, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0,
            ])
    }

    @Test func zeroPointsArePackedDownTheRows() throws {
        let matrix = matrix(
            .integers(bits: 4, isSymmetric: false), rows: 8, columns: 32, group: 16
        ) { _, _ in 0 }
        for row in 0..<8 {
            matrix.zeros[row * 2] = UInt8(row)
            matrix.zeros[row * 2 + 1] = UInt8(15 - row)
        }
        #expect(
            words(try bytes("W4A16_ASYM", ".weight_zero_point", of: matrix)) == [
                0x7654_3210, 0x89AB_CDEF,
            ])
    }

    @Test func gptqPacksInputsAndZeroPointsLessOne() throws {
        let matrix = matrix(
            .integers(bits: 4, isSymmetric: true), rows: 8, columns: 8, group: 8
        ) { UInt8(($1 + $0) & 15) }
        let codes = words(try bytes("GPTQ", ".qweight", of: matrix))
        #expect(codes.prefix(2) == [0x7654_3210, 0x8765_4321])
        #expect(words(try bytes("GPTQ", ".qzeros", of: matrix)) == [0x7777_7777])
        #expect(words(try bytes("GPTQ", ".g_idx", of: matrix)) == [0, 0, 0, 0, 0, 0, 0, 0])
    }

    @Test func gptqOfEightBits() throws {
        let matrix = matrix(
            .integers(bits: 8, isSymmetric: true), rows: 4, columns: 4, group: 4
        ) { UInt8($0 * 16 + $1) }
        #expect(
            words(try bytes("GPTQ_8BIT", ".qweight", of: matrix)) == [
                0x0302_0100, 0x1312_1110, 0x2322_2120, 0x3332_3130,
            ])
        #expect(words(try bytes("GPTQ_8BIT", ".qzeros", of: matrix)) == [0x7F7F_7F7F])
    }

    @Test func awqInterleavesOutputs() throws {
        let matrix = matrix(
            .integers(bits: 4, isSymmetric: false), rows: 8, columns: 2, group: 2
        ) { row, column in UInt8(column == 0 ? row : 15 - row) }
        for row in 0..<8 { matrix.zeros[row] = UInt8(row) }
        #expect(words(try bytes("AWQ", ".qweight", of: matrix)) == [0x7531_6420, 0x8ACE_9BDF])
        #expect(words(try bytes("AWQ", ".qzeros", of: matrix)) == [0x7531_6420])
    }

    @Test func signedBytesAndNibbles() throws {
        let integers = matrix(
            .integers(bits: 8, isSymmetric: true), rows: 1, columns: 4, group: 4
        ) { [0, 127, 128, 255][$1] }
        #expect(try bytes("W8A8", ".weight", of: integers) == [0x80, 0xFF, 0x00, 0x7F])
        let floats = matrix(.e2m1, rows: 1, columns: 4, group: 4) { [1, 15, 0, 9][$1] }
        #expect(try bytes("NVFP4A16", ".weight_packed", of: floats) == [0xF1, 0x90])
    }

    @Test func globalScalesAreInverseOfEachOther() throws {
        let grid = WeightGrid(.e2m1, scope: .group(16), scale: .e4m3)
        let matrix = CodedMatrix(grid, rows: 1, columns: 16)
        matrix.unit = 0.25
        matrix.scales[0] = 448
        #expect(
            words(try bytes("NVFP4A16", ".weight_global_scale", of: matrix))
                == [Float(4).bitPattern])
        #expect(
            words(try bytes("MODELOPT_NVFP4", ".weight_scale_2", of: matrix))
                == [Float(0.25).bitPattern])
        #expect(try bytes("NVFP4A16", ".weight_scale", of: matrix) == [0x7E])
    }

    @Test func exponentsAreBiased() throws {
        let grid = WeightGrid(.e2m1, scope: .group(32), scale: .exponent)
        let matrix = CodedMatrix(grid, rows: 1, columns: 32)
        matrix.scales[0] = 0x1p-7
        #expect(try bytes("MXFP4", ".weight_scale", of: matrix) == [120])
    }

    @Test func eightBitFloats() {
        let known: [(Float, UInt8)] = [
            (0, 0), (1, 0x38), (-1, 0xB8), (448, 0x7E), (1000, 0x7E), (0x1p-9, 1), (0x1p-10, 0),
            (0x1.8p-9, 2), (0x1p-6, 8), (1.0625, 0x38), (1.1875, 0x3A),
        ]
        for (value, code) in known { #expect(EightBitFloat.code(of: value) == code, "\(value)") }
        for code in UInt8(0)...254 where code & 0x7F != 0x7F && code != 0x80 {
            #expect(EightBitFloat.code(of: EightBitFloat.value(of: code)) == code)
        }
    }

    @Test func fourBitFloats() {
        let known: [(Float, UInt8)] = [
            (0.25, 0), (0.26, 1), (0.75, 2), (1.25, 2), (1.75, 4), (2.5, 4), (3.5, 6), (5, 6),
            (5.1, 7), (100, 7), (-3, 13), (-0.1, 0),
        ]
        for (value, code) in known { #expect(FourBitFloat.code(of: value) == code, "\(value)") }
    }

    @Test func scalesAreThoseOfLlmcompressor() {
        let values: [Float] = (0..<32).map { $0 == 3 ? -7.5 : Float($0 % 5) }
        let matrix = CodedMatrix(
            WeightGrid(.integers(bits: 4, isSymmetric: true), scope: .group(32), scale: .bf16),
            rows: 1, columns: 32)
        matrix.round(0..<1, values, largest: 0)
        #expect(matrix.scales[0] == 1)
        // −7.5 is between two codes and goes to the even one.
        #expect(matrix.value(row: 0, column: 3) == -8)
        #expect(matrix.value(row: 0, column: 4) == 4)
    }
}
