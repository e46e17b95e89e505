import GGUF
import Quantization
import TensorCore

/// A model's tensors by name.
struct TensorIndex: Sendable {
    let source: any TensorSource
    private let numbers: [ByteString: Int]

    init(_ source: any TensorSource) {
        self.source = source
        numbers = Dictionary(
            source.tensors.enumerated().map { (ByteString($1.name), $0) },
            uniquingKeysWith: { first, _ in first })
    }

    func has(_ name: String) -> Bool { numbers[ByteString(name)] != nil }

    /// The number of rows of a tensor that is there.
    func rowCount(of name: String) -> Int? {
        numbers[ByteString(name)].map { source.tensors[$0].shape.rowCount }
    }

    /// The number of the tensor `name`, which must have this shape and be decodable.
    func number(_ name: String, shape: [Int]) throws(InferenceError) -> Int {
        guard let number = numbers[ByteString(name)] else {
            throw InferenceError(
                .missingTensor(expected: "\(shape)"), path: source.path, place: name)
        }
        let found = source.tensors[number]
        // A matrix of one row may be stored as a vector, and the other way round.
        guard found.shape.dimensions.drop(while: { $0 == 1 }) == shape.drop(while: { $0 == 1 })
        else {
            throw InferenceError(
                .shape(found: "\(found.shape)", expected: "\(shape)"), path: source.path,
                place: name)
        }
        try checkFormat(number)
        return number
    }

    /// The number of a tensor of integers.
    func number(ofIntegers name: String) -> Int? { numbers[ByteString(name)] }

    /// The number of a matrix whose row count the metadata do not tell.
    func matrix(
        _ name: String, rowLength: Int
    ) throws(InferenceError) -> (number: Int, rowCount: Int) {
        guard let number = numbers[ByteString(name)] else {
            throw InferenceError(
                .missingTensor(expected: "[rows, \(rowLength)]"), path: source.path, place: name)
        }
        let shape = source.tensors[number].shape
        guard shape.rank == 2, shape.rowLength == rowLength, shape.rowCount > 0 else {
            throw InferenceError(
                .shape(found: "\(shape)", expected: "[rows, \(rowLength)]"), path: source.path,
                place: name)
        }
        try checkFormat(number)
        return (number, shape.rowCount)
    }

    private func checkFormat(_ number: Int) throws(InferenceError) {
        let found = source.tensors[number]
        guard found.format.decode != nil else {
            throw InferenceError(
                .undecodable(format: found.format.name), path: source.path, place: found.name)
        }
    }

    /// The values of a vector.
    func vector(_ name: String, count: Int) throws -> [Float] {
        try rows(0..<1, of: number(name, shape: [count]), length: count)
    }

    /// The values of some of a matrix's rows.
    func rows(_ rows: Range<Int>, of number: Int, length: Int) throws -> [Float] {
        try [Float](unsafeUninitializedCapacity: rows.count * length) { buffer, filled in
            guard let base = buffer.baseAddress else { return }
            try source.readRows(rows, ofTensor: number, into: base, scratch: ScratchBuffer())
            filled = rows.count * length
        }
    }
}
