public import Quantization

/// A campaign as its file asks for it: models × types, calibration and report.
///
/// Paths are absolute; those of the file are relative to its folder.
public struct ClusterJob: Sendable {
    /// A model that levels are made of.
    public struct Model: Sendable {
        /// What its files are called after.
        public var name: String
        /// A Hugging Face directory, a GGUF file or a `config.json`.
        public var path: String
    }

    /// Texts that the levels' rounding is calibrated on.
    public struct Calibration: Sendable {
        /// The texts; none for the built-in mix.
        public var texts: [String] = []
        /// Texts of other domains.
        public var checks: [String] = []
        /// `fast`, `normal` or `best`.
        public var effort: String?
        /// The most tokens that are used.
        public var tokens: Int?
    }

    /// A text that models are run over.
    public struct Text: Sendable {
        /// Its files.
        public var texts: [String]
        /// Tokens of a window.
        public var context: Int?
        /// The most windows.
        public var chunks: Int?
        /// `f32` or `q8`.
        public var activations: String?
    }

    /// What an administrator gives a stage instead of what is computed.
    public struct Resources: Sendable, Hashable {
        /// Processors of a task.
        public var cores: Int?
        /// Bytes of memory of a task.
        public var memory: Int?
        /// Seconds until a task is ended.
        public var seconds: Int?
    }

    /// What Slurm is told besides.
    public struct Slurm: Sendable {
        /// `--partition`, `--account`, `--qos`, `--constraint`.
        public var choices: [(option: String, value: String)] = []
        /// The most tasks of a stage at a time.
        public var parallel: Int?
        /// Further lines for `#SBATCH`.
        public var options: [String] = []
    }

    /// What Kubernetes is told besides.
    public struct Kubernetes: Sendable {
        /// The image with the program.
        public var image: String
        /// The claim of the shared volume.
        public var claim: String
        /// Where it is mounted: below it lies everything.
        public var mount: String
        /// The namespace.
        public var namespace: String?
        /// The most pods of a stage at a time.
        public var parallel: Int?
        /// Labels that nodes must have.
        public var nodeSelector: [(key: String, value: String)] = []
        /// The user and the group of pods.
        public var user = 10001
    }

    /// The job's file.
    public var file: String
    /// The name of the campaign, of letters, digits and dashes.
    public var name: String
    /// The program on the nodes.
    public var program: String
    /// The folder of the results.
    public var output: String
    /// The models.
    public var models: [Model]
    /// The types.
    public var types: [Recipe]
    /// The type of the file that a directory is converted to.
    public var outputType: String
    /// Rounding with error feedback.
    public var calibration: Calibration?
    /// An importance matrix.
    public var importance: Text?
    /// The report.
    public var report: Text?
    /// Into how many parts a stage is divided; 1 where nothing is said.
    public var parts: [StageKind: Int]
    /// Whether parts stay when they are joined.
    public var keepsParts: Bool
    /// How often a task that fails is run again.
    public var retries: Int
    /// What a stage gets instead of what is computed.
    public var resources: [StageKind: Resources]
    /// What all stages get for which nothing else is said.
    public var usualResources: Resources
    /// What Slurm is told.
    public var slurm: Slurm
    /// What Kubernetes is told.
    public var kubernetes: Kubernetes?

    /// The parts of a stage.
    public func partCount(_ kind: StageKind) -> Int { parts[kind] ?? 1 }

    /// All texts that are read.
    public var texts: [String] {
        (calibration.map { $0.texts + $0.checks } ?? []) + (importance?.texts ?? [])
            + (report?.texts ?? [])
    }
}

/// What a stage does with a model.
public enum StageKind: String, CaseIterable, Sendable {
    /// A directory becomes a GGUF file.
    case convert
    /// An importance matrix is made.
    case imatrix
    /// The inputs of the model's layers on the calibration texts are stored.
    case calibrate
    /// The levels are made.
    case quantize
    /// They are measured.
    case report
    /// Parts become an output.
    case join

    /// The stages that can be divided.
    static let divisible: [StageKind] = [.convert, .imatrix, .quantize, .report]
}
