import ArgumentParser
import GGUF
import Pipeline
import Quantization
import TensorCore

/// The command `ingot quantize IN.gguf [OUT.gguf] TYPE [THREADS]`.
struct QuantizeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "quantize",
        abstract: "Quantize a GGUF file.",
        usage: "ingot quantize [options] IN.gguf [OUT.gguf] TYPE [THREADS]",
        discussion: """
            Without OUT.gguf the output is ggml-model-TYPE.gguf beside the input.

            Examples:
              ingot quantize model-f16.gguf model-Q4_K_M.gguf Q4_K_M
              ingot quantize --imatrix imatrix.gguf model-f16.gguf Q4_K_M 8

            Types, with the bits per weight of their most common format:
            \(QuantizeCommand.typeList)
            """)

    @Argument(
        help: ArgumentHelp("Input, output, type and threads.", valueName: "IN [OUT] TYPE [THREADS]")
    )
    var words: [String]

    @Option(
        help: ArgumentHelp("Importance matrix (GGUF) to weigh the columns with.", valueName: "file")
    )
    var imatrix: String?

    @Option(
        help: ArgumentHelp(
            "Format of the tensors whose name matches; may be given again.",
            valueName: "regex=format"))
    var tensorType: [String] = []

    @Option(help: ArgumentHelp("Format of the output matrix.", valueName: "format"))
    var outputTensorType: String?

    @Option(help: ArgumentHelp("Format of the token embeddings.", valueName: "format"))
    var tokenEmbeddingType: String?

    @Flag(help: "Leave output.weight in the format that it has.")
    var leaveOutputTensor = false

    @Flag(help: "Give every tensor the type's main format, without the recipe's mixture.")
    var pure = false

    @Flag(help: "Quantize tensors that are already quantized; quality suffers.")
    var allowRequantize = false

    @Option(name: [.customShort("t"), .long], help: "Threads; one per processor by default.")
    var threads: Int?

    @Flag(name: [.customShort("q"), .long], help: "Say nothing but errors and warnings.")
    var quiet = false

    private struct Request {
        let input: String
        let output: String
        let recipe: Recipe
        let threads: Int?
    }

    func run() throws {
        let request = try request()
        let source = try GGUFFile(path: request.input)
        var recipeOptions = RecipeOptions()
        recipeOptions.isPure = pure
        recipeOptions.leavesOutput = leaveOutputTensor
        recipeOptions.outputFormat = try outputTensorType.map { try Format.parse($0) }
        recipeOptions.tokenEmbeddingFormat = try tokenEmbeddingType.map { try Format.parse($0) }
        recipeOptions.overrides = try tensorType.map { try TensorOverride(parsing: $0) }
        let importance = try imatrix.map { try ImportanceMatrix(path: $0) }
        let plan = try Plan.quantize(
            source, recipe: request.recipe,
            options: QuantizeOptions(
                recipe: recipeOptions, importance: importance,
                allowsRequantization: allowRequantize),
            outputPath: request.output)
        let start = Clock.seconds()
        let findings = try Writing.write(plan, threadCount: request.threads, isQuiet: quiet)
        if !quiet {
            for line in Writing.summary(of: plan, seconds: Clock.seconds() - start) {
                Terminal.print(line)
            }
        }
        for warning in Writing.warnings(
            of: plan, importance: importance, findings: findings)
        {
            Terminal.warning(warning)
        }
    }

    /// Finds out which word is what: the output may be left out, threads may follow.
    private func request() throws -> Request {
        guard words.count >= 2 else {
            throw ValidationError("expected IN.gguf [OUT.gguf] TYPE [THREADS]")
        }
        // Two words or a type in second place: the output has been left out.
        let typePosition = words.count == 2 || Recipe.named(words[1]) != nil ? 1 : 2
        guard words.count <= typePosition + 2 else {
            throw ValidationError("unexpected argument \(words[typePosition + 2])")
        }
        let recipe = try Recipe.parse(words[typePosition])
        var threadCount = threads
        if words.count > typePosition + 1 {
            guard let count = Int(words[typePosition + 1]) else {
                throw ValidationError("THREADS is \(words[typePosition + 1]), expected a number")
            }
            threadCount = count
        }
        if let threadCount, !(1...1024).contains(threadCount) {
            throw ValidationError("\(threadCount) threads asked for, expected 1 to 1024")
        }
        let input = words[0]
        let folder = input.lastIndex(of: "/").map { String(input[...$0]) } ?? ""
        let output =
            typePosition == 2 ? words[1] : "\(folder)ggml-model-\(recipe.name).gguf"
        return Request(input: input, output: output, recipe: recipe, threads: threadCount)
    }

    private static var typeList: String {
        var columns = Columns(rightAligned: [false, true, false])
        for recipe in Recipe.all {
            let bits = recipe.defaultFormat.map { Numbers.fixed($0.bitsPerWeight, 2) } ?? ""
            columns.add(recipe.name, bits, recipe.summary)
        }
        return columns.lines.joined(separator: "\n")
    }
}
