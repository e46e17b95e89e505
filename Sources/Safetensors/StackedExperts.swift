import TensorCore

extension TensorPool {
    /// Takes apart what MLX stacks: `mlp.switch_mlp.up_proj.weight` `[experts, rows, columns]`
    /// becomes the experts' own tensors, as the model's authors name them.
    mutating func splitStackedExperts() {
        // Mixtral and its like call the matrices otherwise.
        let names = ["gate_proj": "w1", "down_proj": "w2", "up_proj": "w3"]
        let part = ".switch_mlp."
        for tensor in all {
            // An expert has some values: a header cannot ask for more tensors than the file backs.
            guard let range = tensor.name.firstRange(of: part), tensor.shape.rank >= 2,
                let count = tensor.shape.dimensions.first, (1...1 << 12).contains(count),
                tensor.shape.elementCount / count >= 32
            else { continue }
            let block = tensor.name[..<range.lowerBound]
            var rest = String(tensor.name[range.upperBound...])
            if block.hasSuffix("block_sparse_moe"), let dot = rest.firstIndex(of: "."),
                let name = names[String(rest[..<dot])]
            {
                rest = name + rest[dot...]
            }
            let experts = (0..<count).compactMap { expert in
                tensor.slice(expert, of: count, named: "\(block).experts.\(expert).\(rest)")
            }
            if experts.count == count { replace(tensor.name, by: experts) }
        }
    }
}

extension CheckpointTensor {
    /// One of `count` tensors along the first dimension; `nil` where elements are not whole bytes.
    fileprivate func slice(_ number: Int, of count: Int, named name: String) -> CheckpointTensor? {
        guard let shape = Shape(Array(self.shape.dimensions.dropFirst())) else { return nil }
        let storage: Storage
        switch self.storage {
        case .stored(let tensor):
            guard let byteCount = tensor.dataType.byteCount(elementCount: shape.elementCount) else {
                return nil
            }
            storage = .stored(
                StoredTensor(
                    name: name, dataType: tensor.dataType, shape: shape,
                    offset: tensor.offset + number * byteCount, byteCount: byteCount))
        case .dequantized(let tensor):
            storage = .dequantized(
                DequantizedSlice(
                    base: tensor, shape: shape, start: number * shape.elementCount))
        }
        return CheckpointTensor(name: name, shape: shape, storage: storage, shard: shard)
    }
}

/// A part of a dequantized tensor along its first dimension.
private struct DequantizedSlice: DequantizedTensor {
    let base: any DequantizedTensor
    let shape: Shape
    let start: Int

    func readElements(
        _ elements: Range<Int>, into destination: UnsafeMutablePointer<Float>,
        scratch: ScratchBuffer
    ) throws {
        try unsafe base.readElements(
            start + elements.lowerBound..<start + elements.upperBound, into: destination,
            scratch: scratch)
    }
}
