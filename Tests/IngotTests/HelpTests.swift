import TensorCore
import Testing

/// What `--help` prints.
@Suite struct HelpTests {
    /// Every command with what its help says beside the options.
    private func discussions() throws -> [(command: String, text: String)] {
        let outcome = try Tool.run(["--experimental-dump-help"])
        let dump = try JSON.parse([UInt8](outcome.output.utf8))
        var found: [(command: String, text: String)] = []
        func collect(_ command: JSON) {
            let name = command["commandName"]?.text ?? ""
            if let text = command["discussion"]?.text { found.append((name, text)) }
            for sub in command["subcommands"]?.array ?? [] { collect(sub) }
        }
        collect(try #require(dump["command"]))
        return found
    }

    /// The parser breaks paragraphs where the terminal ends; one that is broken before would be broken
    /// twice, and a command of an example that is too long where no shell continues it.
    @Test func paragraphsAreLinesAndExamplesFit() throws {
        let discussions = try discussions()
        #expect(discussions.count > 30)
        for (command, text) in discussions {
            let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
            for (line, next) in zip(lines, lines.dropFirst() + [""]) {
                if line.hasPrefix(" ") {
                    #expect(line.count < 80, "\(command): \(line)")
                } else if !line.isEmpty, !line.hasSuffix(":") {
                    #expect(next.isEmpty || next.hasPrefix(" "), "\(command): \(line)")
                }
            }
        }
    }
}
