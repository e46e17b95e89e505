import TensorCore

extension ModelFamily {
    /// HRM-Text: two stacks of blocks, run in turns several times over the same tokens; the low one
    /// refines its state within every turn of the high one.
    public static let hrmText = ModelFamily(
        name: "HrmText", architecture: "hrm_text", classes: ["HrmTextForCausalLM"],
        // transformers: HrmTextConfig
        defaults: [
            .integer("vocab_size", 151808), .integer("hidden_size", 1536),
            .integer("intermediate_size", 4096), .integer("num_hidden_layers", 16),
            .integer("num_attention_heads", 12), .integer("max_position_embeddings", 2048),
            .real("rms_norm_eps", 1e-6), .integer("head_dim", 128), .integer("H_cycles", 2),
            .integer("L_cycles", 3), .boolean("prefix_lm", true), .real("rope_theta", 10000),
            // What transformers writes as the number of layers counts every pass through one.
            .replacement("num_hidden_layers", by: "num_layers_per_stack"),
            .computed("embedding_scale") { configuration in
                configuration["embedding_scale"]
                    ?? .real(1 / (configuration["initializer_range"]?.double ?? 0.02))
            },
        ],
        keys: [
            .count("block_count") { configuration throws(ArchitectureError) in
                var count = try configuration.numHiddenLayers()
                for factor in [
                    try configuration.required("H_cycles"),
                    try configuration.required("L_cycles") + 1,
                ] {
                    let product = count.multipliedReportingOverflow(by: factor)
                    guard !product.overflow, product.partialValue <= ModelConfiguration.layerLimit
                    else {
                        throw configuration.fault(
                            .layerCountOutOfRange(
                                found: product.partialValue, limit: ModelConfiguration.layerLimit),
                            "H_cycles")
                    }
                    count = product.partialValue
                }
                return count
            }
        ] + [MetadataRule].common.dropFirst() + [
            .count("rope.dimension_count", "head_dim"),
            .number("embedding_scale", "embedding_scale"),
            .count("hrm.layers_per_stack", "num_hidden_layers"),
            .count("hrm.h_cycles", "H_cycles"), .count("hrm.l_cycles", "L_cycles"),
            .flag("hrm.prefix_lm", "prefix_lm"),
        ],
        tensors: [
            .init("model.embed_tokens", "token_embd", [.vocabulary, .hidden]),
            .init("lm_head", "output", [.vocabulary, .hidden], presence: .optional),
            .tensor("model.z_L_init", "hrm.z_l_init", [.hidden]),
            .blocks(
                .tensors(
                    [.init("attn.gqkv_proj.weight", [4 * .queryHeads, .hidden])],
                    into: ["gate", "q", "k", "v"].enumerated().map { index, role in
                        .init(
                            TensorPattern("attn_\(role).weight"), [.queryHeads, .hidden],
                            values: .parts(
                                [
                                    .init(
                                        0,
                                        .reshaped([4, .queryHeads, .hidden]).narrowed(
                                            0, from: .constant(index)))
                                ], .none))
                    }),
                .init("attn.o_proj", "attn_output", [.hidden, .queryHeads]),
                .gateAndUp(
                    "mlp.gate_up_proj.weight", [2 * .feedForward, .hidden], "ffn_{role}.weight",
                    [.feedForward, .hidden], as: [2, .feedForward, .hidden], axis: 0),
                .init("mlp.down_proj", "ffn_down", [.hidden, .feedForward])),
        ],
        // The blocks of the high stack follow those of the low one.
        checkpoint: .init(
            spellings: [.init("L_module.layers.", means: "layers.")],
            multiTokenPrediction: .apart(prefix: "model.H_module.", modules: [:])),
        rotary: .yarnOrDynamic,
        checks: [.activation(.silu), .without("attention_bias", "mlp_bias")],
        decoder: .custom { model throws(DecoderDescriptionError) in
            try model.stackedDecoder()
        })
}

extension DecoderMetadata {
    /// Blocks of two stacks, as often as they are run: the low stack so many times, then the high one, and
    /// all of that again.
    ///
    /// The first stream is the high stack's state, the second the low one's.
    fileprivate func stackedDecoder() throws(DecoderDescriptionError) -> DecoderDescription {
        let (length, high) = (try count("hrm.layers_per_stack"), try count("hrm.h_cycles"))
        let low = try count("hrm.l_cycles")
        let (total, blocks) = (try count("block_count"), try blockCount())
        guard length <= blocks, high <= blocks, low <= blocks, total == length * high * (low + 1)
        else { throw invalid("block_count", expected: "\(length) · \(high) · (\(low) + 1)") }
        let epsilon = try epsilon(of: .rootMeanSquare)
        let norm = BlockDescription.Norm(.rootMeanSquare, epsilon: epsilon, weight: nil)
        var once = metadata
        once[key("block_count")] = .uint32(UInt32(2 * length))
        let stacks = DecoderMetadata(
            architecture: architecture, metadata: once, hasTensor: hasTensor, rowCount: rowCount,
            path: path)
        var decoder = try stacks.decoder(
            .init(pairing: .halves, hasPreNorms: false, hasOutputNorm: false)
        ) { index, block in
            block.attentionNorm = norm
            block.feedForwardNorm = norm
            let attention = block.attention
            block.attention.gate = stacks.projection(
                "blk.\(index).attn_gate", outputs: attention.output.inputs,
                inputs: attention.output.outputs)
        }
        var run: [BlockDescription] = []
        for pass in 0..<high * (low + 1) {
            let isHigh = pass % (low + 1) == low
            let stack = decoder.blocks[isHigh ? length..<2 * length : 0..<length]
            for (place, block) in stack.enumerated() {
                var block = block
                block.streams = .init(
                    count: 3, mixer: .stacked(.init(begins: place == 0)),
                    feedForward: .stacked(
                        place == length - 1 ? .init(end: isHigh ? 0 : 1, norm: norm) : .init()))
                run.append(block)
            }
        }
        run[run.count - 1].streams?.head = .stream(0)
        decoder.blocks = run
        decoder.streamStart = .firstAnd("hrm.z_l_init")
        if let scale = try number("embedding_scale"), scale != 0 { decoder.embeddingScale = scale }
        return decoder
    }
}
