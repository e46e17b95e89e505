import TensorCore

extension ModelFamily {
    /// Baichuan 1 and 2: Llama's shape with queries, keys and values in one matrix.
    ///
    /// Models of 32 layers (7B) turn queries and keys; those of 40 (13B) let scores fall with the
    /// distance (ALiBi).
    public static let baichuan = ModelFamily(
        name: "Baichuan",
        architecture: "baichuan",
        classes: ["BaichuanForCausalLM", "BaiChuanForCausalLM"],
        // the model's own BaichuanConfig
        defaults: [
            .integer("vocab_size", 64000), .integer("hidden_size", 4096),
            .integer("intermediate_size", 11008), .integer("num_hidden_layers", 32),
            .integer("num_attention_heads", 32), .real("rms_norm_eps", 1e-6),
        ],
        keys: .common + [.originalLayout, .wholeHeadTurns],
        tensors: [
            .ends(),
            .blocks(
                .preNorms(), queriesKeysValues,
                .init("self_attn.o_proj", "attn_output", [.hidden, .hidden]), .gatedNetwork()),
        ],
        rotary: .yarnOrDynamic,
        checks: [
            .activation(.silu), .headsShareWidth,
            .refusing { configuration throws(ArchitectureError) in
                let layers = try configuration.numHiddenLayers()
                guard layers != 32, layers != 40 else { return }
                throw configuration.inexpressible(
                    "num_hidden_layers", found: "\(layers)",
                    expected: "32 (positions by rotation) or 40 (by distance)")
            },
            .noting { configuration in
                // Baichuan 2, whose vocabulary is another.
                guard configuration["vocab_size"]?.integer == 125_696 else { return [] }
                return [
                    "Baichuan 2 makes the rows of its output matrix as long as each other when it "
                        + "runs; readers of baichuan take the matrix as it is"
                ]
            },
        ],
        decoder: .custom { model throws(DecoderDescriptionError) in
            guard try model.blockCount() == 40 else {
                return try model.decoder(.init(pairing: .interleaved))
            }
            return try model.decoder(.init()) { _, block in block.attention.alibiBias = 8 }
        })

    private static let queriesKeysValues: TensorModules = {
        let pairs = TensorView.reshaped([3, .headCount, 2, .head / 2, .hidden])
        let straight = TensorView.reshaped([3, .hidden, .hidden])
        return .tensors(
            [.init("self_attn.W_pack.weight", [3 * .hidden, .hidden])],
            into: [
                .init(
                    "attn_q.weight", [.hidden, .hidden],
                    pairs.narrowed(0, from: 0).permuted([0, 1, 3, 2, 4])),
                .init(
                    "attn_k.weight", [.hidden, .hidden],
                    pairs.narrowed(0, from: 1).permuted([0, 1, 3, 2, 4])),
                .init(
                    "attn_v.weight", [.hidden, .hidden], straight.narrowed(0, from: 2)),
            ])
    }()
}
