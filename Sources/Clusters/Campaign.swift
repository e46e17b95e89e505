import TensorCore

/// A job taken apart: stages of tasks, which an engine runs one after the other.
public struct Campaign: Sendable {
    /// A command that a node runs by itself.
    public struct Task: Sendable, Hashable {
        /// The file that is there when it is done: a part's manifest, or an output.
        public var output: String
        /// The output that makes the task needless: of a part, that which it becomes a part of.
        public var final: String
        /// The command for a shell.
        public var command: String
    }

    /// Tasks of one kind that can run at the same time.
    public struct Stage: Sendable {
        /// Its name, numbered so that names sort in the order of the work: `03-llama-quantize`.
        public var name: String
        /// What it does.
        public var kind: StageKind
        /// The model that it works on.
        public var model: String
        /// The names of the stages that have to end before it starts.
        public var after: [String]
        /// The files that have to be there when it starts.
        public var needs: [String]
        /// What is done.
        public var tasks: [Task]
        /// What a task gets.
        public var grant: Grant
        /// Seconds that a task probably takes.
        public var seconds: Double
    }

    /// What an engine gives a task.
    public struct Grant: Sendable, Hashable {
        /// Processors.
        public var cores: Int
        /// Bytes of memory.
        public var memory: Int
        /// Seconds until it is ended.
        public var seconds: Int
    }

    /// The name.
    public let name: String
    /// The stages in the order of the work.
    public let stages: [Stage]
    /// The folder of the results.
    public let output: String
    /// What the models and texts are at present, by the name of the stages' model.
    public let sources: [(model: String, files: [SourceFile])]
    /// What the user should know.
    public let notices: [String]

    /// Plans a job.
    ///
    /// - Throws: Errors of the models, of types that need what the job does not give them, and
    ///   `ClusterError`.
    public init(_ job: ClusterJob) throws {
        name = job.name
        output = job.output
        var (stages, sources): ([Stage], [(String, [SourceFile])]) = ([], [])
        var notices: [String] = []
        let texts = try job.texts.map { try SourceFile(path: $0) }
        for model in job.models {
            let planned = try PlannedSource(model, job: job)
            guard planned.hasWeights else {
                throw ClusterError(
                    file: model.path,
                    problem: "a configuration without weights found, expected a model",
                    remedy: "ingot cluster estimate takes configurations.")
            }
            notices += planned.notices
            stages += try StageList(planned, job: job, first: stages.count).stages
            sources.append((model.name, try planned.files() + texts))
        }
        self.stages = stages
        self.sources = sources
        self.notices = notices
    }
}

/// A file that results depend on, as it was when the job was written.
public struct SourceFile: Sendable, Hashable {
    /// Its path.
    public let path: String
    /// Its length.
    public let byteCount: Int
    /// When it was written last, in seconds since 1970 by its file system's clock.
    public let modified: Int
}
