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

    /// Opens the weights of a directory.
    ///
    /// With `model.safetensors.index.json` the shards are those it names, and index and shards must
    /// agree on every tensor. Without it they are all files called `model*.safetensors`.
    ///
    /// - Throws: `SafetensorsError` or `FileError`.
    public init(directory: String) throws {
        let folder = directory.hasSuffix("/") ? directory : directory + "/"
        let indexPath = folder + "model.safetensors.index.json"
        let index =
            FileIdentity(path: indexPath) == nil ? nil : try Checkpoint.index(path: indexPath)
        let names = try index.map { Checkpoint.shardNames($0) } ?? Checkpoint.listed(in: directory)

        var shards: [SafetensorsFile] = []
        var entries: [Entry] = []
        var homes: [ByteString: Int] = [:]
        for (number, name) in names.enumerated() {
            let shard: SafetensorsFile
            do {
                shard = try SafetensorsFile(path: folder + name)
            } catch let error as FileError where error.kind == .notFound {
                throw SafetensorsError(.missingShard(name), path: directory)
            }
            for tensor in shard.tensors {
                let key = ByteString(tensor.name)
                if let index, index[key] != ByteString(name) {
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
        self.directory = directory
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

    private static func shardNames(_ index: [ByteString: ByteString]) -> [String] {
        Set(index.values).sorted().map(\.description)
    }

    /// The weight files of a directory that has no index, complete if they are numbered.
    private static func listed(in directory: String) throws -> [String] {
        let all = try Directory.names(in: directory)
        let shards = all.filter { $0.hasPrefix("model") && $0.hasSuffix(".safetensors") }
        guard !shards.isEmpty else {
            let pickled = all.filter {
                $0.hasSuffix(".bin") && $0.hasPrefix("pytorch_model")
                    || $0.hasSuffix(".pt") || $0.hasSuffix(".pth")
            }
            throw SafetensorsError(
                pickled.isEmpty ? .noWeights : .pickledWeights(pickled), path: directory)
        }
        for name in shards {
            guard let missing = missingSibling(of: name, among: shards) else { continue }
            throw SafetensorsError(.missingShard(missing), path: directory)
        }
        return shards
    }

    /// For `model-00001-of-00003.safetensors`, the first of the three that is not there.
    private static func missingSibling(of name: String, among names: [String]) -> String? {
        let parts = name.dropLast(".safetensors".count).split(
            separator: "-", omittingEmptySubsequences: false)
        guard parts.count >= 4, parts[parts.count - 2] == "of",
            let total = parts.last.flatMap({ Int($0) }), total > 0, total <= 100_000,
            Int(parts[parts.count - 3]) != nil
        else { return nil }
        let width = parts[parts.count - 3].utf8.count
        let stem = parts.dropLast(3).joined(separator: "-")
        let suffix = parts.suffix(2).joined(separator: "-")
        let present = Set(names)
        for number in 1...total {
            let digits = String(number)
            let padded = String(repeating: "0", count: max(0, width - digits.count)) + digits
            let sibling = "\(stem)-\(padded)-\(suffix).safetensors"
            if !present.contains(sibling) { return sibling }
        }
        return nil
    }
}
