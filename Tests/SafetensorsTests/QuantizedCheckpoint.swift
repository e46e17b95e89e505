import Foundation
import Safetensors
import TensorCore
import TestSupport
import Testing

/// A checkpoint of one shard, put together tensor by tensor, with a quantization configuration.
struct QuantizedCheckpoint {
    private var tensors: [SafetensorsWriter.Tensor] = []
    private var contents: [[UInt8]] = []
    private let configuration: String

    /// An empty checkpoint; without a configuration when that is empty.
    init(_ configuration: String) { self.configuration = configuration }

    mutating func add(_ name: String, _ type: DataType, _ shape: [Int], bytes: [UInt8]) throws {
        tensors.append(.init(name: name, dataType: type, shape: try #require(Shape(shape))))
        contents.append(bytes)
    }

    mutating func add(_ name: String, _ shape: [Int], floats: [Float]) throws {
        var builder = ByteBuilder()
        for value in floats { builder.append(value) }
        try add(name, .F32, shape, bytes: builder.bytes)
    }

    /// Scales in F16, as most libraries store them.
    mutating func add(_ name: String, _ shape: [Int], halves: [Float]) throws {
        var builder = ByteBuilder()
        for value in halves { builder.append(HalfFloat.f16(from: value)) }
        try add(name, .F16, shape, bytes: builder.bytes)
    }

    mutating func add<Value: FixedWidthInteger>(
        _ name: String, _ type: DataType, _ shape: [Int], _ values: [Value]
    ) throws {
        var builder = ByteBuilder()
        for value in values { builder.append(value) }
        try add(name, type, shape, bytes: builder.bytes)
    }

    /// Writes the checkpoint, opens it and gives its tensors to `body`.
    func open<Result>(_ body: ([CheckpointTensor]) throws -> Result) throws -> Result {
        try openModel { try body($0.tensors) }
    }

    /// What the checkpoint holds; its tensors' values can no longer be read.
    func model(keeping methods: [String] = []) throws -> ModelTensors {
        try openModel(keeping: methods) { $0 }
    }

    private func openModel<Result>(
        keeping methods: [String] = [], _ body: (ModelTensors) throws -> Result
    ) throws -> Result {
        try Fixtures.withTemporaryFolder { folder in
            let path = folder + "/model.safetensors"
            let writer = try SafetensorsWriter(path: path, tensors: tensors)
            for (index, bytes) in contents.enumerated() {
                try bytes.withUnsafeBytes { try writer.write($0, tensor: index) }
            }
            try writer.finish()
            let quantization =
                try configuration.isEmpty
                ? nil
                : QuantizationConfiguration(
                    json: JSON.parse(Array(configuration.utf8), file: "config.json"),
                    path: "config.json", place: "quantization_config")
            return try body(
                Checkpoint(directory: folder).modelTensors(
                    quantization: quantization, keeping: methods))
        }
    }

    /// The values of the tensor called `name`.
    ///
    /// Reads every part of it too: whole rows, and ranges that begin and end within rows.
    func values(_ name: String) throws -> (shape: [Int], values: [Float]) {
        try open { tensors in
            let tensor = try #require(tensors.first { $0.name == name })
            let count = tensor.shape.elementCount
            let whole = try QuantizedCheckpoint.read(tensor, 0..<count)
            for start in stride(from: 0, to: count, by: 3) {
                let range = start..<min(count, start + 1 + start % 11)
                #expect(try QuantizedCheckpoint.read(tensor, range) == Array(whole[range]))
            }
            return (tensor.shape.dimensions, whole)
        }
    }

    /// The error of opening, or of reading everything.
    func fault() throws -> SafetensorsError? {
        do {
            try open { tensors in
                for tensor in tensors {
                    _ = try QuantizedCheckpoint.read(tensor, 0..<tensor.shape.elementCount)
                }
            }
            return nil
        } catch let error as SafetensorsError {
            return error
        }
    }

    static func read(_ tensor: CheckpointTensor, _ range: Range<Int>) throws -> [Float] {
        var values = [Float](repeating: .nan, count: range.count)
        try values.withUnsafeMutableBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return }
            try tensor.readElements(range, into: base, scratch: ScratchBuffer())
        }
        return values
    }
}

/// Codes in words of 32 bits, the first in the lowest bits.
///
/// Made of single bits, unlike the reader.
func packed(_ codes: [Int], bits: Int, crossingWords: Bool = true) -> [Int32] {
    let perWord = 32 / bits
    var stream: [Bool] = []
    for (index, code) in codes.enumerated() {
        if !crossingWords, index > 0, index % perWord == 0 {
            while stream.count % 32 != 0 { stream.append(false) }
        }
        for bit in 0..<bits { stream.append(code >> bit & 1 == 1) }
    }
    while stream.count % 32 != 0 { stream.append(false) }
    return stride(from: 0, to: stream.count, by: 32).map { start in
        Int32(bitPattern: (0..<32).reduce(UInt32(0)) { $0 | (stream[start + $1] ? 1 << $1 : 0) })
    }
}

/// The columns of a matrix given by rows.
func transposed<Value>(_ rows: [[Value]]) -> [[Value]] {
    guard let first = rows.first else { return [] }
    return first.indices.map { column in rows.map { $0[column] } }
}
