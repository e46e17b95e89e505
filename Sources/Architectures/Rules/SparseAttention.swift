import TensorCore

// DeepSeek Sparse Attention (DSA): a light indexer rates all positions, and attention sees the best.

extension [ConfigurationDefault] {
    /// What the classes assume of the indexer.
    @inline(never)
    static func indexer(heads: Int) -> Self {
        [
            .integer("index_topk", 2048), .integer("index_head_dim", 128),
            .integer("index_n_heads", heads),
        ]
    }
}

extension [MetadataRule] {
    /// The keys of the indexer.
    static let indexer: Self = [
        .count("attention.indexer.head_count", "index_n_heads"),
        .count("attention.indexer.key_length", "index_head_dim"),
        .count("attention.indexer.top_k", "index_topk"),
    ]
}

extension MetadataRule {
    /// How many blocks predict further tokens, where the configuration has the key.
    static let statedPredictors = MetadataRule.count(
        "nextn_predict_layers", "num_nextn_predict_layers")
}

extension TensorModules {
    /// The indexer of a layer; layers may go without where they share another's.
    static let indexer: Self = {
        let (heads, head) = (Dimension.key("index_n_heads"), Dimension.key("index_head_dim"))
        return .blocks(
            of: "model.layers.{bid}.self_attn.indexer.", as: "blk.{bid}.indexer.",
            .init("wq_b", "attn_q_b", [heads * head, .key("q_lora_rank")], presence: .optional),
            .init("wk", "attn_k", [head, .hidden], presence: .optional),
            .norm("k_norm", "k_norm", head, bias: .optional, presence: .optional),
            .init("weights_proj", "proj", [heads, .hidden], presence: .optional))
    }()
}

extension ConfigurationExport.Source {
    /// The number of layers where some that predict further tokens are counted too.
    var predictedLayers: [ConfigurationExport.Entry] {
        layerCount.map { [("num_hidden_layers", .integer($0))] } ?? []
    }
}

extension DecoderRule {
    /// Latent attention (MLA) to all positions, which is what the sparse one is as long as there are no
    /// more than it picks: that is the context the decoder is good for.
    static let sparseLatentAttention = custom { model throws(DecoderDescriptionError) in
        var decoder = try model.latentDecoder(
            .init(
                pairing: .interleaved,
                experts: .init(normalisesWeights: false, shared: .stated, mayMiss: true)))
        if let picked = try model.optionalCount("attention.indexer.top_k") {
            decoder.contextLength = min(decoder.contextLength, picked)
        }
        return decoder
    }
}

extension ModelFamily {
    /// The words of what indexers add.
    static let indexerWords: [String: String?] = [
        "nextn_predict_layers": "num_nextn_predict_layers",
        "attention.indexer.head_count": "index_n_heads",
        "attention.indexer.key_length": "index_head_dim",
        "attention.indexer.top_k": "index_topk",
    ]
}
