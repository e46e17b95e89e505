import ArgumentParser
import Deployment
import Modelfiles
import Reporting
import TensorCore

/// The command `ingot modelfile MODEL`.
struct ModelfileCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "modelfile",
        abstract: "Write the Modelfile by which Ollama runs a model, or lay it out in its store.",
        discussion: """
            FROM, the sampling that the model's authors recommend, the texts of its end \
            tokens (EOS, EOT and EOM alone) as stop words, its license. Recent versions of \
            Ollama run the chat template of the file itself: --template writes one in Go's \
            language for older ones, made of what the model's own says. With --ollama-store \
            the model needs no ollama create: a server that runs sees it as soon as it is \
            there. `ingot serve -f Modelfile` reads it too.

            Examples:
              ingot modelfile model-Q4_K_M.gguf -o Modelfile && ollama create my-model \\
                -f Modelfile
              ingot modelfile model-Q4_K_M.gguf --system "You are terse." \\
                --parameter temperature=0.2
              ingot modelfile model-Q4_K_M.gguf --ollama-store ~/.ollama/models \\
                --name my-model:q4
            """)

    @Argument(
        help: "A GGUF file, or a Hugging Face directory.",
        completion: .file(extensions: ["gguf"]))
    var model: String

    @Option(
        name: [.short, .customLong("output")],
        help: ArgumentHelp("Where to write; by default it is printed.", valueName: "file"))
    var output: String?

    @Flag(help: "Write a TEMPLATE in Go's language, made of the model's chat template.")
    var template = false

    @Option(help: ArgumentHelp("What the model is told first.", valueName: "text"))
    var system: String?

    @Option(
        parsing: .singleValue,
        help: ArgumentHelp(
            "A setting of Ollama's, in place of the model's; stop is added. May be repeated.",
            valueName: "name=value"))
    var parameter: [String] = []

    @Option(
        name: [.customShort("c"), .customLong("ctx-size"), .customLong("context")],
        help: ArgumentHelp(
            "num_ctx, 0 for what the model was trained with. (default: that, or 8192 where it is more)",
            valueName: "tokens"))
    var context: Int?

    @Option(
        parsing: .singleValue,
        help: ArgumentHelp(
            "A file with a license's text, in place of the model's. May be repeated.",
            valueName: "file"))
    var license: [String] = []

    @Option(
        help: ArgumentHelp(
            "Lay the model out in this folder of Ollama's models.", valueName: "folder"))
    var ollamaStore: String?

    @Option(
        help: ArgumentHelp("The model's name in the store.", valueName: "name[:tag]"))
    var name: String?

    @Flag(name: [.short, .long], help: "Say nothing but errors and warnings.")
    var quiet = false

    mutating func validate() throws {
        guard (ollamaStore == nil) == (name == nil) else {
            throw ValidationError("--ollama-store and --name go together")
        }
        if let context, context < 0 || context > Int(Int32.max) {
            throw ValidationError("--ctx-size is \(context), expected tokens, or 0")
        }
    }

    func run() throws {
        let name = try name.map { try OllamaName($0) }
        let facts = try ModelFacts(path: model)
        let modelfile = try modelfile(facts)
        if let context, let trained = facts.contextLength, context > trained {
            Terminal.warning("\(model) was trained with \(trained) tokens, fewer than \(context)")
        }
        if let ollamaStore, let name {
            let result = try OllamaStore(path: ollamaStore).add(facts, modelfile, as: name)
            if !quiet {
                Terminal.note(
                    "\(name): \(NumberFormat.bytes(facts.byteCount)), the file"
                        + " \(result.manner.rawValue); manifest \(result.manifest)")
            }
            guard output != nil else { return }
        } else if facts.container == .gguf, facts.weightFiles.count > 1 {
            try Engine.ollama.check(facts)
        }
        let text = try modelfile.written()
        guard let output else {
            Terminal.print(String(text.dropLast()))
            return
        }
        try OutputFile.write(Array(text.utf8), to: output)
        if !quiet { Terminal.note("\(output): FROM \(modelfile.from ?? "")") }
    }

    private func modelfile(_ facts: ModelFacts) throws -> Modelfile {
        var request = Modelfile.Request(
            from: Modelfile.reference(to: facts.path, from: output))
        request.system = system
        request.context = context
        request.licenses = try license.map {
            let bytes = try InputFile.contents(path: $0, limit: 1 << 20)
            guard let text = String(validating: bytes, as: UTF8.self) else {
                throw FileProblem(file: $0, problem: "not UTF-8", remedy: nil)
            }
            return text.replacing("\r\n", with: "\n")
        }
        request.parameters = try parameter.map {
            guard let equals = $0.firstIndex(of: "="), equals != $0.startIndex else {
                throw ValidationError("--parameter is \($0), expected NAME=VALUE")
            }
            return (String($0[..<equals]), String($0[$0.index(after: equals)...]))
        }
        if template { request.template = try GoTemplate(facts).text }
        return try Modelfile(facts, request)
    }
}
