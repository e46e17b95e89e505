import ArgumentParser
import Deployment
import Reporting
import TensorCore

/// The command `ingot card MODEL…`.
struct CardCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "card",
        abstract: "Write the model card that is published beside quantized files.",
        discussion: """
            A README.md with the front matter that the Hugging Face hub reads, a table of \
            the files with their sizes, what they lost and what each is for, how to run them \
            and how they were made; beside it a plot of divergence against size. The figures \
            are those of `ingot report`; without --report the card has none. All models are \
            of one original.

            Examples:
              ingot card model-Q8_0.gguf model-Q4_K_M.gguf --report report/report.json \\
                -o README.md
              ingot card my-model-w4a16/ -o my-model-w4a16/README.md \\
                --base-model me/my-model --force
            """)

    @Argument(
        help: "GGUF files (of a split model the first part) and Hugging Face directories.",
        completion: .file(extensions: ["gguf"]))
    var models: [String]

    @Option(
        help: ArgumentHelp("The report.json of `ingot report`.", valueName: "file"),
        completion: .file(extensions: ["json"]))
    var report: String?

    @Option(
        name: [.short, .customLong("output")],
        help: ArgumentHelp("Where to write; by default it is printed.", valueName: "file"))
    var output: String?

    @Option(
        help: ArgumentHelp("The original's name on the hub.", valueName: "owner/name"))
    var baseModel: String?

    @Option(help: ArgumentHelp("Who quantized.", valueName: "name"))
    var quantizedBy: String?

    @Option(
        help: ArgumentHelp(
            "The repository on the hub that the files will be in.", valueName: "owner/name"))
    var repo: String?

    @Option(help: ArgumentHelp("The title.", valueName: "text"))
    var title: String?

    @Flag(help: "Replace a file that is there.")
    var force = false

    @Flag(name: [.short, .long], help: "Say nothing but errors and warnings.")
    var quiet = false

    mutating func validate() throws {
        guard !models.isEmpty else { throw ValidationError("a model is missing") }
        if let repo, repo.split(separator: "/", omittingEmptySubsequences: false).count != 2 {
            throw ValidationError("--repo is \(repo), expected OWNER/NAME")
        }
    }

    func run() throws {
        let measured = try report.map {
            try CardReport(json: InputFile.contents(path: $0, limit: 1 << 28), file: $0)
        }
        let drawing = output == nil ? nil : measured?.drawing
        let plot = plotPath
        for path in [output, drawing == nil ? nil : plot].compactMap({ $0 }) where !force {
            guard FileIdentity(path: path) == nil else {
                throw FileProblem(
                    file: path, problem: "is there already", remedy: "--force replaces it.")
            }
        }
        let facts = try models.map { try ModelFacts(path: $0) }
        var request = ModelCardText.Request(toolVersion: Ingot.version)
        request.baseModel = baseModel
        request.quantizedBy = quantizedBy
        request.repository = repo
        request.title = title
        request.plot = drawing == nil ? nil : plot.map(Paths.name)
        let card = ModelCardText(facts, report: measured, request)
        Terminal.warnings(card.warnings)
        guard let output else {
            Terminal.print(card.text)
            return
        }
        if let drawing, let plot { try OutputFile.write(Array(drawing.utf8), to: plot) }
        try OutputFile.write(Array(card.text.utf8), to: output)
        if !quiet {
            Terminal.note("\(output)" + (drawing == nil ? "" : ", \(plot ?? "")"))
        }
    }

    /// The plot's file, beside the card.
    private var plotPath: String? {
        guard let output else { return nil }
        let folder = output.dropLast(Paths.name(output).count)
        return "\(folder)divergence.svg"
    }
}
