import GGUF
import TensorCore

/// A source without some of its blocks; the blocks after them move up.
struct PrunedSource: ForwardingSource {
    let base: any TensorSource
    /// For each tensor its number in the base.
    let positions: [Int]
    let tensors: [TensorDescription]
    let metadata: Metadata
    /// What becomes different although the blocks that stay have the same weights.
    let remarks: [String]

    /// For each tensor the name that it has in the base.
    var originalNames: [String] { positions.map { base.tensors[$0].name } }

    /// Removes blocks.
    ///
    /// - Parameters:
    ///   - metadata: The base's metadata, with what the user set.
    ///   - blocks: The numbers of the blocks, at least one.
    /// - Throws: `PipelineError` when the model has no such block or no other, or would not be one
    ///   without it.
    init(_ base: any TensorSource, metadata: Metadata, without blocks: Set<Int>) throws {
        let found = Set(base.tensors.compactMap { BlockName(of: $0.name)?.block })
        for block in blocks.sorted() where !found.contains(block) {
            throw PipelineError(
                .noSuchBlock(block, last: found.max()), path: base.path, place: "--prune-layers")
        }
        guard found.count > blocks.count else {
            throw PipelineError(
                .noSuchBlock(blocks.count, last: nil), path: base.path, place: "--prune-layers")
        }
        // Blocks before the first removed one keep their numbers, the others close up.
        let first = blocks.min() ?? 0
        var numbers: [Int: Int] = [:]
        var next = 0
        for block in found.sorted() where !blocks.contains(block) {
            if block < first { next = block }
            numbers[block] = next
            next += 1
        }
        var positions: [Int] = []
        var tensors: [TensorDescription] = []
        for (index, tensor) in base.tensors.enumerated() {
            var name = tensor.name
            if let block = BlockName(of: name) {
                guard let number = numbers[block.block] else { continue }
                name = "\(block.before)\(number)\(block.after)"
            }
            positions.append(index)
            tensors.append(
                TensorDescription(name: name, shape: tensor.shape, format: tensor.format))
        }
        self.base = base
        self.positions = positions
        self.tensors = tensors
        let kept = numbers.keys.sorted()
        let cut = try PrunedMetadata(
            metadata, keeping: kept, tensors: base.tensors, path: base.path)
        var pruned = cut.metadata
        if let architecture = metadata["general.architecture"]?.text {
            // A decoder may have more blocks than its encoder.
            let key = "\(architecture).block_count"
            let count = metadata[key]?.integer.map { all in kept.count { $0 < all } } ?? next
            pruned.moveToEnd(key, .uint32(UInt32(clamping: count)))
        }
        self.metadata = pruned
        remarks = cut.remarks
    }

    func position(ofTensor tensor: Int) -> Int { positions[tensor] }
}

/// A tensor name taken apart at its block's number: `blk.`, 12, `.attn_q.weight`.
private struct BlockName {
    let before: String
    let block: Int
    let after: String

    init?(of name: String) {
        guard let match = name.firstMatch(of: /blk\.([0-9]+)\./), let block = Int(match.output.1)
        else { return nil }
        self.block = block
        before = String(name[..<match.output.1.startIndex])
        after = String(name[match.output.1.endIndex...])
    }
}
