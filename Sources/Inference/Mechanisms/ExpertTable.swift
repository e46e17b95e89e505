import Architectures
import GGUF
import Quantization
import TensorCore

/// The experts of every token of a vocabulary, in memory.
struct ExpertTable: Sendable {
    private let numbers: [Int32]
    private let usedCount: Int

    /// Reads a table, and checks that it names experts.
    init(
        _ name: String, _ experts: BlockDescription.Experts, _ tensors: TensorIndex
    ) throws(InferenceError) {
        let source = tensors.source
        usedCount = experts.usedCount
        guard let number = tensors.number(ofIntegers: name),
            case let tensor = source.tensors[number], tensor.format == .I32,
            source.holdsBytes(ofTensor: number)
        else {
            throw InferenceError(
                .missingTensor(expected: "I32 [tokens, \(usedCount)]"), path: source.path,
                place: name)
        }
        guard tensor.shape.rank == 2, tensor.shape.rowLength == usedCount else {
            throw InferenceError(
                .shape(found: "\(tensor.shape)", expected: "[tokens, \(usedCount)]"),
                path: source.path, place: name)
        }
        var values = [Int32](repeating: 0, count: tensor.shape.elementCount)
        do {
            try values.withUnsafeMutableBytes {
                try source.readBytes(
                    ofRows: 0..<tensor.shape.rowCount, ofTensor: number, into: $0)
            }
        } catch {
            throw InferenceError(
                .missingTensor(expected: "\(error)"), path: source.path, place: name)
        }
        numbers = values.map { Int32(littleEndian: $0) }
        if let other = numbers.first(where: { !(0..<experts.count).contains(Int($0)) }) {
            throw InferenceError(
                .shape(found: "expert \(other)", expected: "0 ..< \(experts.count)"),
                path: source.path, place: name)
        }
    }

    /// The experts of a token; `nil` for one that the table does not have.
    func experts(of token: Int32) -> ArraySlice<Int32>? {
        let first = Int(token) * usedCount
        return first + usedCount <= numbers.count ? numbers[first..<first + usedCount] : nil
    }
}
