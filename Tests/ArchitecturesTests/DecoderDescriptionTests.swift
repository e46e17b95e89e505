import Architectures
import TensorCore
import Testing

/// The metadata of a small model, with the keys that any family reads.
private func metadata(_ architecture: String) -> Metadata {
    var metadata = Metadata()
    metadata["general.architecture"] = .string(architecture)
    let counts: [(String, UInt32)] = [
        ("block_count", 6), ("context_length", 64), ("embedding_length", 32),
        ("feed_forward_length", 48), ("attention.head_count", 4), ("attention.head_count_kv", 2),
        ("attention.key_length", 12),
        // Gates of heads are as long as keys and multiply values.
        (
            "attention.value_length",
            architecture.hasPrefix("qwen3") || ["gemma4", "qwen4exp"].contains(architecture)
                ? 12 : 10
        ),
        ("attention.key_length_swa", 6), ("attention.shared_kv_layers", 0),
        ("embedding_length_per_layer_input", 4), ("ssm.conv_kernel", 4), ("ssm.inner_size", 24),
        ("ssm.state_size", 5),
        ("ssm.group_count", 2), ("ssm.time_step_rank", 4), ("shortconv.l_cache", 3),
        ("attention.key_length_mla", 12), ("attention.value_length_mla", 10),
        ("attention.key_length_mla_swa", 12), ("attention.value_length_mla_swa", 10),
        ("attention.q_lora_rank", 16), ("attention.kv_lora_rank", 8),
        ("attention.kv_lora_rank_swa", 6),
        ("rope.dimension_count", 8), ("attention.sliding_window", 16), ("expert_count", 8),
        ("expert_used_count", 3), ("expert_feed_forward_length", 24),
        ("expert_shared_feed_forward_length", 20), ("expert_shared_count", 2),
        ("expert_group_count", 4), ("expert_group_used_count", 2), ("expert_gating_func", 1),
        ("attention.relative_buckets_count", 32), ("pooling_type", 1),
        ("leading_dense_block_count", 1), ("rope.scaling.original_context_length", 32),
        ("wkv.head_size", 8), ("time_mix_extra_dim", 6), ("time_decay_extra_dim", 5),
        ("attention.decay_lora_rank", 5), ("attention.iclr_lora_rank", 4),
        ("attention.value_residual_mix_lora_rank", 3), ("attention.gate_lora_rank", 7),
        ("rescale_every_n_layers", 2), ("altup.num_inputs", 4), ("altup.active_idx", 1),
        ("adapters.count", 2), ("adapters.lora_rank", 4), ("hyper_connection.count", 4),
        ("hyper_connection.sinkhorn_iterations", 3), ("hyper_connection.low_rank", 3),
        ("attention.indexer.top_k", 64), ("attention.indexer.head_count", 2),
        ("attention.indexer.key_length", 8), ("attention.output_group_count", 2),
        ("attention.output_lora_rank", 4), ("hash_layer_count", 1), ("attn_res.block_size", 2),
        ("hrm.layers_per_stack", 1), ("hrm.h_cycles", 2), ("hrm.l_cycles", 2),
    ]
    for (key, value) in counts { metadata["\(architecture).\(key)"] = .uint32(value) }
    let numbers: [(String, Float)] = [
        ("attention.layer_norm_rms_epsilon", 1e-5), ("attention.layer_norm_epsilon", 1e-5),
        ("rope.freq_base", 5000), ("rope.freq_base_swa", 100), ("rope.scaling.factor", 4),
        ("rope.scaling.attn_factor", 1.1), ("rope.scaling.yarn_beta_fast", 16),
        ("rope.scaling.yarn_beta_slow", 2), ("rope.scaling.yarn_log_multiplier", 0.1),
        ("attention.scale", 0.2), ("embedding_scale", 3), ("residual_scale", 0.5),
        ("logit_scale", 2), ("attn_logit_softcapping", 20), ("final_logit_softcapping", 10),
        ("expert_weights_scale", 2), ("attention.clamp_kqv", 4), ("attention.max_alibi_bias", 8),
        ("adapters.router_gain", 15), ("activation.situ_beta", 2),
        ("attention.compress_rope_freq_base", 7000),
    ]
    for (key, value) in numbers { metadata["\(architecture).\(key)"] = .float32(value) }
    for key in ["alpha_n", "alpha_p", "beta", "eps"] {
        metadata["xielu.\(key)"] = .float32s([0.5, 0.4, 0.3, 0.2, 0.1, 0])
    }
    for key in ["activate", "substitute"] {
        metadata["\(architecture).adapters.token_ids_\(key)"] = .int32s([5, 6])
    }
    metadata["\(architecture).attention.compress_ratios"] = .int32s([0, 4, 8, 4, 0, 4])
    metadata["\(architecture).rope.scaling.type"] = .string("yarn")
    metadata["\(architecture).expert_weights_norm"] = .bool(true)
    metadata["\(architecture).attention.indexer.kpool_select_tail"] = .bool(true)
    metadata["\(architecture).use_parallel_residual"] = .bool(true)
    return metadata
}

private func describe(
    _ metadata: Metadata, hasTensor: @escaping (String) -> Bool = { _ in false }
) throws(DecoderDescriptionError) -> DecoderDescription {
    try DecoderDescription(metadata: metadata, hasTensor: hasTensor, path: "model.gguf")
}

@Suite("Descriptions of decoders")
struct DecoderDescriptionTests {
    @Test("every family describes a model", arguments: DecoderDescription.architectures)
    func everyFamily(_ architecture: String) throws {
        let description = try describe(metadata(architecture))
        #expect(description.blocks.count == 6)
        #expect(description.contextLength == 64)
    }

    /// Kimi's heads share a part of their keys although nothing turns it; GLM 5.3's do not.
    @Test("latent attention without positions", arguments: [("kimi-linear", 8), ("glm5-next", 0)])
    func latentWithoutPositions(_ architecture: String, _ shared: Int) throws {
        var metadata = metadata(architecture)
        metadata["\(architecture).rope.dimension_count"] = .uint32(UInt32(shared))
        let latent = try describe(metadata).blocks.compactMap { block in
            if case .attention(let attention) = block.mixer { attention } else { nil }
        }
        #expect(!latent.isEmpty)
        for attention in latent {
            #expect(attention.rotary == nil)
            #expect(attention.latent?.rotatedLength == shared)
            #expect(attention.input.last?.outputs == 8 + shared)
        }
    }

    /// What a hostile file may put in place of any value.
    static let hostile: [MetadataValue?] = [
        nil, .uint32(0), .uint32(1), .uint32(3), .uint32(.max), .int32(-1), .uint64(.max),
        .int64(.min), .float32(0), .float32(-1), .float32(.nan), .float32(.infinity),
        .float32(.leastNonzeroMagnitude), .string(""), .string("yarn"), .bool(false), .int32s([]),
        .int32s([1, 2]), .int32s([1, 2, 3, 4, 5, 0]), .uint32s([1 << 24, 1, 1, 1, 1, 1]),
        .bools([true]), .bools([true, false, true, false, true, false]),
    ]

    @Test(
        "whatever a value is, there is a description or an error that names a key",
        arguments: DecoderDescription.architectures)
    func hostileValues(_ architecture: String) {
        let good = metadata(architecture)
        let keys =
            good.entries.map(\.key) + [
                "\(architecture).attention.sliding_window_pattern",
                "\(architecture).rope.scaling.yarn_attn_factor",
                "\(architecture).rope.scale_linear",
                "\(architecture).attention.recurrent_layers",
                "\(architecture).full_attention_interval",
            ]
        var errors = 0
        for (number, key) in keys.enumerated() {
            for (index, value) in DecoderDescriptionTests.hostile.enumerated() {
                var changed = good
                changed[key] = value
                do {
                    _ = try describe(changed) { _ in (number + index) % 2 == 0 }
                } catch {
                    errors += 1
                    if error.key.isEmpty || error.problem.utf8.count > 1000 {
                        Issue.record("\(key) = \(value.map { "\($0)" } ?? "nothing"): \(error)")
                    }
                }
            }
        }
        #expect(errors > 100, "\(errors)")
    }

    @Test("distances fall into T5's buckets, and into some bucket whatever a file says")
    func buckets() {
        let bias = BlockDescription.RelativeBias("bias", bucketCount: 32)
        let expected = [
            0: 0, -1: 1, -7: 7, -8: 8, -12: 9, -20: 10, -200: 15, 1: 17, 7: 23, 12: 25, 200: 31,
        ]
        for (distance, bucket) in expected {
            #expect(bias.bucket(distance: distance) == bucket, "distance \(distance)")
        }
        for count in [4, 8, 508, 512, 516, 1 << 24] {
            let bias = BlockDescription.RelativeBias("bias", bucketCount: count)
            for distance in -128...128 {
                #expect((0..<count).contains(bias.bucket(distance: distance)))
            }
        }
    }

    @Test("encoders see ahead, and their files say how rows are pooled")
    func encoders() throws {
        for architecture in ["bert", "modern-bert", "nomic-bert", "gemma-embedding", "t5encoder"] {
            let description = try describe(metadata(architecture))
            #expect(description.seesAhead && description.pooling == .mean, "\(architecture)")
        }
        // ModernBERT: every third block from the first on sees all.
        let windows = try describe(metadata("modern-bert")).blocks.map(\.attention.window)
        #expect(windows == [nil, 16, 16, nil, 16, 16])
        var llama = metadata("llama")
        #expect(try !describe(llama).seesAhead)
        llama["llama.attention.causal"] = .bool(false)
        #expect(try describe(llama).seesAhead)
        llama["llama.pooling_type"] = .uint32(9)
        #expect(throws: DecoderDescriptionError.self) { try describe(llama) }
    }

    struct Fault: Sendable, CustomStringConvertible {
        let architecture: String
        let key: String
        let value: MetadataValue
        var description: String { "\(architecture).\(key) = \(value)" }
    }

    @Test(
        "experts, windows and rotations that make no sense are refused by name",
        arguments: [
            Fault(architecture: "qwen3moe", key: "expert_count", value: .uint32(0)),
            Fault(architecture: "qwen3moe", key: "expert_count", value: .uint32(1 << 20)),
            Fault(architecture: "qwen3moe", key: "expert_used_count", value: .uint32(0)),
            Fault(architecture: "qwen3moe", key: "expert_used_count", value: .uint32(9)),
            Fault(architecture: "qwen3moe", key: "expert_gating_func", value: .uint32(9)),
            Fault(architecture: "qwen3moe", key: "expert_weights_norm", value: .uint32(1)),
            Fault(
                architecture: "qwen2moe", key: "expert_shared_feed_forward_length",
                value: .int32(-4)),
            Fault(
                architecture: "ernie4_5-moe", key: "expert_shared_count", value: .uint32(1 << 23)),
            Fault(architecture: "deepseek2", key: "expert_group_count", value: .uint32(3)),
            Fault(architecture: "deepseek2", key: "expert_group_used_count", value: .uint32(5)),
            Fault(architecture: "deepseek2", key: "expert_group_used_count", value: .uint32(1)),
            Fault(architecture: "deepseek2", key: "rope.dimension_count", value: .uint32(12)),
            Fault(architecture: "deepseek2", key: "attention.kv_lora_rank", value: .uint32(0)),
            Fault(architecture: "gemma2", key: "attention.sliding_window", value: .int32(-1)),
            Fault(architecture: "gemma2", key: "attention.sliding_window", value: .uint32(.max)),
            Fault(
                architecture: "gemma3", key: "attention.sliding_window_pattern",
                value: .bools([true])),
            Fault(
                architecture: "gemma3", key: "attention.sliding_window_pattern", value: .int32(-2)),
            Fault(architecture: "gemma2", key: "attn_logit_softcapping", value: .float32(0)),
            Fault(architecture: "gpt-oss", key: "rope.scaling.factor", value: .float32(0)),
            Fault(architecture: "gptneox", key: "use_parallel_residual", value: .string("yes")),
            Fault(architecture: "granite", key: "logit_scale", value: .float32(0)),
        ])
    func refused(_ fault: Fault) {
        var changed = metadata(fault.architecture)
        changed["\(fault.architecture).\(fault.key)"] = fault.value
        do {
            _ = try describe(changed)
            Issue.record("no error")
        } catch { #expect(error.key == "\(fault.architecture).\(fault.key)") }
    }

    @Test("a window of 0 is none; a pattern may be a period or a list")
    func windows() throws {
        var changed = metadata("gemma3")
        let key = "gemma3.attention.sliding_window"
        func windows() throws -> [Int?] { try describe(changed).blocks.map(\.attention.window) }
        #expect(try windows() == [16, 16, 16, 16, 16, nil])
        changed[key + "_pattern"] = .uint32(2)
        #expect(try windows() == [16, nil, 16, nil, 16, nil])
        changed[key + "_pattern"] = .bools([false, true, true, false, false, true])
        #expect(try windows() == [nil, 16, 16, nil, nil, 16])
        changed[key] = .uint32(0)
        #expect(try windows() == [nil, nil, nil, nil, nil, nil])
    }

    @Test("blocks with a sliding window turn as their family says")
    func rotations() throws {
        let gemma = try describe(metadata("gemma3")).blocks
        #expect(gemma[0].attention.rotary?.base == 100)
        #expect(gemma[0].attention.rotary?.yarn == nil)
        #expect(gemma[5].attention.rotary?.base == 5000)
        #expect(gemma[5].attention.rotary?.yarn != nil)
        let exaone = try describe(metadata("exaone4")).blocks
        #expect(
            exaone.map { $0.attention.rotary == nil } == [false, false, false, true, false, false])
        let cohere = try describe(metadata("cohere2")).blocks
        #expect(
            cohere.map { $0.attention.rotary == nil } == [false, false, false, true, false, false])
        let smollm = try describe(metadata("smollm3")).blocks
        #expect(
            smollm.map { $0.attention.rotary == nil } == [false, false, false, true, false, false])
    }

    @Test("YaRN's keys")
    func yarn() throws {
        let rotary = try #require(try describe(metadata("qwen2")).blocks[0].attention.rotary)
        #expect(
            rotary.yarn
                == .init(factor: 4, originalContextLength: 32, betaFast: 16, betaSlow: 2))
        #expect(rotary.magnitude == 1.1)
        let gptOss = try #require(try describe(metadata("gpt-oss")).blocks[0].attention.rotary)
        #expect(gptOss.yarn?.truncates == false)
        // DeepSeek's magnitude is in the scale of the scores.
        let latent = try describe(metadata("deepseek2")).blocks[0].attention
        #expect(latent.rotary?.magnitude == 1)
        #expect(latent.rotary?.offset == 4)
        #expect(abs(latent.scale * Float(12).squareRoot() - 1.29651) < 1e-4)
    }

    @Test("presence tells dense blocks from those with experts")
    func denseBlocks() throws {
        let description = try describe(metadata("deepseek2")) { $0 == "blk.0.ffn_up.weight" }
        guard case .dense = description.blocks[0].feedForward,
            case .experts(let experts) = description.blocks[1].feedForward
        else {
            Issue.record("not as expected")
            return
        }
        #expect(experts.groups == .init(count: 4, usedCount: 2, score: .largest))
        #expect(experts.shared?.output.inputs == 20)
        #expect(experts.weightScale == 2)
    }
}
