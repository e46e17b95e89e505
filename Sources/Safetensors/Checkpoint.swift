#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif
import TensorCore

/// The weights of a model directory: one safetensors file or several shards.
public struct Checkpoint: Sendable {
    /// A tensor and the shard that holds it.
    public struct Entry: Sendable, Hashable {
        /// The number of the shard.
        public let shard: Int
        /// The tensor.
        public let tensor: StoredTensor
    }

    /// The directory as the user named it.
    public let directory: String
    /// The shards in the order of their file names.
    public let shards: [SafetensorsFile]
    /// All tensors: shard after shard, by name within each.
    public let entries: [Entry]

    /// What the user should know about how the files were chosen, a sentence each.
    public let warnings: [String]

    /// The element type of most bytes; `nil` where there are none.
    public var mainType: DataType? {
        var counts: [DataType: Int] = [:]
        for entry in entries { counts[entry.tensor.dataType, default: 0] += entry.tensor.byteCount }
        return counts.max { ($0.value, $0.key.rawValue) < ($1.value, $1.key.rawValue) }?.key
    }

    /// Opens the weights of a directory.
    ///
    /// They are those that transformers would read: `model.safetensors`, else the shards that
    /// `model.safetensors.index.json` names, where index and shards must agree on every tensor, else
    /// the one set of files called `model*.safetensors`.
    ///
    /// - Parameter named: The file or index that the configuration names instead.
    /// - Throws: `SafetensorsError` or `FileError`.
    public init(directory: String, named: String? = nil) throws {
        let folder = directory.hasSuffix("/") ? directory : directory + "/"
        if let named, !Checkpoint.isFileName(Array(named.utf8)) {
            throw SafetensorsError(
                .unsafeShardName(named), path: folder + "config.json",
                place: "transformers_weights")
        }
        var index: [ByteString: ByteString]?
        let files = try WeightFiles(directory: directory, named: named) { name in
            let map = try Checkpoint.index(path: folder + name)
            index = map
            return Set(map.values).sorted().map(\.description)
        }
        let names = files.names
        let indexPath = folder + (files.index ?? "")

        var shards: [SafetensorsFile] = []
        var entries: [Entry] = []
        var homes: [ByteString: Int] = [:]
        for (number, name) in names.enumerated() {
            let shard = try Checkpoint.shard(name, in: folder, directory: directory)
            for tensor in shard.tensors {
                let key = ByteString(tensor.name)
                if let index, index[key] == nil {
                    throw SafetensorsError(
                        .tensorNotInIndex(shard: name), path: indexPath, place: tensor.name)
                }
                if let first = homes.updateValue(number, forKey: key) {
                    throw SafetensorsError(
                        .duplicateTensor(first: names[first], second: name), path: directory,
                        place: tensor.name)
                }
                entries.append(Entry(shard: number, tensor: tensor))
            }
            shards.append(shard)
        }
        let lost = (index ?? [:]).filter { homes[$0.key] == nil }.min { $0.key < $1.key }
        if let lost {
            throw SafetensorsError(
                .tensorNotInShard(shard: lost.value.description), path: indexPath,
                place: lost.key.description)
        }
        for entry in entries {
            let found = names[entry.shard]
            guard let indexed = index?[ByteString(entry.tensor.name)]?.description,
                indexed != found
            else { continue }
            throw SafetensorsError(
                .tensorInWrongShard(found: found, indexed: indexed), path: indexPath,
                place: entry.tensor.name)
        }
        self.directory = directory
        self.warnings = files.warnings
        self.shards = shards
        self.entries = entries
    }

    /// Reads the index: tensor name to shard name.
    private static func index(path: String) throws -> [ByteString: ByteString] {
        let json: JSON
        do {
            json = try JSON.parse(path: path)
        } catch let error as JSONError {
            throw SafetensorsError(
                .malformedJSON(error), path: path, place: "byte \(error.offset)")
        }
        guard let members = json["weight_map"]?.members else {
            throw SafetensorsError(
                .malformedIndex(
                    found: json["weight_map"]?.kindName ?? "nothing",
                    expected: "an object that maps tensors to files"),
                path: path, place: "weight_map")
        }
        guard !members.isEmpty else {
            throw SafetensorsError(
                .malformedIndex(found: "no tensors", expected: "at least one"), path: path,
                place: "weight_map")
        }
        var map: [ByteString: ByteString] = [:]
        for member in members {
            guard let name = member.value.bytes else {
                throw SafetensorsError(
                    .malformedIndex(found: member.value.kindName, expected: "a file name"),
                    path: path, place: member.key.description)
            }
            guard isFileName(name.bytes) else {
                throw SafetensorsError(
                    .unsafeShardName(name.description), path: path,
                    place: member.key.description)
            }
            map[member.key] = name
        }
        return map
    }

    /// Whether the name stays in its directory, whatever the system makes of it.
    private static func isFileName(_ name: [UInt8]) -> Bool {
        !name.isEmpty && name != [UInt8(ascii: ".")] && name != Array("..".utf8)
            && !name.contains { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "\\") || $0 == 0 }
    }

    /// Opens a shard that is there as a whole.
    private static func shard(
        _ name: String, in folder: String, directory: String
    ) throws -> SafetensorsFile {
        // Programs that fetch into a file of the final size leave a file of their own beside it.
        for suffix in [".aria2", ".st"] where try FileIdentity.of(folder + name + suffix) != nil {
            throw SafetensorsError(
                .weightFiles(.unfinished(by: name + suffix)), path: folder + name)
        }
        do {
            return try SafetensorsFile(path: folder + name)
        } catch let error as FileError where error.kind == .notFound {
            throw SafetensorsError(.missingShard(name), path: directory)
        }
    }

    /// The error about a directory that holds an adapter (LoRA); `nil` when it does not.
    public static func adapter(in directory: String) throws -> SafetensorsError? {
        let folder = directory.hasSuffix("/") ? directory : directory + "/"
        let config = folder + "adapter_config.json"
        guard try FileIdentity.of(config) != nil else { return nil }
        let base = try JSON.parse(path: config)["base_model_name_or_path"]?.text
        return SafetensorsError(.adapterOnly(base: base), path: directory)
    }
}
