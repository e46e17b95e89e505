public import TensorCore

/// A metadata key and its value.
public struct MetadataEntry: Sendable, Hashable {
    /// The whole key: `qwen3.block_count`.
    public let key: String
    /// The value.
    public let value: MetadataValue

    /// Creates an entry; `{arch}` in the key stands for the family's GGUF architecture.
    public init(_ key: String, _ value: MetadataValue) {
        self.key = key
        self.value = value
    }
}

/// One step in writing a family's hyperparameters; the order of a family's rules is the order of
/// its keys in the file.
public enum MetadataRule: Sendable {
    /// `general.file_type`, which the converter knows.
    case fileType
    /// Any number of entries made from the configuration; `{arch}` in a key stands for the GGUF
    /// architecture.
    case entries(
        @Sendable (ModelConfiguration) throws(ArchitectureError) -> [MetadataEntry])

    /// `{arch}.<key>` as UINT32, when one of the configuration keys is there.
    @inline(never)
    public static func count(_ key: String, _ names: String...) -> Self {
        .entries { configuration throws(ArchitectureError) in
            guard let value = try configuration.integer(names) else { return [] }
            return [.init("{arch}.\(key)", try configuration.uint32(value, names.first))]
        }
    }

    /// `{arch}.<key>` as FLOAT32, when one of the configuration keys is there.
    @inline(never)
    public static func number(_ key: String, _ names: String...) -> Self {
        .entries { configuration throws(ArchitectureError) in
            guard let value = try configuration.number(names) else { return [] }
            return [.init("{arch}.\(key)", .float32(Float(value)))]
        }
    }

    /// `{arch}.<key>`, the same in every model.
    @inline(never)
    static func constant(_ key: String, _ value: MetadataValue) -> Self {
        .entries { _ in [.init("{arch}.\(key)", value)] }
    }

    /// `{arch}.<key>` as UINT32, a dimension's size.
    @inline(never)
    public static func size(_ key: String, _ dimension: Dimension) -> Self {
        .count(key) { configuration throws(ArchitectureError) in
            try dimension.size(in: configuration)
        }
    }

    /// `{arch}.<key>` as UINT32, computed.
    @inline(never)
    public static func count(
        _ key: String,
        _ compute: @escaping @Sendable (ModelConfiguration) throws(ArchitectureError) -> Int
    ) -> Self {
        .entries { configuration throws(ArchitectureError) in
            let value = try compute(configuration)
            return [.init("{arch}.\(key)", try configuration.uint32(value, key))]
        }
    }
}

extension ModelConfiguration {
    /// The value as GGUF stores counts.
    func uint32(_ value: Int, _ key: String?) throws(ArchitectureError) -> MetadataValue {
        guard let narrow = UInt32(exactly: value) else {
            throw fault(
                .invalidValue(found: "\(value)", expected: "an integer from 0 to 4294967295"), key)
        }
        return .uint32(narrow)
    }
}
