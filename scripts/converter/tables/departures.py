"""Options without a key in GGUF: both converters write the same file, and both programs compute the same of it."""

from checkpoints import DECODER, family

EXPERTS = {
    "num_experts": 4, "num_local_experts": 4, "n_routed_experts": 4, "num_experts_per_tok": 2,
    "moe_intermediate_size": 40, "n_group": 1, "topk_group": 1, "n_shared_experts": 1,
}
LATENT = {
    "q_lora_rank": 24, "kv_lora_rank": 32, "qk_nope_head_dim": 16, "qk_rope_head_dim": 8, "v_head_dim": 16,
    "num_key_value_heads": 4, "first_k_dense_replace": 1, "head_dim": None,
}
LLAMA3 = {"rope_parameters": {
    "rope_type": "llama3", "rope_theta": 10000.0, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64}}  # fmt: skip
STATE = {
    "mamba_n_heads": 8, "mamba_d_head": 16, "mamba_d_state": 16, "mamba_n_groups": 1, "mamba_d_conv": 4, "mamba_expand": 2,
}
# Classes of which llama.cpp computes something else than transformers even without these options.
DIFFERENT = ["AfmoeForCausalLM", "GptOssForCausalLM", "MellumForCausalLM"]


def without(*keys):
    """An edit that takes keys out of config.json."""

    def edit(config):
        for key in keys:
            config.pop(key, None)

    return edit


GEMMA = DECODER | {
    "sliding_window": 32, "tie_word_embeddings": True, "tokenizer": "llama-spm", "bos_token_id": 1, "eos_token_id": 2}


CASES = [
    case for name, base, options in [
        ("Qwen3MoeForCausalLM", DECODER | EXPERTS, {
            "norm not said": {"edit": without("norm_topk_prob")}, "no norm": {"norm_topk_prob": False}}),
        ("Qwen2MoeForCausalLM", DECODER | EXPERTS | {"shared_expert_intermediate_size": 40, "head_dim": None}, {
            "norm": {"norm_topk_prob": True}}),
        ("OlmoeForCausalLM", DECODER | EXPERTS | {"head_dim": None, "num_key_value_heads": 4}, {
            "norm, clipped": {"norm_topk_prob": True, "clip_qkv": 4.0, "rms_norm_eps": 1e-5}}),
        ("AfmoeForCausalLM", DECODER | EXPERTS | {"num_dense_layers": 1, "num_shared_experts": 1, "sliding_window": 32}, {
            "no factor": {"mup_enabled": False},
            "other layers": {"mup_enabled": True, "layer_types": ["full_attention", "sliding_attention", "full_attention"]}}),
        ("Lfm2MoeForCausalLM", DECODER | EXPERTS | {"head_dim": None, "num_dense_layers": 1, "tie_word_embeddings": True}, {
            "no norm": {"norm_topk_prob": False, "use_expert_bias": True, "layer_types": ["conv", "full_attention", "conv"]}}),
        ("MellumForCausalLM", DECODER | EXPERTS | {"sliding_window": 32}, {
            "no norm": {"norm_topk_prob": False,
                        "layer_types": ["sliding_attention", "full_attention", "sliding_attention"]}}),
        ("MiniMaxM2ForCausalLM", DECODER | EXPERTS | {"rotary_dim": 8}, {"softmax": {"scoring_func": "softmax"}}),
        ("Gemma2ForCausalLM", GEMMA, {"published scale": {"query_pre_attn_scalar": 256}}),
        ("Gemma3ForCausalLM", GEMMA, {
            "published scale": {"query_pre_attn_scalar": 256}, "both sides": {
                "query_pre_attn_scalar": 16, "use_bidirectional_attention": True}}),
        ("SmolLM3ForCausalLM", DECODER | {"head_dim": None}, {
            "other rotation": {"no_rope_layers": [1, 0, 1]}, "every second": {"no_rope_layer_interval": 2}}),
        ("Cohere2ForCausalLM", DECODER | {"head_dim": None, "sliding_window": 32, "tie_word_embeddings": True}, {
            "other layers": {"layer_types": ["full_attention", "sliding_attention", "full_attention"],
                             "edit": lambda config: config.update(rotary_pct=1.0)}}),
        ("DeepseekV3ForCausalLM", DECODER | EXPERTS | LATENT, {"halves": {"rope_interleave": False}}),
        ("FalconH1ForCausalLM", DECODER | STATE | {"mamba_d_ssm": 128}, {
            "tied, other factors": {"tie_word_embeddings": True, "embedding_multiplier": 5.5, "lm_head_multiplier": 0.5},
            "norm before the gate": {"mamba_rms_norm": True, "mamba_norm_before_gate": True}}),
        ("Mamba2ForCausalLM", DECODER | {
            "intermediate_size": None, "num_heads": 8, "head_dim": 16, "state_size": 16, "n_groups": 1, "expand": 2, "conv_kernel": 4}, {
                "limits": {"time_step_limit": (0.01, 0.5)}}),
        ("Qwen3ForCausalLM", DECODER, {"Llama 3 scaling": LLAMA3, "GELU": {"hidden_act": "gelu"}}),
        ("LlamaForCausalLM", DECODER | {"head_dim": None}, {"ReLU": {"hidden_act": "relu"}}),
        ("StableLmForCausalLM", DECODER | {"head_dim": None}, {"Llama 3 scaling": LLAMA3}),
        ("GPT2LMHeadModel", {
            "vocab_size": 512, "n_embd": 64, "n_layer": 2, "n_head": 4, "n_positions": 256, "n_ctx": 256, "bos_token_id": 509,
            "eos_token_id": 510}, {
                "other scales": {"scale_attn_weights": False, "edit": lambda config: config.update(n_ctx=256)},
                "ReLU": {"activation_function": "relu", "edit": lambda config: config.update(n_ctx=256)}}),
        ("BloomForCausalLM", {
            "vocab_size": 512, "hidden_size": 64, "n_layer": 2, "n_head": 4, "bos_token_id": 509, "eos_token_id": 510}, {
                "residual behind the norm": {"apply_residual_connection_post_layernorm": True}}),
        ("BitNetForCausalLM", DECODER | {"head_dim": None, "tie_word_embeddings": True}, {"squared ReLU": {"hidden_act": "relu2"}}),
        ("MixtralForCausalLM", DECODER | EXPERTS, {"GELU": {"hidden_act": "gelu", "sliding_window": None}}),
        ("GptOssForCausalLM", DECODER | EXPERTS | {
            "sliding_window": 32, "layer_types": ["sliding_attention", "full_attention", "sliding_attention"]}, {
                "limit": {"edit": lambda config: config.update(swiglu_limit=5.0)}}),
    ] for case in family(name, base, options, run=None if name in DIFFERENT else "peer")
]  # fmt: skip
