import ArgumentParser
import Reporting
import TensorCore

/// Where results go: standard output, or a file that appears when it is complete.
struct ResultOptions: ParsableArguments {
    @Flag(help: "Give one JSON object.")
    var json = false

    @Option(
        name: [.short, .long],
        help: ArgumentHelp("Write the results to a file, not to the terminal.", valueName: "file"))
    var output: String?

    /// Gives the results as JSON or as lines, whichever is asked for.
    func give(_ value: some Encodable, lines: @autoclosure () -> [String]) throws {
        guard let output else { return try Terminal.show(value, asJSON: json, lines: lines()) }
        let text = json ? try ReadableJSON.text(of: value) : lines().joined(separator: "\n")
        try OutputFile.write(Array(text.utf8) + [0x0A], to: output)
    }
}
