import GGUF
public import Parts
import Quantization
import TensorCore

/// The files of a split model, divided into parts of about equal cost: each part has whole files, which
/// joining only names.
public struct SplitParts: Sendable {
    /// The plans of all files.
    public let files: [Plan]
    /// The number of parts.
    public let count: Int
    private let ranges: [Range<Int>]

    /// Divides files; `nil` where there are fewer than parts.
    public init?(_ files: [Plan], count: Int) {
        guard files.count >= count else { return nil }
        self.files = files
        self.count = count
        ranges = PartShares.ranges(
            costs: files.map { plan in
                plan.tensors.reduce(0) { $0 + EncodingCost.nanoseconds(of: $1) }
            }, into: count)
    }

    /// The plans of a part's files, under the names of parts.
    public func plans(of part: PartNumber) -> [Plan] {
        files[ranges[part.number - 1]].map { $0.named(part.path(of: $0.outputPath)) }
    }

    /// What manifests say of a part.
    public func share(of part: PartNumber) -> PartManifest.Share {
        let range = ranges[part.number - 1]
        return PartManifest.Share(
            what: "files", first: range.first.map { .integer($0 + 1) } ?? .null,
            last: range.last.map { .integer($0 + 1) } ?? .null)
    }

    /// The digest of what the parts must have in common; see `PlanParts`.
    public func digest(command: String, options: WriteOptions, sources: [PartSource]) -> String {
        var digest = PlanDigest(command: command, version: options.toolVersion, count: count)
        digest.add(sources)
        digest.add("nonfinite", options.allowsNonFinite ? 1 : 0)
        for file in files {
            digest.add("header", file.layout.header)
            for tensor in file.tensors {
                digest.add("tensor", tensor.sourceIndex)
                tensor.importance?.values.withUnsafeBytes { digest.add("importance", buffer: $0) }
            }
        }
        for range in ranges { digest.add("files", range.count) }
        return digest.text
    }
}
