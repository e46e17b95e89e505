import Allocation
import Calibration
import GGUF
import Pipeline
import Quantization
import Reporting
import TensorCore

/// A plan as `convert --dry-run` and `quantize --dry-run` show it.
///
/// The keys of the JSON are described in
/// docs/commands-quantize.md.
struct PlanListing: Encodable {
    struct Tensor: Encodable {
        let name: String
        /// Outermost dimension first.
        let shape: [Int]
        let sourceType: String
        let type: String
        /// `recipe`, `kept`, `fallback`, `raised` or `override`.
        let reason: String
        /// The type that the recipe wanted, for a fallback.
        let fallbackFrom: String?
        /// The type that would have needed importance, for one that is raised.
        let raisedFrom: String?
        let isCopy: Bool
        let hasImportance: Bool
        /// Whether it is rounded by what its layer takes in; absent without calibration.
        let isCalibrated: Bool?
        /// Whether its values are the type's already, and are kept; absent without calibration.
        let isOnGrid: Bool?
        /// The stretches of columns that it is rounded in, where they are several.
        let columnSegments: Int?
        let sourceByteCount: Int
        let byteCount: Int
        /// What decided, where the format was chosen for a target.
        let allocation: AllocationReport.Tensor?
    }
    struct Total: Encodable {
        let type: String
        let tensorCount: Int
        let elementCount: Int
        let byteCount: Int
    }

    /// A file of the output.
    struct File: Encodable {
        let path: String
        let tensorCount: Int
        let byteCount: Int
    }

    let schemaVersion = 1
    let input: String
    let output: String
    let recipe: String?
    let tensors: [Tensor]
    let totals: [Total]
    let elementCount: Int
    let sourceTensorByteCount: Int
    let tensorByteCount: Int
    let headerByteCount: Int
    let fileByteCount: Int
    let sourceBitsPerWeight: Double
    let bitsPerWeight: Double
    /// The files: one, or the parts of a split.
    let files: [File]
    /// About how much memory writing takes.
    let memoryByteCount: Int
    let warnings: [String]
    /// What was measured and tried for a target.
    let allocation: AllocationReport?

    init(
        _ planned: PlannedOutput, importance: ImportanceMatrix? = nil, options: WriteOptions
    ) throws {
        let plan = planned.plan
        input = plan.source.path
        output = plan.outputPath
        recipe = plan.recipeName
        let rounding = options.rounding
        let calibrated = Set(rounding?.groups.flatMap(\.tensors) ?? [])
        let calibration = rounding as? CalibratedRounding
        let segments = calibration?.segmentCounts ?? [:]
        tensors = plan.tensors.map { tensor in
            Tensor(
                name: tensor.name, shape: tensor.source.shape.dimensions,
                sourceType: tensor.source.format.name, type: tensor.choice.format.name,
                reason: tensor.choice.reason.name,
                fallbackFrom: tensor.choice.reason.fallbackFrom?.name,
                raisedFrom: tensor.choice.reason.raisedFrom?.name, isCopy: tensor.isCopy,
                hasImportance: tensor.importance != nil,
                isCalibrated: rounding.map { _ in tensor.isRounded(by: calibrated) },
                isOnGrid: calibration.map {
                    $0.keepsValues(ofTensor: tensor.sourceIndex, as: tensor.choice.format)
                },
                columnSegments: tensor.isRounded(by: calibrated)
                    ? segments[tensor.sourceIndex] : nil,
                sourceByteCount: tensor.sourceByteCount, byteCount: tensor.byteCount,
                allocation: planned.allocation?.tensors[tensor.name])
        }
        allocation = planned.allocation
        totals = plan.formatTotals.map {
            Total(
                type: $0.format.name, tensorCount: $0.tensorCount, elementCount: $0.elementCount,
                byteCount: $0.byteCount)
        }
        elementCount = plan.elementCount
        sourceTensorByteCount = plan.sourceByteCount
        tensorByteCount = plan.byteCount
        headerByteCount = planned.files.reduce(0) { $0 + $1.layout.header.count }
        fileByteCount = planned.files.reduce(0) { $0 + $1.layout.byteCount }
        files = planned.files.map {
            File(
                path: $0.outputPath, tensorCount: $0.tensors.count, byteCount: $0.layout.byteCount)
        }
        memoryByteCount = try PlanWriter.memoryByteCount(of: planned.files, options: options)
        sourceBitsPerWeight = plan.sourceBitsPerWeight
        bitsPerWeight = plan.bitsPerWeight
        warnings = PlanSummary.warnings(
            of: plan, importance: importance, findings: PlanWriter.Findings())
    }

    /// Every tensor on a line: name, shape, formats, why, bytes.
    var lines: [String] {
        var table = TextTable(rightAligned: [false, true, false, false, false, true])
        table.add("tensor", "shape", "from", "to", "why", "bytes")
        for tensor in tensors {
            var why = tensor.reason
            if let wanted = tensor.fallbackFrom ?? tensor.raisedFrom { why += " from \(wanted)" }
            if tensor.hasImportance { why += ", weighted" }
            if tensor.isOnGrid == true {
                why += ", on its grid"
            } else if tensor.isCalibrated == true {
                why += ", calibrated"
            }
            if let count = tensor.columnSegments { why += " in \(count) parts" }
            if let group = tensor.allocation?.group { why += ", with \(group)" }
            table.add(
                tensor.name, tensor.shape.map(String.init).joined(separator: " × "),
                tensor.sourceType, tensor.type, why, "\(tensor.byteCount)")
        }
        return table.lines
    }

    /// Prints what would be written: everything, or one JSON value.
    static func show(
        _ outputs: [PlannedOutput], importance: ImportanceMatrix? = nil, options: WriteOptions,
        asJSON: Bool
    ) throws {
        var options = options
        try options.fitMemory(of: outputs.files) { Terminal.note($0) }
        let listings = try outputs.map {
            try PlanListing($0, importance: importance, options: options)
        }
        if asJSON {
            return Terminal.print(
                listings.count == 1
                    ? try ReadableJSON.text(of: listings[0])
                    : try ReadableJSON.text(of: listings))
        }
        for (output, listing) in zip(outputs, listings) {
            Terminal.print(lines: listing.lines + (output.allocation?.lines ?? []))
            Terminal.print(lines: PlanSummary.lines(of: output))
            Terminal.print("  memory: about \(NumberFormat.bytes(listing.memoryByteCount))")
            Terminal.warnings(listing.warnings)
        }
    }
}

extension Plan.Tensor {
    /// Whether it is one of those that are calibrated, and gets blocks.
    fileprivate func isRounded(by calibrated: Set<Int>) -> Bool {
        !isCopy && choice.format.blockElementCount > 1 && calibrated.contains(sourceIndex)
    }
}

extension FormatChoice.Reason {
    /// The reason in one word.
    fileprivate var name: String {
        switch self {
        case .recipe: "recipe"
        case .kept: "kept"
        case .fallback: "fallback"
        case .override: "override"
        case .raised: "raised"
        case .allocated: "allocated"
        }
    }

    fileprivate var fallbackFrom: Format? {
        if case .fallback(let wanted) = self { wanted } else { nil }
    }

    fileprivate var raisedFrom: Format? {
        if case .raised(let wanted) = self { wanted } else { nil }
    }
}
