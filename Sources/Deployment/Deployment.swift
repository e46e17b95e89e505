import TensorCore

/// The files that start a model under an engine somewhere, and what to do with them.
public struct Deployment: Sendable {
    /// Where an engine runs.
    public enum Target: String, CaseIterable, Sendable {
        case docker, compose, kubernetes, systemd

        /// All names, for messages.
        public static var names: String { allCases.map(\.rawValue).joined(separator: ", ") }
    }

    /// What is to be deployed.
    public struct Request: Sendable {
        /// The model.
        public var model: ModelFacts
        /// What runs it.
        public var engine: Engine
        /// Where it runs.
        public var target: Target
        /// The name of the service; `nil` for one made of the model's.
        public var name: String?
        /// An image in place of the engine's.
        public var image: String?
        /// Tokens of a text; `nil` for those of training, 8192 where they are more.
        public var context: Int?
        /// Texts at a time; `nil` for a number that suits the engine.
        public var slotCount: Int?
        /// The port for clients; `nil` for the engine's.
        public var port: Int?
        /// How many run, under Kubernetes.
        public var replicaCount = 1
        /// The GPUs of each; `nil` for what the engine needs.
        public var gpuCount: Int?
        /// The namespace under Kubernetes.
        public var namespace: String?
        /// The engine's program on a machine, for systemd; `nil` for its usual place.
        public var executable: String?
        /// The version of the program that writes the files.
        public var toolVersion: String

        /// Asks for a deployment of what is usual.
        public init(model: ModelFacts, engine: Engine, target: Target, toolVersion: String) {
            self.model = model
            self.engine = engine
            self.target = target
            self.toolVersion = toolVersion
        }
    }

    /// A file.
    public struct File: Sendable, Hashable {
        /// Its name.
        public let name: String
        /// Its text.
        public let text: String
    }

    /// The files, `README.md` the last.
    public let files: [File]
    /// What is unusual about what was asked for.
    public let warnings: [String]

    /// Makes the files.
    ///
    /// - Throws: `DeploymentError` for a model that the engine cannot run, and for numbers and names
    ///   that are none.
    public init(_ request: Request) throws {
        let service = try Service(request)
        warnings = service.warnings
        let made =
            switch request.target {
            case .docker: DockerTarget(service).files
            case .compose: ComposeTarget(service).files
            case .kubernetes: KubernetesTarget(service).files
            case .systemd: try SystemdTarget(service).files
            }
        files = made + [File(name: "README.md", text: ReadmeText(service, files: made).text)]
    }

    /// Writes the files into a folder, which must not be there yet, or be empty; those above it are
    /// made.
    ///
    /// - Throws: `FileError`.
    public func write(to folder: String) throws {
        let parent = folder.dropLast(Paths.name(folder).count + (folder.hasSuffix("/") ? 1 : 0))
        if parent.contains(where: { $0 != "/" }) { try Directory.create(String(parent)) }
        let directory = try OutputDirectory(path: folder)
        for file in files {
            try OutputFile.write(Array(file.text.utf8), to: directory.file(file.name))
        }
        try directory.commit()
    }
}
