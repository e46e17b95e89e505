import GGUF
import Quantization
import TensorCore
import TestSupport
import Testing

/// A small sound file, made by hand, that tests break one field at a time.
struct HandmadeGGUF {
    var magic = "GGUF"
    var version: UInt32 = 3
    var tensorCount: UInt64 = 2
    var entryCount: UInt64 = 2
    var key = "general.name"
    var valueType: UInt32 = 8
    var valueLength: UInt64?
    var value = Array("name".utf8)
    /// `general.architecture`, one entry more.
    var architecture: String?
    var alignment: UInt32 = 32
    var secondName = "b"
    var rank: UInt32 = 2
    var dimensions: [UInt64] = [8, 4]
    var type: UInt32 = 0
    var offset: UInt64 = 32
    var dataByteCount = 32 + 128

    var bytes: [UInt8] {
        var builder = ByteBuilder()
        builder.append(magic)
        builder.append(version)
        builder.append(tensorCount)
        builder.append(entryCount + (architecture == nil ? 0 : 1))
        builder.appendGGUF(key)
        builder.append(valueType)
        if ![4, 7].contains(valueType) { builder.append(valueLength ?? UInt64(value.count)) }
        builder.bytes += value
        if let architecture {
            builder.appendGGUF("general.architecture")
            builder.append(UInt32(8))
            builder.appendGGUF(architecture)
        }
        builder.appendGGUF("general.alignment")
        builder.append(UInt32(4))
        builder.append(alignment)
        builder.appendGGUF("a")
        builder.append(UInt32(1))
        builder.append(UInt64(5))
        builder.append(UInt32(0))
        builder.append(UInt64(0))
        builder.appendGGUF(secondName)
        builder.append(rank)
        for dimension in dimensions { builder.append(dimension) }
        builder.append(type)
        builder.append(offset)
        while builder.bytes.count % 32 != 0 { builder.append(UInt8(0)) }
        for index in 0..<dataByteCount / 4 { builder.append(Float(index)) }
        return builder.bytes
    }
}

@Suite struct GGUFFileTests {
    private func open(_ bytes: [UInt8]) throws -> GGUFFile {
        try Fixtures.withTemporaryFolder { folder in
            try OutputFile.write(bytes, to: folder + "/x.gguf")
            return try GGUFFile(path: folder + "/x.gguf")
        }
    }

    @Test func readsASoundFile() throws {
        let file = try open(HandmadeGGUF().bytes)
        #expect(file.metadata["general.name"]?.text == "name")
        #expect(file.tensors.map(\.name) == ["a", "b"])
        #expect(file.tensors[1].shape == Shape([4, 8]))
        var row = [Float](repeating: 0, count: 8)
        try file.readRows(1..<2, ofTensor: 1, into: &row, scratch: ScratchBuffer())
        #expect(row == (16..<24).map(Float.init))
    }

    static let corruptions: [(String, @Sendable (inout HandmadeGGUF) -> Void)] = [
        ("magic", { $0.magic = "GGML" }),
        ("version 1", { $0.version = 1 }),
        ("version 4", { $0.version = 4 }),
        ("big-endian", { $0.version = 3 << 24 }),
        ("tensor count", { $0.tensorCount = .max }),
        ("one tensor too many", { $0.tensorCount = 3 }),
        ("entry count", { $0.entryCount = .max / 2 }),
        ("duplicate key", { $0.key = "general.alignment" }),
        ("value type", { $0.valueType = 13 }),
        ("nested array", { $0.valueType = 9 }),
        ("string length", { $0.valueLength = .max }),
        ("string length past the end", { $0.valueLength = 10_000 }),
        ("alignment zero", { $0.alignment = 0 }),
        ("alignment odd", { $0.alignment = 33 }),
        ("alignment huge", { $0.alignment = 1 << 31 }),
        ("duplicate tensor", { $0.secondName = "a" }),
        ("no key", { $0.key = "" }),
        ("no name", { $0.secondName = "" }),
        ("NUL in a name", { $0.secondName = "b\0c" }),
        ("long name", { $0.secondName = String(repeating: "b", count: 64) }),
        ("BOOL of 7", { ($0.valueType, $0.value) = (7, [7]) }),
        (
            "blocks as text",
            {
                ($0.key, $0.value) = ("a.block_count", Array("12".utf8)); $0.architecture = "a"
            }
        ),
        (
            "absurd blocks",
            {
                ($0.key, $0.valueType, $0.value) = ("a.block_count", 4, [0, 0, 1, 0])
                $0.architecture = "a"
            }
        ),
        ("rank zero", { ($0.rank, $0.dimensions) = (0, []) }),
        ("rank", { $0.rank = 5 }),
        ("rank huge", { $0.rank = .max }),
        ("dimension zero", { $0.dimensions = [0, 4] }),
        ("dimension negative", { $0.dimensions = [.max, 4] }),
        ("dimensions overflow", { $0.dimensions = [1 << 33, 1 << 33] }),
        ("more data than the file", { $0.dimensions = [8, 5] }),
        ("type unknown", { $0.type = 999 }),
        ("offset unaligned", { $0.offset = 33 }),
        ("offset outside", { $0.offset = 1 << 40 }),
        ("offset overflows", { $0.offset = .max - 31 }),
        ("overlap", { $0.offset = 0 }),
        ("data cut", { $0.dataByteCount = 100 }),
    ]

    @Test(arguments: corruptions.indices)
    func refusesAndNames(_ index: Int) {
        let (name, corrupt) = GGUFFileTests.corruptions[index]
        var handmade = HandmadeGGUF()
        corrupt(&handmade)
        let error = #expect(throws: GGUFError.self, "\(name)") { try open(handmade.bytes) }
        #expect(error?.exitCode == .badData)
        #expect(error?.description.contains("x.gguf: ") == true)
    }

    @Test func everyTruncationIsAnErrorAndNoTrap() throws {
        let bytes = HandmadeGGUF().bytes
        for count in 0..<bytes.count {
            #expect(throws: (any Error).self) { try open(Array(bytes[..<count])) }
        }
    }

    @Test func everySingleByteChangeIsReadOrRefused() throws {
        let bytes = HandmadeGGUF().bytes
        var random = SeededRandom(seed: 7)
        for position in 0..<bytes.count - 160 {
            var changed = bytes
            changed[position] = UInt8.random(in: 0...255, using: &random)
            do { _ = try open(changed) } catch is any IngotError {}
        }
    }

    @Test func anArrayThatClaimsToBeHugeTakesNoMemory() {
        var builder = ByteBuilder()
        builder.append("GGUF")
        builder.append(UInt32(3))
        builder.append(UInt64(0))
        builder.append(UInt64(1))
        builder.appendGGUF("k")
        builder.append(UInt32(9))
        builder.append(UInt32(8))
        builder.append(UInt64(1) << 60)
        let error = #expect(throws: GGUFError.self) { try open(builder.bytes) }
        guard case .countTooLarge = error?.kind else {
            Issue.record("\(String(describing: error))")
            return
        }
    }
}

/// Lengths that a file holds and no reader takes: the files are sparse.
@Suite struct GGUFLengthTests {
    @Test(arguments: [false, true])
    func readersLimitIsNamedBeforeMemoryIsTaken(isArray: Bool) throws {
        try Fixtures.withTemporaryFolder { folder in
            var builder = ByteBuilder()
            builder.append("GGUF")
            builder.append(UInt32(3))
            builder.append(UInt64(0))
            builder.append(UInt64(1))
            builder.appendGGUF("k")
            // An array of INT8, or a string.
            builder.append(UInt32(isArray ? 9 : 8))
            if isArray { builder.append(UInt32(1)) }
            builder.append(UInt64(1) << 30 + 1)
            let path = folder + "/x.gguf"
            let file = try OutputFile(path: path)
            try file.write(builder.bytes, at: 0)
            try file.commit(byteCount: 1 << 31)
            let error = #expect(throws: GGUFError.self) { try GGUFFile(path: path) }
            guard case .countTooLarge(_, 1 << 30 + 1, 1 << 30) = error?.kind else {
                Issue.record("\(String(describing: error))")
                return
            }
        }
    }
}

@Suite struct GGUFLayoutTests {
    @Test func whatIsWrittenIsReadBack() throws {
        var metadata = Metadata()
        metadata["general.architecture"] = .string("llama")
        metadata["a.u8"] = .uint8(200)
        metadata["a.i8"] = .int8(-5)
        metadata["a.u16"] = .uint16(60000)
        metadata["a.i16"] = .int16(-3)
        metadata["a.u32"] = .uint32(.max)
        metadata["a.i32"] = .int32(.min)
        metadata["a.f32"] = .float32(0.1)
        metadata["a.bool"] = .bool(true)
        metadata["a.u64"] = .uint64(.max)
        metadata["a.i64"] = .int64(.min)
        metadata["a.f64"] = .float64(.pi)
        metadata["a.strings"] = .strings(["", "é", ByteString(bytes: [0xFF, 0])])
        metadata["a.floats"] = .float32s([1, -2])
        metadata["a.bools"] = .bools([true, false])
        metadata["a.i32s"] = .int32s([])
        metadata["a.u64s"] = .uint64s([1, .max])
        let tensors = [
            TensorDescription(name: "x", shape: try #require(Shape([3, 5])), format: .F32),
            TensorDescription(name: "y", shape: try #require(Shape([2, 7])), format: .F16),
        ]
        let layout = try GGUFLayout(metadata: metadata, tensors: tensors, path: "x")
        #expect(layout.byteCount == layout.header.count + 64 + 32)
        try Fixtures.withTemporaryFolder { folder in
            let path = folder + "/x.gguf"
            let output = try OutputFile(path: path, byteCount: layout.byteCount)
            try output.write(layout.header, at: 0)
            try output.commit(byteCount: layout.byteCount)
            let file = try GGUFFile(path: path)
            #expect(file.metadata == metadata)
            #expect(file.tensors == tensors)
            #expect(file.offsets == layout.offsets)
        }
    }
}
