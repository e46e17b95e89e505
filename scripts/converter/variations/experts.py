"""Decoders with routed experts."""

from variations.dense import GLM, saying


def mixtral(draw):
    values = draw.decoder(tied=(False,)) | draw.experts("num_local_experts") | {"sliding_window": draw.one(None, 4096)}
    values.pop("moe_intermediate_size")
    values.pop("norm_topk_prob")
    return values | draw.one(
        {}, {"tokenizer": "llama-spm", "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": draw.one(None, 0)})


def qwen2(draw):
    return draw.decoder(head_dim=False, rope=("yarn",), tied=(False,)) | draw.experts() | {
        "shared_expert_intermediate_size": draw.one(40, 96), "norm_topk_prob": False} | draw.maybe(0.3, qkv_bias=False)


def qwen3(draw):
    return draw.decoder(rope=("yarn",)) | draw.experts() | {"norm_topk_prob": True} | draw.maybe(0.3, attention_bias=True)


def glm4(draw):
    values = draw.decoder(partial=(0.5, 0.5, 1.0)) | draw.experts("n_routed_experts", groups=True)
    return values | GLM | {
        "first_k_dense_replace": draw.one(0, 1, 2), "n_shared_experts": draw.one(1, 2), "use_qk_norm": draw.one(True, False),
        "attention_bias": draw.one(True, False), "routed_scaling_factor": draw.one(1.0, 2.5), "num_mtp_layers": 0,
        "num_nextn_predict_layers": 0}


def minimax(draw):
    values = draw.decoder(partial=(0.5, 1.0), tied=(False,)) | draw.experts("num_local_experts")
    values.setdefault("head_dim", values["hidden_size"] // values["num_attention_heads"])
    values.pop("moe_intermediate_size")
    values.pop("norm_topk_prob")
    turned = int(values["head_dim"] * values["rope_parameters"]["partial_rotary_factor"])
    return values | {"edit": saying(rotary_dim=turned)}


def gpt_oss(draw):
    values = draw.decoder(tied=(False,)) | draw.experts("num_local_experts")
    values.pop("moe_intermediate_size")
    values.pop("norm_topk_prob")
    heads = values["num_attention_heads"]
    return values | {
        "hidden_size": 96 if 96 % heads == 0 else 32 * heads, "intermediate_size": draw.one(64, 96), "head_dim": draw.one(16, 32),
        "sliding_window": draw.one(32, 128), "rope_parameters": {
            "rope_type": "yarn", "rope_theta": 150000.0, "factor": draw.one(32.0, 8.0), "beta_fast": 32.0, "beta_slow": 1.0,
            "truncate": False, "original_max_position_embeddings": draw.one(64, 4096)}}


def granite(draw):
    values = draw.decoder(head_dim=False) | {
        "num_local_experts": draw.one(4, 6), "num_experts_per_tok": draw.one(1, 2),
        "embedding_multiplier": draw.one(12.0, 1.0), "logits_scaling": draw.one(8.0, 1.0),
        "residual_multiplier": draw.one(0.22, 1.0), "attention_multiplier": draw.one(0.2, 1.0)}
    return values


def granite_shared(draw):
    return granite(draw) | {"shared_intermediate_size": draw.one(48, 80)}


def olmoe(draw):
    values = draw.decoder(head_dim=False, tied=(False,)) | draw.experts() | {"norm_topk_prob": False}
    # The reference converter always says this one.
    values["rms_norm_eps"] = 1e-5
    values["num_key_value_heads"] = values["num_attention_heads"]
    values["intermediate_size"] = values.pop("moe_intermediate_size")
    return values


def phimoe(draw):
    values = draw.decoder(head_dim=False, tied=(False,)) | {"num_local_experts": draw.one(4, 6), "num_experts_per_tok": 2}
    return values | {"attention_bias": draw.one(True, False), "lm_head_bias": draw.one(True, False)}


def ernie(draw):
    values = draw.decoder(head_dim=False) | {"tokenizer": "llama-spm", "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
    number = draw.one(4, 6, 8)
    return values | {
        "num_hidden_layers": draw.one(3, 4), "moe_num_experts": number, "moe_k": draw.one(1, 2, 3),
        "moe_intermediate_size": draw.one(24, 40), "moe_num_shared_experts": draw.one(1, 2),
        "moe_layer_start_index": draw.one(1, 2), "moe_layer_interval": 1} | draw.maybe(0.2, use_bias=True)


def dots(draw):
    values = draw.decoder(rope=("yarn",), tied=(False,)) | draw.experts("n_routed_experts", groups=True)
    return values | {
        "first_k_dense_replace": draw.one(0, 1, 2), "n_shared_experts": draw.one(1, 2), "norm_topk_prob": draw.one(True, False),
        "routed_scaling_factor": draw.one(1.0, 2.5), "sliding_window": None, "edit": saying(scoring_func="sigmoid")}


def hunyuan(draw):
    values = draw.decoder() | {"num_experts": draw.one(4, 6), "moe_topk": draw.one(1, 2, 3), "num_shared_expert": 1}
    values.setdefault("head_dim", values["hidden_size"] // values["num_attention_heads"])
    return values | {"use_mixed_mlp_moe": True, "use_qk_norm": True}


def solar(draw):
    values = draw.decoder(rope=("yarn",), partial=(1.0,)) | draw.experts("n_routed_experts", groups=True)
    values.setdefault("head_dim", values["hidden_size"] // values["num_attention_heads"])
    return values | {
        "n_shared_experts": draw.one(1, 2), "routed_scaling_factor": draw.one(1.0, 2.5), "tokenizer": "llama",
        "tokens": {"<|begin_of_text|>": "<|startoftext|>", "<|eot_id|>": "<|endoftext|>", "<|im_start|>": "<unk>"}}


def llama4_text(draw):
    values = draw.decoder(tied=(False,)) | draw.experts("num_local_experts")
    values.pop("moe_intermediate_size")
    values.pop("norm_topk_prob")
    values.setdefault("head_dim", values["hidden_size"] // values["num_attention_heads"])
    return values | {
        "intermediate_size_mlp": draw.one(80, 120), "num_hidden_layers": draw.one(4, 5), "num_experts_per_tok": 1,
        "interleave_moe_layer_step": draw.one(1, 2), "use_qk_norm": True, "attention_chunk_size": 8192,
        "rope_parameters": draw.one(
            {"rope_type": "default", "rope_theta": 500000.0},
            {"rope_type": "llama3", "rope_theta": 500000.0, "factor": draw.one(8.0, 16.0), "low_freq_factor": 1.0,
             "high_freq_factor": draw.one(4.0, 1.0), "original_max_position_embeddings": 64})}


def afmoe(draw):
    values = draw.decoder(rope=("yarn",)) | draw.experts()
    values.setdefault("head_dim", values["hidden_size"] // values["num_attention_heads"])
    values.pop("norm_topk_prob")
    return values | {
        "num_hidden_layers": draw.one(4, 5), "num_dense_layers": draw.one(0, 1, 2), "num_shared_experts": draw.one(1, 2),
        "route_scale": draw.one(1.0, 2.5), "global_attn_every_n_layers": 4, "sliding_window": draw.one(32, 64),
        "mup_enabled": True}


def exaone(draw):
    values = draw.decoder(rope=("llama3",), tied=(False,)) | draw.experts(groups=True)
    return values | {
        "num_hidden_layers": draw.one(4, 5), "first_k_dense_replace": draw.one(1, 2), "num_shared_experts": draw.one(1, 2),
        "sliding_window": draw.one(32, 64), "sliding_window_pattern": draw.one(4, 3), "routed_scaling_factor": draw.one(1.0, 2.5),
        "edit": saying(scoring_func="sigmoid")}


FAMILIES = {
    "MixtralForCausalLM": mixtral, "Qwen2MoeForCausalLM": qwen2, "Qwen3MoeForCausalLM": qwen3, "Glm4MoeForCausalLM": glm4,
    "MiniMaxM2ForCausalLM": minimax, "GptOssForCausalLM": gpt_oss, "GraniteMoeForCausalLM": granite,
    "GraniteMoeSharedForCausalLM": granite_shared, "OlmoeForCausalLM": olmoe, "PhimoeForCausalLM": phimoe,
    "Ernie4_5_MoeForCausalLM": ernie, "Dots1ForCausalLM": dots, "HunYuanMoEV1ForCausalLM": hunyuan,
    "SolarOpenForCausalLM": solar, "Llama4ForCausalLM": llama4_text, "AfmoeForCausalLM": afmoe, "ExaoneMoeForCausalLM": exaone,
}
