public import TensorCore

/// Why a model cannot be written in a form.
public struct CheckpointError: IngotError, Hashable {
    /// The kinds of error.
    public enum Kind: Sendable, Hashable {
        /// Rows that are no whole groups.
        case rows(columns: Int, group: Int, form: String)
        /// A number of rows or columns that the layout has no place for.
        case alignment(found: String, expected: String, reason: String, form: String)
        /// Experts in a form that engines take no experts in.
        case experts(form: String, reason: String)
        /// No linear layer is left to quantize.
        case nothingToQuantize
        /// Weights that are quantized in a way that is kept as it is.
        case alreadyQuantized(String)
        /// A GGUF tensor that is quantized already.
        case requantized(String)
        /// Stacked experts with biases, for which no names by expert are known.
        case expertBiases
        /// Scales of activations, and no text to take them from.
        case needsText(form: String)
        /// Scales of the KV cache, and no text to take them from.
        case cacheNeedsText
        /// A tensor whose input no text reaches.
        case noRange
        /// Values that are no numbers.
        case notFinite(row: Int, column: Int)
        /// A group size that the form does not have.
        case groupSize(String, form: String)
        /// A layer that is left alone beside a quantized one with which engines put it together.
        case partner(String)
        /// A matrix that is stored inputs by outputs.
        case transposed
        /// Scales of the KV cache in a form that has no place for them.
        case noPlaceForCacheScales(form: String)
        /// A mechanism whose keys and values have no scales.
        case noCacheScales(String)
    }

    /// What is wrong.
    public let kind: Kind
    /// The model.
    public let path: String
    /// The tensor.
    public let place: String?

    init(_ kind: Kind, path: String, place: String? = nil) {
        self.kind = kind
        self.path = path
        self.place = place
    }

    /// Scales of activations or of the KV cache, without a text to take them from.
    public static func needsText(of plan: CheckpointPlan) -> CheckpointError {
        CheckpointError(
            plan.form.needsActivations ? .needsText(form: plan.form.name) : .cacheNeedsText,
            path: plan.model.path)
    }

    /// The model.
    public var file: String? { path }

    /// What was found and what was expected.
    public var problem: String {
        switch kind {
        case .rows(let columns, let group, let form):
            "rows of \(columns) values found, \(form) expects whole groups of \(group)"
        case .alignment(let found, let expected, let reason, let form):
            "\(found) found, \(form) expects \(expected): \(reason)"
        case .experts(let form, let reason): "experts found, \(form) expects none: \(reason)"
        case .nothingToQuantize: "no linear layer found that is to be quantized, expected some"
        case .alreadyQuantized(let method):
            "weights stored by \(method) found, expected floats or codes that are undone"
        case .requantized(let format):
            "values in \(format) found, expected floats: what they lost stays lost"
        case .expertBiases: "experts in one stack with biases found, expected none"
        case .needsText(let form):
            "no text given, \(form) expects one: it stores scales of what layers take in"
        case .cacheNeedsText:
            "no text given, --kv-cache fp8 expects one: scales are those of keys and values on it"
        case .noRange: "no text reached it, expected a scale of what it takes in"
        case .notFinite(let row, let column):
            "NaN or infinity found in row \(row), column \(column), expected finite values"
        case .groupSize(let size, let form):
            "a group size of \(size) asked for, \(form) has none of its own to choose"
        case .partner(let partner):
            "left alone beside \(partner), which is quantized; engines put the two together and expect"
                + " both in one form"
        case .transposed:
            "a matrix of inputs by outputs found (GPT-2's Conv1D), expected outputs by inputs: engines"
                + " take none that is quantized"
        case .noPlaceForCacheScales(let form):
            "scales of the KV cache asked for, the configuration of \(form) has no place for them"
        case .noCacheScales(let found): "\(found) found, expected keys and values by head"
        }
    }

    /// What the user can do.
    public var remedy: String? {
        switch kind {
        case .rows:
            "Try --group-size 32 or channel where the type has it, FP8_DYNAMIC or W8A8, or leave the"
                + " layer alone: --ignore PATTERN."
        case .alignment: "Use FP8_DYNAMIC or W8A8, or leave the layer alone: --ignore PATTERN."
        case .experts: "Use another type: ingot quantize --list-types."
        case .nothingToQuantize: "Give fewer --ignore patterns."
        case .alreadyQuantized: "Use the model's release in 16 bits."
        case .requantized:
            "Use the model in 16 bits, or --allow-requantize to write it all the same."
        case .expertBiases: "Such models are served as they are released."
        case .needsText: "Add --calibrate, or --calibrate TEXT; FP8_DYNAMIC and W8A8 need none."
        case .cacheNeedsText:
            "Add --calibrate, or --calibrate TEXT, or leave --kv-cache away."
        case .noRange: "Give more text, or a type that needs none: FP8_DYNAMIC, W8A8."
        case .notFinite: "The checkpoint is damaged; fetch it again."
        case .partner:
            "Give --ignore a pattern of all of them: '(q|k|v)_proj', '(gate|up)_proj',"
                + " 'in_proj_(qkv|z)', experts."
        case .transposed: "Write a GGUF file: Q8_0, Q4_K_M."
        case .groupSize: "Leave --group-size away; ingot quantize --list-types says who has it."
        case .noPlaceForCacheScales:
            "Leave --kv-cache away, or use a type of compressed-tensors: FP8_BLOCK, W4A16."
        case .noCacheScales: "Leave --kv-cache away."
        }
    }

    /// How the process ends.
    public var exitCode: ExitCode {
        switch kind {
        case .groupSize, .needsText, .cacheNeedsText, .noPlaceForCacheScales, .partner: .usage
        default: .badData
        }
    }
}
