/// What the decoders of a family have in common and their metadata leave unsaid.
struct DecoderStyle {
    /// How the feed-forward network's first layer is stored.
    enum NetworkForm {
        /// `ffn_gate` and `ffn_up`.
        case gated
        /// `ffn_up`, whose first rows are the gate.
        case stacked
        /// `ffn_up` alone, without a gate.
        case plain
    }

    /// Which elements of a head turn together; `nil` where nothing turns.
    var pairing: BlockDescription.Rotary.Pairing?
    /// The kind of all norms.
    var norm = BlockDescription.Norm.Kind.rootMeanSquare
    /// What norms of queries and keys take as a row; `nil` where there are none.
    var headNorms: BlockDescription.Attention.NormScope?
    /// Whether some files are without these norms, which the first block tells.
    var headNormsMayMiss = false
    /// Whether norms come before attention (`attn_norm`) and the network.
    var hasPreNorms = true
    /// Whether norms come after them (`post_attention_norm`, `post_ffw_norm`).
    var hasPostNorms = false
    /// Whether residual rows are normalised once each part's output was added (`attn_output_norm`,
    /// `layer_output_norm`).
    var hasSumNorms = false
    /// Whether there is a norm after the last block.
    var hasOutputNorm = true
    /// Whether tokens see what follows them.
    var seesAhead = false
    /// The name of the norm before the network.
    var feedForwardNorm = "ffn_norm"
    /// Where the network takes its input; when parallel, from the rows that attention takes.
    var arrangement = BlockDescription.Arrangement.sequential
    /// How the network is stored.
    var network = NetworkForm.gated
    /// What is between the network's layers.
    var activation = BlockDescription.Activation.silu
    /// Every so many blocks one attends to all positions, where there is a sliding window (SWA) and
    /// the metadata give no pattern; 0 when none does, `nil` where no window is read.
    var windowPeriod: Int?
    /// Whether that is the first of them, not the last.
    var fullBlockIsFirst = false
    /// Whether there is a matrix of learned positions.
    var hasPositions = false
    /// Whether embeddings are multiplied by the root of their length.
    var scalesEmbeddings = false
    /// What blocks without key heads have in place of attention; `nil` where all have attention.
    var recurrence: RecurrenceStyle?
    /// Whether blocks without heads have no attention, and those of width 0 no network.
    var partsMayMiss = false
    /// The experts of all blocks but those that have a dense network; `nil` without.
    var experts: ExpertStyle?
}

/// The recurrences that metadata describe by the same keys in several families.
enum RecurrenceStyle {
    /// The gated convolution of the `shortconv` keys.
    case shortConvolution
    /// Kimi delta attention, of the `kda` and `ssm` keys.
    case kimiDelta
    /// Mamba's selective scan, of the `ssm` keys.
    case selectiveScan
    /// Mamba-2's state space, of the `ssm` keys.
    case stateSpace
    /// PLaMo 2's scan by heads, of the `ssm` keys.
    case headScan
}

/// What a family's metadata leave unsaid about its experts.
struct ExpertStyle {
    /// How ratings become scores, unless `expert_gating_func` says; `nil` for sigmoids where the
    /// choice has a bias (which came with DeepSeek-V3), otherwise a softmax.
    var scoring: BlockDescription.Experts.Scoring?
    /// Whether weights are divided by their sum, unless `expert_weights_norm` says.
    var normalisesWeights: Bool
    /// What is between an expert's layers.
    var activation = BlockDescription.Activation.silu
    /// Whether networks have a gate.
    var isGated = true
    /// The network that every token takes.
    var shared = Shared.none
    /// Whether files without `expert_count` have none.
    var mayMiss = false

    /// Where the length of the shared network's hidden row is said.
    enum Shared {
        /// There is no such network.
        case none
        /// `expert_shared_feed_forward_length`, or an expert's for each shared one.
        case stated
        /// An expert's for each shared one, of which `expert_shared_count` may say none.
        case counted
        /// An expert's.
        case single
    }
}
