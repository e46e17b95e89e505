import ArgumentParser
import Foundation
import GGUF
import Pipeline
import Quantization
import Reporting
import TensorCore

/// The command `ingot diff A B`.
struct DiffCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff",
        abstract: "Compare two GGUF files of a model: metadata, types, values.",
        discussion: """
            For every tensor of both files: root mean square, relative and largest difference of the \
            decoded values, and their cosine. Ends with 0 when nothing differs and 1 when something \
            does.

            Examples:
              ingot diff model-f16.gguf model-Q4_K_M.gguf
              ingot diff --json model-f16.gguf model-Q4_K_M.gguf | jq '.tensors[0].rmse'
            """)

    @Argument(help: "The file to measure from.")
    var first: String

    @Argument(help: "The file to compare with it.")
    var second: String

    @Flag(help: "Print one JSON object.")
    var json = false

    @OptionGroup var options: RunOptions

    func run() throws {
        let line = ProgressLine("diff", isQuiet: options.quiet || !Terminal.isInteractive)
        let comparison = try Comparison(
            SplitSource.open(path: first), SplitSource.open(path: second),
            threadCount: options.threads
        ) { done, all in line.update(done, of: all) }
        line.finish()
        try Terminal.show(
            DiffListing(comparison, first: first, second: second), asJSON: json,
            lines: DiffCommand.lines(comparison, first: first, second: second))
        if !comparison.isIdentical { throw ArgumentParser.ExitCode(1) }
    }

    private static func lines(
        _ comparison: Comparison, first: String, second: String
    ) -> [String] {
        var lines = ["- \(first)", "+ \(second)"]
        if comparison.isIdentical { return lines + ["nothing differs"] }
        func value(_ value: MetadataValue) -> String {
            "\(value.typeName) \(FileContents.Value(value).line)"
        }
        for entry in comparison.metadata {
            if let first = entry.first { lines.append("- \(entry.key) = \(value(first))") }
            if let second = entry.second { lines.append("+ \(entry.key) = \(value(second))") }
        }
        for name in comparison.onlyInFirst { lines.append("- tensor \(name)") }
        for name in comparison.onlyInSecond { lines.append("+ tensor \(name)") }
        let changed = comparison.tensors.filter { !$0.isIdentical }
        let same = comparison.tensors.count - changed.count
        guard !changed.isEmpty else { return lines + ["all \(same) tensors are the same"] }
        var table = TextTable(rightAligned: [false, false, false, true, true, true, true])
        table.add("tensor", "from", "to", "rmse", "relative", "max", "cosine")
        for tensor in changed {
            let types = (tensor.firstFormat.name, tensor.secondFormat.name)
            guard let error = tensor.error else {
                table.add(
                    tensor.name, "\(types.0) \(tensor.firstShape)",
                    "\(types.1) \(tensor.secondShape)")
                continue
            }
            table.add(
                tensor.name, types.0, types.1, DiffCommand.number(error.rootMeanSquare),
                DiffCommand.number(error.relative), DiffCommand.number(error.maximum),
                NumberFormat.fixed(error.cosine, 6))
        }
        return lines + table.lines + ["  \(same) tensors are the same, \(changed.count) differ"]
    }

    private static func number(_ value: Double) -> String { String(format: "%.3e", value) }
}

/// A comparison as `diff --json` prints it.
///
/// The keys are described in docs/commands-quantize.md.
private struct DiffListing: Encodable {
    struct Entry: Encodable {
        let key: String
        let firstType: String?
        let first: FileContents.Value?
        let secondType: String?
        let second: FileContents.Value?
    }
    struct Tensor: Encodable {
        let name: String
        let firstType: String
        let secondType: String
        let firstShape: [Int]
        let secondShape: [Int]
        let isIdentical: Bool
        let rmse: Double?
        let relativeError: Double?
        let maxError: Double?
        let cosine: Double?
        let nonFiniteCount: Int?
    }

    let schemaVersion = 1
    let first: String
    let second: String
    let isIdentical: Bool
    let metadata: [Entry]
    let onlyInFirst: [String]
    let onlyInSecond: [String]
    let tensors: [Tensor]

    init(_ comparison: Comparison, first: String, second: String) {
        self.first = first
        self.second = second
        isIdentical = comparison.isIdentical
        metadata = comparison.metadata.map { entry in
            Entry(
                key: entry.key, firstType: entry.first?.typeName,
                first: entry.first.map { FileContents.Value($0) },
                secondType: entry.second?.typeName,
                second: entry.second.map { FileContents.Value($0) })
        }
        onlyInFirst = comparison.onlyInFirst
        onlyInSecond = comparison.onlyInSecond
        tensors = comparison.tensors.map { tensor in
            Tensor(
                name: tensor.name, firstType: tensor.firstFormat.name,
                secondType: tensor.secondFormat.name, firstShape: tensor.firstShape.dimensions,
                secondShape: tensor.secondShape.dimensions, isIdentical: tensor.isIdentical,
                rmse: tensor.error?.rootMeanSquare, relativeError: tensor.error?.relative,
                maxError: tensor.error?.maximum, cosine: tensor.error?.cosine,
                nonFiniteCount: tensor.error?.nonFiniteCount)
        }
    }
}
