import TensorCore

/// A request with everything decided: what all targets write, each in its own words.
struct Service {
    let request: Deployment.Request
    let engine: Engine
    let profile: EngineProfile
    /// The name of the service, a DNS label.
    let name: String
    /// The image; of our own server the name of the one that is built.
    let image: String
    let context: Int
    let slotCount: Int
    let gpuCount: Int
    /// The port for clients.
    let port: Int
    /// The port that the engine listens at in a container, which a plain user may.
    let containerPort: Int
    let memory: MemoryDemand
    let place: ModelPlace
    let warnings: [String]

    /// The user in a container, who has no rights anywhere.
    static let userID = 10001
    /// The folder that can be written to in a container.
    static let cache = "/cache"
    /// The folder with the key's file in a container.
    static let keyFolder = "/run/keys"

    var model: ModelFacts { request.model }
    /// Whether the image is built here, of this program.
    var isBuilt: Bool { engine == .ingot && request.image == nil }

    init(_ request: Deployment.Request) throws {
        try request.engine.check(request.model)
        self.request = request
        engine = request.engine
        profile = engine.profile
        name = try Service.name(request)
        var warnings: [String] = []
        gpuCount = try Service.gpuCount(request, profile)
        image = try Service.image(request, profile, usesGPUs: gpuCount > 0, &warnings)
        let trained = request.model.contextLength
        context = try Service.checked(
            request.context ?? min(trained ?? 4096, 8192), "--context", 16...(1 << 26))
        if let trained, context > trained {
            warnings.append(
                "--context \(context) is more than the \(trained) tokens that the model was trained"
                    + " with")
        }
        slotCount = try Service.checked(
            request.slotCount ?? profile.usualSlotCount, "--slots", 1...4096)
        port = try Service.checked(request.port ?? profile.usualPort, "--port", 1...65535)
        containerPort = port < 1024 ? 8080 : port
        _ = try Service.checked(request.replicaCount, "--replicas", 1...1000)
        try Service.checkTarget(request)
        memory = try MemoryDemand(
            request.model, profile, context: context, slotCount: slotCount, gpuCount: gpuCount)
        place = try ModelPlace(request, name: name, context: context)
        self.warnings = warnings
    }

    /// What the engine is called with where it runs.
    func settings(model: String, host: String, port: Int, keyFile: String?, cache: String)
        -> EngineSettings
    {
        EngineSettings(
            model: model, name: name, host: host, port: port, context: context,
            slotCount: slotCount, gpuCount: gpuCount, isEncoder: self.model.isEncoder,
            isGGUF: self.model.container == .gguf, keyFile: keyFile, cache: cache)
    }

    /// What it is called with in a container.
    var containerSettings: EngineSettings {
        var keyFile: String?
        if case .file(_, let file, _) = profile.key { keyFile = "\(Service.keyFolder)/\(file)" }
        return settings(
            model: place.container, host: "0.0.0.0", port: containerPort, keyFile: keyFile,
            cache: Service.cache)
    }

    /// The health check in a container.
    var healthCommand: [String] {
        profile.healthCheck.command(port: containerPort, path: profile.health)
    }

    /// The seconds that loading may take: a slow disk's, and kernels that are compiled first.
    var startSeconds: Int {
        (profile.isPython ? 900 : 120) + model.byteCount / (50 << 20)
    }

    // MARK: Decisions

    static func fault(_ problem: String, _ remedy: String?) -> DeploymentError {
        DeploymentError(problem: problem, remedy: remedy, exitCode: .usage)
    }

    /// Refuses what another target is for.
    private static func checkTarget(_ request: Deployment.Request) throws(DeploymentError) {
        if request.replicaCount > 1, request.target != .kubernetes {
            throw fault(
                "--replicas \(request.replicaCount): \(request.target.rawValue) runs one",
                "Several are for --target kubernetes.")
        }
        if let namespace = request.namespace {
            guard request.target == .kubernetes else {
                throw fault("--namespace is for --target kubernetes", nil)
            }
            guard isLabel(namespace, limit: 63) else {
                throw fault(
                    "--namespace is \(namespace), expected lower-case letters, digits and hyphens",
                    nil)
            }
        }
        if request.image != nil, request.target == .systemd {
            throw fault("--image is for containers", "Name the program with --executable.")
        }
        if request.executable != nil, request.target != .systemd {
            throw fault("--executable is for --target systemd", "Name an image with --image.")
        }
    }

    private static func checked(
        _ value: Int, _ option: String, _ range: ClosedRange<Int>
    ) throws(DeploymentError) -> Int {
        guard range.contains(value) else {
            throw fault(
                "\(option) is \(value), expected \(range.lowerBound) to \(range.upperBound)", nil)
        }
        return value
    }

    /// Whether a text is a DNS label, as RFC 1123 has it.
    static func isLabel(_ text: String, limit: Int) -> Bool {
        let isWord = { (byte: UInt8) in (97...122).contains(byte) || (48...57).contains(byte) }
        guard let first = text.utf8.first, let last = text.utf8.last else { return false }
        return text.utf8.count <= limit && isWord(first) && isWord(last)
            && text.utf8.allSatisfy { isWord($0) || $0 == 45 }
    }

    /// The name that was asked for, or one made of the model's.
    ///
    /// It begins with a letter, as names of services have to.
    private static func name(_ request: Deployment.Request) throws(DeploymentError) -> String {
        let limit = 50
        if let name = request.name {
            guard isLabel(name, limit: limit), name.first?.isLetter == true else {
                throw fault(
                    "--name is \(name), expected up to \(limit) lower-case letters, digits and"
                        + " hyphens, a letter first", nil)
            }
            return name
        }
        var made = ""
        for character in request.model.stem.lowercased() {
            if character.isASCII, character.isLetter || character.isNumber {
                made.append(character)
            } else if !made.isEmpty, made.last != "-" {
                made.append("-")
            }
        }
        if made.first?.isLetter != true { made = "model-" + made }
        made = String(made.prefix(limit))
        while made.last == "-" { made.removeLast() }
        return made
    }

    private static func gpuCount(
        _ request: Deployment.Request, _ profile: EngineProfile
    ) throws(DeploymentError) -> Int {
        let count = try checked(request.gpuCount ?? profile.usualGPUCount, "--gpus", 0...64)
        guard count == 0 || profile.takesGPUs else {
            throw fault(
                "--gpus \(count): \(request.engine.title) runs on processors",
                "Deploy with --engine llama.cpp or ollama for GPUs.")
        }
        return count
    }

    private static func image(
        _ request: Deployment.Request, _ profile: EngineProfile, usesGPUs: Bool,
        _ warnings: inout [String]
    ) throws(DeploymentError) -> String {
        if let image = request.image {
            let isSound = image.utf8.allSatisfy {
                (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0)
                    || ".-_/:@".utf8.contains($0)
            }
            guard isSound, let first = image.first, first.isLetter || first.isNumber else {
                throw fault("--image is \(image), expected NAME:TAG", nil)
            }
            let last = image.split(separator: "/").last ?? ""
            if !last.contains(":") && !last.contains("@") || last.hasSuffix(":latest") {
                warnings.append(
                    "--image \(image) is another one tomorrow: name a version, \(image):1.2.3")
            }
            return image
        }
        if request.engine == .ingot { return "ingot:\(request.toolVersion)" }
        if let image = profile.image(usesGPUs) { return image }
        guard request.target == .systemd else {
            throw fault(
                "--gpus 0: no image of \(request.engine.title) for processors is known",
                "Give one with --image, or --gpus 1.")
        }
        return ""
    }
}
