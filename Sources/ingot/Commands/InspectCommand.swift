import ArgumentParser
import GGUF
import Quantization
import Safetensors
import TensorCore

/// The command `ingot inspect FILE`.
struct InspectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect",
        abstract: "Show what is in a GGUF or safetensors file.",
        discussion: """
            The first part of a split model shows the whole model, another part itself.

            Examples:
              ingot inspect model-Q4_K_M.gguf
              ingot inspect --json model.safetensors
            """)

    @Argument(help: "A GGUF or safetensors file.")
    var file: String

    @Flag(help: "Print one JSON object.")
    var json = false

    func run() throws {
        let contents: FileContents
        do {
            contents = try FileContents(path: file)
        } catch let error as GGUFError {
            guard case .missingParts = error.kind else { throw error }
            Terminal.warning(error.description)
            contents = try FileContents(path: file, partAlone: true)
        }
        try Terminal.show(contents, asJSON: json, lines: contents.lines)
    }
}
