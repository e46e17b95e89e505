import Architectures

/// What carries over from position to position in a block: attention, or a recurrence.
///
/// A mixer is one file: the layout of its weights (its `init`), the room that it needs, the state
/// that it keeps for a sequence, its step. docs/adding-a-mechanism.md walks through one.
protocol Mixer: Sendable {
    /// All its linear layers.
    var stacks: [LinearStack] { get }
    /// The last of them: makes the block's output of what `mix` leaves.
    var output: LinearStack { get }
    /// Its matrices that are not linear layers, and take numbers as they are whatever the
    /// activations.
    var otherMatrices: [String] { get }

    /// Those of them that have a matrix for each head.
    var headMatrices: [HeadMatrices] { get }

    /// Adds what its step needs.
    func reserve(_ room: inout Workspace.Room, for load: Workspace.Load)

    /// Adds what it keeps of a sequence of up to `capacity` positions.
    func prepare(
        _ state: inout BlockState, capacity: Int, _ types: CacheTypes
    ) throws(InferenceError)

    /// The bytes of that; `nil` beyond what can be addressed.
    func stateByteCount(capacity: Int, _ types: CacheTypes) -> Int?

    /// Takes the group's rows through the mixer, and leaves in the workspace's `mixed`, for the wanted
    /// ones moved together, what `output` takes in.
    ///
    /// - Parameter normed: The normalised rows, `(row, E)`.
    func mix(_ normed: UnsafePointer<Float>, _ rows: RowGroup)
}

extension Mixer {
    var otherMatrices: [String] { [] }
    var headMatrices: [HeadMatrices] { [] }
}

extension WeightLayout {
    /// The mixer that a block has.
    mutating func mixer(
        _ description: BlockDescription.Mixer
    ) throws(InferenceError) -> (any Mixer)? {
        switch description {
        case .attention(let attention):
            guard let latent = attention.latent else { return try Attention(attention, &self) }
            return try LatentAttention(attention, latent, &self)
        case .compressed(let attention): return try CompressedAttention(attention, &self)
        case .recurrence(let recurrence): return try mixer(recurrence)
        case .absent: return nil
        }
    }

    /// The recurrence that a block has.
    mutating func mixer(
        _ description: BlockDescription.Recurrence
    ) throws(InferenceError) -> any Mixer {
        switch description.kind {
        case .deltaRule(let rule): try GatedDeltaRule(description, rule, &self)
        case .kimiDelta(let delta): try KimiDeltaAttention(description, delta, &self)
        case .shortConvolution(let convolution):
            try ShortConvolution(description, convolution, &self)
        case .selectiveScan(let scan): try SelectiveScan(description, scan, &self)
        case .stateSpace(let space): try StateSpace(description, space, &self)
        case .headScan(let scan): try HeadScan(description, scan, &self)
        case .lightning(let lightning): try LightningAttention(description, lightning, &self)
        case .timeMix(let mix): try TimeMix(description, mix, &self)
        }
    }
}
