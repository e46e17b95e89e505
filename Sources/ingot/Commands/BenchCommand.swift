import ArgumentParser
import HTTPRequests

/// The command `ingot bench`: of a file on this machine, or of a server.
struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measure how fast a model runs here, or how a server stands its load.",
        discussion: """
            A GGUF file is measured as `ingot bench model` does, an address as `ingot bench \
            server` does; `ingot help bench model` and `ingot help bench server` tell the \
            options of each.

            Examples:
              ingot bench model-Q4_K_M.gguf
              ingot bench http://127.0.0.1:8080 --concurrency 1,4,16
            """,
        subcommands: [BenchModelCommand.self, BenchServerCommand.self],
        defaultSubcommand: BenchModelCommand.self)

    /// Arguments in which the subcommand stands where an address tells it.
    static func completed(_ arguments: [String]) -> [String] {
        let names = configuration.subcommands.compactMap { $0.configuration.commandName }
        guard arguments.first == configuration.commandName,
            !names.contains(arguments.dropFirst().first ?? ""),
            arguments.contains(where: ServerAddress.isAddress),
            let name = BenchServerCommand.configuration.commandName
        else { return arguments }
        return [arguments[0], name] + arguments.dropFirst()
    }
}
