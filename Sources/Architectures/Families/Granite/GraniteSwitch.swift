import TensorCore

extension ModelFamily {
    /// Granite with adapters (LoRA) inside, of which control tokens choose one; number 0 changes
    /// nothing.
    public static let graniteSwitch = ModelFamily(
        name: "GraniteSwitch",
        architecture: "graniteswitch",
        classes: ["GraniteSwitchForCausalLM"],
        defaults: graniteDefaults + [
            .integer("num_adapters", 1), .integer("max_lora_rank", 32),
            // The last layer is the switch, which has no weights and is no block.
            .computed("num_hidden_layers") {
                $0["num_hidden_layers"]?.integer.map { .integer(max(0, $0 - 1)) }
            },
            .computed("layer_types") { configuration in
                guard let count = configuration["num_hidden_layers"]?.integer, count >= 0 else {
                    return nil
                }
                return configuration["layer_types"]?.array.map { .array(Array($0.prefix(count))) }
            },
        ],
        keys: .granite + [
            .sharedNetwork, .constant("expert_used_count", .uint32(0)),
            .count("adapters.count", "num_adapters"),
            .count("adapters.lora_rank", "max_lora_rank"),
            .switchTokens("activate", "adapter_token_ids"),
            .switchTokens("substitute", "adapter_substitute_token_ids"),
            .entries { configuration throws(ArchitectureError) in
                let gain = try configuration.number(["control_token_gain"]) ?? 15
                return [.init("{arch}.adapters.router_gain", .float32(Float(gain)))]
            },
        ],
        tensors: [
            .init("model.embed_tokens", "token_embd", [.vocabulary, .hidden]),
            .norm("model.norm", "output_norm"), .copyOfEmbeddings("lm_head.weight"),
            .blocks(.preNorms()),
            .blocks(
                .tensors(
                    [.init("self_attn.qkv_proj.base_layer.weight", [queriesAndKeys, .hidden])],
                    into: [
                        .init(
                            "attn_qkv.weight", [queriesAndKeys, .hidden],
                            [
                                paired(from: 0, count: .headCount),
                                paired(from: .headCount, count: .keyValueHeadCount),
                                .init(
                                    0,
                                    .reshaped([
                                        .headCount + 2 * .keyValueHeadCount, .head, .hidden,
                                    ]).narrowed(
                                        0, from: .headCount + .keyValueHeadCount,
                                        count: .keyValueHeadCount)),
                            ])
                    ]),
                .init(
                    "self_attn.o_proj.base_layer", "attn_output", [.hidden, .queryHeads]),
                .gateAndUp(
                    "shared_mlp.input_linear.base_layer.weight", [2 * width, .hidden],
                    "ffn_{role}.weight", [width, .hidden], as: [2, width, .hidden], axis: 0),
                .init(
                    "shared_mlp.output_linear.base_layer", "ffn_down", [.hidden, width])),
            .blocks(
                .adapters(
                    "self_attn.qkv_proj", "_slices.0", "attn_q", .hidden, .queryHeads,
                    pairs: .headCount),
                .adapters(
                    "self_attn.qkv_proj", "_slices.1", "attn_k", .hidden, .keyValueHeads,
                    pairs: .keyValueHeadCount),
                .adapters(
                    "self_attn.qkv_proj", "_slices.2", "attn_v", .hidden, .keyValueHeads),
                .adapters("self_attn.o_proj", "", "attn_output", .queryHeads, .hidden),
                .adapters("shared_mlp.input_linear", "_slices.0", "ffn_gate", .hidden, width),
                .adapters("shared_mlp.input_linear", "_slices.1", "ffn_up", .hidden, width),
                .adapters("shared_mlp.output_linear", "", "ffn_down", width, .hidden)),
            // The switch's own, which readers make anew.
            .ignoring(
                "model.switch.adapter_token_ids", "model.switch.control_to_substitute_lut",
                "model.adapter_token_ids", "model.control_to_substitute_lut"),
        ],
        rotary: .yarnOrDynamic,
        checks: [.activation(.silu), .headsShareWidth, .refused(.zero("num_local_experts"))],
        tokenizer: .llama,
        decoder: .custom { model throws(DecoderDescriptionError) in
            var decoder = try DecoderRule.granite().describe(model)
            let choice = try model.adapterChoice()
            decoder.adapterChoice = choice
            let rank = try model.adapterCount("adapters.lora_rank")
            for index in decoder.blocks.indices {
                decoder.blocks[index].addAdapters(
                    "blk.\(index)", count: choice.tokens.count + 1, rank: rank)
            }
            return decoder
        })

    private static let width = Dimension.key("shared_intermediate_size")
    private static let queriesAndKeys = Dimension.queryHeads + 2 * .keyValueHeads

    /// Heads whose halves become neighbouring pairs, of all queries, keys and values.
    private static func paired(from start: Dimension, count: Dimension) -> TensorRule.Part {
        .init(
            0,
            .reshaped([.headCount + 2 * .keyValueHeadCount, 2, .head / 2, .hidden])
                .narrowed(0, from: start, count: count).permuted([0, 2, 1, 3]))
    }
}

extension MetadataRule {
    /// A list of tokens.
    fileprivate static func switchTokens(_ key: String, _ name: String) -> Self {
        .entries { configuration throws(ArchitectureError) in
            let tokens = configuration[name]?.array?.map {
                $0.integer.flatMap(Int32.init(exactly:))
            }
            guard let tokens, !tokens.contains(nil) else {
                throw configuration.fault(.missingKey, name)
            }
            return [
                .init("{arch}.adapters.token_ids_\(key)", .int32s(tokens.compactMap { $0 }))
            ]
        }
    }
}

extension TensorModules {
    /// The factors of all adapters' changes to a matrix, behind those of one that changes nothing.
    ///
    /// - Parameter pairs: The heads of which the rows are made, where their halves become pairs.
    fileprivate static func adapters(
        _ module: String, _ slice: String, _ name: String, _ inputs: Dimension,
        _ outputs: Dimension, pairs heads: Dimension? = nil
    ) -> Self {
        let (count, rank) = (Dimension.key("num_adapters"), Dimension.key("max_lora_rank"))
        func factor(
            _ letter: String, _ shape: [Dimension], _ view: TensorView?
        ) -> Self {
            .tensors(
                [.init("\(module).lora_\(letter.uppercased())\(slice)", [count, 1] + shape)],
                into: [
                    .init(
                        "\(name).lora_\(letter)", [count + 1] + shape,
                        [
                            .init(zerosOf: 0, .reshaped([count] + shape).narrowed(0, from: 0)),
                            .init(0, view),
                        ])
                ])
        }
        let view = heads.map {
            TensorView.reshaped([count, $0, 2, outputs / $0 / 2, rank]).permuted([0, 1, 3, 2, 4])
        }
        return [factor("a", [rank, inputs], nil), factor("b", [outputs, rank], view)]
    }
}

extension DecoderMetadata {
    /// How tokens choose among adapters, by the `adapters` keys.
    fileprivate func adapterChoice() throws(DecoderDescriptionError) -> AdapterChoice {
        let count = try adapterCount("adapters.count")
        func tokens(_ suffix: String) throws(DecoderDescriptionError) -> [Int32] {
            guard case .int32s(let tokens)? = metadata[key(suffix)], tokens.count == count,
                tokens.allSatisfy({ $0 >= 0 })
            else { throw invalid(suffix, expected: "\(count) tokens") }
            return tokens
        }
        return .init(
            tokens: try tokens("adapters.token_ids_activate"),
            substitutes: try tokens("adapters.token_ids_substitute"),
            gain: try positiveNumber("adapters.router_gain") ?? 15)
    }

    /// A number of adapters, or the length of their short rows.
    fileprivate func adapterCount(_ suffix: String) throws(DecoderDescriptionError) -> Int {
        let count = try count(suffix)
        guard count <= DecoderMetadata.mostAdapters else {
            throw invalid(suffix, expected: "at most \(DecoderMetadata.mostAdapters)")
        }
        return count
    }

    /// The most adapters, and the longest short row, that are believed.
    private static let mostAdapters = 4096
}

extension BlockDescription {
    /// Adapters of all matrices.
    fileprivate mutating func addAdapters(_ name: String, count: Int, rank: Int) {
        func adapters(_ part: String, _ outputs: Range<Int>) -> Adapters {
            .init(
                first: "\(name).\(part).lora_a", second: "\(name).\(part).lora_b",
                count: count, rank: rank, outputs: outputs)
        }
        let keys = attention.queryWidth..<attention.queryWidth + attention.keyWidth
        attention.input[0].adapters = [
            adapters("attn_q", 0..<attention.queryWidth), adapters("attn_k", keys),
            adapters("attn_v", keys.upperBound..<keys.upperBound + attention.valueWidth),
        ]
        attention.output.adapters = [adapters("attn_output", 0..<attention.output.outputs)]
        guard case .dense(var network) = feedForward else { return }
        for (index, part) in ["ffn_gate", "ffn_up"].enumerated() {
            network.input[index].adapters = [adapters(part, 0..<network.input[index].outputs)]
        }
        network.output.adapters = [adapters("ffn_down", 0..<network.output.outputs)]
        feedForward = .dense(network)
    }
}
