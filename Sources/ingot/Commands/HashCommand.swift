import ArgumentParser
import GGUF
import Pipeline
import Reporting
import TensorCore

/// The command `ingot hash FILE`.
struct HashCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hash",
        abstract: "Print SHA-256 digests of a GGUF model's tensors, and of its files.",
        discussion: """
            A line for each tensor, FILE:TENSOR behind the digest of its data: metadata can \
            change and they stay the same. Then a line for each file as it lies there, as \
            sha256sum prints it. --check compares with such a list, and ends with 1 where \
            something differs.

            Examples:
              ingot hash model.gguf > model.sha256
              ingot hash --check model.sha256 model.gguf
              ingot hash --no-layer model-00001-of-00003.gguf
            """)

    @Argument(
        help: "A GGUF file; of a split model, the first part.",
        completion: .file(extensions: ["gguf"]))
    var input: String

    @Flag(help: "Leave the tensors out.")
    var noLayer = false

    @Option(
        name: [.customShort("c"), .long],
        help: ArgumentHelp("Compare with a list that this command wrote.", valueName: "list"))
    var check: String?

    @OptionGroup var options: RunOptions

    /// A digest and what it is of.
    private struct Line: Hashable {
        let digest: String
        let subject: String
    }

    func run() throws {
        let source = try SplitSource.open(path: input)
        guard let check else {
            return Terminal.print(
                lines: try lines(source, withTensors: !noLayer).map {
                    "\($0.digest)  \($0.subject)"
                })
        }
        let expected = try HashCommand.list(in: check)
        let found = Dictionary(
            try lines(source, withTensors: expected.contains { $0.subject.contains(":") }).map {
                ($0.subject, $0.digest)
            }, uniquingKeysWith: { first, _ in first })
        var differences = 0
        for line in expected {
            guard let digest = found[line.subject] else {
                Terminal.error("\(line.subject): not in \(input)")
                differences += 1
                continue
            }
            if digest != line.digest {
                Terminal.error("\(line.subject): \(digest) found, \(line.digest) expected")
                differences += 1
            }
        }
        guard differences == 0 else { throw ArgumentParser.ExitCode(1) }
        options.note(["\(input): \(NumberFormat.counted(expected.count, "digest")) as in \(check)"])
    }

    private func lines(_ source: any TensorSource, withTensors: Bool) throws -> [Line] {
        var tensors: [Line] = []
        var files: [Line] = []
        for part in source.files {
            let name = Paths.name(part.path)
            if withTensors {
                let file = try GGUFFile(path: part.path)
                let digests = try Digests.ofTensors(in: file, threadCount: options.threads)
                tensors += zip(digests, file.tensors).map {
                    Line(digest: $0, subject: "\(name):\($1.name)")
                }
            }
            files.append(Line(digest: try Digests.sha256(of: part), subject: name))
        }
        return tensors + files
    }

    private static func list(in path: String) throws -> [Line] {
        let file = try InputFile(path: path)
        guard file.byteCount <= 1 << 28 else {
            throw FileProblem(
                file: path, problem: "\(file.byteCount) bytes found, expected a list of digests",
                remedy: nil)
        }
        let text = String(decoding: try file.read(at: 0, count: file.byteCount), as: UTF8.self)
        let lines = text.split(separator: "\n")
        let parsed = lines.compactMap { line -> Line? in
            guard let space = line.firstIndex(of: " "), line[..<space].count == 64,
                line[..<space].allSatisfy(\.isHexDigit)
            else { return nil }
            // sha256sum marks binary files with a star.
            let subject = line[space...].drop { $0 == " " }
            return Line(
                digest: line[..<space].lowercased(),
                subject: String(subject.first == "*" ? subject.dropFirst() : subject))
        }
        guard !lines.isEmpty, parsed.count == lines.count else {
            throw FileProblem(
                file: path, problem: "a line without a digest found, expected DIGEST  FILE:TENSOR",
                remedy: "ingot hash writes such lists.")
        }
        return parsed
    }
}
