public import TensorCore

/// A model in several GGUF files, `NAME-00001-of-00003.gguf` and so on, as one source.
public struct SplitSource: TensorSource {
    /// The files, in order.
    public let shards: [GGUFFile]
    /// The first shard's metadata, without the keys that tell how the model is split.
    public let metadata: Metadata
    /// All tensors, shard after shard.
    public let tensors: [TensorDescription]
    /// For each tensor its shard's number, from 0.
    public let shardNumbers: [Int]
    private let firstTensors: [Int]

    /// The path as the user named it.
    public var path: String { shards[0].path }
    /// The parts.
    public var files: [InputFile] { shards.map(\.file) }

    /// The keys that tell how a model is split.
    public static let keys = ["split.no", "split.count", "split.tensors.count"]

    /// Opens the model that the file at `path` holds or is the first part of.
    ///
    /// - Parameter forRepair: As of `GGUFFile`.
    /// - Throws: `GGUFError` when a part is missing or does not belong, or another part than the
    ///   first is named; `FileError`.
    public static func open(path: String, forRepair: Bool = false) throws -> any TensorSource {
        let first = try openFirst(path: path, forRepair: forRepair)
        guard let count = first.partCount else { return first }
        return try SplitSource(first: first, count: count, forRepair: forRepair)
    }

    /// Opens the file that holds a model's metadata: a whole model or its first part.
    ///
    /// The other parts need not be there.
    ///
    /// - Throws: `GGUFError` when it is another part than the first; `FileError`.
    public static func openFirst(path: String, forRepair: Bool = false) throws -> GGUFFile {
        let file = try GGUFFile(path: path, forRepair: forRepair)
        guard let count = file.partCount, file.partNumber != 0 else { return file }
        guard let number = file.partNumber, (0..<count).contains(number) else {
            throw GGUFError(
                .invalidSplit(found: "a part without a number", expected: "split.no"), path: path)
        }
        let own = suffix(number, of: count)
        throw GGUFError(
            .notFirstPart(
                number: number + 1, count: count,
                first: path.hasSuffix(own)
                    ? String(path.dropLast(own.count)) + suffix(0, of: count) : nil),
            path: path)
    }

    private init(first: GGUFFile, count: Int, forRepair: Bool) throws {
        func fault(_ found: String, _ expected: String, _ path: String) -> GGUFError {
            GGUFError(.invalidSplit(found: found, expected: expected), path: path)
        }
        let suffix = SplitSource.suffix(0, of: count)
        guard count <= 99_999, first.path.hasSuffix(suffix) else {
            throw fault(
                "part 1 of \(count) under another name", "a name that ends in \(suffix)", first.path
            )
        }
        let prefix = String(first.path.dropLast(suffix.count))
        let paths = (0..<count).map { prefix + SplitSource.suffix($0, of: count) }
        let missing = try paths.filter { try FileIdentity.of($0) == nil }
        guard missing.isEmpty else {
            throw GGUFError(.missingParts(missing, count: count), path: first.path)
        }
        var shards = [first]
        var names = Set(first.tensors.map { ByteString($0.name) })
        for number in 1..<count {
            let shard = try GGUFFile(path: paths[number], forRepair: forRepair)
            guard shard.partNumber == number, shard.partCount == count else {
                throw fault("a file of another split", "part \(number + 1) of \(count)", shard.path)
            }
            for tensor in shard.tensors {
                guard names.insert(ByteString(tensor.name)).inserted else {
                    throw GGUFError(
                        .duplicate(what: "tensor", name: tensor.name), path: shard.path)
                }
            }
            shards.append(shard)
        }
        let all = shards.reduce(0) { $0 + $1.tensors.count }
        if let told = first.metadata["split.tensors.count"]?.integer, told != all {
            throw fault("\(all) tensors in all parts", "\(told)", first.path)
        }
        self.shards = shards
        var metadata = first.metadata
        for key in SplitSource.keys { metadata[key] = nil }
        self.metadata = metadata
        tensors = shards.flatMap(\.tensors)
        shardNumbers = shards.indices.flatMap { number in
            shards[number].tensors.map { _ in number }
        }
        var firstTensors: [Int] = []
        var sum = 0
        for shard in shards {
            firstTensors.append(sum)
            sum += shard.tensors.count
        }
        self.firstTensors = firstTensors
    }

    /// The end of the name of part `number`, counted from 0: `-00001-of-00003.gguf`.
    public static func suffix(_ number: Int, of count: Int) -> String {
        func digits(_ value: Int) -> String {
            let text = "\(value)"
            return String(repeating: "0", count: max(0, 5 - text.count)) + text
        }
        return "-\(digits(number + 1))-of-\(digits(count)).gguf"
    }

    private func place(of tensor: Int) -> (shard: GGUFFile, index: Int) {
        let number = shardNumbers[tensor]
        return (shards[number], tensor - firstTensors[number])
    }

    /// Decodes rows of a tensor to F32.
    public func readRows(
        _ rows: Range<Int>, ofTensor tensor: Int, into destination: UnsafeMutablePointer<Float>,
        scratch: ScratchBuffer
    ) throws {
        let (shard, index) = place(of: tensor)
        try unsafe shard.readRows(rows, ofTensor: index, into: destination, scratch: scratch)
    }

    /// Copies rows of a tensor as they are stored.
    public func readBytes(
        ofRows rows: Range<Int>, ofTensor tensor: Int,
        into destination: UnsafeMutableRawBufferPointer
    ) throws {
        let (shard, index) = place(of: tensor)
        try unsafe shard.readBytes(ofRows: rows, ofTensor: index, into: destination)
    }

    /// Copies bytes of a tensor as they are stored.
    public func readBytes(
        _ range: Range<Int>, ofTensor tensor: Int, into destination: UnsafeMutableRawBufferPointer
    ) throws {
        let (shard, index) = place(of: tensor)
        try unsafe shard.readBytes(range, ofTensor: index, into: destination)
    }
}

extension GGUFFile {
    /// The number of parts of the model that this file is a part of; `nil` for a whole model.
    public var partCount: Int? {
        metadata["split.count"]?.integer.flatMap { $0 > 1 ? $0 : nil }
    }
    /// The number of this part, counted from 0.
    public var partNumber: Int? { metadata["split.no"]?.integer }
}
