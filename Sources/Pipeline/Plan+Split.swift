import GGUF
import TensorCore

/// How much of a model goes into one file.
public struct SplitLimit: Sendable, Hashable {
    /// The most tensors of a file; `nil` for any number.
    public var tensorCount: Int?
    /// The most bytes of tensors in a file, headers and padding not counted; a tensor that is
    /// longer has a file of its own.
    ///
    /// `nil` for any number.
    public var byteCount: Int?
    /// Whether the first file holds the metadata and no tensors.
    public var leavesFirstEmpty: Bool
    /// Whether each tensor counts with the padding behind it.
    public var countsPadding = false

    /// A limit; without numbers, there is one file.
    public init(tensorCount: Int? = nil, byteCount: Int? = nil, leavesFirstEmpty: Bool = false) {
        self.tensorCount = tensorCount
        self.byteCount = byteCount
        self.leavesFirstEmpty = leavesFirstEmpty
    }
}

extension Plan {
    /// The plans of the files that this one is cut into: tensors in their order, the metadata in
    /// the first, `split.no`, `split.count` and `split.tensors.count` in each.
    ///
    /// Files are called like this plan's, with `-00001-of-00003` before the ending. What fits one
    /// file is this plan itself.
    ///
    /// - Throws: `PipelineError` when there are more parts than GGUF can count, or one of them is
    ///   an input; `GGUFError`.
    public func split(_ limit: SplitLimit) throws -> [Plan] {
        var parts: [[Int]] = limit.leavesFirstEmpty ? [[], []] : [[]]
        var byteCount = 0
        for (place, tensor) in tensors.enumerated() {
            let tensorByteCount =
                limit.countsPadding
                ? tensor.byteCount.aligned(to: layout.alignment) ?? tensor.byteCount
                : tensor.byteCount
            let last = parts.count - 1
            let isFull =
                limit.tensorCount.map { parts[last].count >= $0 } ?? false
                || limit.byteCount.map { tensorByteCount > $0 - byteCount } ?? false
            if isFull, !parts[last].isEmpty {
                parts.append([])
                byteCount = 0
            }
            parts[parts.count - 1].append(place)
            byteCount += tensorByteCount
        }
        return parts.count == 1 ? [self] : try split(into: parts)
    }

    /// The plans of files with the tensors at these places.
    func split(into parts: [[Int]]) throws -> [Plan] {
        guard let count = UInt16(exactly: parts.count) else {
            throw PipelineError(.tooManyParts(parts.count), path: outputPath)
        }
        let prefix = outputPath.hasSuffix(".gguf") ? String(outputPath.dropLast(5)) : outputPath
        return try parts.enumerated().map { number, places in
            var metadata = number == 0 ? self.metadata : Metadata()
            metadata.moveToEnd("split.no", .uint16(UInt16(number)))
            metadata.moveToEnd("split.count", .uint16(count))
            metadata.moveToEnd("split.tensors.count", .int32(Int32(clamping: tensors.count)))
            var part = try Plan(
                source: source, tensors: places.map { tensors[$0] }, metadata: metadata,
                outputPath: prefix + SplitSource.suffix(number, of: parts.count),
                recipeName: recipeName)
            // They are about the whole.
            if number == 0 { part.remarks = remarks }
            return part
        }
    }
}
