import Architectures
import Safetensors
import TensorCore

extension ModelConfiguration {
    /// The most numbers that are read into a configuration.
    private static let numberLimit = 4096

    /// Puts in what the tensors of a checkpoint tell.
    ///
    /// - Throws: `ConversionError` about numbers that are none, `FileError` on a failed read.
    mutating func measure(
        _ values: [any ReadableTensor], by rules: CheckpointRules
    ) throws {
        for length in rules.measured {
            let parts = length.tensor.split(separator: "{xid}", omittingEmptySubsequences: false)
            var sum: Int?
            for tensor in values {
                let name = tensor.name
                guard
                    parts.count == 2
                        ? name.contains(parts[0]) && name.hasSuffix(parts[1])
                        : name == length.tensor || name.hasSuffix("." + length.tensor)
                else { continue }
                let sizes = tensor.shape.dimensions
                guard sizes.indices.contains(length.dimension) else { continue }
                if sum != nil, parts.count < 2 { break }
                sum = sizes[length.dimension].addingReportingOverflow(sum ?? 0).partialValue
            }
            if let sum { set(length.key, .integer(sum)) }
        }
        for numbers in rules.numbers {
            guard let tensor = values.first(where: { $0.name.hasSuffix(numbers.tensor) }) else {
                continue
            }
            let count = tensor.shape.elementCount
            guard count <= ModelConfiguration.numberLimit else {
                throw ConversionError(
                    .invalidValue(
                        found: "\(count) numbers",
                        expected: "at most \(ModelConfiguration.numberLimit)"),
                    path: tensor.path, place: tensor.name)
            }
            let rows = IntegerRows(source: tensor, addsPlace: false, isNarrow: false)
            set(numbers.key, .array(try rows.values(0..<count).map { .integer(Int($0)) }))
        }
        if let pattern = rules.countedBlocks {
            let blocks = values.compactMap { pattern.place(ofNameBeginning: $0.name.utf8)?.block }
            let count = (blocks.max() ?? 0).addingReportingOverflow(1).partialValue
            set("num_hidden_layers", .integer(count))
        }
    }
}
