import ArgumentParser
import Deployment
import Reporting
import TensorCore

/// The command `ingot deploy MODEL`.
struct DeployCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "deploy",
        abstract: "Write the files that start a model under an engine: containers, pods, units.",
        discussion: """
            Engines: \(Engine.names).

            Targets: \(Deployment.Target.names).

            The folder holds what the target needs and a README.md with the commands to run \
            it. The model is mounted for reading alone, nothing runs as root, images are \
            pinned, memory is limited by what model, context and slots take, and the key \
            that clients send is in no argument. A model that the engine cannot run is \
            refused with what to make instead.

            Examples:
              ingot deploy model-Q4_K_M.gguf --engine llama.cpp --target compose -o deploy/
              ingot deploy my-model-w4a16/ --engine vllm --target kubernetes --gpus 1 \\
                --replicas 3 -o k8s/
              ingot deploy model-Q4_K_M.gguf --engine ingot --target systemd --port 9000 \\
                --dry-run
            """)

    @Argument(help: "A GGUF file (of a split model the first part) or a Hugging Face directory.")
    var model: String

    @Option(
        help: ArgumentHelp("What runs it.", valueName: "engine"),
        completion: .list(Engine.allCases.map(\.rawValue)), transform: DeployCommand.engine)
    var engine: Engine

    @Option(
        help: ArgumentHelp("Where it runs.", valueName: "target"),
        completion: .list(Deployment.Target.allCases.map(\.rawValue)),
        transform: DeployCommand.target)
    var target: Deployment.Target

    @Option(
        name: [.short, .customLong("output")],
        help: ArgumentHelp(
            "The folder to write, which must not be there yet, or be empty.", valueName: "folder"),
        completion: .directory)
    var output: String?

    @Option(
        name: [.customShort("c"), .long],
        help: ArgumentHelp(
            "Tokens of each text. (default: what the model was trained with, 8192 at most)",
            valueName: "tokens"))
    var context: Int?

    @Option(
        name: [.customLong("slots"), .customLong("parallel")],
        help: ArgumentHelp(
            "Texts at a time. (default: 4 for llama.cpp, Ollama and Ingot, 16 for the others)",
            valueName: "count"))
    var slots: Int?

    @Option(help: "The port for clients. (default: the engine's)")
    var port: Int?

    @Option(
        help: ArgumentHelp("The service's name. (default: the model's)", valueName: "name"))
    var name: String?

    @Option(
        help: ArgumentHelp(
            "An image in place of the engine's, with its version.", valueName: "name:tag"))
    var image: String?

    @Option(help: ArgumentHelp("How many run, under Kubernetes.", valueName: "count"))
    var replicas = 1

    @Option(
        help: ArgumentHelp(
            "GPUs of each. (default: 0 for llama.cpp, Ollama and Ingot, 1 for the others)",
            valueName: "count"))
    var gpus: Int?

    @Option(help: ArgumentHelp("The namespace, under Kubernetes.", valueName: "name"))
    var namespace: String?

    @Option(
        help: ArgumentHelp(
            "The engine's program on the machine, under systemd.", valueName: "path"))
    var executable: String?

    @Flag(help: "Print the files and write nothing.")
    var dryRun = false

    @Flag(name: [.short, .long], help: "Say nothing but errors and warnings.")
    var quiet = false

    private static func engine(_ name: String) throws -> Engine {
        guard let engine = Engine.named(name) else {
            throw ValidationError("'\(name)' found, expected one of \(Engine.names)")
        }
        return engine
    }

    private static func target(_ name: String) throws -> Deployment.Target {
        let found = name.lowercased()
        guard let target = Deployment.Target(rawValue: found == "k8s" ? "kubernetes" : found) else {
            throw ValidationError("'\(name)' found, expected one of \(Deployment.Target.names)")
        }
        return target
    }

    mutating func validate() throws {
        guard output != nil || dryRun else {
            throw ValidationError("a folder is missing: -o FOLDER, or --dry-run")
        }
    }

    func run() throws {
        if let output, !dryRun { try OutputDirectory.check(path: output) }
        var request = Deployment.Request(
            model: try ModelFacts(path: model), engine: engine, target: target,
            toolVersion: Ingot.version)
        request.name = name
        request.image = image
        request.context = context
        request.slotCount = slots
        request.port = port
        request.replicaCount = replicas
        request.gpuCount = gpus
        request.namespace = namespace
        request.executable = executable
        let deployment = try Deployment(request)
        Terminal.warnings(deployment.warnings)
        guard let output, !dryRun else {
            for file in deployment.files {
                Terminal.print("# \(file.name)\n\(file.text)")
            }
            return
        }
        try deployment.write(to: output)
        if !quiet {
            let names = deployment.files.map(\.name).joined(separator: ", ")
            Terminal.note("\(output): \(names). How to run them is in README.md")
        }
    }
}
