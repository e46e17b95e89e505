import Evaluation
import Foundation
import GGUF
import Inference
import Parts
import Reporting
import TensorCore

/// A part of a command that runs models over the windows of a text: what it gathers goes into a file
/// of its own, and `ingot join` makes of all what the command would have written.
struct GatheringRun {
    let output: String
    let part: PartNumber
    /// The part's windows among those that the command would run.
    let windows: Range<Int>
    private let manifest: PartManifest
    private let isQuiet: Bool
    private let start = ContinuousClock.now

    /// What goes in besides models and text.
    typealias Options = [(name: String, value: String)]

    /// Plans a part.
    ///
    /// - Parameters:
    ///   - files: What is read besides the text.
    ///   - text: The text's description, where it comes from files.
    ///   - windows: The text in windows.
    ///   - range: Those of its windows that the command would run.
    init(
        command: String, part: PartNumber, output: String, files: [InputFile], text: PartSource?,
        windows: EvaluationText, range: Range<Int>, options: Options, isQuiet: Bool
    ) throws {
        self.output = output
        self.part = part
        self.isQuiet = isQuiet
        let own = GatheringRun.share(
            of: part, windowCount: range.count, length: windows.contextLength)
        self.windows = own.lowerBound + range.lowerBound..<own.upperBound + range.lowerBound
        var sources = try files.map { try PartSource($0) }
        if let text { sources.append(text) }
        var digest = PlanDigest(command: command, version: Ingot.version, count: part.count)
        digest.add(sources)
        Array(windows.evaluatedTokens).withUnsafeBytes { digest.add("tokens", buffer: $0) }
        digest.add("first", range.lowerBound)
        digest.add("last", range.upperBound)
        digest.add("context", windows.contextLength)
        digest.add("windowing", "\(windows.windowing)")
        for option in options { digest.add(option.name, option.value) }
        manifest = PartManifest(
            command: command, part: part, version: Ingot.version, plan: digest.text,
            sources: sources, files: [],
            share: .init(
                what: "windows",
                first: self.windows.first.map { .integer($0 + 1) } ?? .null,
                last: self.windows.last.map { .integer($0 + 1) } ?? .null), seconds: 0)
    }

    /// Short windows run in groups of so many tokens; parts begin where groups do, so that products
    /// have the rows that they have in one run.
    private static let groupTokens = 512

    private static func share(of part: PartNumber, windowCount: Int, length: Int) -> Range<Int> {
        let unit = max(1, groupTokens / max(1, length))
        let units = (windowCount + unit - 1) / unit
        guard units >= part.count else { return part.range(of: windowCount) }
        let own = part.range(of: units)
        return min(own.lowerBound * unit, windowCount)..<min(own.upperBound * unit, windowCount)
    }

    /// Whether the part is there already, which is said.
    func isComplete(overwriting: Bool) -> Bool {
        guard !overwriting else { return false }
        switch PartManifest.state(output: output, expected: manifest) {
        case .complete:
            if !isQuiet { Terminal.print("part \(part) is complete") }
            return true
        case .absent: return false
        case .other(let what):
            Terminal.warning(
                "\(part.path(of: output)) is of another \(what); it is made again")
            return false
        }
    }

    /// Writes what was gathered, then the manifest.
    func finish(head: some Encodable, body: [UInt8]) throws {
        let path = part.path(of: output)
        try PartContent.write(head: ReadableJSON.bytes(of: head), body: body, to: path)
        let file = try InputFile(path: path)
        var manifest = manifest
        manifest.seconds = start.secondsAgo
        manifest.files = [
            .init(
                name: Paths.name(path), byteCount: file.byteCount,
                sha256: try FileDigest.sha256(of: file))
        ]
        try manifest.write(to: part.manifestPath(of: output))
        guard !isQuiet else { return }
        let what =
            windows.isEmpty
            ? "no windows" : "windows \(windows.lowerBound + 1) to \(windows.upperBound)"
        Terminal.print("\(path): \(what) in \(NumberFormat.duration(manifest.seconds))")
    }
}

/// What parts of `perplexity` and `compare` say besides their values.
struct EvaluationHead: Codable {
    /// The models, the base first.
    let models: [String]
    let text: String?
    let textTokens: Int
    let contextLength: Int
    let stride: Int?
    let activations: String
    let threads: Int
    let warnings: [String]
    /// The tokens of the part's windows.
    let tokensRun: Int
    /// How the result is written.
    let isJSON: Bool
    let isQuiet: Bool
}

/// The parts of an evaluation, read one after the other in their order.
struct GatheredParts {
    let found: PartSet

    /// The head of a part and what it gathered.
    func read<Head: Decodable>(
        _ number: Int, as type: Head.Type
    ) throws -> (head: Head, body: ArraySlice<UInt8>) {
        let path = try path(number)
        let content = try PartContent(path: path)
        do {
            return (try ReadableJSON.value(Head.self, from: content.head), content.body)
        } catch {
            throw PartError(
                .content(found: "a head that is none", expected: "a part's"), path: path)
        }
    }

    /// Where a part's file is.
    func path(_ number: Int) throws -> String {
        let part = found.parts[number]
        guard let file = part.manifest.files.first else {
            throw PartError(.withoutFile(part.manifest.part), path: part.path)
        }
        return part.path(of: file)
    }

    /// The seconds that all parts took together.
    var seconds: Double { found.parts.reduce(0) { $0 + $1.manifest.seconds } }

    /// The values of all parts as one result, and the head of the first.
    func result<Head: Decodable>(
        _ type: Head.Type, models: (Head) -> [String], contextLength: (Head) -> Int,
        tokensRun: (Head) -> Int
    ) throws -> (head: Head, result: Evaluator.Result) {
        let (first, _) = try read(0, as: Head.self)
        let names = models(first)
        guard !names.isEmpty else {
            throw PartError(
                .content(found: "no model", expected: "those that were run"), path: try path(0))
        }
        var (tokens, next): (Int, Int?) = (0, nil)
        var joining = Evaluator.Joining(levelCount: names.count - 1)
        for number in found.parts.indices {
            let (head, body) = try read(number, as: Head.self)
            guard let values = EvaluationValues(bytes: body),
                values.levelCount == names.count - 1, next == nil || values.firstWindow == next
            else {
                throw PartError(
                    .content(
                        found: "values of other windows or models",
                        expected: "those of part \(number + 1)"), path: try path(number))
            }
            next = values.windows.upperBound
            tokens = tokens.adding(checked: tokensRun(head)) ?? Int.max
            joining.add(values)
        }
        return (
            first,
            joining.result(
                base: names[0], levels: Array(names.dropFirst()),
                contextLength: contextLength(first), tokensRun: tokens, seconds: seconds)
        )
    }
}
