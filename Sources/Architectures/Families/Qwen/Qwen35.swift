import TensorCore

extension ModelFamily {
    /// Qwen 3.5, text-only or the language model of a multimodal checkpoint: Qwen3-Next with
    /// projections of their own for everything, and a dense network.
    public static let qwen35 = ModelFamily(
        name: "Qwen35",
        architecture: "qwen35",
        classes: [
            "Qwen3_5ForCausalLM", "Qwen3_5ForConditionalGeneration",
            "MiniCPMV4_6ForConditionalGeneration",
        ],
        // transformers: Qwen3_5TextConfig
        defaults: [
            .integer("vocab_size", 248320), .integer("hidden_size", 4096),
            .integer("intermediate_size", 12288), .integer("num_hidden_layers", 32),
            .integer("num_attention_heads", 16), .integer("num_key_value_heads", 4),
            .integer("linear_num_value_heads", 32),
        ] + .deltaLayers,
        keys: .common + .deltaLayers + [.usualRotarySections],
        tensors: [
            .deltaDecoder,
            .blocks(of: "model.layers.{bid}.linear_attn.", where: .deltaRule, .qwen35Mixer),
            .blocks(.gatedNetwork()),
        ],
        checkpoint: .init(multiTokenPrediction: .mtpLayers),
        rotary: .yarnOrDynamic,
        checks: [.activation(.silu), .needing("attn_output_gate"), .deltaLayers],
        export: .deltaLayers(
            modelType: "qwen3_5_text", rotarySections: \.unusualRotarySections),
        // Qwen 3.5 and its form with experts: Qwen3-Next with value heads that take turns at the
        // key heads.
        decoder: .deltaRule())
}

extension MetadataRule {
    /// How many pairs of a head turn by the position in time, by height and by width; the shares of
    /// the published models where the configuration does not say.
    ///
    /// In text the three positions are the same.
    static let usualRotarySections = MetadataRule.entries {
        configuration throws(ArchitectureError) in
        try RotaryParameters(configuration).sections() == nil
            ? [.init("{arch}.rope.dimension_sections", .int32s([11, 11, 10, 0]))] : []
    }
}

extension ConfigurationExport.Source {
    /// The sections of heads that the configuration must name: others than the usual ones, and
    /// those that stand among the common keys because it has named them.
    var unusualRotarySections: [Int]? {
        let key = "rope.dimension_sections"
        guard var sections = value(key)?.integers, let place = place(key) else { return nil }
        if sections == [11, 11, 10, 0], let next = self.place("rope.freq_base"), next < place {
            return nil
        }
        while sections.last == 0, sections.count > 3 { sections.removeLast() }
        return sections
    }
}

extension TensorModules {
    /// The projections of a layer of the delta rule, where value head `i` takes key head `i` modulo
    /// their number: value heads, which a checkpoint has sorted by their key head, take turns.
    static let qwen35Mixer: Self = {
        let shared = Dimension.valueHeads / .keyHeads
        let heads: [Dimension] = [.keyHeads, shared, .valueHead]
        let rows = 2 * .keyRows + .valueRows
        let kernel = Dimension.key("linear_conv_kernel_dim")
        /// Queries and keys as they are, values in turns.
        func channels(_ inner: Dimension) -> [TensorRule.Part] {
            let box = TensorView.reshaped([rows, inner])
            return [
                .init(0, box.narrowed(0, from: 0, count: 2 * .keyRows)),
                .init(
                    0,
                    box.narrowed(0, from: 2 * .keyRows, count: .valueRows, as: heads)
                        .permuted([1, 0, 2, 3])),
            ]
        }
        /// A number, or a row, for each value head.
        func byHead(
            _ source: String, _ name: String, _ inner: [Dimension] = [],
            change: ValueChange = .none
        ) -> Self {
            .tensor(
                source, name, [.valueHeads] + inner,
                view: .reshaped([.keyHeads, shared] + inner)
                    .permuted([1, 0] + inner.indices.map { $0 + 2 }), change: change)
        }
        return [
            .tensors(
                [.init("in_proj_qkv.weight", [rows, .hidden])],
                into: [.init("attn_qkv.weight", [rows, .hidden], channels(.hidden))]),
            .tensors(
                [.init("conv1d.weight", [rows, 1, kernel])],
                into: [.init("ssm_conv1d.weight", [rows, kernel], channels(kernel))]),
            .tensor(
                "in_proj_z.weight", "attn_gate.weight", [.valueRows, .hidden],
                view: .reshaped(heads + [.hidden]).permuted([1, 0, 2, 3])),
            byHead("in_proj_a.weight", "ssm_alpha.weight", [.hidden]),
            byHead("in_proj_b.weight", "ssm_beta.weight", [.hidden]),
            byHead("A_log", "ssm_a", change: .negatedExponential), byHead("dt_bias", "ssm_dt.bias"),
            .tensor(
                "out_proj.weight", "ssm_out.weight", [.hidden, .valueRows],
                view: .reshaped([.hidden] + heads).permuted([0, 2, 1, 3])),
        ]
    }()
}
