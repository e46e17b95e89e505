import ArgumentParser
import Evaluation
import Foundation
import TensorCore
import Tokenization

/// The command `ingot tokenize MODEL`.
struct TokenizeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tokenize",
        abstract: "Show the tokens of a text, as a model's tokenizer makes them.",
        discussion: """
            MODEL is a GGUF file or a Hugging Face directory.

            Examples:
              ingot tokenize model.gguf -p "Hello world"
              ingot tokenize my-model/ -f text.txt --ids
              ingot tokenize model.gguf -f text.txt --show-count --quiet
              echo '[15496, 995]' | ingot tokenize model.gguf --decode --stdin
            """)

    @Argument(help: "A GGUF file or a Hugging Face directory.")
    var model: String?

    @Option(
        name: [.customShort("m"), .customLong("model")],
        help: ArgumentHelp("The model, where a script names it by option.", valueName: "file"))
    var modelOption: String?

    @Option(name: [.customShort("p"), .long], help: "The text itself.")
    var prompt: String?

    @Option(
        name: [.customShort("f"), .customLong("file")],
        help: ArgumentHelp(
            "A file with the text, plain or .zst, also a pipe; - is standard input. May be given"
                + " again: the files follow one another.", valueName: "text"))
    var files: [String] = []

    @Option(
        help: ArgumentHelp(
            "A JSON array of texts; the ids of each are printed, an array of arrays.",
            valueName: "file"))
    var texts: String?

    @Flag(help: "Read the text from standard input.")
    var stdin = false

    @Flag(help: "Print the ids alone, as one JSON array.")
    var ids = false

    @Flag(help: "Print the number of tokens.")
    var showCount = false

    @Flag(help: "Take the input as ids, a JSON array or words, and print their text.")
    var decode = false

    @Flag(help: "Do not add BOS and EOS where the model wants them.")
    var noBos = false

    @Flag(help: "Take the texts of control tokens in the input as plain text.")
    var noParseSpecial = false

    @OptionGroup var tokenizing: TokenizerOptions

    @Flag(name: [.customShort("q"), .long], help: "Do not list the tokens.")
    var quiet = false

    mutating func validate() throws {
        guard (model == nil) != (modelOption == nil) else {
            throw ValidationError("expected one model: MODEL or -m MODEL")
        }
        guard [prompt != nil, !files.isEmpty, texts != nil, stdin].count(where: { $0 }) == 1 else {
            throw ValidationError("expected one text: -p TEXT, -f FILE or --stdin; or --texts FILE")
        }
        if texts != nil, decode {
            throw ValidationError("--decode reads ids; --texts is a file of texts")
        }
        try TextNames.check(files)
    }

    func run() throws {
        let tokenizer = try tokenizing.tokenizer(at: model ?? modelOption ?? "")
        if let texts { return try encode(textsAt: texts, tokenizer) }
        let input = try text()
        if decode {
            let numbers = try numbers(input, limit: tokenizer.vocabulary.tokens.count)
            FileHandle.standardOutput.write(Data(tokenizer.decode(numbers)))
            return
        }
        let tokens = try tokenizer.encode(
            input, addSpecial: !noBos, parseSpecial: !noParseSpecial)
        if ids {
            Terminal.print(TokenizeCommand.list(tokens))
        } else if !quiet {
            for token in tokens {
                let number = String(token)
                let padding = String(repeating: " ", count: max(0, 6 - number.count))
                let text = String(decoding: tokenizer.piece(of: token), as: UTF8.self)
                Terminal.print("\(padding)\(number) -> '\(TokenizeCommand.visible(text))'")
            }
        }
        if showCount { Terminal.print("Total number of tokens: \(tokens.count)") }
    }

    private func encode(textsAt path: String, _ tokenizer: Tokenizer) throws {
        let json = try JSON.parse(path: path)
        let texts = json.array?.compactMap(\.bytes)
        guard let texts, texts.count == json.array?.count else {
            throw ValidationError("\(path): found something else, expected a JSON array of texts")
        }
        let lists = try texts.map { text in
            TokenizeCommand.list(
                try tokenizer.encode(
                    text.bytes, addSpecial: !noBos, parseSpecial: !noParseSpecial))
        }
        Terminal.print("[" + lists.joined(separator: ",\n") + "]")
    }

    private static func list(_ tokens: [Int32]) -> String {
        "[" + tokens.map(String.init).joined(separator: ", ") + "]"
    }

    /// Text with its control characters spelled out, so that a token stays on its line.
    private static func visible(_ text: String) -> String {
        text.unicodeScalars.reduce(into: "") { result, scalar in
            switch scalar {
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case _ where scalar.value < 0x20 || scalar.value == 0x7F:
                result += "\\u{" + String(scalar.value, radix: 16) + "}"
            default: result.unicodeScalars.append(scalar)
            }
        }
    }

    private func text() throws -> [UInt8] {
        if let prompt { return Array(prompt.utf8) }
        let contents = try TextFiles.contents(paths: stdin ? ["-"] : files)
        Terminal.warnings(contents.warnings)
        return contents.bytes
    }

    private func numbers(_ input: [UInt8], limit: Int) throws -> [Int32] {
        let separators = Set("[], \t\r\n".utf8)
        return try input.split(whereSeparator: separators.contains).map { word in
            let text = String(decoding: word, as: UTF8.self)
            guard let id = Int32(text), id >= 0, Int(id) < limit else {
                throw ValidationError("\"\(text)\" found, expected an id below \(limit)")
            }
            return id
        }
    }
}
