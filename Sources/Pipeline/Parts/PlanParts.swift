import GGUF
public import Parts
import Quantization
import TensorCore

/// Plans of one source, divided into parts of about equal cost: stretches of the files' bytes, cut
/// between rows, the same tensors and rows of every file in a part.
///
/// A tensor is read once for all files, as without parts; the parts of a file put one after another are
/// the file.
public struct PlanParts: Sendable {
    /// The plans of the whole files.
    public let plans: [Plan]
    /// The number of parts.
    public let count: Int
    /// What each part costs, as a share of all.
    public let costs: [Double]
    private let cuts: [PartCut]
    private let isOfBlocks: Bool

    /// Divides plans that write the same tensors in the same order.
    ///
    /// - Parameter calibrationTokenCount: With error feedback, which takes blocks as wholes: the
    ///   tokens of its text.
    /// - Complexity: O(tensors + parts).
    public init(_ plans: [Plan], count: Int, calibrationTokenCount: Int? = nil) {
        precondition(
            plans.allSatisfy { plan in
                plan.tensors.lazy.map(\.sourceIndex).elementsEqual(
                    plans[0].tensors.lazy.map(\.sourceIndex))
            }, "the same tensors in the same order")
        self.plans = plans
        self.count = count
        isOfBlocks = calibrationTokenCount != nil
        let calibration = calibrationTokenCount.map {
            CalibrationCost(plans[0].source, tokenCount: $0)
        }
        let costs = plans[0].tensors.indices.map { position in
            plans.reduce(0.0) { sum, plan in
                let tensor = plan.tensors[position]
                let feedback = calibration?.nanoseconds(of: tensor.source, to: tensor.choice.format)
                return sum + EncodingCost.nanoseconds(of: tensor) + (feedback ?? 0)
            }
        }
        let rows = plans[0].tensors.map(\.source.shape.rowCount)
        cuts =
            calibrationTokenCount == nil
            ? PartShares.cuts(costs: costs, rows: rows, into: count)
            : PlanParts.cuts(betweenBlocksOf: plans[0], costs: costs, into: count)
        self.costs = PlanParts.shares(of: cuts, costs: costs, rows: rows)
    }

    private static func cuts(
        betweenBlocksOf plan: Plan, costs: [Double], into count: Int
    ) -> [PartCut] {
        // The tensors of a block are neighbours in the order of quantized files.
        var starts: [Int] = []
        var last: Int?
        for (position, tensor) in plan.tensors.enumerated() {
            let block = RecipeModel.blockIndex(of: tensor.name)
            if starts.isEmpty || block == nil || block != last { starts.append(position) }
            last = block
        }
        let ends = starts.dropFirst() + [plan.tensors.count]
        let sums = zip(starts, ends).map { costs[$0..<$1].reduce(0, +) }
        let ranges = PartShares.ranges(costs: sums, into: count)
        return ranges.map {
            PartCut(
                item: $0.lowerBound < starts.count ? starts[$0.lowerBound] : plan.tensors.count,
                row: 0)
        } + [PartCut(item: plan.tensors.count, row: 0)]
    }

    private static func shares(
        of cuts: [PartCut], costs: [Double], rows: [Int]
    ) -> [Double] {
        var sums = [0.0]
        for cost in costs { sums.append(sums[sums.count - 1] + cost) }
        func before(_ cut: PartCut) -> Double {
            guard cut.row > 0 else { return sums[cut.item] }
            return sums[cut.item] + costs[cut.item] * Double(cut.row) / Double(rows[cut.item])
        }
        let total = max(sums[sums.count - 1], .leastNormalMagnitude)
        return zip(cuts, cuts.dropFirst()).map { (before($1) - before($0)) / total }
    }

    /// A part: its files are called as parts of the plans' files.
    public func part(_ number: PartNumber) -> PlanPart {
        PlanPart(
            number: number,
            plans: plans.map { $0.named(number.path(of: $0.outputPath)) },
            start: cuts[number.number - 1], end: cuts[number.number], isOfBlocks: isOfBlocks)
    }

    /// The digest of what the parts of a file must have in common.
    ///
    /// - Parameters:
    ///   - plan: The file's number.
    ///   - options: How the plans are carried out.
    ///   - sources: The files that are read, an importance matrix among them.
    /// - Complexity: O(bytes of the header and of importance).
    public func digest(
        of plan: Int, command: String, options: WriteOptions, sources: [PartSource]
    ) -> String {
        var digest = PlanDigest(command: command, version: options.toolVersion, count: count)
        digest.add(sources)
        digest.add("header", plans[plan].layout.header)
        digest.add("length", plans[plan].layout.byteCount)
        digest.add("nonfinite", options.allowsNonFinite ? 1 : 0)
        digest.add("rounding", options.rounding?.identity ?? "")
        for tensor in plans[plan].tensors {
            digest.add("tensor", tensor.sourceIndex)
            tensor.importance?.values.withUnsafeBytes { digest.add("importance", buffer: $0) }
        }
        for cut in cuts {
            digest.add("item", cut.item)
            digest.add("row", cut.row)
        }
        return digest.text
    }
}

/// One part of several files of one source.
public struct PlanPart: Sendable {
    /// Which part.
    public let number: PartNumber
    /// The plans of the whole files, under the names of their parts.
    public let plans: [Plan]
    private let start: PartCut
    private let end: PartCut
    private let isOfBlocks: Bool

    init(
        number: PartNumber, plans: [Plan], start: PartCut, end: PartCut, isOfBlocks: Bool
    ) {
        self.number = number
        self.plans = plans
        self.start = start
        self.end = end
        self.isOfBlocks = isOfBlocks
    }

    /// The same part of some of the files.
    public func only(_ files: [Int]) -> PlanPart {
        PlanPart(
            number: number, plans: files.map { plans[$0] }, start: start, end: end,
            isOfBlocks: isOfBlocks)
    }

    /// The bytes of a file that are in the part: of the first part from the header on.
    public func bytes(ofFile file: Int) -> Range<Int> {
        let first = number.number == 1 ? 0 : place(of: start, in: plans[file])
        let last =
            number.number == number.count
            ? plans[file].layout.byteCount : place(of: end, in: plans[file])
        return first..<max(first, last)
    }

    private func place(of cut: PartCut, in plan: Plan) -> Int {
        guard cut.item < plan.tensors.count else { return plan.layout.byteCount }
        let tensor = plan.tensors[cut.item]
        let elements = 0..<cut.row * tensor.source.shape.rowLength
        return plan.layout.offsets[cut.item] + tensor.choice.format.byteRange(of: elements).count
    }

    /// The values of a tensor, by its place in the plans, that are in the part.
    func elements(ofTensor position: Int) -> Range<Int> {
        let shape = plans[0].tensors[position].source.shape
        func limit(_ cut: PartCut) -> Int {
            position < cut.item
                ? shape.elementCount : position > cut.item ? 0 : cut.row * shape.rowLength
        }
        let (first, last) = (limit(start), limit(end))
        // Behind the cut nothing comes before it.
        return first..<max(first, last)
    }

    /// The places of the tensors that are in the part, some of them not wholly.
    public var tensors: Range<Int> {
        start.item..<max(start.item, end.row > 0 ? end.item + 1 : end.item)
    }

    /// What manifests say of the part: the first and last tensor, or block where those stay whole.
    public var share: PartManifest.Share {
        func name(_ position: Int?) -> JSON {
            position.map { .string(ByteString(plans[0].tensors[$0].name)) } ?? .null
        }
        func block(_ position: Int?) -> JSON {
            position.flatMap { RecipeModel.blockIndex(of: plans[0].tensors[$0].name) }
                .map(JSON.integer) ?? name(position)
        }
        return isOfBlocks
            ? PartManifest.Share(
                what: "layers", first: block(tensors.first), last: block(tensors.last))
            : PartManifest.Share(
                what: "tensors", first: name(tensors.first), last: name(tensors.last))
    }
}

/// Where the bytes that are written lie in the whole files.
struct OutputExtents: Sendable {
    /// The bytes of each file.
    let ranges: [Range<Int>]

    init(_ plans: [Plan], part: PlanPart?) {
        ranges = plans.indices.map { part?.bytes(ofFile: $0) ?? 0..<plans[$0].layout.byteCount }
    }

    /// Whether a file begins with its header.
    func hasHeader(_ file: Int) -> Bool { ranges[file].lowerBound == 0 && !ranges[file].isEmpty }

    /// Where in a file a byte of the whole file is written.
    func place(_ offset: Int, in file: Int) -> Int { offset - ranges[file].lowerBound }
}
