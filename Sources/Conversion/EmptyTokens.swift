import GGUF
import TensorCore
import Tokenization

extension TensorMapping {
    /// The tokens from a number on whose embeddings are zeros.
    ///
    /// Complexity: reads the rows of these embeddings.
    func emptyTokens(after first: Int) throws -> [Int32] {
        guard let place = tensors.firstIndex(where: { $0.name == "token_embd.weight" }) else {
            return []
        }
        let shape = tensors[place].shape
        var empty: [Int32] = []
        let row = UnsafeMutableBufferPointer<Float>.allocate(capacity: shape.rowLength)
        defer { row.deallocate() }
        guard let base = row.baseAddress else { return [] }
        let scratch = ScratchBuffer()
        for token in first..<max(first, shape.rowCount) {
            try contents[place].readFloats(
                token..<token + 1, rowLength: shape.rowLength, into: base, scratch: scratch)
            if row.allSatisfy({ $0 == 0 }) { empty.append(Int32(clamping: token)) }
        }
        return empty
    }
}

extension HFTokenizer {
    /// How many tokens the tokenizer's model has, without those that are added and rows that have none.
    var ownTokenCount: Int {
        let added = Set(addedTokens.map(\.id))
        return vocabulary.tokens.indices.count {
            !added.contains($0) && vocabulary.types[$0] != .unused
        }
    }
}
