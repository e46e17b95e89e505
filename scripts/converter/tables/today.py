"""Today's text models."""

from checkpoints import DECODER, family
from today_shapes import (
    bailing, dream, exaone_predictor, grove, kimi, llada, llada_experts, mimo, minimax, small_norms, small_thinker, step,
)

EXPERTS = {
    "num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 40, "norm_topk_prob": True,
}
GROUPS = {"n_group": 2, "topk_group": 1, "num_experts": 8}
LATENT = {
    "q_lora_rank": 24, "kv_lora_rank": 32, "qk_nope_head_dim": 16, "qk_rope_head_dim": 8, "v_head_dim": 20,
    "num_key_value_heads": 4, "head_dim": None,
}
YARN = {
    "rope_type": "yarn", "rope_theta": 1e6, "factor": 2.0, "original_max_position_embeddings": 128, "beta_fast": 32.0,
    "beta_slow": 1.0,
}
# Another size of everything.
LARGER = {
    "hidden_size": 96, "intermediate_size": 128, "num_hidden_layers": 5, "num_attention_heads": 6,
    "num_key_value_heads": 3, "head_dim": 32, "dtype": "float32", "seed": 11,
}
WINDOWS = ["sliding_attention", "sliding_attention", "full_attention"]

RAW = DECODER | {"rms_norm_eps": 1e-6, "rope_theta": 10000.0, "hidden_act": "silu", "torch_dtype": "bfloat16"}
# Pieces of the small tokenizer that become the tokens which GLM's models name.
GLM_TOKENS = {"<|begin_of_text|>": "[gMASK]", "<|eot_id|>": "<|endoftext|>", "<|im_start|>": "<|user|>"}

CASES = [
    *family("SolarOpenForCausalLM", DECODER | EXPERTS | {"num_experts": None, "n_routed_experts": 4, "n_shared_experts": 1}, {
        "plain": {"rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "partial_rotary_factor": 1.0}},
        "old words, biases": {
            "old": True, "attention_bias": True,
            "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "partial_rotary_factor": 1.0}},
        "YaRN": {"rope_parameters": YARN | {"partial_rotary_factor": 1.0}},
        "larger, tied, groups": LARGER | {
            "tie_word_embeddings": True, "n_shared_experts": 2, "n_routed_experts": 8, "n_group": 2, "topk_group": 1,
            "rope_parameters": {"rope_type": "default", "rope_theta": 1e4, "partial_rotary_factor": 1.0}},
    }, tokens={"<|begin_of_text|>": "<|startoftext|>", "<|eot_id|>": "<|endoftext|>", "<|im_start|>": "<unk>"}),
    *family("ExaoneMoeForCausalLM", DECODER | EXPERTS | {
        "num_shared_experts": 1, "sliding_window": 32, "num_hidden_layers": 4, "scoring_func": "sigmoid"}, {
            "plain": {}, "old words, groups": {"old": True, "n_group": 2, "topk_group": 1, "num_experts": 8},
            "Llama 3 scaling, two dense layers": {
                "first_k_dense_replace": 2, "rope_parameters": {
                    "rope_type": "llama3", "rope_theta": 1e6, "factor": 8.0, "low_freq_factor": 1.0,
                    "high_freq_factor": 4.0, "original_max_position_embeddings": 64}},
            "further tokens": {
                "num_nextn_predict_layers": 1,
                "further": exaone_predictor(["input_layernorm.weight", "post_attention_layernorm.weight"])},
            "larger": LARGER | {"num_shared_experts": 2, "sliding_window_pattern": 3},
    }),
    *family("Exaone4_5_ForConditionalGeneration", {
        "text_config": DECODER | {"model_type": "exaone4", "sliding_window": 32, "num_hidden_layers": 4},
        "vision_config": {"hidden_size": 32, "depth": 1, "num_heads": 2, "intermediate_size": 48, "out_hidden_size": 64,
                          "num_key_value_heads": 2}}, {
            "plain": {},
            "further tokens": {
                "text_config": DECODER | {
                    "model_type": "exaone4", "sliding_window": 32, "num_hidden_layers": 4, "num_nextn_predict_layers": 1},
                "further": exaone_predictor(["post_attention_layernorm.weight", "post_feedforward_layernorm.weight"])},
    }, run=None),
    *family("Cohere2MoeForCausalLM", DECODER | {
        "num_experts": 4, "num_experts_per_tok": 2, "sliding_window": 32, "num_hidden_layers": 5, "logit_scale": 0.25}, {
            "plain": {}, "shared, dense, sigmoid": {
                "num_shared_experts": 2, "first_k_dense_replace": 1, "prefix_dense_intermediate_size": 72,
                "expert_selection_fn": "sigmoid"},
            "RMS norms, tied, old words": {"rms_norm_eps": 1e-6, "tie_word_embeddings": True, "old": True},
            "larger": LARGER | {"num_shared_experts": 1},
    }),
    *family("HYV3ForCausalLM", DECODER | EXPERTS | {"num_shared_experts": 1}, {
        "plain": {}, "old words, biases": {"old": True, "attention_bias": True},
        "larger, YaRN": LARGER | {"num_shared_experts": 2, "num_experts": 8, "rope_parameters": YARN},
    }),
    *family("MellumForCausalLM", DECODER | EXPERTS | {"sliding_window": 32}, {
        "plain": {"layer_types": WINDOWS[1:] + WINDOWS[:1]}, "windows": {"layer_types": WINDOWS},
        "larger, YaRN, windows": LARGER | {
            "layer_types": [*WINDOWS, "sliding_attention", "full_attention"], "num_experts": 8,
            "rope_parameters": {
                "full_attention": YARN, "sliding_attention": {"rope_type": "default", "rope_theta": 1e4}}},
    }),
    *family("YoutuForCausalLM", DECODER | LATENT | {"tie_word_embeddings": True, "pad_token_id": None}, {
        "plain": {}, "old words, untied": {"old": True, "tie_word_embeddings": False},
        "larger, YaRN": LARGER | {
            "num_key_value_heads": 6, "head_dim": None, "q_lora_rank": 40, "v_head_dim": 16,
            "rope_parameters": YARN | {"mscale": 1.0, "mscale_all_dim": 1.0}},
    }),
    *family("KimiVLForConditionalGeneration", {
        "model_type": "kimi_vl", "torch_dtype": "bfloat16", "vision_config": {"hidden_size": 8}, "text_config": {
            key: value for key, value in (RAW | EXPERTS | LATENT | {
                "num_experts": None,
                "model_type": "deepseek_v3", "n_routed_experts": 4, "n_shared_experts": 1, "first_k_dense_replace": 1,
                "scoring_func": "sigmoid", "n_group": 1, "topk_group": 1, "routed_scaling_factor": 2.0}).items()
            if value is not None}}, {"plain": {}}, shapes=kimi, run="peer"),
    *family("KimiK25ForConditionalGeneration", {
        "model_type": "kimi_k25", "torch_dtype": "bfloat16", "vision_config": {"hidden_size": 8}, "text_config": {
            key: value for key, value in (RAW | EXPERTS | LATENT | {
                "num_experts": None,
                "model_type": "kimi_k2", "n_routed_experts": 8, "n_shared_experts": 2, "first_k_dense_replace": 1,
                "scoring_func": "sigmoid", "n_group": 1, "topk_group": 1, "routed_scaling_factor": 2.8,
                "rope_scaling": {
                    "type": "yarn", "factor": 4.0, "mscale": 1.0, "mscale_all_dim": 1.0, "beta_fast": 32.0,
                    "beta_slow": 1.0, "original_max_position_embeddings": 64}}).items()
            if value is not None}}, {"YaRN": {}}, shapes=kimi, run="peer"),
    *family("GraniteSWAForCausalLM", DECODER | {
        "head_dim": None, "sliding_window": 32, "num_hidden_layers": 5, "attention_multiplier": 0.2,
        "embedding_multiplier": 2.0, "residual_multiplier": 0.5, "logits_scaling": 2.0}, {
            "plain": {}, "old words, tied, biases": {
                "old": True, "tie_word_embeddings": True, "attention_bias": True, "mlp_bias": True},
            "layers without positions": {"no_rope_layers": [1, 0, 1, 1, 0], "layer_rope_theta": [1e4, 0, 1e4, 1e4, 0]},
            "larger": LARGER | {"head_dim": None, "layer_types": [*WINDOWS, "full_attention", "sliding_attention"]},
    }),
    *family("GraniteMoeSWAForCausalLM", DECODER | {
        "head_dim": None, "sliding_window": 32, "num_hidden_layers": 5, "num_local_experts": 4, "num_experts_per_tok": 2,
        "shared_intermediate_size": 48}, {
            "plain": {}, "old words, nothing shared": {"old": True, "shared_intermediate_size": 0},
            "larger, tied": LARGER | {"head_dim": None, "tie_word_embeddings": True, "num_local_experts": 8},
    }),
    *family("BailingMoeForCausalLM", RAW | EXPERTS | {
        "model_type": "bailing_moe", "num_shared_experts": 2, "first_k_dense_replace": 0, "head_dim": None}, {
            "plain": {}, "larger, head size, weights as they are": LARGER | {"norm_topk_prob": False},
    }, shapes=bailing, run="peer"),
    *family("BailingMoeV2ForCausalLM", RAW | EXPERTS | {
        "model_type": "bailing_moe_v2", "num_shared_experts": 1, "first_k_dense_replace": 1, "n_group": 1,
        "topk_group": 1, "score_function": "sigmoid", "routed_scaling_factor": 2.5, "partial_rotary_factor": 0.5}, {
            "plain": {}, "larger, groups, further tokens": LARGER | GROUPS | {"num_nextn_predict_layers": 1, "run": None},
            "shared width, whole heads": {"moe_shared_expert_intermediate_size": 56, "partial_rotary_factor": 1.0},
    }, shapes=bailing, run="peer"),
    *family("LLaDAModelLM", {
        "model_type": "llada", "d_model": 64, "n_heads": 4, "n_layers": 2, "mlp_hidden_size": 96, "vocab_size": 512,
        "max_sequence_length": 256, "rms_norm_eps": 1e-5, "rope_theta": 5e5, "block_type": "llama",
        "layer_norm_type": "rms", "activation_type": "silu", "torch_dtype": "bfloat16"}, {
            "plain": {}, "fewer key heads, larger": {
                "n_kv_heads": 2, "d_model": 128, "mlp_hidden_size": 160, "dtype": "float32"},
    }, shapes=llada, run=None),
    *family("LLaDAMoEModelLM", RAW | EXPERTS | {
        "model_type": "llada", "expert_intermediate_size": 40, "vocab_size": 156896}, {"plain": {}}, shapes=llada_experts, run=None),
    *family("DreamModel", RAW | {"model_type": "Dream", "mask_token_id": 511, "head_dim": None}, {
        "plain": {}, "larger": LARGER | {"head_dim": None, "mask_token_id": None}}, shapes=dream, run=None),
    *family("SmallThinkerForCausalLM", RAW | {
        "model_type": "smallthinker", "moe_num_primary_experts": 4, "moe_num_active_primary_experts": 2,
        "moe_ffn_hidden_size": 40, "num_hidden_layers": 5, "intermediate_size": None}, {
            "plain": {}, "windows, softmax": {
                "sliding_window_layout": [0, 1, 1, 1, 0], "sliding_window_size": 4096, "rope_layout": [0, 1, 1, 1, 0],
                "moe_primary_router_apply_softmax": True},
            "larger": LARGER | {"moe_num_primary_experts": 8, "tie_word_embeddings": True, "intermediate_size": None},
    }, shapes=small_thinker, run="peer"),
    *family("GroveMoeForCausalLM", RAW | EXPERTS | {"model_type": "grove_moe"}, {
        "plain": {}, "larger": LARGER | {"num_experts": 8}}, shapes=grove, run=None),
    *family("LagunaForCausalLM", DECODER | EXPERTS | {
        "shared_expert_intermediate_size": 48, "sliding_window": 32, "num_hidden_layers": 5,
        "layer_types": ["full_attention" if layer % 4 == 0 else "sliding_attention" for layer in range(5)]}, {
            "plain": {}, "heads of layers, gates of elements": {
                "gating": "per-element", "num_attention_heads_per_layer": [4, 8, 8, 8, 4]},
            "no windows, factor": {
                "layer_types": ["full_attention"] * 5, "sliding_window": 0, "moe_routed_scaling_factor": 2.5},
            "larger, YaRN": LARGER | {
                "mlp_layer_types": ["dense", "dense", "sparse", "sparse", "sparse"], "rope_parameters": {
                    "full_attention": YARN | {"partial_rotary_factor": 0.5},
                    "sliding_attention": {"rope_type": "default", "rope_theta": 1e4, "partial_rotary_factor": 1.0}}},
    }),
    *family("MiMoV2ForCausalLM", RAW | EXPERTS | {
        "model_type": "mimo_v2", "num_experts": None, "n_routed_experts": 4, "v_head_dim": 8, "head_dim": 24,
        "swa_head_dim": 24, "swa_v_head_dim": 8, "swa_num_attention_heads": 4, "swa_num_key_value_heads": 4,
        "topk_method": "noaux_tc", "scoring_func": "sigmoid", "sliding_window": 32, "hybrid_layer_pattern": [0, 1, 1],
        "moe_layer_freq": [0, 1, 1], "partial_rotary_factor": 0.334, "swa_rope_theta": 1000.0, "layernorm_epsilon": 1e-5,
        "attention_value_scale": 0.7, "n_group": 1, "topk_group": 1}, {
            "plain": {}, "one matrix, no scale": {"fused": True, "attention_value_scale": None, "dtype": "float16"},
    }, shapes=mimo, run="peer"),
    *family("Step3p5ForCausalLM", RAW | {
        "model_type": "step3p5_flash", "num_hidden_layers": 4, "num_attention_groups": 2, "num_key_value_heads": None,
        "layer_types": ["full_attention", "sliding_attention", "sliding_attention", "full_attention"],
        "partial_rotary_factors": [0.5, 1.0, 1.0, 0.5], "rope_theta": [1e6, 1e4, 1e4, 1e6],
        "attention_other_setting": {"num_attention_heads": 6, "num_attention_groups": 3}, "sliding_window": 32,
        "moe_layers_enum": "1,2,3", "moe_num_experts": 4, "moe_top_k": 2, "moe_intermediate_size": 40,
        "share_expert_dim": 48, "moe_router_scaling_factor": 3.0, "norm_expert_weight": True,
        "moe_router_activation": "sigmoid", "head_dim": 16}, {
            "plain": {}, "further tokens": {"num_nextn_predict_layers": 1, "run": None},
            "limits": {
                "swiglu_limits": [0.0, 0.0, 0.5, None], "swiglu_limits_shared": [0.5, None, 0.0, 1.0], "dtype": "float32"},
            # Recent versions of transformers do not read this configuration.
            "Llama 3 scaling": {
                "rope_scaling": {
                    "rope_type": "llama3", "factor": 2.0, "low_freq_factor": 1.0, "high_freq_factor": 32.0,
                    "original_max_position_embeddings": 64}},
    }, shapes=step, run="peer", rename=small_norms),
    *family("DeepseekV32ForCausalLM", DECODER | EXPERTS | LATENT | {
        "num_experts": None, "n_routed_experts": 4, "n_shared_experts": 1, "first_k_dense_replace": 1, "n_group": 1,
        "topk_group": 1, "index_n_heads": 2, "index_head_dim": 16, "index_topk": 256, "scoring_func": "sigmoid",
        "num_nextn_predict_layers": 0, "begins": True}, {
            "plain": {}, "larger, old words, groups": LARGER | {
                "num_key_value_heads": 6, "head_dim": None, "n_routed_experts": 8, "n_group": 2, "index_n_heads": 4,
                "old": True, "rope_parameters": YARN | {"mscale": 1.0, "mscale_all_dim": 1.0}},
    }),
    *family("GlmMoeDsaForCausalLM", DECODER | EXPERTS | LATENT | {
        "num_experts": None, "vocab_size": 520, "n_routed_experts": 4, "n_shared_experts": 1, "first_k_dense_replace": 1, "n_group": 1,
        "topk_group": 1, "index_n_heads": 2, "index_head_dim": 16, "index_topk": 256, "num_nextn_predict_layers": 0}, {
            "plain": {}, "larger": LARGER | {"num_key_value_heads": 6, "head_dim": None, "n_shared_experts": 2},
    }, tokens=GLM_TOKENS, further_tokens=("<|observation|>",)),
    *family("KimiLinearForCausalLM", DECODER | EXPERTS | LATENT | {
        "q_lora_rank": None, "num_hidden_layers": 4, "num_shared_experts": 1, "first_k_dense_replace": 1,
        "moe_router_activation_func": "sigmoid",
        "linear_attn_config": {
            "full_attn_layers": [4], "kda_layers": [1, 2, 3], "head_dim": 16, "num_heads": 4, "short_conv_kernel_size": 4}}, {
                "plain": {}}, rename=lambda tensors: {
                    name.replace("layers.0.block_sparse_moe.", "layers.0.mlp."): tensor
                    for name, tensor in tensors.items()}),
    *family("MiniMaxM3SparseForCausalLM", RAW | {
        "model_type": "minimax_m3_text", "num_local_experts": 4, "num_experts_per_tok": 2, "intermediate_size": 40,
        "dense_intermediate_size": 96, "n_shared_experts": 1, "routed_scaling_factor": 2.0, "rotary_dim": 8,
        "scoring_func": "sigmoid", "hidden_act": "swigluoai", "moe_layer_freq": [0, 1, 1], "sparse_attention_config": {
            "sparse_num_index_heads": 2, "sparse_index_dim": 16, "sparse_topk_blocks": 16, "sparse_block_size": 16,
            "sparse_local_block": 1, "sparse_attention_freq": [0, 1, 1]}}, {
                "plain": {}, "larger": LARGER | {
                    "num_hidden_layers": 3, "num_local_experts": 8, "n_shared_experts": 2, "rotary_dim": 16},
    }, shapes=minimax, run="peer", rename=small_norms),
]
