import TestSupport

/// Bytes as a row of decisions: what a fuzzer changes changes a decision, and never a length that then
/// fits nothing.
struct Decisions {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) { rest = bytes[...] }

    private var isOver: Bool { rest.isEmpty }

    private mutating func byte() -> UInt8 { rest.popFirst() ?? 0 }

    private mutating func number() -> UInt64 {
        let first = byte()
        switch first {
        case 0xF0...: return UInt64(byte()) << 56 | UInt64(byte()) << 24 | UInt64(byte())
        case 0xE0..<0xF0: return UInt64(byte()) << 8 | UInt64(byte())
        default: return UInt64(first)
        }
    }

    private mutating func text() -> String {
        let count = Int(byte() & 31)
        return String(decoding: (0..<count).map { _ in byte() }, as: UTF8.self)
    }

    private mutating func name(_ names: [String]) -> String {
        let choice = Int(byte())
        return choice < names.count ? names[choice] : text()
    }

    private static let families = [
        "llama", "qwen3", "qwen3moe", "deepseek2", "gemma3", "gemma4", "mamba", "mamba2",
        "granitehybrid", "lfm2", "bert", "t5", "falcon-h1", "qwen35", "llama4", "nemotron_h",
    ]
    private static let keys = [
        "block_count", "context_length", "embedding_length", "feed_forward_length",
        "attention.head_count", "attention.head_count_kv", "attention.key_length",
        "attention.value_length", "attention.layer_norm_rms_epsilon",
        "attention.layer_norm_epsilon", "attention.sliding_window",
        "attention.sliding_window_pattern", "attention.kv_lora_rank", "attention.q_lora_rank",
        "attention.recurrent_layers", "rope.freq_base", "rope.dimension_count",
        "rope.dimension_sections", "rope.scaling.type", "rope.scaling.factor", "expert_count",
        "expert_used_count", "expert_feed_forward_length", "expert_shared_count",
        "leading_dense_block_count", "nextn_predict_layers", "ssm.conv_kernel", "ssm.inner_size",
        "ssm.state_size", "ssm.time_step_rank", "ssm.group_count", "shortconv.l_cache",
        "vocab_size", "pooling_type", "attention.causal", "expert_weights_norm",
        "full_attention_interval", "expert_gating_func", "expert_group_count",
    ]
    private static let tensors = [
        "token_embd.weight", "output.weight", "output_norm.weight", "blk.0.attn_norm.weight",
        "blk.0.attn_q.weight", "blk.0.attn_k.weight", "blk.0.attn_v.weight",
        "blk.0.attn_output.weight", "blk.0.ffn_norm.weight", "blk.0.ffn_gate.weight",
        "blk.0.ffn_up.weight", "blk.0.ffn_down.weight", "blk.0.ffn_gate_inp.weight",
        "blk.0.ffn_gate_exps.weight", "blk.0.ffn_up_exps.weight", "blk.0.ffn_down_exps.weight",
        "blk.0.ssm_in.weight", "blk.0.ssm_conv1d.weight", "blk.0.ssm_a", "blk.0.ssm_d",
        "blk.1.attn_norm.weight", "rope_freqs.weight",
    ]

    /// A GGUF file whose lengths and counts are right.
    mutating func gguf() -> [UInt8] {
        let family = name(Self.families)
        var entries = ByteBuilder()
        var entryCount: UInt64 = 1
        entries.appendGGUF("general.architecture")
        entries.append(UInt32(8))
        entries.appendGGUF(family)
        for _ in 0..<byte() & 63 where !isOver {
            let key = name(Self.keys)
            entries.appendGGUF(byte() < 0xF0 ? family + "." + key : key)
            value(&entries)
            entryCount += 1
        }
        var infos = ByteBuilder()
        var offset: UInt64 = 0
        var tensorCount: UInt64 = 0
        for _ in 0..<byte() & 31 where !isOver && offset < 1 << 16 {
            infos.appendGGUF(name(Self.tensors))
            let rank = UInt32(byte() % 4) + 1
            infos.append(rank)
            var count: UInt64 = 1
            for _ in 0..<rank {
                let dimension = max(1, number() % 1024)
                infos.append(dimension)
                count = min(count * dimension, 1 << 14)
            }
            infos.append(UInt32(byte() % 40))
            infos.append(offset)
            offset += (count * 4 + 31) / 32 * 32
            tensorCount += 1
        }
        var file = ByteBuilder()
        file.append("GGUF")
        file.append(UInt32(3))
        file.append(tensorCount)
        file.append(entryCount)
        file.bytes += entries.bytes + infos.bytes
        while file.bytes.count % 32 != 0 { file.append(UInt8(0)) }
        file.bytes += [UInt8](repeating: 0, count: Int(offset))
        return file.bytes
    }

    private mutating func value(_ builder: inout ByteBuilder) {
        let type = UInt32(byte() % 13)
        builder.append(type)
        guard type == 9 else { return scalar(type, &builder) }
        let element = [UInt32(4), 5, 6, 7, 8, 0][Int(byte() % 6)]
        let count = UInt64(byte() & 31)
        builder.append(element)
        builder.append(count)
        for _ in 0..<count { scalar(element, &builder) }
    }

    private mutating func scalar(_ type: UInt32, _ builder: inout ByteBuilder) {
        switch type {
        case 0, 1: builder.append(byte())
        case 2, 3: builder.append(UInt16(truncatingIfNeeded: number()))
        case 6: builder.append(UInt32(truncatingIfNeeded: number() &* 0x0101_0101))
        case 7: builder.append(byte() & 1)
        case 8: builder.appendGGUF(text())
        case 10, 11, 12: builder.append(number())
        default: builder.append(UInt32(truncatingIfNeeded: number()))
        }
    }
}
