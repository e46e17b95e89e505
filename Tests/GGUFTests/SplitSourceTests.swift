import Foundation
import GGUF
import Quantization
import TensorCore
import TestSupport
import Testing

/// A model in three files, and what is refused of others.
@Suite struct SplitSourceTests {
    /// One part: what it says of itself, and its tensors, each of two rows of four values.
    private struct Part {
        var number: MetadataValue? = .uint16(0)
        var count: MetadataValue? = .uint16(3)
        var told: Int32? = 4
        var names: [String]
    }

    private static let sound = [
        Part(names: ["a", "b"]), Part(number: .uint16(1), names: ["c"]),
        Part(number: .uint16(2), names: ["d"]),
    ]

    /// Writes the parts as `m-00001-of-00003.gguf` and so on; value i of tensor t of the model is 10 t + i.
    private func write(_ parts: [Part], to folder: String) throws {
        var tensor = 0
        for (index, part) in parts.enumerated() {
            let path = "\(folder)/m\(SplitSource.suffix(index, of: 3))"
            var metadata = Metadata()
            metadata["general.name"] = .string("part \(index)")
            metadata["split.no"] = part.number
            metadata["split.count"] = part.count
            metadata["split.tensors.count"] = part.told.map { .int32($0) }
            let described = try part.names.map {
                TensorDescription(name: $0, shape: try #require(Shape([2, 4])), format: .F32)
            }
            let layout = try GGUFLayout(metadata: metadata, tensors: described, path: path)
            let file = try OutputFile(path: path, byteCount: layout.byteCount)
            try file.write(layout.header, at: 0)
            for offset in layout.offsets {
                var values = ByteBuilder()
                for value in 0..<8 { values.append(Float(10 * tensor + value)) }
                try file.write(values.bytes, at: offset)
                tensor += 1
            }
            try file.commit(byteCount: layout.byteCount)
        }
    }

    private func open(_ parts: [Part], part: Int = 0) throws -> SplitSource {
        try Fixtures.withTemporaryFolder { folder in
            try write(parts, to: folder)
            let source = try SplitSource.open(path: "\(folder)/m\(SplitSource.suffix(part, of: 3))")
            return try #require(source as? SplitSource)
        }
    }

    private func fault(_ parts: [Part], part: Int = 0) -> String {
        let error = #expect(throws: GGUFError.self) { try open(parts, part: part) }
        return error?.description ?? ""
    }

    @Test func namesCountFromOneInFiveDigits() {
        #expect(SplitSource.suffix(0, of: 3) == "-00001-of-00003.gguf")
        #expect(SplitSource.suffix(99_998, of: 99_999) == "-99999-of-99999.gguf")
        #expect(SplitSource.suffix(99_999, of: 100_000) == "-100000-of-100000.gguf")
    }

    @Test func rowsAreThoseOfTheirPart() throws {
        let split = try open(Self.sound)
        #expect(split.metadata["general.name"]?.text == "part 0")
        #expect(SplitSource.keys.allSatisfy { split.metadata[$0] == nil })
        #expect(split.tensors.map(\.name) == ["a", "b", "c", "d"])
        #expect(split.shardNumbers == [0, 0, 1, 2] && split.files.count == 3)
        for tensor in 0..<4 {
            let expected = (4..<8).map { Float(10 * tensor + $0) }
            var row = [Float](repeating: 0, count: 4)
            try split.readRows(1..<2, ofTensor: tensor, into: &row, scratch: ScratchBuffer())
            #expect(row == expected)
            for readsRows in [true, false] {
                var bytes = [UInt8](repeating: 0, count: 16)
                try bytes.withUnsafeMutableBytes {
                    if readsRows {
                        try split.readBytes(ofRows: 1..<2, ofTensor: tensor, into: $0)
                    } else {
                        try split.readBytes(16..<32, ofTensor: tensor, into: $0)
                    }
                }
                #expect(
                    bytes == expected.flatMap { value in withUnsafeBytes(of: value) { Array($0) } })
            }
        }
    }

    @Test func partsOfOtherModelsAreRefused() {
        func changed(_ index: Int, _ change: (inout Part) -> Void) -> [Part] {
            var parts = Self.sound
            change(&parts[index])
            return parts
        }
        #expect(fault(changed(1) { $0.number = .uint16(2) }).contains("part 2 of 3"))
        #expect(fault(changed(2) { $0.number = nil }).contains("part 3 of 3"))
        #expect(fault(changed(2) { $0.count = .uint16(4) }).contains("part 3 of 3"))
        #expect(fault(changed(2) { $0.names = ["a"] }).contains("-00003-of-00003.gguf"))
        #expect(fault(changed(0) { $0.told = 5 }).contains("4 tensors in all parts"))
        #expect(throws: Never.self) { try open(changed(0) { $0.told = nil }) }
    }

    @Test func missingPartsAreNamed() throws {
        try Fixtures.withTemporaryFolder { folder in
            try write(Self.sound, to: folder)
            let paths = (0..<3).map { "\(folder)/m\(SplitSource.suffix($0, of: 3))" }
            for path in paths[1...] { try FileManager.default.removeItem(atPath: path) }
            let expected = GGUFError(.missingParts(Array(paths[1...]), count: 3), path: paths[0])
            #expect(throws: expected) { try SplitSource.open(path: paths[0]) }
            #expect(try SplitSource.openFirst(path: paths[0]).tensors.count == 2)
        }
    }

    /// A part that is not the first says which one is; one without a number, or one beyond the others, cannot.
    @Test(arguments: [
        (MetadataValue.uint16(1), true), (.uint16(2), true), (.uint16(3), false),
        (.int16(-1), false),
    ])
    func aLaterPartNamesTheFirst(number: MetadataValue, isPart: Bool) {
        var parts = Self.sound
        parts[2].number = number
        let said = fault(parts, part: 2)
        #expect(said.contains("split.no") != isPart, "\(said)")
        // Its own name is that of the third part alone.
        #expect(said.contains("/m-00001-of-00003.gguf") == (number == .uint16(2)), "\(said)")
    }

    @Test func aFileWithoutPartsIsWhole() throws {
        try Fixtures.withTemporaryFolder { folder in
            var parts = Self.sound
            for count: MetadataValue? in [nil, .uint16(1), .uint16(0)] {
                parts[0].count = count
                parts[0].number = .uint16(7)
                try write(parts, to: folder)
                #expect(try SplitSource.open(path: folder + "/m-00001-of-00003.gguf") is GGUFFile)
            }
        }
    }

    /// A number of parts that no name has: nothing is looked for.
    @Test func tooManyPartsAreRefused() throws {
        try Fixtures.withTemporaryFolder { folder in
            var parts = Self.sound
            parts[0].count = .uint32(100_000)
            try write(parts, to: folder)
            let first = folder + "/m" + SplitSource.suffix(0, of: 100_000)
            try FileManager.default.moveItem(
                atPath: folder + "/m-00001-of-00003.gguf", toPath: first)
            let error = #expect(throws: GGUFError.self) { try SplitSource.open(path: first) }
            #expect(error?.description.contains("part 1 of 100000") == true)
        }
    }
}
