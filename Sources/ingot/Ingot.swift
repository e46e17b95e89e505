import ArgumentParser
import Quantization
import TensorCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// The command-line tool: one file per subcommand under `Commands/`.
@main
struct Ingot: ParsableCommand {
    static let version = "0.1.0"

    static let configuration = CommandConfiguration(
        commandName: "ingot",
        abstract: "Convert Hugging Face models to GGUF, quantize them, prove what it cost.",
        discussion: """
            The main job:
              ingot convert my-model/ --outfile model-f16.gguf
              ingot quantize model-f16.gguf model-Q4_K_M.gguf Q4_K_M
              ingot report model-f16.gguf model-Q4_K_M.gguf -f heldout.txt -o report/
            """,
        version: version,
        subcommands: [
            ConvertCommand.self, ExportCommand.self, QuantizeCommand.self,
            PerplexityCommand.self,
            CompareCommand.self, ReportCommand.self, ScoreCommand.self, SensitivityCommand.self,
            ImatrixCommand.self, CalibrateCommand.self, GenerateCommand.self, ChatCommand.self,
            EmbedCommand.self,
            ServeCommand.self, BenchCommand.self, WatchCommand.self, PlanCommand.self,
            ModelfileCommand.self, DeployCommand.self, CardCommand.self, ClusterCommand.self,
            InspectCommand.self,
            TokenizeCommand.self,
            VerifyCommand.self, DiffCommand.self,
            EditCommand.self, SplitCommand.self, MergeCommand.self, JoinCommand.self,
            HashCommand.self,
        ])

    /// Called by the name of a subcommand (a link made by `scripts/install`), the binary runs it.
    private static func arguments() -> [String] {
        let arguments = Array(CommandLine.arguments.dropFirst())
        let name = CommandLine.arguments.first?.split(separator: "/").last.map(String.init) ?? ""
        let names = configuration.subcommands.compactMap { $0.configuration.commandName }
        return BenchCommand.completed(names.contains(name) ? [name] + arguments : arguments)
    }

    static func main() {
        Interrupts.removeTemporaryFilesWhenInterrupted()
        do {
            ProcessLimits.raiseOpenFileLimit()
            try checkArguments()
            try InstructionSet.checkRequest()
            var command = try parseAsRoot(arguments())
            try command.run()
            try Terminal.checkResults()
        } catch let error as any IngotError {
            Terminal.error(error.description)
            exit(withCode: error.exitCode)
        } catch let error as ValidationError {
            // Of what arguments mean together with files; the usage would be that of no subcommand.
            Terminal.error(error.message)
            exit(withCode: .usage)
        } catch {
            exit(withError: error)
        }
    }

    /// Names of files are text here: one that is not would be another when it comes to the system.
    private static func checkArguments() throws {
        for number in 0..<Int(CommandLine.argc) {
            guard let word = CommandLine.unsafeArgv[number], String(validatingCString: word) == nil
            else { continue }
            throw ArgumentError(number: number, text: String(cString: word))
        }
    }

    private static func exit(withCode code: TensorCore.ExitCode) -> Never {
        Terminal.flush()
        #if canImport(Glibc)
            Glibc.exit(code.rawValue)
        #else
            Darwin.exit(code.rawValue)
        #endif
    }
}
