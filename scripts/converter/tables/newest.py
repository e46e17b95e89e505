"""The newest text models."""

from checkpoints import DECODER, family
from newest_shapes import dots, empty_rows, glm_next, hunyuan_names, ling, maple, minimax, sarvam, spark, talkie
from tables.today import EXPERTS, GLM_TOKENS, LARGER, LATENT, RAW, WINDOWS, YARN

ROTATIONS = {
    "full_attention": {"rope_type": "default", "rope_theta": 1e6, "partial_rotary_factor": 0.5},
    "sliding_attention": {"rope_type": "default", "rope_theta": 1e4, "partial_rotary_factor": 1.0},
}
MUSE = DECODER | {"num_hidden_layers": 4, "sliding_window": 32}
VISION = {
    "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 48, "patch_size": 4,
    "pos_emb_height": 4, "pos_emb_width": 4,
}
DOTS = RAW | LATENT | {
    "num_experts_per_tok": 2, "moe_intermediate_size": 40, "norm_topk_prob": True, "n_routed_experts": 4,
    "n_shared_experts": 1, "first_k_dense_replace": 1, "num_hidden_layers": 4, "index_n_heads": 2, "index_head_dim": 64,
    "index_topk": 256, "scoring_func": "sigmoid", "topk_method": "noaux_tc", "n_group": 1, "topk_group": 1,
    "routed_scaling_factor": 1.5, "layer_types": ["full_attention", "sliding_attention", "sliding_attention", "full_attention"],
    "sliding_window_size": 32, "swa_num_attention_heads": 2, "swa_num_key_value_heads": 2, "swa_q_lora_rank": 24,
    "swa_kv_lora_rank": 40, "swa_qk_nope_head_dim": 24, "swa_qk_rope_head_dim": 8, "swa_v_head_dim": 12, "swa_head_dim": 32,
    "head_dim": 24, "swa_rope_theta": 5000.0, "model_type": "dots3_note_published", "q_lora_rank": 24,
}
LING = RAW | LATENT | EXPERTS | {
    "head_dim": 16, "model_type": "bailing_moe_v3", "num_hidden_layers": 5, "layer_group_size": 3, "no_kda_lora": True,
    "kda_safe_gate": True, "kda_lower_bound": -5.0, "gated_attention_proj_granularity_type": "head_wise",
    "short_conv_kernel_size": 4, "num_shared_experts": 1, "moe_shared_expert_intermediate_size": 48,
    "first_k_dense_replace": 1, "routed_scaling_factor": 2.5, "score_function": "sigmoid", "n_group": 1, "topk_group": 1,
}
TEMPLATE = "{% for message in messages %}{{ message['content'] }}{% endfor %}"
GEMMA = DECODER | {
    "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
    "num_hidden_layers": 5, "vocab_size_per_layer_input": 512, "hidden_size_per_layer_input": 8, "num_kv_shared_layers": 0,
    "laurel_rank": 6, "sliding_window": 32, "tie_word_embeddings": True, "intermediate_size": 96,
    "activation_sparsity_pattern": [0.95, 0.95, 0.0, 0.0, 0.0],
    "layer_types": ["sliding_attention", "sliding_attention", "full_attention", "sliding_attention", "full_attention"],
}
NEXT = RAW | LATENT | {
    "vocab_size": 520, "model_type": "glm5_next_published", "num_hidden_layers": 4, "qk_rope_head_dim": 0, "mla_use_nope": True,
    "layer_types": ["linear_attention", "linear_attention", "linear_attention", "full_attention"],
    "linear_attn_config": {"num_heads": 4, "head_dim": 16, "short_conv_kernel_size": 4, "gate_lower_bound": -5.0},
    "index_n_heads": 2, "index_head_dim": 16, "index_topk": 256, "index_kpool": 16, "indexer_types": ["full"] * 4,
    "hc_mult": 4, "hc_sinkhorn_iters": 20, "hc_eps": 1e-6, "first_k_dense_replace": 1, "n_routed_experts": 4,
    "num_experts_per_tok": 2, "moe_intermediate_size": 40, "n_shared_experts": 1, "routed_scaling_factor": 2.5,
    "norm_topk_prob": True, "scoring_func": "sigmoid", "swiglu_limit": 10.0, "n_group": 1, "topk_group": 1,
}

CASES = [
    *family("MuseGlimmerForConditionalGeneration", {"text_config": MUSE, "vision_config": VISION}, {
        "plain": {},
        "larger": {"text_config": MUSE | LARGER | {
            "num_hidden_layers": 5, "layer_types": WINDOWS + WINDOWS[1:], "layer_rope_theta": [1e4, 1e4, 0, 1e4, 0], "qk_scale_factor": 2.0,
            "final_logit_softcapping": 15.0}, "dtype": "float32", "seed": 11},
    }),
    *family("SarvamMoEForCausalLM", RAW | EXPERTS | {
        "model_type": "sarvam", "num_shared_experts": 1, "first_k_dense_replace": 1, "n_group": 1, "topk_group": 1,
        "routed_scaling_factor": 2.5, "score_function": "sigmoid"}, {
            "plain": {}, "larger": LARGER | {
                "head_dim": 16, "num_experts": 8, "num_shared_experts": 2, "dtype": "bfloat16"},
            "F16": {"dtype": "float16", "n_group": 2, "num_experts": 8},
    }, shapes=sarvam, run="peer"),
    *family("Spark2_5ForCausalLM", RAW | {
        "model_type": "spark2_5", "rope_theta": None, "rope_parameters": ROTATIONS, "sliding_window": 32,
        "layer_types": WINDOWS, "gate_attn_act_mode": "sigmoid", "headwise_attn_output_gate": True, "hidden_act": "gelu"}, {
            "plain": {}, "larger, tied": LARGER | {
                "num_hidden_layers": 3, "tie_word_embeddings": True, "layer_types": WINDOWS[::-1]},
    }, shapes=spark, run="peer"),
    *family("MapleForCausalLM", RAW | EXPERTS | {
        "model_type": "maple", "intermediate_size": None, "sliding_window": 32, "layer_types": WINDOWS,
        "nope_on_global_attention": True, "num_shared_experts": 0}, {
            "plain": {}, "larger, half turns": LARGER | {
                "num_hidden_layers": 3, "num_experts": 8, "intermediate_size": 128,
                "rope_parameters": {"rope_type": "default", "rope_theta": 1e5, "partial_rotary_factor": 0.5}},
    }, shapes=maple, run="peer"),
    *family("Dots3NoteForCausalLM", DOTS, {
        "plain": {}, "further token": {"predicts": True, "run": None},
        "rescaled, larger": LARGER | {
            "num_hidden_layers": 4, "num_key_value_heads": 6, "head_dim": 24, "n_routed_experts": 8, "n_shared_experts": 2,
            "apply_mla_qkv_lora_rescale": True},
    }, shapes=dots, run="peer", tokens={"<|im_start|>": "<|endofassistant|>"}),
    *family("BailingMoeV3ForCausalLM", LING, {
        "plain": {}, "no query rank, further tokens": {"q_lora_rank": None, "num_nextn_predict_layers": 1},
        "limits, larger": LARGER | {
            "num_experts": 8, "num_key_value_heads": 6, "head_dim": 16, "kda_lower_bound": -3.0,
            "expert_swiglu_limit_list": [None, 0.5, 0.4, None, 0.3], "share_expert_swiglu_limit_list": [None, 0.4, 0.5]},
    }, shapes=ling, run="peer"),
    *family("Gemma3nForCausalLM", GEMMA, {
        "plain": {}, "shared keys": {"num_kv_shared_layers": 2},
        "other widths, padded, F32": {
            "hidden_size": 96, "intermediate_size": [128, 96, 128, 96, 128], "num_attention_heads": 6,
            "vocab_size": 520, "vocab_size_per_layer_input": 512, "activation_sparsity_pattern": [0.95, 0.9, 0.5, 0.0, 0.7],
            "dtype": "float32"},
    }, tokenizer="llama-spm"),
    *family("TalkieForCausalLM", RAW | {"model_type": "talkie", "rms_norm_eps": None, "num_key_value_heads": 4}, {
        "plain": {}, "larger, F16": LARGER | {"num_key_value_heads": 6, "head_dim": 16, "dtype": "float16"},
    }, shapes=talkie, run="peer"),
    *family("MiniMaxText01ForCausalLM", RAW | {
        "model_type": "minimax_text", "num_local_experts": 4, "num_experts_per_tok": 2, "rotary_dim": 8,
        "attn_type_list": [0, 1, 0], "layernorm_full_attention_alpha": 3.5, "layernorm_full_attention_beta": 1.0,
        "layernorm_linear_attention_alpha": 3.5, "layernorm_linear_attention_beta": 1.0, "layernorm_mlp_alpha": 3.5,
        "layernorm_mlp_beta": 1.0}, {
            # The peer runs models whose every eighth layer has softmax attention.
            "plain": {"run": None}, "every eighth": {"num_hidden_layers": 9, "attn_type_list": [0] * 7 + [1, 0]},
            "larger, rows of zeros": LARGER | {
                "num_hidden_layers": 8, "attn_type_list": [0] * 7 + [1], "head_dim": 16, "num_local_experts": 8,
                "vocab_size": 516, "rename": empty_rows},
    }, shapes=minimax, indexed=True, files={"chat_template.jinja": TEMPLATE}, run="peer"),
    *family("HYV4ForCausalLM", DECODER | LATENT | {
        "num_experts_per_tok": 2, "moe_intermediate_size": 40, "n_routed_experts": 4, "num_key_value_heads": 4,
        "index_topk": 256, "index_n_heads": 2, "index_head_dim": 16,
        "mlp_layer_types": ["dense", "sparse", "sparse"], "indexer_types": ["full", "shared", "full"]}, {
            "plain": {}, "larger, no limit": LARGER | {
                "num_hidden_layers": 3, "num_key_value_heads": 6, "head_dim": None, "swiglu_limit": 0.0, "hc_mult": 2,
                "n_shared_experts": 2},
    }, run="peer", rename=hunyuan_names),
    *family("Glm5NextForConditionalGeneration", NEXT, {
        "plain": {}, "further tokens": {"num_nextn_predict_layers": 1},
        "larger": LARGER | {
            "num_hidden_layers": 4, "num_key_value_heads": 6, "head_dim": None, "q_lora_rank": 32, "n_routed_experts": 8,
            "linear_attn_config": {
                "num_heads": 6, "head_dim": 16, "short_conv_kernel_size": 3, "gate_lower_bound": -4.0}},
    }, shapes=glm_next, tokens=GLM_TOKENS, further_tokens=("<|observation|>",), run="peer"),
]
