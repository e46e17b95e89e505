/// What a file is to come to.
public enum AllocationTarget: Sendable, Hashable {
    /// At most so many bytes, the whole file.
    case byteCount(Int)
    /// At most so many bits for each value of all tensors, headers and padding not counted.
    case bitsPerWeight(Double)
    /// The smallest file whose mean KL divergence, in nats, is at most this on every text.
    case divergence(Double)
}
