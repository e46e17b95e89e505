import Safetensors
import TensorCore
import TestSupport
import Testing

/// A safetensors file from a header's text and data bytes.
func fileBytes(_ header: String, data: [UInt8] = []) -> [UInt8] {
    var builder = ByteBuilder()
    builder.append(UInt64(header.utf8.count))
    builder.append(header)
    return builder.bytes + data
}

/// Writes `bytes` into a temporary file and passes its path.
func withFile<Result>(_ bytes: [UInt8], _ body: (String) throws -> Result) throws -> Result {
    try Fixtures.withTemporaryFolder { folder in
        let path = folder + "/model.safetensors"
        try OutputFile.write(bytes, to: path)
        return try body(path)
    }
}

/// The kind of error that opening these bytes gives, or `nil` when they are accepted.
func kindOfOpening(_ bytes: [UInt8]) throws -> SafetensorsError.Kind? {
    try withFile(bytes) { path in
        do {
            _ = try SafetensorsFile(path: path)
            return nil
        } catch let error as SafetensorsError {
            #expect(error.path == path)
            #expect(!error.description.isEmpty)
            return error.kind
        }
    }
}

struct MalformedHeader: Sendable, CustomTestStringConvertible {
    let name: String
    let bytes: [UInt8]
    let expected: SafetensorsError.Kind
    var testDescription: String { name }

    init(_ name: String, _ bytes: [UInt8], _ expected: SafetensorsError.Kind) {
        (self.name, self.bytes, self.expected) = (name, bytes, expected)
    }

    init(_ name: String, _ header: String, data: Int = 0, _ expected: SafetensorsError.Kind) {
        self.init(name, fileBytes(header, data: [UInt8](repeating: 0, count: data)), expected)
    }
}

@Suite struct HeaderTests {
    static let malformed: [MalformedHeader] = [
        .init("empty file", [], .tooShort(byteCount: 0)),
        .init("seven bytes", [UInt8](repeating: 0, count: 7), .tooShort(byteCount: 7)),
        .init(
            "a header length of all ones", [UInt8](repeating: 0xFF, count: 8),
            .headerTooLong(byteCount: .max, limit: 100_000_000)),
        .init(
            "a header longer than the file", [9, 0, 0, 0, 0, 0, 0, 0] + Array("{}".utf8),
            .headerTruncated(byteCount: 9, available: 2)),
        .init("no header", "", .malformedHeader(found: "nothing", expected: "a JSON object")),
        .init(
            "a header that starts with a space", " {}",
            .malformedHeader(found: "byte 0x20", expected: "a JSON object")),
        .init(
            "an array for a header", "[]",
            .malformedHeader(found: "byte 0x5b", expected: "a JSON object")),
        .init(
            "a tensor that is a number", #"{"a":1}"#,
            .malformedHeader(found: "an integer", expected: "an object")),
        .init(
            "no dtype", #"{"a":{"shape":[],"data_offsets":[0,0]}}"#,
            .malformedHeader(found: "no dtype", expected: "a data type's name")),
        .init(
            "an unknown dtype", #"{"a":{"dtype":"F13","shape":[],"data_offsets":[0,0]}}"#,
            .unknownDataType("F13")),
        .init(
            "no shape", #"{"a":{"dtype":"F32","data_offsets":[0,4]}}"#,
            .malformedHeader(found: "nothing for shape", expected: "an array of integers")),
        .init(
            "a real number in the shape",
            #"{"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}"#,
            .malformedHeader(found: "a real number in shape", expected: "an integer")),
        .init(
            "a negative dimension", #"{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}"#,
            .invalidShape("[-1]")),
        .init(
            "dimensions whose product overflows",
            #"{"a":{"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0]}}"#,
            .invalidShape("[4294967296, 4294967296]")),
        .init(
            "bytes that overflow",
            #"{"a":{"dtype":"F32","shape":[4611686018427387904],"data_offsets":[0,0]}}"#,
            .invalidShape("[4611686018427387904]")),
        .init(
            "half a byte of F4", #"{"a":{"dtype":"F4","shape":[3],"data_offsets":[0,1]}}"#, data: 1,
            .invalidShape("[3]")),
        .init(
            "one offset", #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4]}}"#, data: 4,
            .malformedHeader(found: "1 data_offsets", expected: "a start and an end")),
        .init(
            "offsets in reverse", #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}"#,
            data: 4, .invalidRange(start: 4, end: 0)),
        .init(
            "a negative offset", #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}}"#,
            data: 4, .invalidRange(start: -4, end: 0)),
        .init(
            "an offset at the largest integer",
            #"{"a":{"dtype":"F32","shape":[0],"data_offsets":[9223372036854775807,9223372036854775807]}}"#,
            .invalidRange(start: .max, end: .max)),
        .init(
            "more bytes than the shape takes",
            #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,8]}}"#, data: 8,
            .byteCountMismatch(found: 8, expected: 4)),
        .init(
            "data past the file's end",
            #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, data: 4,
            .truncated(byteCount: 8, available: 4)),
        .init(
            "bytes after the last tensor",
            #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, data: 5,
            .trailingBytes(count: 1)),
        .init(
            "bytes before the first tensor",
            #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#, data: 8,
            .gap(byteCount: 4)),
        .init(
            "two tensors on the same bytes",
            #"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}}"#,
            data: 6, .overlap(with: "a")),
        .init(
            "metadata that is a list", #"{"__metadata__":[]}"#,
            .malformedHeader(found: "an array", expected: "an object of strings")),
        .init(
            "metadata with a number", #"{"__metadata__":{"a":1}}"#,
            .malformedHeader(found: "an integer", expected: "a string")),
    ]

    @Test("is refused", arguments: malformed)
    func refused(_ header: MalformedHeader) throws {
        #expect(try kindOfOpening(header.bytes) == header.expected)
    }

    @Test(
        "JSON faults are refused with their place",
        arguments: [
            "{", #"{"a""#, #"{"a":{}"#, #"{"a":{"dtype":"F32",}}"#, #"{} x"#,
            #"{"a":{},"a":{}}"#, "{\"\u{1}\":{}}",
            "{" + String(repeating: #""a":{"#, count: 40),
        ])
    func malformedJSON(_ header: String) throws {
        guard case .malformedJSON? = try kindOfOpening(fileBytes(header)) else {
            Issue.record("accepted, or refused for another reason: \(header)")
            return
        }
    }

    @Test func invalidUTF8IsRefused() throws {
        let bytes = fileBytes("{\"").dropFirst(8) + [0xFF, 0xFE] + Array("\":{}}".utf8)
        var builder = ByteBuilder()
        builder.append(UInt64(bytes.count))
        guard case .malformedJSON? = try kindOfOpening(builder.bytes + bytes) else {
            Issue.record("accepted")
            return
        }
    }

    static let sound = fileBytes(
        #"{"__metadata__":{"format":"pt"},"b":{"dtype":"BF16","shape":[2,1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]},"z":{"dtype":"I8","shape":[0],"data_offsets":[8,8]}}"#,
        data: [0x80, 0x3F, 0, 0xC0, 0, 0, 0, 0x41])

    @Test func aSoundFileIsRead() throws {
        try withFile(HeaderTests.sound) { path in
            let file = try SafetensorsFile(path: path)
            #expect(file.tensors.map(\.name) == ["a", "b", "z"])
            #expect(file.tensors[1].shape.dimensions == [2, 1])
            #expect(file.metadata.map(\.key) == ["format"])
            #expect(file.index(ofTensor: "b") == 1)
            #expect(file.index(ofTensor: "zz") == nil)
            #expect(try values(file, "b") == [1, -2])
            #expect(try values(file, "a") == [8])
        }
    }

    @Test func everyTruncationIsRefused() throws {
        try Fixtures.withTemporaryFolder { folder in
            for count in 0..<HeaderTests.sound.count {
                let path = folder + "/\(count)"
                try OutputFile.write(Array(HeaderTests.sound.prefix(count)), to: path)
                #expect(throws: SafetensorsError.self, "\(count) bytes") {
                    _ = try SafetensorsFile(path: path)
                }
            }
        }
    }

    /// Any damage to the header gives an error or a file whose ranges are inside it, never a trap.
    @Test func damagedHeadersNeverTrap() throws {
        let seed: UInt64 = 0x5AFE
        var random = SeededRandom(seed: seed)
        try Fixtures.withTemporaryFolder { folder in
            let path = folder + "/damaged"
            for _ in 0..<1500 {
                var bytes = HeaderTests.sound
                for _ in 0..<Int.random(in: 1...3, using: &random) {
                    let index = Int.random(in: 0..<(bytes.count - 8), using: &random)
                    bytes[index] = UInt8.random(in: 0...255, using: &random)
                }
                try OutputFile.write(bytes, to: path)
                guard let file = try? SafetensorsFile(path: path) else { continue }
                for tensor in file.tensors {
                    #expect(tensor.offset + tensor.byteCount <= bytes.count, "seed \(seed)")
                }
            }
        }
    }
}

/// All values of a tensor.
func values(_ file: SafetensorsFile, _ name: String) throws -> [Float] {
    let index = try #require(file.index(ofTensor: name))
    let tensor = file.tensors[index]
    let count = tensor.shape.elementCount
    var result = [Float](repeating: .nan, count: count)
    try result.withUnsafeMutableBufferPointer { buffer in
        guard let base = buffer.baseAddress else { return }
        try file.readElements(0..<count, of: tensor, into: base, scratch: ScratchBuffer())
    }
    return result
}
