import TensorCore

extension ModelConfiguration {
    /// The most layers that are believed.
    public static let layerLimit = 10_000

    /// The class that the checkpoint was saved from: the first of `architectures`.
    public func architectureName() throws(ArchitectureError) -> String {
        guard let name = self["architectures"]?.array?.first?.text else {
            throw fault(.missingArchitecture, "architectures")
        }
        return name
    }

    /// The number of layers, checked against `layerLimit`.
    public func numHiddenLayers() throws(ArchitectureError) -> Int {
        let keys = ["n_layers", "num_hidden_layers", "n_layer", "num_layers"]
        guard let count = try integer(keys) else { throw fault(.missingKey, "num_hidden_layers") }
        guard (1...ModelConfiguration.layerLimit).contains(count) else {
            throw fault(
                .layerCountOutOfRange(found: count, limit: ModelConfiguration.layerLimit),
                first(of: keys)?.key)
        }
        return count
    }

    /// The number of blocks in the file: the layers, and those that predict further tokens where
    /// the family keeps them.
    public func blockCount() throws(ArchitectureError) -> Int {
        try numHiddenLayers() + predictorCount
    }

    /// The number of layers behind the last one that predict further tokens.
    func numNextnPredictLayers() throws(ArchitectureError) -> Int {
        let key = "num_nextn_predict_layers"
        guard let count = try integer(key) else { return 0 }
        guard (0...ModelConfiguration.layerLimit).contains(count) else {
            throw fault(
                .layerCountOutOfRange(found: count, limit: ModelConfiguration.layerLimit), key)
        }
        return count
    }

    /// The width of the residual stream.
    public func hiddenSize() throws(ArchitectureError) -> Int {
        try required("hidden_size", "n_embd", "dim")
    }

    /// The width of the feed-forward network.
    public func intermediateSize() throws(ArchitectureError) -> Int {
        try required("intermediate_size", "n_inner", "hidden_dim")
    }

    /// The number of query heads.
    public func numAttentionHeads() throws(ArchitectureError) -> Int {
        try headCount(["num_attention_heads", "n_head", "n_heads"])
    }

    /// The number of key-value heads; as many as query heads where the file does not say.
    public func numKeyValueHeads() throws(ArchitectureError) -> Int {
        let keys = ["num_key_value_heads", "n_kv_heads"]
        return first(of: keys) == nil ? try numAttentionHeads() : try headCount(keys)
    }

    private func headCount(_ keys: [String]) throws(ArchitectureError) -> Int {
        guard let count = try integer(keys) else { throw fault(.missingKey, keys.first) }
        guard count > 0 else { throw fault(.invalidHeadCount(count), first(of: keys)?.key) }
        return count
    }

    /// The size of one head: `head_dim`, or the hidden size shared out among the heads.
    public func headDim() throws(ArchitectureError) -> Int {
        if self["head_dim"] != nil { return try required("head_dim") }
        return try hiddenSize() / numAttentionHeads()
    }

    /// The number of tokens that have an embedding.
    public func vocabSize() throws(ArchitectureError) -> Int { try required("vocab_size") }

    /// The most experts that are believed.
    public static let expertLimit = 1 << 16

    /// The number of experts that a router chooses from, checked against `expertLimit`.
    public func numExperts() throws(ArchitectureError) -> Int {
        let keys = ["num_local_experts", "num_experts", "n_routed_experts"]
        guard let (key, _) = first(of: keys), let count = try integer(keys) else {
            throw fault(.missingKey, "num_experts")
        }
        guard (1...ModelConfiguration.expertLimit).contains(count) else {
            throw fault(
                .invalidValue(
                    found: "\(count) experts", expected: "1 to \(ModelConfiguration.expertLimit)"),
                key)
        }
        return count
    }

    /// Whether the output matrix is the embedding matrix.
    public var tieWordEmbeddings: Bool { self["tie_word_embeddings"]?.boolean ?? false }

    /// A part of a head, rounded down: heads share out the hidden size here, whatever `head_dim` says.
    func rotaryDimension(share: Double) throws(ArchitectureError) -> Int {
        try part(of: try hiddenSize() / numAttentionHeads(), share)
    }

    /// A part of the hidden size shared out among the heads, both rounded down.
    func rotaryDimension(ofWidthShare share: Double) throws(ArchitectureError) -> Int {
        try part(of: try hiddenSize(), share) / numAttentionHeads()
    }

    /// A part of a head of the size that the configuration gives it, rounded down.
    func rotaryDimension(ofHeadShare share: Double) throws(ArchitectureError) -> Int {
        try part(of: try headDim(), share)
    }

    private func part(of whole: Int, _ share: Double) throws(ArchitectureError) -> Int {
        guard share > 0, share <= 1 else {
            throw fault(
                .invalidValue(found: "\(share)", expected: "more than 0 and at most 1"),
                "partial_rotary_factor")
        }
        return Int(share * Double(whole))
    }

    /// Checks that there is a type for each layer, where the configuration lists them.
    func checkLayerTypes() throws(ArchitectureError) {
        guard let types = self["layer_types"] else { return }
        let count = try numHiddenLayers()
        guard let found = types.array?.count, found == count else {
            throw fault(
                .invalidValue(
                    found: types.array.map { "a list of \($0.count)" } ?? types.kindName,
                    expected: "a list of \(count), one for each layer"), "layer_types")
        }
    }

    /// Which layers attend through a sliding window, by `layer_types`; `nil` without that key.
    func slidingLayers() throws(ArchitectureError) -> [Bool]? {
        try checkLayerTypes()
        guard let types = self["layer_types"]?.array?.map(\.text) else { return nil }
        let known = ["full_attention", "sliding_attention"]
        if let other = types.first(where: { !known.contains($0 ?? "") }) {
            throw fault(
                .invalidValue(
                    found: other.map { "\"\($0)\"" } ?? "another value",
                    expected: known.joined(separator: " or ")), "layer_types")
        }
        return types.map { $0 == "sliding_attention" }
    }

    /// Which layers attend through a sliding window when every `period`th sees all positions.
    func slidingLayers(period: Int) throws(ArchitectureError) -> [Bool] {
        guard period > 0 else {
            throw fault(
                .invalidValue(found: "\(period)", expected: "a positive integer"),
                "sliding_window_pattern")
        }
        return try (1...numHiddenLayers()).map { $0 % period != 0 }
    }

    /// Checks what every decoder with rotary attention must fulfil.
    func checkAttention() throws(ArchitectureError) {
        _ = try numHiddenLayers()
        let heads = try numAttentionHeads()
        let keyValueHeads = try numKeyValueHeads()
        let hiddenSize = try hiddenSize()
        guard heads % keyValueHeads == 0 else {
            throw fault(
                .unevenHeadGroups(heads: heads, keyValueHeads: keyValueHeads),
                "num_key_value_heads")
        }
        if !hasHeadDim, hiddenSize % heads != 0 {
            throw fault(.unevenHeads(hiddenSize: hiddenSize, heads: heads), "hidden_size")
        }
        let headDim = try headDim()
        guard headDim > 0, headDim % 2 == 0 else { throw fault(.oddHeadSize(headDim), "head_dim") }
    }
}
