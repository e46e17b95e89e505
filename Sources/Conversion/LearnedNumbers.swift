import Architectures
import Safetensors
import TensorCore

/// Collects the numbers that every layer has learned, which a GGUF file has as metadata.
struct LearnedNumbers {
    private let numbers: [CheckpointRules.LayerScalar]
    private let blockCount: Int
    private var found: [[Int: Float]]
    /// The entries, in the order in which they became complete, as the reference converter has them.
    private(set) var entries: [MetadataEntry] = []

    init(_ family: ModelFamily, configuration: ModelConfiguration) throws {
        numbers = family.checkpoint.layerScalars
        blockCount = try configuration.blockCount()
        found = numbers.map { _ in [:] }
    }

    /// Reads a tensor's value if it is such a number; `false` when it is another tensor.
    mutating func add(_ values: any ReadableTensor, named name: String) throws -> Bool {
        for (index, number) in numbers.enumerated() {
            guard let place = number.pattern.place(of: name.utf8), place.block < blockCount else {
                continue
            }
            guard values.shape.elementCount == 1 else {
                throw ConversionError(
                    .shapeMismatch(found: values.shape, expected: number.shape),
                    path: values.path, place: values.name)
            }
            guard values.dataType?.isDecodable ?? true else {
                throw ConversionError(
                    .unsupportedDataType(values.dataType?.rawValue ?? ""), path: values.path,
                    place: values.name)
            }
            var value: Float = 0
            try values.readFloats(0..<1, into: &value, scratch: ScratchBuffer())
            guard found[index].updateValue(value, forKey: place.block) == nil else {
                throw ConversionError(
                    .duplicateTensor(sources: [values.name]), path: values.path, place: values.name)
            }
            if !number.pattern.isPerBlock {
                entries.append(.init(number.key, .float32(value)))
            } else if found[index].count == blockCount {
                let sorted = found[index].sorted { $0.key < $1.key }.map(\.value)
                entries.append(.init(number.key, .float32s(sorted)))
            }
            return true
        }
        return false
    }

    /// The names of tensors that have not come.
    var missing: [String] {
        zip(numbers, found).flatMap { number, found in
            (0..<(number.pattern.isPerBlock ? blockCount : 1)).filter { found[$0] == nil }.map {
                number.pattern.name(block: $0)
            }
        }
    }
}

/// Such a number on the way back: a tensor of one element with a value from a file's metadata.
struct LearnedValue: ReadableTensor {
    let name: String
    let shape: Shape
    let path: String
    let value: Float
    /// The only type that holds what the metadata say whatever it is.
    var dataType: DataType? { .F32 }

    func readElements(
        _ elements: Range<Int>, into destination: UnsafeMutablePointer<Float>,
        scratch: ScratchBuffer
    ) throws {
        if !elements.isEmpty { destination.pointee = value }
    }

    /// The tensors of a family's numbers, in the order of the file's keys.
    static func all(
        of family: ModelFamily, blockCount: Int, metadata: Metadata, path: String
    ) throws -> [LearnedValue] {
        let order = metadata.entries.map(\.key)
        let present = family.checkpoint.layerScalars.compactMap { number in
            order.firstIndex(of: number.key).map { (place: $0, number: number) }
        }
        return try present.sorted { $0.place < $1.place }.flatMap { place, number in
            let value = metadata.entries[place].value
            guard case .float32s(let values) = value, values.count == blockCount,
                let shape = Shape(number.shape)
            else {
                throw ConversionError(
                    .notExportable("\(value.typeName), expected \(blockCount) numbers"),
                    path: path, place: number.key)
            }
            return values.enumerated().map { block, value in
                LearnedValue(
                    name: number.pattern.name(block: block), shape: shape, path: path, value: value)
            }
        }
    }
}
