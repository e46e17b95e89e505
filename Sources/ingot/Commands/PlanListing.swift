import Foundation
import GGUF
import Pipeline
import Quantization
import TensorCore

/// A plan as `quantize --dry-run` shows it.
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
        /// `recipe`, `kept`, `fallback` or `override`.
        let reason: String
        /// The type that the recipe wanted, for a fallback.
        let fallbackFrom: String?
        let isCopy: Bool
        let hasImportance: Bool
        let sourceByteCount: Int
        let byteCount: Int
    }
    struct Total: Encodable {
        let type: String
        let tensorCount: Int
        let elementCount: Int
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
    let warnings: [String]

    init(_ plan: Plan, importance: ImportanceMatrix?) {
        input = plan.source.path
        output = plan.outputPath
        recipe = plan.recipeName
        tensors = plan.tensors.map { tensor in
            Tensor(
                name: tensor.name, shape: tensor.source.shape.dimensions,
                sourceType: tensor.source.format.name, type: tensor.choice.format.name,
                reason: tensor.choice.reason.name,
                fallbackFrom: tensor.choice.reason.fallbackFrom?.name, isCopy: tensor.isCopy,
                hasImportance: tensor.importance != nil,
                sourceByteCount: tensor.sourceByteCount, byteCount: tensor.byteCount)
        }
        totals = plan.formatTotals.map {
            Total(
                type: $0.format.name, tensorCount: $0.tensorCount, elementCount: $0.elementCount,
                byteCount: $0.byteCount)
        }
        elementCount = plan.elementCount
        sourceTensorByteCount = plan.sourceByteCount
        tensorByteCount = plan.byteCount
        headerByteCount = plan.layout.header.count
        fileByteCount = plan.layout.byteCount
        sourceBitsPerWeight = plan.sourceBitsPerWeight
        bitsPerWeight = plan.bitsPerWeight
        warnings = Writing.warnings(of: plan, importance: importance, findings: Walk.Findings())
    }

    /// Every tensor on a line: name, shape, formats, why, bytes.
    var lines: [String] {
        var table = Columns(rightAligned: [false, true, false, false, false, true])
        table.add("tensor", "shape", "from", "to", "why", "bytes")
        for tensor in tensors {
            var why = tensor.reason
            if let wanted = tensor.fallbackFrom { why += " from \(wanted)" }
            if tensor.hasImportance { why += ", weighted" }
            table.add(
                tensor.name, tensor.shape.map(String.init).joined(separator: " × "),
                tensor.sourceType, tensor.type, why, "\(tensor.byteCount)")
        }
        return table.lines
    }

    /// The listing as one JSON object.
    func json() throws -> String { try PlanListing.encode(self) }

    /// Several listings as a JSON array.
    static func json(_ listings: [PlanListing]) throws -> String { try encode(listings) }

    private static func encode(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
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
        }
    }

    fileprivate var fallbackFrom: Format? {
        if case .fallback(let wanted) = self { wanted } else { nil }
    }
}
