import Foundation
import GGUF
import Quantization
import Reporting
import Safetensors
import TensorCore

/// What a GGUF or safetensors file holds, as `inspect` shows it.
struct FileContents: Encodable {
    struct Entry: Encodable {
        let key: String
        let type: String
        let value: Value
    }
    struct Tensor: Encodable {
        let name: String
        let type: String
        /// Outermost dimension first.
        let shape: [Int]
        let offset: Int
        let byteCount: Int
        /// The part of a split model that holds it, counted from 1.
        var part: Int?
    }
    struct Total: Encodable {
        let type: String
        let tensorCount: Int
        let elementCount: Int
        let byteCount: Int
    }
    /// A metadata value; arrays are shown by their first elements and their count.
    enum Value: Encodable {
        case text(String)
        case integer(Int)
        case number(Double)
        case boolean(Bool)
        case array(count: Int, head: [Value])

        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            switch self {
            case .text(let value): try container.encode(value)
            case .integer(let value): try container.encode(value)
            // JSON has no NaN and no infinity.
            case .number(let value) where !value.isFinite: try container.encode("\(value)")
            case .number(let value): try container.encode(value)
            case .boolean(let value): try container.encode(value)
            case .array(let count, let head):
                try container.encode(ArrayHead(count: count, head: head))
            }
        }
    }
    private struct ArrayHead: Encodable {
        let count: Int
        let head: [Value]
    }

    let file: String
    let container: String
    let fileByteCount: Int
    let metadata: [Entry]
    let tensors: [Tensor]
    let totals: [Total]
    let elementCount: Int
    let bitsPerWeight: Double

    /// Reads the header of the file at `path`; its first bytes tell which kind it is.
    ///
    /// The first part of a split model stands for all parts, unless it is wanted alone.
    init(path: String, partAlone: Bool = false) throws {
        let start = try InputFile(path: path)
        let magic = try start.read(at: 0, count: min(4, start.byteCount))
        guard magic == Array("GGUF".utf8) else {
            let safetensors = try SafetensorsFile(path: path)
            self.init(
                file: path, container: "safetensors", fileByteCount: safetensors.file.byteCount,
                metadata: safetensors.metadata.map { key, value in
                    Entry(key: key, type: "STRING", value: .text(value))
                },
                tensors: safetensors.tensors.map { tensor in
                    Tensor(
                        name: tensor.name, type: tensor.dataType.rawValue,
                        shape: tensor.shape.dimensions, offset: tensor.offset,
                        byteCount: tensor.byteCount)
                })
            return
        }
        let file = try GGUFFile(path: path)
        var parts = [file]
        var container = "GGUF version \(file.version)"
        if let count = file.partCount, let number = file.partNumber {
            if number == 0, !partAlone {
                parts = (try SplitSource.open(path: path) as? SplitSource)?.shards ?? parts
                container += ", \(count) parts"
            } else {
                container += ", part \(number + 1) of \(count)"
            }
        }
        self.init(
            file: path, container: container,
            fileByteCount: parts.reduce(0) { $0 + $1.file.byteCount },
            metadata: file.metadata.entries.map { key, value in
                Entry(key: key, type: value.typeName, value: Value(value))
            },
            tensors: parts.enumerated().flatMap { number, gguf in
                gguf.tensors.indices.map { index in
                    let tensor = gguf.tensors[index]
                    return Tensor(
                        name: tensor.name, type: tensor.format.name,
                        shape: tensor.shape.dimensions, offset: gguf.offsets[index],
                        byteCount: gguf.byteCounts[index],
                        part: parts.count > 1 ? number + 1 : nil)
                }
            })
    }

    private init(
        file: String, container: String, fileByteCount: Int, metadata: [Entry], tensors: [Tensor]
    ) {
        self.file = file
        self.container = container
        self.fileByteCount = fileByteCount
        self.metadata = metadata
        self.tensors = tensors
        totals = Dictionary(grouping: tensors, by: \.type)
            .map { type, tensors in
                Total(
                    type: type, tensorCount: tensors.count,
                    elementCount: tensors.reduce(0) { $0 + $1.shape.reduce(1, *) },
                    byteCount: tensors.reduce(0) { $0 + $1.byteCount })
            }
            .sorted { ($0.byteCount, $0.type) > ($1.byteCount, $1.type) }
        elementCount = totals.reduce(0) { $0 + $1.elementCount }
        let bytes = totals.reduce(0) { $0 + $1.byteCount }
        bitsPerWeight = elementCount == 0 ? 0 : Double(bytes) * 8 / Double(elementCount)
    }

    /// The contents as lines for a terminal.
    var lines: [String] {
        var lines = ["\(file): \(container), \(NumberFormat.bytes(fileByteCount))", "", "metadata"]
        var table = TextTable(rightAligned: [false, false, false])
        for entry in metadata { table.add(entry.key, entry.type, entry.value.line) }
        lines += table.lines + ["", "tensors"]
        table = TextTable(rightAligned: [false, false, true, true])
        for tensor in tensors {
            table.add(
                tensor.name, tensor.type, tensor.shape.map(String.init).joined(separator: " × "),
                NumberFormat.bytes(tensor.byteCount))
        }
        lines += table.lines + ["", "totals"]
        table = TextTable(rightAligned: [false, true, true, true])
        for total in totals {
            table.add(
                total.type, "\(total.tensorCount) tensors",
                "\(NumberFormat.count(total.elementCount)) values",
                NumberFormat.bytes(total.byteCount))
        }
        table.add(
            "all", "\(tensors.count) tensors", "\(NumberFormat.count(elementCount)) values",
            "\(NumberFormat.fixed(bitsPerWeight, 2)) bits/weight")
        return lines + table.lines
    }
}

extension FileContents.Value {
    private static let headCount = 8

    init(_ value: MetadataValue) {
        switch value {
        case .uint8(let value): self = .integer(Int(value))
        case .int8(let value): self = .integer(Int(value))
        case .uint16(let value): self = .integer(Int(value))
        case .int16(let value): self = .integer(Int(value))
        case .uint32(let value): self = .integer(Int(value))
        case .int32(let value): self = .integer(Int(value))
        case .int64(let value): self = .integer(Int(value))
        case .uint64(let value): self = .init(value)
        case .float32(let value): self = .number(Double(value))
        case .float64(let value): self = .number(value)
        case .bool(let value): self = .boolean(value)
        case .string(let value): self = .text(value.description)
        case .uint8s(let values): self = .head(of: values) { .integer(Int($0)) }
        case .int8s(let values): self = .head(of: values) { .integer(Int($0)) }
        case .uint16s(let values): self = .head(of: values) { .integer(Int($0)) }
        case .int16s(let values): self = .head(of: values) { .integer(Int($0)) }
        case .uint32s(let values): self = .head(of: values) { .integer(Int($0)) }
        case .int32s(let values): self = .head(of: values) { .integer(Int($0)) }
        case .int64s(let values): self = .head(of: values) { .integer(Int($0)) }
        case .uint64s(let values): self = .head(of: values) { .init($0) }
        case .float32s(let values): self = .head(of: values) { .number(Double($0)) }
        case .float64s(let values): self = .head(of: values) { .number($0) }
        case .bools(let values): self = .head(of: values) { .boolean($0) }
        case .strings(let values): self = .head(of: values) { .text($0.description) }
        }
    }

    private init(_ value: UInt64) {
        self = Int(exactly: value).map { .integer($0) } ?? .text("\(value)")
    }

    private static func head<Values: Collection>(
        of values: Values, _ make: (Values.Element) -> Self
    ) -> Self {
        .array(count: values.count, head: values.prefix(headCount).map(make))
    }

    /// The value on one line of a terminal.
    var line: String {
        switch self {
        case .text(let value):
            let shown = String(value.prefix(60)).replacing("\n", with: "\\n")
            return value.count > 60 ? "\(shown)… (\(value.utf8.count) bytes)" : shown
        case .integer(let value): return "\(value)"
        case .number(let value): return "\(value)"
        case .boolean(let value): return "\(value)"
        case .array(let count, let head):
            let shown = head.map(\.line).joined(separator: ", ")
            return count > head.count ? "[\(shown), … \(count) in all]" : "[\(shown)]"
        }
    }
}
