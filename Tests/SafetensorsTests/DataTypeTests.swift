import Safetensors
import TensorCore
import TestSupport
import Testing

@Suite struct DataTypeTests {
    /// Little-endian bytes and the value that they mean.
    static let cases: [(DataType, [UInt8], Float)] = [
        (.F64, [0x18, 0x2D, 0x44, 0x54, 0xFB, 0x21, 0x09, 0x40], 3.1415927),
        (.F32, [0x00, 0x00, 0xC0, 0x3F], 1.5),
        (.F16, [0x00, 0x3E], 1.5),
        (.F16, [0x01, 0x00], 0x1p-24),
        (.BF16, [0xC0, 0xBF], -1.5),
        (.I64, [0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], -2),
        (.I32, [0x00, 0x00, 0x00, 0x80], -2_147_483_648),
        (.I16, [0x00, 0x80], -32768),
        (.I8, [0x80], -128),
        (.U64, [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], 18_446_744_073_709_551_616),
        (.U32, [0x01, 0x00, 0x00, 0x01], 16_777_216),
        (.U16, [0xFF, 0xFF], 65535),
        (.U8, [0xFF], 255),
        (.BOOL, [0x00], 0),
        (.BOOL, [0x01], 1),
        (.F8_E4M3, [0x38], 1),
        (.F8_E4M3, [0x7E], 448),
        (.F8_E4M3, [0x81], -0x1p-9),
        (.F8_E4M3, [0x08], 0x1p-6),
        (.F8_E5M2, [0x3C], 1),
        (.F8_E5M2, [0x7B], 57344),
        (.F8_E5M2, [0xFC], -.infinity),
        (.F8_E8M0, [0x7F], 1),
        (.F8_E8M0, [0x00], 0x1p-127),
    ]

    @Test(arguments: cases)
    func decodes(_ type: DataType, _ bytes: [UInt8], _ expected: Float) {
        // One byte in front, so that the source is not aligned.
        var found: [Float] = [.nan, .nan]
        ([0] + bytes + bytes).withUnsafeBytes { source in
            found.withUnsafeMutableBufferPointer { destination in
                guard let from = source.baseAddress, let to = destination.baseAddress else {
                    return
                }
                type.decode(from + 1, elementCount: 2, into: to)
            }
        }
        #expect(found.map(\.bitPattern) == [expected.bitPattern, expected.bitPattern])
    }

    @Test(arguments: [
        (DataType.F8_E4M3, [UInt8(0x7F), 0xFF]), (.F8_E8M0, [0xFF]), (.F8_E5M2, [0x7D]),
    ])
    func decodesNaN(_ type: DataType, _ bytes: [UInt8]) {
        for byte in bytes {
            var value: Float = 0
            withUnsafeBytes(of: byte) { source in
                if let base = source.baseAddress {
                    type.decode(base, elementCount: 1, into: &value)
                }
            }
            #expect(value.isNaN)
        }
    }

    @Test func everyDecodableTypeIsTested() {
        let tested = Set(DataTypeTests.cases.map(\.0))
        #expect(DataType.allCases.filter { $0.isDecodable && !tested.contains($0) }.isEmpty)
    }

    @Test func sizesAreChecked() {
        #expect(DataType.F4.byteCount(elementCount: 3) == nil)
        #expect(DataType.F6_E2M3.byteCount(elementCount: 4) == 3)
        #expect(DataType.F32.byteCount(elementCount: .max) == nil)
        #expect(DataType.U8.byteCount(elementCount: .max) == .max)
    }

    @Test func undecodableTypesAreRefused() throws {
        let bytes = fileBytes(
            #"{"a":{"dtype":"C64","shape":[1],"data_offsets":[0,8]}}"#,
            data: [UInt8](repeating: 0, count: 8))
        try withFile(bytes) { path in
            let file = try SafetensorsFile(path: path)
            let error = #expect(throws: SafetensorsError.self) { try values(file, "a") }
            #expect(
                error?.kind
                    == .wrongDataType(found: .C64, expected: "a type that can be decoded"))
            #expect(error?.place == "a")
        }
    }
}
