import Foundation
import Quantization
import TestSupport
import Testing

@Suite("Format registry")
struct FormatRegistryTests {
    @Test("Every file under Formats declares a registered format")
    func everyFileIsRegistered() throws {
        let folder = Fixtures.projectRoot.appending(path: "Sources/Quantization/Formats")
        let files = try FileManager.default.contentsOfDirectory(atPath: folder.path)
            .filter { $0.hasSuffix(".swift") }
        #expect(files.count > 10)
        for file in files where file != "Integers.swift" {
            let name = String(file.dropLast(".swift".count))
            #expect(Format.all.contains { $0.name == name }, "\(file)")
        }
    }

    @Test("Type numbers are unique and in order, names lead back to formats")
    func order() {
        for (format, next) in zip(Format.all, Format.all.dropFirst()) {
            #expect(format.typeID < next.typeID)
        }
        for format in Format.all {
            #expect(Format.named(format.name.lowercased()) == format)
            #expect(Format.withTypeID(format.typeID)?.name == format.name)
        }
    }

    @Test(
        "Blocks have the byte counts of GGUF",
        arguments: [
            ("F32", 0, 1, 4), ("F16", 1, 1, 2), ("Q4_0", 2, 32, 18), ("Q4_1", 3, 32, 20),
            ("Q5_0", 6, 32, 22), ("Q5_1", 7, 32, 24), ("Q8_0", 8, 32, 34), ("Q2_K", 10, 256, 84),
            ("Q3_K", 11, 256, 110), ("Q4_K", 12, 256, 144), ("Q5_K", 13, 256, 176),
            ("Q6_K", 14, 256, 210), ("BF16", 30, 1, 2),
        ] as [(String, UInt32, Int, Int)])
    func geometry(name: String, typeID: UInt32, elements: Int, bytes: Int) throws {
        let format = try #require(Format.named(name))
        #expect(format.typeID == typeID)
        #expect(format.blockElementCount == elements)
        #expect(format.blockByteCount == bytes)
    }
}
