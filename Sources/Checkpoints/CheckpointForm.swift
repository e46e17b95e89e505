import Safetensors
import TensorCore

/// A type of quantized Hugging Face directory: what weights become, how they are stored, and what the
/// configuration says of them.
///
/// Each form is declared in one file under `Forms/` and listed once in `CheckpointForm.all`.
public struct CheckpointForm: Sendable {
    /// The name on the command line: `W4A16`.
    public let name: String
    /// Other names.
    public let aliases: [String]
    /// What it is for, a phrase.
    public let purpose: String
    /// The engines that take it.
    public let engines: String
    /// The least GPU that the engines want for it.
    public let leastGPU: LeastGPU
    /// What values can be.
    public let grid: WeightGrid
    /// Whether scales have the type of the model's weights.
    let followsModelType: Bool
    /// Whether the user may choose what shares a scale.
    public let takesGroupSize: Bool
    /// What becomes of weights when a text is given.
    public let calibration: CalibrationUse
    /// Whether engines take experts in this form; else why not.
    let expertFault: String?
    /// What rows and columns have to be multiples of.
    let alignment: Alignment
    /// The tensors of a matrix.
    package let layout: CheckpointLayout
    /// What scales of the KV cache are called.
    let cacheScales: CacheScales
    /// What goes into the directory's configuration.
    let configuration: @Sendable (ConfigurationRequest) -> CheckpointConfiguration

    /// What a calibration is used for.
    public enum CalibrationUse: Sendable {
        /// Nothing: eight bits that follow each channel lose too little.
        case none
        /// Codes are rounded with error feedback.
        case feedback
        /// Columns are scaled, which the layers before take back, and rounded with error feedback.
        case scaledColumns
    }

    /// The least GPU of NVIDIA's, by its compute capability.
    public struct LeastGPU: Sendable, Hashable, CustomStringConvertible {
        /// The capability from which GPUs compute in the form.
        public let capability: Double
        /// A lower one from which they run it all the same.
        public let fallback: Double?
        /// How, a phrase.
        let note: String

        init(_ capability: Double, otherwise fallback: Double? = nil, _ note: String = "") {
            self.capability = capability
            self.fallback = fallback
            self.note = note
        }

        /// `8.9 (7.5 without FP8 arithmetic)`.
        public var description: String {
            fallback.map { "\(capability) (\($0) \(note))" } ?? "\(capability)"
        }
    }

    /// What the numbers of rows and columns have to be multiples of.
    struct Alignment: Sendable {
        var rows = 1
        var columns = 1
        /// The same for the rows of matrices that engines put together, but for the last.
        var fusedRows = 1
        /// Why, a clause.
        var reason = ""
    }

    init(
        _ name: String, aliases: [String] = [], purpose: String, engines: String,
        leastGPU: LeastGPU, grid: WeightGrid, followsModelType: Bool = true,
        takesGroupSize: Bool = false, calibration: CalibrationUse = .none,
        expertFault: String? = nil, alignment: Alignment = Alignment(),
        cacheScales: CacheScales = .beside, layout: [StoredPart],
        configuration: @escaping @Sendable (ConfigurationRequest) -> CheckpointConfiguration
    ) {
        self.name = name
        self.aliases = aliases
        self.purpose = purpose
        self.engines = engines
        self.leastGPU = leastGPU
        self.grid = grid
        self.followsModelType = followsModelType
        self.takesGroupSize = takesGroupSize
        self.calibration = calibration
        self.expertFault = expertFault
        self.alignment = alignment
        self.cacheScales = cacheScales
        self.layout = CheckpointLayout(parts: layout)
        self.configuration = configuration
    }

    /// Whether a text is needed: there are scales of activations that nothing else tells.
    public var needsActivations: Bool { layout.parts.contains { $0.activation != nil } }

    /// Whether the form's configuration has a place for scales of the KV cache.
    public var takesCacheScales: Bool { cacheScales != .none }

    /// What scales of the KV cache are called.
    enum CacheScales: Sendable {
        case none
        /// `self_attn.k_scale`.
        case beside
        /// `self_attn.k_proj.k_scale`, F32, without dimensions.
        case inProjections
    }

    func cacheScaleName(parent: String, projection: String, isKey: Bool) -> String {
        (cacheScales == .inProjections ? projection : parent) + (isKey ? ".k_scale" : ".v_scale")
    }

    var cacheScaleType: DataType? { cacheScales == .inProjections ? .F32 : nil }

    var cacheScaleShape: [Int] { cacheScales == .inProjections ? [] : [1] }

    /// The grid for a model whose weights are of a 16-bit type.
    func grid(modelType: ScaleType, scope: WeightGrid.Scope?) -> WeightGrid {
        var grid = grid
        if followsModelType, [.f16, .bf16, .f32].contains(grid.scale) { grid.scale = modelType }
        if let scope { grid.scope = scope }
        return grid
    }
}

/// What a configuration is made of.
struct ConfigurationRequest: Sendable {
    let grid: WeightGrid
    /// The linear layers that are left alone.
    let ignored: [String]
    /// The parts of the model in which nothing is quantized, `visual` for one.
    ///
    /// Engines call what is in them by other names than checkpoints do, so lists name them too.
    let towers: [String]
    /// Whether the KV cache has scales.
    let hasCacheScales: Bool
}

/// What a directory says of its quantization.
struct CheckpointConfiguration: Sendable {
    /// `quantization_config` of `config.json`.
    let quantization: JSON
    /// A file of its own beside it.
    var file: (name: String, contents: JSON)?
}
