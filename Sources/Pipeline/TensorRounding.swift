import GGUF
public import Quantization

/// A way to round tensors that knows more than their values: error feedback with what a calibration
/// text says of their inputs.
///
/// A walk takes the groups one after the other: it prepares a group, then encodes its rows from all
/// workers. Tensors of no group are rounded by their formats' encoders.
public protocol TensorRounding: Sendable {
    /// What is prepared together, in the order in which it is prepared.
    var groups: [RoundingGroup] { get }
    /// About how much memory it takes at the most, in bytes.
    var memoryByteCount: Int { get }
    /// What the bytes depend on and the plans do not say: a run is not resumed with another.
    var identity: String { get }

    /// Prepares a group; called for those with rows left to encode only, in their order, while no
    /// row is being encoded.
    func prepare(group: Int) throws

    /// Encodes rows of the group that was prepared last; called from several threads at once.
    ///
    /// - Parameters:
    ///   - rows: `rowCount` rows of finite values.
    ///   - tensor: The tensor's number in the source.
    ///   - destination: Room for the rows in `format`, which has blocks.
    func encode(
        _ rows: UnsafePointer<Float>, rowCount: Int, tensor: Int, as format: Format,
        into destination: UnsafeMutableRawPointer)
}

/// Matrices that are rounded after one preparation: those that take the same input.
public struct RoundingGroup: Sendable, Hashable {
    /// The tensors' numbers in the source.
    public var tensors: [Int]
    /// Where the tensors are stacks of matrices (experts): which of them; `nil` for whole tensors.
    public var matrix: Int?

    /// Puts matrices together.
    public init(tensors: [Int], matrix: Int? = nil) {
        self.tensors = tensors
        self.matrix = matrix
    }
}

extension WorkList {
    /// The chunks that are left, in stages: those of no group, then group by group.
    func stages(
        of rounding: (any TensorRounding)?, remaining: [Int]
    ) -> [(group: Int?, chunks: [Int])] {
        guard let rounding else { return [(nil, remaining)] }
        var groupNumbers: [RoundingGroup: Int] = [:]
        for (number, group) in rounding.groups.enumerated() {
            for tensor in group.tensors {
                groupNumbers[RoundingGroup(tensors: [tensor], matrix: group.matrix)] = number
            }
        }
        var plain: [Int] = []
        var stages = [[Int]](repeating: [], count: rounding.groups.count)
        for chunk in remaining {
            let (tensor, matrix) = (chunks[chunk].tensor, matrices[chunk])
            let number =
                groupNumbers[RoundingGroup(tensors: [tensor])]
                ?? groupNumbers[RoundingGroup(tensors: [tensor], matrix: matrix)]
            if let number { stages[number].append(chunk) } else { plain.append(chunk) }
        }
        return [(nil, plain)] + stages.enumerated().map { ($0.offset, $0.element) }
    }
}
