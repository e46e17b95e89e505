public import GGUF
import Quantization

extension Model {
    /// The matrices that take in numbers as they are even where activations are rounded: those stored
    /// as F32, and those that turn latent rows into keys and values, which belong to attention.
    public var matricesWithoutRounding: [TensorDescription] {
        var names: [String] = []
        for block in blocks {
            for stack in block.stacks {
                names += stack.parts.filter { $0.rounding == .none }.map(\.tensor)
            }
            names += block.mixers.flatMap(\.otherMatrices)
        }
        let found = Set(names)
        return source.tensors.enumerated().filter { number, tensor in
            found.contains(tensor.name) || (number == output && tensor.format == .F32)
        }.map(\.element)
    }
}
