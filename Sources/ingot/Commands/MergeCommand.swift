import ArgumentParser
import GGUF
import Pipeline
import Reporting
import TensorCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// The command `ingot merge FIRST OUT`.
struct MergeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "merge",
        abstract: "Put the parts of a split GGUF model into one file.",
        discussion: """
            Parts that are not there, or not whole, are named. With --wait the command waits \
            for them, as for a download that goes on, and begins when all are whole.

            Examples:
              ingot merge model-00001-of-00003.gguf model.gguf
              ingot merge --wait 3600 model-00001-of-00003.gguf model.gguf
            """)

    @Argument(help: "The first part.", completion: .file(extensions: ["gguf"]))
    var input: String

    @Argument(help: "The file to write.")
    var output: String

    @Option(
        help: ArgumentHelp(
            "Wait at most so many seconds for parts that are missing or not whole.",
            valueName: "seconds"))
    var wait: Int?

    @OptionGroup var options: RunOptions

    mutating func validate() throws {
        if let wait, wait < 0 {
            throw ValidationError("--wait is \(wait), expected seconds")
        }
    }

    func run() throws {
        let source = try source()
        guard source.files.count > 1 else {
            throw FileProblem(
                file: input, problem: "a whole model found, expected the first part of a split one",
                remedy: nil)
        }
        try PlanWriter.writeCopies([Plan.asDescribed(source, outputPath: output)], options)
    }

    /// The model, once all its parts are there.
    private func source() throws -> any TensorSource {
        let deadline = ContinuousClock.now + .seconds(wait ?? 0)
        var told = ""
        while true {
            do {
                return try SplitSource.open(path: input)
            } catch let error as any IngotError where MergeCommand.mayCome(error) {
                guard wait != nil, ContinuousClock.now < deadline else { throw error }
                let sentence = "\(error.file ?? input): \(error.problem)"
                if sentence != told { options.note(["waiting: \(sentence)"]) }
                told = sentence
                sleep(1)
            }
        }
    }

    /// Whether a file that is still being fetched looks so.
    private static func mayCome(_ error: any IngotError) -> Bool {
        switch error {
        case let error as GGUFError:
            switch error.kind {
            case .missingParts, .truncated, .invalidDataRange, .countTooLarge: return true
            case .notGGUF(let found): return found.count < 4
            default: return false
            }
        case let error as FileError: return FileIdentity(path: error.path) == nil
        default: return false
        }
    }
}
