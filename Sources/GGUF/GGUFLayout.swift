import Quantization
public import TensorCore

/// The bytes of a GGUF header and the place of every tensor, computed before anything is written:
/// the file's size is known to the byte.
///
/// Writes version 3, little-endian. Every tensor's data is padded with zeros to the alignment, the
/// last one too, as the peer's writers do.
public struct GGUFLayout: Sendable {
    /// The header, padded up to the first tensor's data.
    public let header: [UInt8]
    /// Where each tensor's data goes, in bytes from the start of the file.
    public let offsets: [Int]
    /// The bytes of each tensor's data, without padding.
    public let byteCounts: [Int]
    /// The length of the whole file.
    public let byteCount: Int
    /// The multiple that data offsets are aligned to.
    public let alignment: Int

    /// Lays out a file.
    ///
    /// - Parameters:
    ///   - alignment: A power of two; the caller puts `general.alignment` into `metadata` when it
    ///     is not 32.
    ///   - padsHeader: Whether the header is padded up to the data, as it is in all files but those
    ///     that are nothing but a vocabulary.
    /// - Throws: `GGUFError` when a row is not whole blocks of its format or a size overflows.
    /// - Complexity: O(header bytes).
    public init(
        metadata: Metadata, tensors: [TensorDescription], alignment: Int = 32,
        padsHeader: Bool = true, path: String
    ) throws(GGUFError) {
        var bytes = HeaderBytes()
        bytes.append(Array("GGUF".utf8))
        bytes.append(UInt32(3))
        bytes.append(UInt64(tensors.count))
        bytes.append(UInt64(metadata.entries.count))
        for (key, value) in metadata.entries {
            bytes.append(ByteString(key))
            bytes.append(value)
        }
        var relative = 0
        var starts: [Int] = []
        var counts: [Int] = []
        for tensor in tensors {
            guard
                let count = tensor.format.byteCount(
                    rowLength: tensor.shape.rowLength, rowCount: tensor.shape.rowCount),
                let end = relative.adding(checked: count)?.aligned(to: alignment)
            else {
                throw GGUFError(
                    .invalidShape(
                        found: "shape \(tensor.shape) in format \(tensor.format)",
                        expected: "rows of whole blocks, fewer than 2^63 bytes in all"),
                    path: path, place: tensor.name)
            }
            bytes.append(ByteString(tensor.name))
            bytes.append(UInt32(tensor.shape.rank))
            for dimension in tensor.shape.dimensions.reversed() { bytes.append(UInt64(dimension)) }
            bytes.append(tensor.format.typeID)
            bytes.append(UInt64(relative))
            starts.append(relative)
            counts.append(count)
            relative = end
        }
        if padsHeader { bytes.pad(to: alignment) }
        let headerByteCount = bytes.bytes.count
        guard let total = headerByteCount.adding(checked: relative) else {
            throw GGUFError(
                .invalidShape(found: "\(relative) bytes of data", expected: "fewer"), path: path)
        }
        header = bytes.bytes
        offsets = starts.map { $0 + headerByteCount }
        byteCounts = counts
        byteCount = total
        self.alignment = alignment
    }
}

/// Little-endian bytes of a GGUF header.
private struct HeaderBytes {
    var bytes: [UInt8] = []

    mutating func append(_ more: [UInt8]) { bytes.append(contentsOf: more) }

    mutating func append<Value: FixedWidthInteger>(_ value: Value) {
        unsafe withUnsafeBytes(of: value.littleEndian) { unsafe bytes.append(contentsOf: $0) }
    }

    mutating func append(_ text: ByteString) {
        append(UInt64(text.bytes.count))
        append(text.bytes)
    }

    mutating func pad(to alignment: Int) {
        while bytes.count % alignment != 0 { bytes.append(0) }
    }

    mutating func append(_ value: MetadataValue) {
        switch value {
        case .uint8(let value): scalar(0, value)
        case .int8(let value): scalar(1, value)
        case .uint16(let value): scalar(2, value)
        case .int16(let value): scalar(3, value)
        case .uint32(let value): scalar(4, value)
        case .int32(let value): scalar(5, value)
        case .float32(let value): scalar(6, value.bitPattern)
        case .bool(let value): scalar(7, UInt8(value ? 1 : 0))
        case .string(let value):
            append(UInt32(8))
            append(value)
        case .uint64(let value): scalar(10, value)
        case .int64(let value): scalar(11, value)
        case .float64(let value): scalar(12, value.bitPattern)
        case .uint8s(let values): array(0, values)
        case .int8s(let values): array(1, values)
        case .uint16s(let values): array(2, values)
        case .int16s(let values): array(3, values)
        case .uint32s(let values): array(4, values)
        case .int32s(let values): array(5, values)
        case .float32s(let values): array(6, values.map(\.bitPattern))
        case .bools(let values): array(7, values.map { UInt8($0 ? 1 : 0) })
        case .strings(let values):
            arrayHead(8, values.count)
            append(values)
        case .uint64s(let values): array(10, values)
        case .int64s(let values): array(11, values)
        case .float64s(let values): array(12, values.map(\.bitPattern))
        }
    }

    private mutating func append(_ strings: ByteStrings) {
        let place = bytes.count
        let more = strings.bytes.count + 8 * strings.count
        bytes.append(contentsOf: repeatElement(0, count: more))
        unsafe bytes.withUnsafeMutableBytes { destination in
            unsafe strings.bytes.withUnsafeBytes { source in
                var (start, offset) = (0, place)
                for end in strings.ends {
                    let entry = unsafe UnsafeRawBufferPointer(rebasing: source[start..<end])
                    unsafe destination.storeBytes(
                        of: UInt64(entry.count).littleEndian, toByteOffset: offset, as: UInt64.self)
                    unsafe destination[(offset + 8)...].copyBytes(from: entry)
                    offset += 8 + entry.count
                    start = end
                }
            }
        }
    }

    private mutating func scalar<Value: FixedWidthInteger>(_ type: UInt32, _ value: Value) {
        append(type)
        append(value)
    }

    private mutating func arrayHead(_ type: UInt32, _ count: Int) {
        append(UInt32(9))
        append(type)
        append(UInt64(count))
    }

    private mutating func array<Value: FixedWidthInteger>(_ type: UInt32, _ values: [Value]) {
        arrayHead(type, values.count)
        guard Value(littleEndian: 1) == 1 else {
            for value in values { append(value) }
            return
        }
        unsafe values.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
    }
}
