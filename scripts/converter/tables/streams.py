"""Text models with several residual streams, and those that came with them."""

from checkpoints import DECODER, Case, family
from stream_shapes import (
    deepseek, deepseek_dspark, deepseek_packed, deepseek_plain, kimi, kimi_packed, mend_types, puzzle,
)
from tables.newest import MUSE, VISION
from tables.today import EXPERTS, LARGER, LATENT, RAW, YARN

V4 = RAW | {
    "intermediate_size": None, "moe_intermediate_size": 64, "num_hidden_layers": 4, "num_key_value_heads": 1, "head_dim": 32,
    "q_lora_rank": 32, "qk_rope_head_dim": 8, "num_experts_per_tok": 2, "n_routed_experts": 4, "n_shared_experts": 1,
    "scoring_func": "sqrtsoftplus", "norm_topk_prob": True, "routed_scaling_factor": 1.5, "compress_ratios": [0, 4, 16, 4],
    "compress_rope_theta": 160000.0, "hc_mult": 4, "hc_sinkhorn_iters": 20, "hc_eps": 1e-6, "num_hash_layers": 1,
    "swiglu_limit": 10.0, "sliding_window": 32, "o_groups": 2, "o_lora_rank": 32, "index_n_heads": 8, "index_head_dim": 32,
    "index_topk": 8, "model_type": "deepseek_v4_published",
}
PUBLISHED = {"model_type": "deepseek_v4", "compress_ratios": [0, 4, 128, 4]}
PACKED = {"rename": deepseek_packed, "quantization_config": {
    "quant_method": "fp8", "fmt": "e4m3", "weight_block_size": [128, 128], "scale_fmt": "ue8m0"}}
STRETCHED = {"rope_scaling": {
    "type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64, "beta_fast": 32, "beta_slow": 1}}
OTHER = {
    "hidden_size": 128, "num_attention_heads": 8, "num_hidden_layers": 5, "moe_intermediate_size": 96, "n_shared_experts": 2,
    "compress_ratios": [16, 16, 4, 0, 4], "num_hash_layers": 2, "hc_mult": 2, "o_groups": 4, "hc_sinkhorn_iters": 4,
    "swiglu_limit": 1.0, "seed": 11}
# What transformers' class takes of it.
NO_WORDS = dict.fromkeys([
    "model_type", "torch_dtype", "compress_ratios", "num_hash_layers", "rope_theta", "head_dim", "intermediate_size"])
CLASS = {key: value for key, value in V4.items() if key not in NO_WORDS} | {
    "head_dim": 32, "compress_rates": {"compressed_sparse_attention": 4, "heavily_compressed_attention": 16},
    "layer_types": [
        "sliding_attention", "compressed_sparse_attention", "heavily_compressed_attention", "compressed_sparse_attention"],
    "mlp_layer_types": ["hash_moe", "moe", "moe", "moe"]}
KIMI = RAW | EXPERTS | LATENT | {
    "model_type": "kimi_linear_published", "num_hidden_layers": 5, "num_shared_experts": 1, "first_k_dense_replace": 1,
    "moe_router_activation_func": "sigmoid", "moe_renormalize": True, "routed_scaling_factor": 2.5, "mla_use_nope": True,
    "hidden_act": "situ", "activation_situ_beta": 3.0, "activation_situ_linear_beta": 4.0, "attn_res_block_size": 2,
    "moe_intermediate_size": 64, "routed_expert_hidden_size": 32, "linear_attn_config": {
        "full_attn_layers": [3, 5], "kda_layers": [1, 2, 4], "head_dim": 16, "num_heads": 4, "short_conv_kernel_size": 4,
        "gate_lower_bound": -5.0}}
K3 = {"model_type": "kimi_k3_published"}
FOURS = {"quantization_config": {
    "quant_method": "compressed-tensors", "format": "mxfp4-pack-quantized", "config_groups": {"group_0": {
        "targets": ["Linear"], "weights": {"num_bits": 4, "type": "float", "strategy": "group", "group_size": 32}}}}}
PUZZLE = RAW | {
    "model_type": "nemotron_h_puzzle_published", "intermediate_size": None, "rms_norm_eps": None, "layer_norm_epsilon": 1e-5,
    "num_hidden_layers": None, "rope_theta": None, "mamba_num_heads": 4, "mamba_head_dim": 16, "n_groups": 2,
    "ssm_state_size": 16, "conv_kernel": 4, "expand": 2, "n_routed_experts": 4, "n_shared_experts": 1, "n_group": 1,
    "topk_group": 1, "moe_shared_expert_intermediate_size": 48, "moe_latent_size": 32, "norm_topk_prob": True,
    "routed_scaling_factor": 2.5, "mlp_hidden_act": "relu2", "mamba_hidden_act": "silu", "use_bias": False,
    "mlp_bias": False, "use_conv_bias": True, "root": "model.", "bias_name": "gate.e_score_correction_bias",
    "num_nextn_predict_layers": 1, "block_configs": [
        {"block_type": "mamba"}, {"block_type": "moe", "moe_intermediate_size": 64, "num_experts_per_tok": 2},
        {"block_type": "attention"}, {"block_type": "moe", "moe_intermediate_size": 32, "num_experts_per_tok": 1},
        {"block_type": "mamba"}]}
QWEN = DECODER | EXPERTS | {
    "intermediate_size": None, "num_hidden_layers": 4, "linear_num_key_heads": 2, "linear_num_value_heads": 4,
    "linear_key_head_dim": 16, "linear_value_head_dim": 16, "shared_expert_intermediate_size": 48, "hc_count": 4,
    "hc_lowrank": 24, "indexer_n_heads": 2, "indexer_kv_heads": 1, "indexer_head_dim": 16, "indexer_budget": 256,
    "indexer_compress_ratio": 8, "rope_parameters": {
        "rope_type": "default", "rope_theta": 1e6, "partial_rotary_factor": 0.5, "mrope_section": [2, 1, 1],
        "mrope_interleaved": True}}
RUNS = {
    "ple_layer_ids": [2], "ple_embed_dim": 32, "ngram_size": 3, "heads_per_ngram": 2, "ngram_vocab_size_base": 50,
    "make_ngram_vocab_size_divisible_by": 8, "split_ngram_parts": 4}

CASES = [
    *family("DeepseekV4ForCausalLM", V4 | PUBLISHED, {
        "packed": PACKED, "packed, YaRN, larger": PACKED | STRETCHED | OTHER | {"compress_ratios": [128, 128, 4, 0, 4]},
        "packed, Q8_0 asked for": PACKED | {
            "peer_options": ("--outtype", "q8_0"), "options": ("--outtype", "q8_0"), "num_nextn_predict_layers": 1},
    }, shapes=deepseek, run=None),
    *family("DeepseekV4ForCausalLM", V4 | {"rename": deepseek_plain, "dtype": "float32"}, {
        "plain": {}, "plain, YaRN, larger": OTHER | {"rope_parameters": STRETCHED["rope_scaling"], "max_position_embeddings": 256},
    }, shapes=deepseek, run="peer"),
    *family("DeepseekV4ForCausalLM", CLASS, {
        "transformers": {"dtype": "float32"}, "transformers, YaRN": {
            "dtype": "float32", "seed": 11, "index_topk": 4, "rope_parameters": YARN | {"rope_theta": 10000.0}},
    }, rename=deepseek_plain),
    *family("DeepseekV4DSparkModel", V4 | PACKED | {
        "dspark_block_size": 4, "dspark_noise_token_id": 505, "dspark_target_layer_ids": [0, 1, 2], "stages": 2}, {
            "plain": {}, "larger": OTHER | {"stages": 3},
    }, shapes=deepseek_dspark, run=None, target=Case("DeepseekV4ForCausalLM", "target", V4, shapes=deepseek)),
    *family("KimiK3ForConditionalGeneration", K3 | {"text_config": KIMI}, {
        "plain": {}, "packed": FOURS | {"rename": kimi_packed, "run": None},
        "larger, whole rows, no query rank": {"text_config": KIMI | LARGER | {
            "num_key_value_heads": 6, "head_dim": None, "routed_expert_hidden_size": None, "q_lora_rank": None,
            "num_shared_experts": 2, "attn_res_block_size": 3, "linear_attn_config": KIMI["linear_attn_config"] | {
                "num_heads": 6, "gate_lower_bound": -4.0}}, "dtype": "float32"},
    }, shapes=kimi, run="peer"),
    *family("Qwen4ExpForCausalLM", QWEN, {
        "plain": {}, "larger, tied": LARGER | {
            "num_hidden_layers": 5, "hc_count": 2, "num_experts": 8, "head_dim": 32, "indexer_head_dim": 32,
            "tie_word_embeddings": True, "rope_parameters": QWEN["rope_parameters"] | {"mrope_section": [4, 2, 2]}},
        "runs of tokens": RUNS | {"run": None}, "runs of tokens, larger": RUNS | LARGER | {
            "run": None,
            "num_hidden_layers": 5, "hc_count": 2, "linear_num_value_heads": 2, "num_experts": 8, "head_dim": 32,
            "indexer_head_dim": 32, "indexer_budget": 16, "ple_layer_ids": [1], "ple_conv_kernel_size": 3, "ngram_size": 2,
            "rope_parameters": QWEN["rope_parameters"] | {"mrope_section": [4, 2, 2]}, "tie_word_embeddings": True},
    }, mend=mend_types),
    *family("Qwen4ExpForConditionalGeneration", {
        "text_config": QWEN | RUNS, "image_token_id": 505, "vision_config": {
            "hidden_size": 32, "depth": 1, "num_heads": 2, "intermediate_size": 48, "out_hidden_size": 64,
            "num_position_embeddings": 16}}, {"plain": {}}, mend=mend_types, run=None),
    *family("NemotronHPuzzleForCausalLM", PUZZLE, {
        "plain": {}, "older names, larger": LARGER | {
            "intermediate_size": None, "num_hidden_layers": None, "root": "backbone.", "bias_name": "gate.e_score_correction.bias",
            "n_routed_experts": 8, "moe_latent_size": 48, "mamba_num_heads": 6, "mamba_head_dim": 32, "n_groups": 3},
    }, shapes=puzzle, run="peer"),
    *family("HrmTextForCausalLM", {
        key: value for key, value in DECODER.items() if key != "num_key_value_heads"} | {
            "num_hidden_layers": 2, "H_cycles": 2, "L_cycles": 3}, {
                "plain": {}, "larger, tied": LARGER | {
                    "num_key_value_heads": None, "num_hidden_layers": 1, "H_cycles": 3, "L_cycles": 2, "head_dim": 16,
                    "tie_word_embeddings": True, "embedding_scale": 8.0, "prefix_lm": False,
                    "rope_parameters": {"rope_type": "default", "rope_theta": 5e5}},
    }),
    *family("MuseGlimmerAssistantModel", {
        key: value for key, value in DECODER.items() if key not in ["vocab_size", "tie_word_embeddings"]} | {
            "block_size": 8, "mask_token_id": 505, "target_layer_ids": [0, 2, 3], "sliding_window": 32}, {
                "plain": {}, "larger": {
                    "hidden_size": 96, "num_hidden_layers": 4, "num_attention_heads": 6, "num_key_value_heads": 3,
                    "target_layer_ids": [1, 3], "dtype": "float32", "layer_types": [
                        "sliding_attention", "full_attention", "sliding_attention", "full_attention"],
                    "rope_parameters": {"rope_type": "default", "rope_theta": 1e5}},
    }, run=None, target=Case("MuseGlimmerForConditionalGeneration", "target", {
        "text_config": MUSE, "vision_config": VISION})),
]
