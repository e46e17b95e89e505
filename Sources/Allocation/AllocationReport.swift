public import Evaluation

/// What was measured and chosen, for people and for the JSON of a plan.
public struct AllocationReport: Encodable, Sendable {
    /// A text that was measured on.
    public struct Text: Encodable, Sendable {
        /// Its name.
        public var name: String
        /// Tokens of the windows that sensitivities come from.
        public var sensitivityTokens: Int
        /// Tokens of the windows that mixtures were tried on.
        public var validationTokens: Int
    }

    /// Tensors whose sensitivity was measured together.
    public struct Group: Encodable, Sendable {
        /// The role and the layers: `ffn_down 5-9`.
        public var name: String
        /// The number of tensors.
        public var tensorCount: Int
        /// Their bytes in the chosen formats.
        public var byteCount: Int
        /// The chosen formats, each with the number of tensors.
        public var formats: [String: Int]
        /// The divergence for a unit of rounding error: the geometric mean over the texts.
        public var sensitivity: Double
        /// What the group's rounding is expected to add to the divergence.
        public var expectedDivergence: Double
    }

    /// Why a tensor has its format.
    public struct Tensor: Encodable, Sendable {
        /// The group.
        public var group: String
        /// The rounding error in each format that was weighed.
        public var errors: [String: Double]
        /// The bytes in each, padding included.
        public var byteCounts: [String: Int]
        /// What the rounding is expected to add to the divergence.
        public var expectedDivergence: Double
    }

    /// A mixture that was tried.
    public struct Trial: Encodable, Sendable {
        /// The file type whose mixture it is, or how it was found.
        public var name: String
        /// The bytes of its file.
        public var byteCount: Int
        /// The mean KL divergence on each text, in nats.
        public var divergences: [Estimate]
    }

    /// The most bytes that the file may have, where that was asked for.
    public var byteLimit: Int?
    /// The largest divergence, where that was asked for.
    public var divergenceLimit: Double?
    /// `measured`, or `estimated` where there was no text or the model cannot be run.
    public var basis: String
    /// Why nothing was measured.
    public var reason: String?
    /// The texts.
    public var texts: [Text]
    /// The groups in the order of the file.
    public var groups: [Group]
    /// What was tried, smallest file first.
    public var trials: [Trial]
    /// The name of the mixture that was chosen.
    public var chosen: String
    /// About how much memory measuring took.
    public var memoryByteCount: Int
    /// The tensors whose format was free, by name; listed with the plan's tensors.
    public var tensors: [String: Tensor]

    private enum CodingKeys: String, CodingKey {
        case byteLimit, divergenceLimit, basis, reason, texts, groups, trials, chosen
        case memoryByteCount
    }
}
