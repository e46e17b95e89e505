public import TensorCore

/// Writes a safetensors file: the header first, then the tensors' bytes in any order.
///
/// The file appears under its name when `finish()` is called and not before.
public final class SafetensorsWriter: Sendable {
    /// A tensor to write.
    public struct Tensor: Sendable, Hashable {
        /// The tensor's name.
        public let name: String
        /// The type of its elements.
        public let dataType: DataType
        /// Outermost dimension first.
        public let shape: Shape

        /// Describes a tensor.
        public init(name: String, dataType: DataType, shape: Shape) {
            self.name = name
            self.dataType = dataType
            self.shape = shape
        }
    }

    private let output: OutputFile
    private let places: [(offset: Int, byteCount: Int)]

    /// Lays the file out in the order of `tensors` and writes the header.
    ///
    /// - Throws: `SafetensorsError` when a name stands twice or a size overflows, `FileError` when
    ///   the file cannot be made.
    public init(
        path: String, tensors: [Tensor], metadata: [(key: String, value: String)] = []
    ) throws {
        var members: [String] = []
        if !metadata.isEmpty {
            let entries = metadata.map { "\(quoted($0.key)):\(quoted($0.value))" }
            members.append("\"__metadata__\":{\(entries.joined(separator: ","))}")
        }
        var position = 0
        var ranges: [(offset: Int, byteCount: Int)] = []
        var names: Set<ByteString> = []
        for tensor in tensors {
            guard names.insert(ByteString(tensor.name)).inserted else {
                throw SafetensorsError(
                    .duplicateTensor(first: path, second: path), path: path, place: tensor.name)
            }
            guard let count = tensor.dataType.byteCount(elementCount: tensor.shape.elementCount),
                let end = position.adding(checked: count)
            else {
                throw SafetensorsError(
                    .invalidShape("\(tensor.shape)"), path: path, place: tensor.name)
            }
            let shape = tensor.shape.dimensions.map(String.init).joined(separator: ",")
            members.append(
                "\(quoted(tensor.name)):{\"dtype\":\"\(tensor.dataType.rawValue)\","
                    + "\"shape\":[\(shape)],\"data_offsets\":[\(position),\(end)]}")
            ranges.append((position, count))
            position = end
        }
        var header = Array("{\(members.joined(separator: ","))}".utf8)
        // Padded with spaces so that the data is aligned, as the reference implementation does.
        while header.count % 8 != 0 { header.append(UInt8(ascii: " ")) }
        let dataStart = 8 + header.count
        places = ranges.map { ($0.offset + dataStart, $0.byteCount) }
        output = try OutputFile(path: path, byteCount: dataStart + position)
        let length = UInt64(header.count).littleEndian
        try unsafe output.write(withUnsafeBytes(of: length) { unsafe Array($0) } + header, at: 0)
    }

    /// Writes the whole data of tensor number `tensor`, little-endian.
    public func write(_ bytes: UnsafeRawBufferPointer, tensor: Int) throws(FileError) {
        precondition(bytes.count == places[tensor].byteCount, "not the tensor's byte count")
        try unsafe output.write(bytes, at: places[tensor].offset)
    }

    /// Writes a part of tensor number `tensor`, from byte `offset` of its data on.
    public func write(
        _ bytes: UnsafeRawBufferPointer, tensor: Int, at offset: Int
    ) throws(FileError) {
        precondition(
            offset >= 0 && bytes.count <= places[tensor].byteCount - offset, "out of the tensor")
        try unsafe output.write(bytes, at: places[tensor].offset + offset)
    }

    /// Flushes the file and gives it its name.
    public func finish() throws(FileError) { try output.commit() }
}

/// A JSON string.
private func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "\"": result += "\\\""
        case "\\": result += "\\\\"
        case _ where scalar.value < 0x20:
            let digits = String(scalar.value, radix: 16)
            result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        default: result.unicodeScalars.append(scalar)
        }
    }
    return result + "\""
}
