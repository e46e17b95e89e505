import ArgumentParser
import Foundation
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
            Examples:
              ingot inspect model-Q4_K_M.gguf
              ingot inspect --json model.safetensors
            """)

    @Argument(help: "A GGUF or safetensors file.")
    var file: String

    @Flag(help: "Print one JSON object.")
    var json = false

    func run() throws {
        let contents = try FileContents(path: file)
        if json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            Terminal.print(String(decoding: try encoder.encode(contents), as: UTF8.self))
        } else {
            for line in contents.lines { Terminal.print(line) }
        }
    }
}
