import Foundation
import Safetensors
import TensorCore
import TestSupport
import Testing

@Suite struct CheckpointTests {
    /// Writes a shard whose tensors hold one U8 each: the position in the list.
    static func writeShard(_ names: [String], to path: String) throws {
        let shape = try #require(Shape([1]))
        let writer = try SafetensorsWriter(
            path: path, tensors: names.map { .init(name: $0, dataType: .U8, shape: shape) })
        for index in names.indices {
            try withUnsafeBytes(of: UInt8(index)) { try writer.write($0, tensor: index) }
        }
        try writer.finish()
    }

    static func writeIndex(_ map: [String: String], in folder: String) throws {
        let data = try JSONSerialization.data(withJSONObject: ["weight_map": map])
        try OutputFile.write(Array(data), to: folder + "/model.safetensors.index.json")
    }

    /// Opens the folder that `body` fills and gives the error's kind and place.
    static func faultOfOpening(
        _ body: (String) throws -> Void
    ) throws -> (kind: SafetensorsError.Kind, place: String?)? {
        try Fixtures.withTemporaryFolder { folder in
            try body(folder)
            do {
                _ = try Checkpoint(directory: folder)
                return nil
            } catch let error as SafetensorsError {
                return (error.kind, error.place)
            }
        }
    }

    @Test func shardsAreReadInTheOrderOfTheirNames() throws {
        try Fixtures.withTemporaryFolder { folder in
            try CheckpointTests.writeShard(["z", "b"], to: folder + "/one.safetensors")
            try CheckpointTests.writeShard(["c", "a"], to: folder + "/two.safetensors")
            try CheckpointTests.writeIndex(
                [
                    "z": "one.safetensors", "b": "one.safetensors", "c": "two.safetensors",
                    "a": "two.safetensors",
                ], in: folder)
            let checkpoint = try Checkpoint(directory: folder)
            #expect(checkpoint.entries.map(\.tensor.name) == ["b", "z", "a", "c"])
            #expect(checkpoint.entries.map(\.shard) == [0, 0, 1, 1])
            #expect(try values(checkpoint.shards[0], "b") == [1])
        }
    }

    @Test func filesWithoutAnIndexAreRead() throws {
        try Fixtures.withTemporaryFolder { folder in
            try CheckpointTests.writeShard(["b"], to: folder + "/model-00001-of-00002.safetensors")
            try CheckpointTests.writeShard(["a"], to: folder + "/model-00002-of-00002.safetensors")
            try CheckpointTests.writeShard(["x"], to: folder + "/adapter.safetensors")
            let checkpoint = try Checkpoint(directory: folder + "/")
            #expect(checkpoint.entries.map(\.tensor.name) == ["b", "a"])
        }
    }

    @Test func aMissingShardIsNamed() throws {
        let indexed = try CheckpointTests.faultOfOpening { folder in
            try CheckpointTests.writeIndex(["a": "gone.safetensors"], in: folder)
        }
        #expect(indexed?.kind == .missingShard("gone.safetensors"))
        let numbered = try CheckpointTests.faultOfOpening { folder in
            try CheckpointTests.writeShard(["b"], to: folder + "/model-00001-of-00003.safetensors")
            try CheckpointTests.writeShard(["a"], to: folder + "/model-00003-of-00003.safetensors")
        }
        #expect(numbered?.kind == .missingShard("model-00002-of-00003.safetensors"))
    }

    @Test func indexAndShardsMustAgree() throws {
        let lost = try CheckpointTests.faultOfOpening { folder in
            try CheckpointTests.writeShard(["a"], to: folder + "/m.safetensors")
            try CheckpointTests.writeIndex(
                ["a": "m.safetensors", "b": "m.safetensors"], in: folder)
        }
        #expect(lost?.kind == .tensorNotInShard(shard: "m.safetensors"))
        #expect(lost?.place == "b")
        let extra = try CheckpointTests.faultOfOpening { folder in
            try CheckpointTests.writeShard(["a", "b"], to: folder + "/m.safetensors")
            try CheckpointTests.writeIndex(["a": "m.safetensors"], in: folder)
        }
        #expect(extra?.kind == .tensorNotInIndex(shard: "m.safetensors"))
        #expect(extra?.place == "b")
        let misplaced = try CheckpointTests.faultOfOpening { folder in
            try CheckpointTests.writeShard(["a", "b"], to: folder + "/m.safetensors")
            try CheckpointTests.writeShard(["c"], to: folder + "/n.safetensors")
            try CheckpointTests.writeIndex(
                ["a": "m.safetensors", "b": "n.safetensors", "c": "n.safetensors"], in: folder)
        }
        #expect(
            misplaced?.kind
                == .tensorInWrongShard(found: "m.safetensors", indexed: "n.safetensors"))
        #expect(misplaced?.place == "b")
        let indexedTwice = try CheckpointTests.faultOfOpening { folder in
            try CheckpointTests.writeShard(["a", "b"], to: folder + "/m.safetensors")
            try CheckpointTests.writeShard(["b"], to: folder + "/n.safetensors")
            try CheckpointTests.writeIndex(
                ["a": "m.safetensors", "b": "n.safetensors"], in: folder)
        }
        #expect(
            indexedTwice?.kind
                == .duplicateTensor(first: "m.safetensors", second: "n.safetensors"))
        let twice = try CheckpointTests.faultOfOpening { folder in
            try CheckpointTests.writeShard(["a"], to: folder + "/model-a.safetensors")
            try CheckpointTests.writeShard(["a"], to: folder + "/model-b.safetensors")
        }
        #expect(
            twice?.kind
                == .duplicateTensor(first: "model-a.safetensors", second: "model-b.safetensors"))
    }

    @Test func aTruncatedShardIsRefused() throws {
        let fault = try CheckpointTests.faultOfOpening { folder in
            let path = folder + "/m.safetensors"
            try CheckpointTests.writeShard(["a", "b"], to: path)
            let bytes = try InputFile.contents(path: path)
            try OutputFile.write(bytes.dropLast(), to: path)
            try CheckpointTests.writeIndex(
                ["a": "m.safetensors", "b": "m.safetensors"], in: folder)
        }
        #expect(fault?.kind == .truncated(byteCount: 2, available: 1))
    }

    @Test(arguments: [
        "../m.safetensors", "/etc/passwd", "a/b.safetensors", "..", ".", "", "a\\b", "a\u{0}b",
    ])
    func shardNamesThatLeaveTheDirectoryAreRefused(_ name: String) throws {
        let fault = try CheckpointTests.faultOfOpening { folder in
            try CheckpointTests.writeIndex(["a": name], in: folder)
        }
        #expect(fault?.kind == .unsafeShardName(name))
    }

    @Test(arguments: [
        ("{}", "nothing"), (#"{"weight_map":[]}"#, "an array"),
        (#"{"weight_map":{}}"#, "no tensors"), (#"{"weight_map":{"a":1}}"#, "an integer"),
    ])
    func malformedIndexesAreRefused(_ text: String, _ found: String) throws {
        let fault = try CheckpointTests.faultOfOpening { folder in
            try OutputFile.write(Array(text.utf8), to: folder + "/model.safetensors.index.json")
        }
        guard case .malformedIndex(found, _)? = fault?.kind else {
            Issue.record("found \(String(describing: fault))")
            return
        }
    }

    @Test func anIndexThatIsNotJSONOrNamesATensorTwiceIsRefused() throws {
        for text in ["{", #"{"weight_map":{"a":"m","a":"n"}}"#] {
            let fault = try CheckpointTests.faultOfOpening { folder in
                try OutputFile.write(Array(text.utf8), to: folder + "/model.safetensors.index.json")
            }
            guard case .malformedJSON? = fault?.kind else {
                Issue.record("found \(String(describing: fault))")
                continue
            }
        }
    }

    @Test func directoriesWithoutSafetensorsSayWhy() throws {
        #expect(try CheckpointTests.faultOfOpening { _ in }?.kind == .noWeights)
        let pickled = try CheckpointTests.faultOfOpening { folder in
            try OutputFile.write([0x80, 0x02], to: folder + "/pytorch_model.bin")
        }
        #expect(pickled?.kind == .pickledWeights(["pytorch_model.bin"]))
        #expect(throws: FileError.self) { _ = try Checkpoint(directory: "/nonexistent") }
    }

    @Test func whatIsWrittenIsReadBack() throws {
        try Fixtures.withTemporaryFolder { folder in
            let path = folder + "/model.safetensors"
            let shape = try #require(Shape([2, 3]))
            let name = "layer \"0\"\n\u{1F600}é"
            let numbers: [Float] = [0, -1, 2.5, .infinity, 0x1p-130, 3]
            let writer = try SafetensorsWriter(
                path: path, tensors: [.init(name: name, dataType: .F32, shape: shape)],
                metadata: [("format", "pt")])
            #expect(!Fixtures.exists(path))
            try numbers.withUnsafeBytes { bytes in
                try writer.write(UnsafeRawBufferPointer(rebasing: bytes[..<8]), tensor: 0, at: 0)
                try writer.write(UnsafeRawBufferPointer(rebasing: bytes[8...]), tensor: 0, at: 8)
            }
            try writer.finish()
            let file = try SafetensorsFile(path: path)
            #expect(file.tensors.map(\.name) == [name])
            #expect(try values(file, name) == numbers)
            #expect(file.tensors[0].offset % 8 == 0)
            #expect(file.metadata.map(\.value) == ["pt"])
        }
    }
}
