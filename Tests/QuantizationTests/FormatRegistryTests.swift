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

    /// Type number, values and bytes of a block.
    private static let geometries: [String: (UInt32, Int, Int)] = [
        "F32": (0, 1, 4), "F16": (1, 1, 2), "Q4_0": (2, 32, 18), "Q4_1": (3, 32, 20),
        "Q5_0": (6, 32, 22), "Q5_1": (7, 32, 24), "Q8_0": (8, 32, 34), "Q2_K": (10, 256, 84),
        "Q3_K": (11, 256, 110), "Q4_K": (12, 256, 144), "Q5_K": (13, 256, 176),
        "Q6_K": (14, 256, 210), "IQ2_XXS": (16, 256, 66), "IQ2_XS": (17, 256, 74),
        "IQ3_XXS": (18, 256, 98), "IQ1_S": (19, 256, 50), "IQ4_NL": (20, 32, 18),
        "IQ3_S": (21, 256, 110), "IQ2_S": (22, 256, 82), "IQ4_XS": (23, 256, 136),
        "I8": (24, 1, 1), "I16": (25, 1, 2), "I32": (26, 1, 4), "I64": (27, 1, 8),
        "F64": (28, 1, 8), "IQ1_M": (29, 256, 56), "BF16": (30, 1, 2), "TQ1_0": (34, 256, 54),
        "TQ2_0": (35, 256, 66), "MXFP4": (39, 32, 17), "NVFP4": (40, 64, 36), "Q1_0": (41, 128, 18),
        "Q2_0": (42, 64, 18),
    ]

    @Test("Blocks have the byte counts of GGUF", arguments: Format.all)
    func geometry(format: Format) throws {
        let (typeID, elements, bytes) = try #require(Self.geometries[format.name])
        #expect(format.typeID == typeID)
        #expect(format.blockElementCount == elements)
        #expect(format.blockByteCount == bytes)
    }

    @Test("What replaces a format has smaller blocks, and at the end any row fits")
    func fallbacks() {
        var without: [String] = []
        for format in Format.all where format.blockElementCount > 1 {
            if format.fallbacks.isEmpty { without.append(format.name) }
            for (larger, smaller) in zip([format] + format.fallbacks, format.fallbacks) {
                #expect(smaller.blockElementCount < larger.blockElementCount, "\(format)")
                #expect(smaller.encode != nil && smaller.importance <= .optional, "\(format)")
            }
            if let last = format.fallbacks.last { #expect(last.blockElementCount == 1) }
        }
        #expect(without == ["NVFP4", "Q1_0"])
    }

    @Test("Formats that need importance say so")
    func importance() {
        func names(_ use: ImportanceUse) -> [String] {
            Format.all.filter { $0.importance == use }.map(\.name)
        }
        #expect(names(.required) == ["IQ2_XXS", "IQ2_XS", "IQ1_S"])
        #expect(names(.expected) == ["IQ3_XXS", "IQ2_S", "IQ1_M"])
    }
}
