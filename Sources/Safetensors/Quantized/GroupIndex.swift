import TensorCore

/// Which group of scales a column belongs to: columns in order, or as a stored index says.
struct GroupIndex: Sendable {
    private let part: TensorPool.Part?
    private let groupSize: Int
    private let groupCount: Int

    /// Groups of `groupSize` columns, unless `part` holds an index of its own.
    init(_ part: TensorPool.Part?, columnCount: Int, groupSize: Int, groupCount: Int) throws {
        if let part {
            try part.require(.I32, .I64, expected: "group numbers in I32")
            try part.require(shape: [columnCount], "a group for each column")
        }
        self.part = part
        self.groupSize = groupSize
        self.groupCount = groupCount
    }

    /// The groups of some columns.
    ///
    /// - Throws: `SafetensorsError` when a stored number is not one of a group.
    func groups(of columns: Range<Int>) throws -> [Int] {
        guard let part else { return columns.map { $0 / groupSize } }
        let width = part.tensor.dataType.bitCount / 8
        let bytes = try part.shard.file.read(
            at: part.tensor.offset + columns.lowerBound * width, count: columns.count * width)
        return try unsafe bytes.withUnsafeBytes { raw in
            func number<Stored: FixedWidthInteger>(_ type: Stored.Type, _ offset: Int) -> Int {
                unsafe Int(
                    Stored(littleEndian: raw.loadUnaligned(fromByteOffset: offset, as: type)))
            }
            return try columns.map { column in
                let offset = (column - columns.lowerBound) * width
                let group = width == 4 ? number(Int32.self, offset) : number(Int64.self, offset)
                guard (0..<groupCount).contains(group) else {
                    throw part.fault(
                        .groupOutOfRange(group, column: column, groupCount: groupCount))
                }
                return group
            }
        }
    }
}
