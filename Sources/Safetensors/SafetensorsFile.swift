public import TensorCore

/// A tensor in a safetensors file.
public struct StoredTensor: Sendable, Hashable {
    /// The tensor's name in the checkpoint.
    public let name: String
    /// The type of its elements.
    public let dataType: DataType
    /// Outermost dimension first.
    public let shape: Shape
    /// Where its data starts, in bytes from the start of the file.
    public let offset: Int
    /// The bytes of its data.
    public let byteCount: Int
}

/// One safetensors file: a list of tensors, and bytes on demand.
///
/// Format: <https://github.com/huggingface/safetensors#format>. Opening reads the header only and
/// checks all of it: types are known, ranges agree with shapes, and the ranges tile the data
/// without a gap, an overlap or a byte left over.
public struct SafetensorsFile: Sendable {
    /// The longest header that is read, as in the reference implementation.
    public static let headerByteLimit = 100_000_000

    /// The open file.
    public let file: InputFile
    /// The tensors in the order of their names (bytewise).
    public let tensors: [StoredTensor]
    /// The header's `__metadata__`, in file order.
    public let metadata: [(key: String, value: String)]

    /// Opens a file and reads its header.
    ///
    /// - Throws: `FileError` when it cannot be read, `SafetensorsError` when it is not sound.
    /// - Complexity: O(n log n) for n tensors; the data is not touched.
    public init(path: String) throws {
        let file = try InputFile(path: path)
        let header: (members: [JSON.Member], byteCount: Int)
        do {
            header = try SafetensorsFile.header(of: file)
        } catch let error as SafetensorsError {
            guard let placeholder = file.placeholder, placeholder != .nothing else { throw error }
            throw FileError(.placeholder(placeholder), path: path)
        }
        let dataStart = 8 + header.byteCount

        var metadata: [(key: String, value: String)] = []
        var tensors: [StoredTensor] = []
        tensors.reserveCapacity(header.members.count)
        for member in header.members {
            if member.key == "__metadata__" {
                metadata = try SafetensorsFile.metadata(member.value, path: path)
            } else {
                tensors.append(
                    try SafetensorsFile.tensor(member, dataStart: dataStart, path: path))
            }
        }
        try SafetensorsFile.checkTiling(
            tensors, dataStart: dataStart, end: file.byteCount, path: path)
        tensors.sort { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
        self.file = file
        self.tensors = tensors
        self.metadata = metadata
    }

    /// Reads the length of the header and the header.
    private static func header(
        of file: InputFile
    ) throws -> (members: [JSON.Member], byteCount: Int) {
        guard file.byteCount >= 8 else {
            throw SafetensorsError(.tooShort(byteCount: file.byteCount), path: file.path)
        }
        let length = try file.read(at: 0, count: 8).reversed().reduce(UInt64(0)) {
            $0 << 8 | UInt64($1)
        }
        guard length <= UInt64(SafetensorsFile.headerByteLimit) else {
            throw SafetensorsError(
                .headerTooLong(byteCount: length, limit: SafetensorsFile.headerByteLimit),
                path: file.path, place: "byte 0")
        }
        let byteCount = Int(length)
        guard byteCount <= file.byteCount - 8 else {
            throw SafetensorsError(
                .headerTruncated(byteCount: byteCount, available: file.byteCount - 8),
                path: file.path, place: "byte 8")
        }
        let members = try SafetensorsFile.parse(
            file.read(at: 8, count: byteCount), path: file.path)
        return (members, byteCount)
    }

    private static func parse(
        _ bytes: [UInt8], path: String
    ) throws(SafetensorsError) -> [JSON.Member] {
        // The format wants the brace first, so that no reader takes another file for one of these.
        guard bytes.first == UInt8(ascii: "{") else {
            throw SafetensorsError(
                .malformedHeader(
                    found: bytes.first.map { "byte 0x" + String($0, radix: 16) } ?? "nothing",
                    expected: "a JSON object"), path: path, place: "byte 8")
        }
        do throws(JSONError) {
            return try JSON.parse(bytes, file: path, depthLimit: 8).members ?? []
        } catch {
            throw SafetensorsError(
                .malformedJSON(error), path: path, place: "byte \(8 + error.offset)")
        }
    }

    private static func metadata(
        _ value: JSON, path: String
    ) throws(SafetensorsError) -> [(key: String, value: String)] {
        guard let members = value.members else {
            throw SafetensorsError(
                .malformedHeader(found: value.kindName, expected: "an object of strings"),
                path: path, place: "__metadata__")
        }
        var entries: [(key: String, value: String)] = []
        for member in members {
            guard let text = member.value.text else {
                throw SafetensorsError(
                    .malformedHeader(found: member.value.kindName, expected: "a string"),
                    path: path, place: "__metadata__.\(member.key)")
            }
            entries.append((member.key.description, text))
        }
        return entries
    }

    private static func tensor(
        _ member: JSON.Member, dataStart: Int, path: String
    ) throws(SafetensorsError) -> StoredTensor {
        let name = member.key.description
        func fault(_ kind: SafetensorsError.Kind) -> SafetensorsError {
            SafetensorsError(kind, path: path, place: name)
        }
        guard member.value.members != nil else {
            throw fault(.malformedHeader(found: member.value.kindName, expected: "an object"))
        }
        guard let typeName = member.value["dtype"]?.text else {
            throw fault(
                .malformedHeader(
                    found: "\(member.value["dtype"]?.kindName ?? "no") dtype",
                    expected: "a data type's name"))
        }
        guard let dataType = DataType(rawValue: typeName) else {
            throw fault(.unknownDataType(typeName))
        }
        let dimensions = try integers(member.value["shape"], name: "shape", fault)
        guard let shape = Shape(dimensions) else {
            throw fault(.invalidShape("\(dimensions)"))
        }
        let range = try integers(member.value["data_offsets"], name: "data_offsets", fault)
        guard range.count == 2 else {
            throw fault(
                .malformedHeader(
                    found: "\(range.count) data_offsets", expected: "a start and an end"))
        }
        guard range[0] >= 0, range[0] <= range[1],
            let offset = dataStart.adding(checked: range[0]),
            dataStart.adding(checked: range[1]) != nil
        else { throw fault(.invalidRange(start: range[0], end: range[1])) }
        guard let byteCount = dataType.byteCount(elementCount: shape.elementCount) else {
            throw fault(.invalidShape("\(dimensions)"))
        }
        guard byteCount == range[1] - range[0] else {
            throw fault(.byteCountMismatch(found: range[1] - range[0], expected: byteCount))
        }
        return StoredTensor(
            name: name, dataType: dataType, shape: shape, offset: offset, byteCount: byteCount)
    }

    private static func integers(
        _ value: JSON?, name: String, _ fault: (SafetensorsError.Kind) -> SafetensorsError
    ) throws(SafetensorsError) -> [Int] {
        guard let elements = value?.array else {
            throw fault(
                .malformedHeader(
                    found: "\(value?.kindName ?? "nothing") for \(name)",
                    expected: "an array of integers"))
        }
        var result: [Int] = []
        for element in elements {
            guard case .integer(let integer) = element else {
                throw fault(
                    .malformedHeader(
                        found: "\(element.kindName) in \(name)", expected: "an integer"))
            }
            result.append(integer)
        }
        return result
    }

    /// Checks that the ranges follow each other from the header's end to the file's end.
    private static func checkTiling(
        _ tensors: [StoredTensor], dataStart: Int, end: Int, path: String
    ) throws(SafetensorsError) {
        let ordered = tensors.sorted { ($0.offset, $0.byteCount) < ($1.offset, $1.byteCount) }
        var position = dataStart
        var previous = ""
        for tensor in ordered {
            if tensor.offset < position {
                throw SafetensorsError(.overlap(with: previous), path: path, place: tensor.name)
            }
            if tensor.offset > position {
                throw SafetensorsError(
                    .gap(byteCount: tensor.offset - position), path: path, place: tensor.name)
            }
            position += tensor.byteCount
            previous = tensor.name
        }
        if position > end {
            throw SafetensorsError(
                .truncated(byteCount: position - dataStart, available: end - dataStart), path: path)
        }
        if position < end {
            throw SafetensorsError(.trailingBytes(count: end - position), path: path)
        }
    }

    /// The number of the tensor called `name`, by binary search.
    public func index(ofTensor name: String) -> Int? {
        var range = tensors.indices
        while !range.isEmpty {
            let middle = range.lowerBound + range.count / 2
            if tensors[middle].name.utf8.lexicographicallyPrecedes(name.utf8) {
                range = (middle + 1)..<range.upperBound
            } else {
                range = range.lowerBound..<middle
            }
        }
        let found = range.lowerBound
        return found < tensors.count && tensors[found].name.utf8.elementsEqual(name.utf8)
            ? found : nil
    }

    /// Reads elements of a tensor as F32.
    ///
    /// - Parameters:
    ///   - elements: A range within the tensor.
    ///   - destination: Room for as many values.
    ///   - scratch: Holds the bytes as stored.
    /// - Throws: `SafetensorsError` when the type is not decodable, `FileError` on a failed read.
    public func readElements(
        _ elements: Range<Int>, of tensor: StoredTensor,
        into destination: UnsafeMutablePointer<Float>, scratch: ScratchBuffer
    ) throws {
        guard tensor.dataType.isDecodable else {
            throw SafetensorsError(
                .wrongDataType(found: tensor.dataType, expected: "a type that can be decoded"),
                path: file.path, place: tensor.name)
        }
        precondition(
            elements.lowerBound >= 0 && elements.upperBound <= tensor.shape.elementCount,
            "element out of range")
        let width = tensor.dataType.bitCount / 8
        let offset = tensor.offset + elements.lowerBound * width
        if tensor.dataType == .F32 {
            try unsafe file.read(
                at: offset,
                into: UnsafeMutableRawBufferPointer(start: destination, count: elements.count * 4))
            return
        }
        let bytes = unsafe scratch.bytes(elements.count * width)
        try unsafe file.read(at: offset, into: bytes)
        if let base = bytes.baseAddress {
            unsafe tensor.dataType.decode(base, elementCount: elements.count, into: destination)
        }
    }
}
