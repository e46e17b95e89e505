import Architectures
public import GGUF
import Quantization
import TensorCore

extension Model {
    /// The matrices that take in numbers as they are even where activations are rounded: those stored
    /// as F32, and those that turn latent rows into keys and values, which belong to attention.
    public var matricesWithoutRounding: [TensorDescription] {
        var names: [String] = []
        for block in blocks {
            for stack in block.stacks {
                names += stack.parts.filter { $0.rounding == .none }.map(\.tensor)
            }
            names += block.otherMatrices
        }
        let found = Set(names)
        return source.tensors.enumerated().filter { number, tensor in
            found.contains(tensor.name) || (number == output && tensor.format == .F32)
        }.map(\.element)
    }

    /// The matrices of a block that an observer is told of, those that take the same input together.
    public func linearInputs(ofBlock number: Int) -> [[String]] {
        let block = blocks[number]
        return block.stacks.map { $0.parts.map(\.tensor) }
            + block.otherMatrices.map { [$0] }
    }
}

extension Model {
    /// The stored bytes of the matrices that a token is multiplied with, of experts those that it
    /// takes.
    public var weightByteCountPerToken: Int {
        var shares = [output: 1.0]
        for block in blocks {
            for part in block.stacks.flatMap(\.parts) { shares[part.number] = 1 }
            for heads in block.headMatrices { shares[heads.number] = 1 }
            guard case .experts(let experts) = block.feedForward else { continue }
            for part in experts.network.stacks.flatMap(\.parts) {
                shares[part.number] =
                    Double(experts.description.usedCount) / Double(experts.description.count)
            }
        }
        return shares.reduce(0) { sum, share in
            let tensor = source.tensors[share.key]
            let bytes = tensor.format.byteCount(
                rowLength: tensor.shape.rowLength, rowCount: tensor.shape.rowCount)
            return sum + Int(Double(bytes ?? 0) * share.value)
        }
    }
}
