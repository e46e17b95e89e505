extension ReaderRequirements {
    /// What readers of a family ask for besides the counts that all must have.
    ///
    /// The families are those that Ingot converts; of others nothing is asked.
    static let requiredKeys: [String: [String]] = {
        var keys: [String: [String]] = [:]
        for family in withRootMeanSquare {
            keys[family] = ["attention.layer_norm_rms_epsilon"] + (furtherKeys[family] ?? [])
        }
        for family in withLayerNorm {
            keys[family] = ["attention.layer_norm_epsilon"] + (furtherKeys[family] ?? [])
        }
        return keys
    }()

    private static let withRootMeanSquare = [
        "afmoe", "apertus", "arcee", "arctic", "baichuan", "bailingmoe", "bailingmoe2",
        "bailingmoe3", "bitnet", "chameleon", "chatglm", "cogvlm", "deci", "deepseek", "deepseek2",
        "deepseek32", "dots1", "dots3note", "dream", "ernie4_5", "ernie4_5-moe", "eurobert",
        "exaone", "exaone-moe", "exaone4", "falcon-h1", "gemma", "gemma-embedding", "gemma2",
        "gemma3", "gemma3n", "gemma4", "gemma4-assistant", "glm-dsa", "glm4", "glm4moe",
        "glm5-next", "gpt-oss", "granite", "granite_swa", "granitehybrid", "granitemoe", "grok",
        "grovemoe", "hunyuan-dense", "hunyuan-moe", "hy_v3", "hy_v4", "internlm2", "jamba",
        "kimi-linear", "laguna", "lfm2", "lfm2moe", "llada", "llada-moe", "llama", "llama-embed",
        "llama4", "maincoder", "mamba", "mamba2", "maple", "mellum", "mimo2", "minicpm", "minicpm3",
        "minimax-01", "minimax-m2", "minimax-m3", "mistral3", "muse-glimmer", "nanbeige",
        "neo-bert", "olmo2", "olmoe", "openelm", "paddleocr", "pangu-embedded", "phi3", "phimoe",
        "plamo", "plamo3", "plm", "qwen", "qwen2", "qwen2moe", "qwen2vl", "qwen3", "qwen35",
        "qwen35moe", "qwen3moe", "qwen3next", "qwen3vl", "qwen3vlmoe", "refact", "rnd1", "seed_oss",
        "smallthinker", "smollm3", "spark2_5", "step35", "t5", "t5encoder", "talkie", "xverse",
    ]

    private static let withLayerNorm = [
        "bert", "bloom", "codeshell", "cohere2", "command-r", "dbrx", "falcon", "gpt2", "gptneox",
        "jais", "jais2", "jina-bert-v2", "modern-bert", "mpt", "nemotron", "nemotron_h",
        "nemotron_h_moe", "nomic-bert", "nomic-bert-moe", "olmo", "orion", "phi2", "stablelm",
        "starcoder", "starcoder2",
    ]

    private static let stateSpace = [
        "ssm.conv_kernel", "ssm.inner_size", "ssm.state_size", "ssm.time_step_rank",
    ]

    private static let furtherKeys: [String: [String]] = [
        "afmoe": ["expert_feed_forward_length", "expert_shared_count"],
        "apertus": ["xielu.alpha_n", "xielu.alpha_p", "xielu.beta", "xielu.eps"],
        "bailingmoe": ["expert_feed_forward_length", "expert_shared_count"],
        "bailingmoe2": [
            "expert_feed_forward_length", "expert_gating_func", "expert_shared_count",
        ],
        "bailingmoe3": [
            "attention.kv_lora_rank", "expert_feed_forward_length", "expert_gating_func",
            "expert_shared_count", "kda.gate_lower_bound", "kda.head_dim", "ssm.conv_kernel",
        ],
        "cohere2": ["attention.sliding_window", "logit_scale"],
        "cohere2moe": [
            "attention.sliding_window", "expert_feed_forward_length", "leading_dense_block_count",
            "logit_scale",
        ],
        "deepseek": ["expert_feed_forward_length", "expert_shared_count"],
        "deepseek2": [
            "attention.kv_lora_rank", "expert_feed_forward_length", "expert_shared_count",
        ],
        "deepseek32": [
            "attention.indexer.head_count", "attention.indexer.key_length",
            "attention.indexer.top_k", "attention.kv_lora_rank", "expert_feed_forward_length",
            "expert_gating_func",
        ],
        "dots1": [
            "expert_feed_forward_length", "expert_gating_func", "expert_shared_count",
        ],
        "dots3note": [
            "attention.indexer.head_count", "attention.indexer.key_length",
            "attention.indexer.top_k", "attention.kv_lora_rank", "attention.kv_lora_rank_swa",
            "attention.sliding_window", "expert_feed_forward_length", "expert_gating_func",
        ],
        "ernie4_5-moe": ["expert_feed_forward_length", "interleave_moe_layer_step"],
        "exaone-moe": ["expert_feed_forward_length", "expert_gating_func"],
        "falcon-h1": stateSpace + ["ssm.group_count"],
        "gemma-embedding": ["attention.sliding_window"],
        "gemma4": [
            "attention.key_length_swa", "attention.sliding_window",
            "attention.sliding_window_pattern", "attention.value_length_swa",
            "embedding_length_per_layer_input",
        ],
        "glm-dsa": [
            "attention.indexer.head_count", "attention.indexer.key_length",
            "attention.indexer.top_k", "attention.kv_lora_rank", "expert_feed_forward_length",
        ],
        "glm4moe": ["expert_feed_forward_length", "expert_shared_count"],
        "gpt-oss": ["attention.sliding_window", "expert_feed_forward_length"],
        "gptneox": ["use_parallel_residual"],
        "granite": ["logit_scale"],
        "granite_swa": [
            "attention.sliding_window", "attention.sliding_window_pattern", "logit_scale",
        ],
        "granitehybrid": stateSpace + ["ssm.group_count"],
        "granitemoe": ["logit_scale"],
        "grovemoe": [
            "expert_feed_forward_length", "expert_group_scale", "experts_per_group",
        ],
        "hunyuan-moe": ["expert_feed_forward_length"],
        "hy_v3": ["expert_feed_forward_length"],
        "kimi-linear": [
            "attention.kv_lora_rank", "expert_feed_forward_length", "expert_gating_func",
            "kda.head_dim", "ssm.conv_kernel",
        ],
        "laguna": ["expert_feed_forward_length", "leading_dense_block_count"],
        "jamba": stateSpace,
        "lfm2": ["shortconv.l_cache"],
        "lfm2moe": ["expert_feed_forward_length", "expert_gating_func", "shortconv.l_cache"],
        "llama4": ["expert_feed_forward_length", "interleave_moe_layer_step"],
        "mamba": stateSpace,
        "mamba2": stateSpace + ["ssm.group_count"],
        "maple": ["attention.sliding_window", "attention.sliding_window_pattern"],
        "mimo2": [
            "attention.sliding_window", "attention.sliding_window_pattern",
            "expert_feed_forward_length",
        ],
        "minimax-m2": ["expert_feed_forward_length", "expert_gating_func"],
        "minicpm3": ["attention.kv_lora_rank", "attention.q_lora_rank"],
        "minimax-m3": [
            "attention.indexer.block_size", "attention.indexer.head_count",
            "attention.indexer.key_length", "attention.indexer.local_blocks",
            "attention.indexer.top_k", "expert_feed_forward_length", "expert_gating_func",
            "expert_shared_count",
        ],
        "minimax-01": ["residual_scale"],
        "muse-glimmer": ["attention.sliding_window", "logit_scale"],
        "nemotron_h": stateSpace + ["ssm.group_count"],
        "nemotron_h_moe": stateSpace + ["ssm.group_count"],
        "paddleocr": ["rope.dimension_sections"],
        "plm": ["attention.kv_lora_rank"],
        "qwen2vl": ["rope.dimension_sections"],
        "qwen35": ["rope.dimension_sections"] + stateSpace + ["ssm.group_count"],
        "qwen35moe": ["rope.dimension_sections"] + stateSpace + ["ssm.group_count"],
        "qwen3next": stateSpace + ["ssm.group_count"],
        "qwen3vl": ["rope.dimension_sections"],
        "qwen3vlmoe": ["rope.dimension_sections"],
        "spark2_5": ["attention.sliding_window", "attention.sliding_window_pattern"],
        "step35": [
            "attention.sliding_window", "attention.sliding_window_pattern",
            "expert_feed_forward_length",
        ],
        "talkie": ["logit_scale"],
        "t5": ["attention.relative_buckets_count", "decoder_start_token_id"],
        "t5encoder": ["attention.relative_buckets_count"],
    ]

    /// The types of keys of a family, which readers look at.
    static let keyTypes: [(type: String, suffixes: [String])] = [
        (
            "UINT32",
            [
                "block_count", "context_length", "embedding_length", "expert_count",
                "leading_dense_block_count", "nextn_predict_layers", "attention.key_length",
                "attention.value_length", "attention.sliding_window", "rope.dimension_count",
                "vocab_size",
            ]
        ),
        (
            "FLOAT32",
            [
                "attention.layer_norm_epsilon", "attention.layer_norm_rms_epsilon", "logit_scale",
                "rope.freq_base", "rope.scaling.factor", "rope.scaling.attn_factor",
                "expert_weights_scale", "attn_logit_softcapping", "final_logit_softcapping",
            ]
        ),
        ("BOOL", ["attention.causal", "expert_weights_norm", "use_parallel_residual"]),
        ("STRING", ["rope.scaling.type"]),
    ]

    /// The types of keys that all families have.
    static let commonTypes = [
        ("general.architecture", "STRING"), ("general.file_type", "UINT32"),
        ("general.name", "STRING"), ("tokenizer.ggml.model", "STRING"),
        ("tokenizer.ggml.pre", "STRING"),
    ]
}
