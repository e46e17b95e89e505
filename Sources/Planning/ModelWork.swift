import GGUF
import TensorCore

/// What a step of a model reads and computes.
public struct ModelWork: Sendable, Hashable {
    /// A part of the weights that a step with one text reads whole.
    public let denseByteCount: Int
    /// The bytes of all experts, of which a token takes some.
    public let expertByteCount: Int
    /// The parameters that each token is multiplied by, without experts.
    public let denseParameterCount: Int
    /// The parameters of all experts.
    public let expertParameterCount: Int
    /// The number of experts in a layer; 1 where there are none.
    public let expertCount: Int
    /// The number of experts that a token takes.
    public let usedExpertCount: Int
    /// All parameters of the model.
    public let parameterCount: Int
    /// All bytes of its tensors.
    public let byteCount: Int

    /// Looks at the tensors of a model.
    ///
    /// Embeddings are looked up, a row for a token, unless they serve as output matrix too; layers
    /// that predict further tokens are not run.
    ///
    /// - Parameter otherByteCount: The bytes of what is stored beside them, and not read.
    /// - Throws: `PlanningError` when the bytes cannot be counted.
    init(
        _ tensors: [PlannedModel.Tensor], otherByteCount: Int, layerCount: Int,
        experts: (count: Int, used: Int)
    ) throws(PlanningError) {
        var (dense, routed) = (Count(), Count())
        var all = Count(bytes: otherByteCount)
        let isTied = !tensors.contains { $0.name == "output.weight" }
        for tensor in tensors {
            try all.add(tensor)
            let parts = tensor.name.split(separator: ".")
            if parts.first == "blk", parts.count > 1, let block = Int(parts[1]),
                block >= layerCount
            {
                continue
            }
            if tensor.name.contains("_exps.") {
                try routed.add(tensor)
            } else if !ModelWork.isLookedUp(tensor.name, isTied: isTied) {
                try dense.add(tensor)
            }
        }
        (denseByteCount, denseParameterCount) = (dense.bytes, dense.elements)
        (expertByteCount, expertParameterCount) = (routed.bytes, routed.elements)
        (byteCount, parameterCount) = (all.bytes, all.elements)
        expertCount = max(1, experts.count)
        usedExpertCount = min(max(1, experts.used), expertCount)
    }

    private static func isLookedUp(_ name: String, isTied: Bool) -> Bool {
        switch name {
        case "token_embd.weight": !isTied
        case "per_layer_token_embd.weight", "position_embd.weight", "token_types.weight": true
        default: false
        }
    }

    private struct Count {
        var bytes = 0
        var elements = 0

        mutating func add(_ tensor: PlannedModel.Tensor) throws(PlanningError) {
            guard let bytes = bytes.adding(checked: tensor.byteCount),
                let elements = elements.adding(checked: tensor.elementCount)
            else { throw PlanningError(.tooLarge) }
            (self.bytes, self.elements) = (bytes, elements)
        }
    }

    /// Which part of the experts a step with `batch` tokens reads, when each takes `k` of `E` at
    /// random: `1 − (1 − k/E)^batch`.
    public func expertShare(batch: Int) -> Double {
        var missed = 1.0
        let other = 1 - Double(usedExpertCount) / Double(expertCount)
        // A power by squaring needs no mathematics library.
        var (base, rest) = (other, batch)
        while rest > 0 {
            if rest & 1 == 1 { missed *= base }
            base *= base
            rest >>= 1
        }
        return 1 - missed
    }

    /// The bytes of weights that a step with `batch` tokens reads.
    public func readByteCount(batch: Int) -> Double {
        Double(denseByteCount) + Double(expertByteCount) * expertShare(batch: batch)
    }

    /// The parameters that a token is multiplied by.
    public var activeParameterCount: Double {
        Double(denseParameterCount)
            + Double(expertParameterCount) * Double(usedExpertCount) / Double(expertCount)
    }
}
