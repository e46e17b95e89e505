import Quantization
public import TensorCore

/// One GGUF file: its metadata, its list of tensors, and their values on demand.
///
/// Format: <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>, versions 2 and 3,
/// little-endian. Opening reads the header only; every length in it is checked against the file.
public struct GGUFFile: TensorSource {
    /// The format's version, 2 or 3.
    public let version: UInt32
    /// The metadata in file order.
    public let metadata: Metadata
    /// The tensors in file order.
    public let tensors: [TensorDescription]
    /// Where each tensor's data starts, in bytes from the start of the file.
    public let offsets: [Int]
    /// The bytes that each tensor takes, without padding.
    public let byteCounts: [Int]
    /// Where the tensors' data start: the header's length with its padding.
    public let dataOffset: Int
    /// The multiple that data offsets are aligned to.
    public let alignment: Int
    /// The open file.
    public let file: InputFile

    /// The path as the user named it.
    public var path: String { file.path }
    /// The one file.
    public var files: [InputFile] { [file] }

    /// Opens a file and reads its header.
    ///
    /// - Parameter forRepair: Lets through what an edit can mend: a key or a name without text, a long
    ///   name, a BOOL that is neither 0 nor 1 (it counts as true), an impossible number of blocks.
    /// - Throws: `FileError` when it cannot be read, `GGUFError` when it is not a sound GGUF file.
    /// - Complexity: O(header bytes); the data is not touched.
    public init(path: String, forRepair: Bool = false) throws {
        let file = try InputFile(path: path)
        var reader = HeaderReader(file: file, forRepair: forRepair)
        let magic = try file.read(at: 0, count: min(4, file.byteCount))
        guard magic == Array("GGUF".utf8) else {
            if let placeholder = file.placeholder, placeholder != .nothing {
                throw FileError(.placeholder(placeholder), path: path)
            }
            throw GGUFError(.notGGUF(found: magic), path: path, place: "byte 0")
        }
        _ = try reader.integer(UInt32.self, "the magic number")
        let version = try reader.integer(UInt32.self, "the version")
        if version.byteSwapped == 2 || version.byteSwapped == 3 {
            throw GGUFError(.bigEndian, path: path, place: "byte 4")
        }
        guard version == 2 || version == 3 else {
            throw GGUFError(.unsupportedVersion(version), path: path, place: "byte 4")
        }
        // A tensor takes at least 24 bytes in the header, a key-value pair 13.
        let tensorCount = try reader.count("tensors", unit: 24)
        let entryCount = try reader.count("metadata entries", unit: 13)
        let metadata = try GGUFFile.metadata(&reader, entryCount: entryCount, path: path)
        let alignment = try GGUFFile.alignment(metadata, path: path)
        if !forRepair { try GGUFFile.checkBlockCount(metadata, path: path) }

        var entries: [(description: TensorDescription, offset: UInt64, byteCount: Int)] = []
        entries.reserveCapacity(tensorCount)
        var names: Set<ByteString> = []
        for _ in 0..<tensorCount {
            let entry = try GGUFFile.entry(&reader)
            let name = entry.description.name
            guard names.insert(ByteString(name)).inserted else {
                throw GGUFError(.duplicate(what: "tensor", name: name), path: path)
            }
            entries.append(entry)
        }
        guard let dataStart = reader.offset.aligned(to: alignment) else {
            throw GGUFError(
                .invalidDataRange(found: "a header of \(reader.offset) bytes", expected: "less"),
                path: path)
        }
        self.offsets = try GGUFFile.place(
            entries, dataStart: dataStart, alignment: alignment, file: file)
        self.version = version
        self.metadata = metadata
        self.tensors = entries.map(\.description)
        self.byteCounts = entries.map(\.byteCount)
        dataOffset = dataStart
        self.alignment = alignment
        self.file = file
    }

    private static func metadata(
        _ reader: inout HeaderReader, entryCount: Int, path: String
    ) throws -> Metadata {
        var metadata = Metadata()
        for _ in 0..<entryCount {
            let place = reader.place
            let key = try reader.text("a metadata key")
            guard !key.isEmpty || reader.forRepair else {
                throw GGUFError(
                    .mendable(
                        what: "a metadata key", found: "no text",
                        expected: "a name for every value",
                        remedy: "Remove it: ingot edit IN OUT --remove ''."),
                    path: path, place: place)
            }
            let type = try reader.integer(UInt32.self, "the type of \(key)")
            guard metadata[key] == nil else {
                throw GGUFError(
                    .duplicate(what: "metadata key", name: key), path: path, place: place)
            }
            metadata[key] = try reader.value(type: type, key: key)
        }
        return metadata
    }

    private static func alignment(_ metadata: Metadata, path: String) throws -> Int {
        guard let value = metadata["general.alignment"] else { return 32 }
        guard case .uint32(let alignment) = value, alignment > 0,
            alignment.nonzeroBitCount == 1, alignment <= 1 << 20
        else {
            throw GGUFError(
                .invalidValue(
                    key: "general.alignment", found: "\(value)",
                    expected: "a UINT32 power of two up to 1048576"), path: path)
        }
        return Int(alignment)
    }

    /// Checks the number of blocks, which every reader takes memory by.
    private static func checkBlockCount(_ metadata: Metadata, path: String) throws {
        guard let architecture = metadata["general.architecture"]?.text else { return }
        let key = "\(architecture).block_count"
        guard let value = metadata[key] else { return }
        let most = ReaderRequirements.mostBlocks
        guard let count = value.integer, (0...most).contains(count) else {
            throw GGUFError(
                .mendable(
                    what: "a number of blocks",
                    found: value.integer.map { "\($0)" } ?? "type \(value.typeName)",
                    expected: "an integer up to \(most)",
                    remedy: "Set it: ingot edit IN OUT --set \(key)=u32:N."),
                path: path, place: key)
        }
    }

    /// Reads a tensor's name, which must be one that readers load.
    private static func name(_ reader: inout HeaderReader) throws -> String {
        let place = reader.place
        let name = try reader.text("a tensor name")
        guard !reader.forRepair, let fault = ReaderRequirements.fault(ofName: name) else {
            return name
        }
        throw reader.fault(
            .mendable(
                what: "a tensor name", found: fault.found, expected: fault.expected,
                remedy: "Rename it: ingot edit IN OUT --rename-tensor OLD=NEW."),
            place: name.isEmpty ? place : name)
    }

    private static func entry(
        _ reader: inout HeaderReader
    ) throws -> (description: TensorDescription, offset: UInt64, byteCount: Int) {
        let name = try name(&reader)
        let rank = try reader.integer(UInt32.self, "the rank of \(name)")
        guard (1...4).contains(rank) else {
            throw reader.fault(
                .invalidShape(found: "\(rank) dimensions", expected: "1 to 4"), place: name)
        }
        var dimensions: [Int] = []
        for _ in 0..<rank {
            let dimension = try reader.integer(UInt64.self, "a dimension of \(name)")
            guard dimension > 0, let value = Int(exactly: dimension) else {
                throw reader.fault(
                    .invalidShape(found: "dimension \(dimension)", expected: "a positive one"),
                    place: name)
            }
            dimensions.append(value)
        }
        let type = try reader.integer(UInt32.self, "the type of \(name)")
        let offset = try reader.integer(UInt64.self, "the offset of \(name)")
        guard let format = Format.withTypeID(type) else {
            throw reader.fault(.unknownTensorType(type), place: name)
        }
        // GGUF stores the innermost dimension first; everywhere else it is the last.
        guard let shape = Shape(dimensions.reversed()) else {
            throw reader.fault(
                .invalidShape(found: "dimensions \(dimensions)", expected: "a product below 2^63"),
                place: name)
        }
        guard format.fits(rowLength: shape.rowLength) else {
            throw reader.fault(
                .invalidShape(
                    found: "rows of \(shape.rowLength) values",
                    expected: "a multiple of \(format.blockElementCount) for \(format)"),
                place: name)
        }
        guard
            let byteCount = format.byteCount(
                rowLength: shape.rowLength, rowCount: shape.rowCount)
        else {
            throw reader.fault(
                .invalidShape(found: "dimensions \(dimensions)", expected: "fewer bytes"),
                place: name)
        }
        return (TensorDescription(name: name, shape: shape, format: format), offset, byteCount)
    }

    /// Checks that every tensor's bytes are in the file and no two share any.
    private static func place(
        _ entries: [(description: TensorDescription, offset: UInt64, byteCount: Int)],
        dataStart: Int, alignment: Int, file: InputFile
    ) throws -> [Int] {
        var offsets: [Int] = []
        offsets.reserveCapacity(entries.count)
        for entry in entries {
            let name = entry.description.name
            guard entry.offset % UInt64(alignment) == 0 else {
                throw GGUFError(
                    .invalidDataRange(
                        found: "data offset \(entry.offset)",
                        expected: "a multiple of \(alignment)"), path: file.path, place: name)
            }
            guard let relative = Int(exactly: entry.offset),
                let start = dataStart.adding(checked: relative),
                let end = start.adding(checked: entry.byteCount), end <= file.byteCount
            else {
                throw GGUFError(
                    .invalidDataRange(
                        found: "data of \(entry.byteCount) bytes at offset \(entry.offset)",
                        expected:
                            "it within the \(max(0, file.byteCount - dataStart)) bytes of data"),
                    path: file.path, place: name)
            }
            offsets.append(start)
        }
        let order = offsets.indices.sorted { offsets[$0] < offsets[$1] }
        for (left, right) in zip(order, order.dropFirst())
        where offsets[left] + entries[left].byteCount > offsets[right] {
            throw GGUFError(
                .invalidDataRange(
                    found: "data that overlaps that of \(entries[left].description.name)",
                    expected: "data of its own"), path: file.path,
                place: entries[right].description.name)
        }
        return offsets
    }

    /// The number of the tensor called `name`.
    ///
    /// O(tensor count).
    public func index(ofTensor name: String) -> Int? {
        tensors.firstIndex { $0.name.utf8.elementsEqual(name.utf8) }
    }

    private func range(
        ofRows rows: Range<Int>, tensor: Int
    ) -> (offset: Int, byteCount: Int, elementCount: Int) {
        let description = tensors[tensor]
        let shape = description.shape
        precondition(rows.lowerBound >= 0 && rows.upperBound <= shape.rowCount, "row out of range")
        let rowBytes =
            shape.rowLength / description.format.blockElementCount
            * description.format.blockByteCount
        return (
            offsets[tensor] + rows.lowerBound * rowBytes, rows.count * rowBytes,
            rows.count * shape.rowLength
        )
    }

    /// Decodes rows of a tensor to F32.
    public func readRows(
        _ rows: Range<Int>, ofTensor tensor: Int, into destination: UnsafeMutablePointer<Float>,
        scratch: ScratchBuffer
    ) throws {
        let format = tensors[tensor].format
        let (offset, byteCount, elementCount) = range(ofRows: rows, tensor: tensor)
        if format == .F32 {
            try unsafe file.read(
                at: offset,
                into: UnsafeMutableRawBufferPointer(start: destination, count: byteCount))
            return
        }
        guard let decode = unsafe format.decode else {
            throw GGUFError(
                .undecodable(format: format.name), path: path, place: tensors[tensor].name)
        }
        let bytes = unsafe scratch.bytes(byteCount)
        try unsafe file.read(at: offset, into: bytes)
        if let base = bytes.baseAddress { unsafe decode(base, elementCount, destination) }
    }

    /// Copies rows of a tensor as they are stored.
    public func readBytes(
        ofRows rows: Range<Int>, ofTensor tensor: Int,
        into destination: UnsafeMutableRawBufferPointer
    ) throws {
        let (offset, byteCount, _) = range(ofRows: rows, tensor: tensor)
        try unsafe file.read(at: offset, into: .init(rebasing: destination[..<byteCount]))
    }

    /// Copies bytes of a tensor as they are stored.
    public func readBytes(
        _ range: Range<Int>, ofTensor tensor: Int, into destination: UnsafeMutableRawBufferPointer
    ) throws {
        precondition(
            range.lowerBound >= 0 && range.upperBound <= byteCounts[tensor], "byte out of range")
        try unsafe file.read(
            at: offsets[tensor] + range.lowerBound,
            into: .init(rebasing: destination[..<range.count]))
    }
}
