import Architectures
import GGUF
import Inference
import Pipeline
import Quantization
import TensorCore

/// Which inputs a calibration sums, and which tensors are rounded by them.
struct RoundingSchedule: Sendable {
    /// An input that is summed.
    struct Input: Sendable {
        var group: InputGroup
        /// The block; `nil` for the output matrix.
        var block: Int?
    }

    /// What is rounded after one preparation.
    struct Step: Sendable {
        /// The number of its input.
        var input: Int
        var group: RoundingGroup
    }

    private let segmentWidth: Int
    private(set) var inputs: [Input] = []
    private(set) var steps: [Step] = []
    /// Tensors that get blocks and whose input cannot be observed.
    private(set) var unobserved: [String] = []

    /// Finds the inputs of the tensors that `formats` names.
    ///
    /// - Parameters:
    ///   - formats: The formats with blocks that each tensor is written in, by its number.
    ///   - segmentWidth: The most columns that are rounded with regard to each other.
    init(_ model: Model, formats: [Int: [Format]], segmentWidth: Int) {
        self.segmentWidth = segmentWidth
        var numbers: [String: Int] = [:]
        for (number, tensor) in model.source.tensors.enumerated() { numbers[tensor.name] = number }
        var covered: Set<Int> = []
        for block in model.description.blocks.indices {
            for names in model.linearInputs(ofBlock: block) {
                add(names, block: block, model, numbers, formats, &covered)
            }
        }
        add([model.description.output], block: nil, model, numbers, formats, &covered)
        unobserved = formats.keys.filter { !covered.contains($0) }.sorted().map {
            model.source.tensors[$0].name
        }
    }

    private mutating func add(
        _ names: [String], block: Int?, _ model: Model, _ numbers: [String: Int],
        _ formats: [Int: [Format]], _ covered: inout Set<Int>
    ) {
        let tensors = names.compactMap { numbers[$0] }.filter {
            formats[$0] != nil && !covered.contains($0)
        }
        guard let first = tensors.first else { return }
        covered.formUnion(tensors)
        let shape = model.source.tensors[first].shape
        let matrixCount = shape.rank > 2 ? shape.dimensions[shape.rank - 3] : nil
        let group = InputGroup(
            tensors: names, matrixCount: matrixCount, columnCount: shape.rowLength,
            segmentWidth: segmentWidth)
        inputs.append(Input(group: group, block: block))
        let input = inputs.count - 1
        guard let matrixCount else {
            steps.append(Step(input: input, group: RoundingGroup(tensors: tensors)))
            return
        }
        steps += (0..<matrixCount).map {
            Step(input: input, group: RoundingGroup(tensors: tensors, matrix: $0))
        }
    }
}
