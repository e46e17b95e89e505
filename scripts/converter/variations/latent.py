"""Decoders with multi-head latent attention."""

from variations.dense import GLM


def latent(draw, count="n_routed_experts", rope=("yarn",)):
    heads = draw.one(2, 4, 6)
    # The norms of latent rows have this number in transformers whatever the configuration says; files have one for all.
    values = draw.decoder(head_dim=False) | draw.experts(count, groups=True) | {"rms_norm_eps": 1e-6}
    values |= {
        "num_attention_heads": heads, "num_key_value_heads": heads, "hidden_size": 16 * heads * draw.one(1, 2),
        "q_lora_rank": draw.one(None, 24, 40), "kv_lora_rank": draw.one(16, 32, 48), "qk_nope_head_dim": draw.one(8, 16, 24),
        "qk_rope_head_dim": draw.one(8, 16), "v_head_dim": draw.one(8, 16, 20), "n_shared_experts": draw.one(1, 2),
        "first_k_dense_replace": draw.one(0, 1, 2), "routed_scaling_factor": draw.one(1.0, 2.5)}
    if values["rope_parameters"]["rope_type"] != "default" or (rope and draw.chance()):
        values["rope_parameters"] = {
            "rope_type": "yarn", "rope_theta": draw.one(10000.0, 1e6), "factor": draw.one(2.0, 40),
            "original_max_position_embeddings": draw.one(64, 128), "beta_fast": draw.one(32, 32.0), "beta_slow": draw.one(1, 1.0)}
        values["rope_parameters"] |= draw.one({}, {"mscale": 1.0, "mscale_all_dim": 1.0}, {"mscale": 0.707, "mscale_all_dim": 0.707})
    return values


def deepseek2(draw):
    values = latent(draw)
    if values["n_group"] == 1 and draw.chance():
        return values | {"topk_method": "greedy", "norm_topk_prob": False}
    return values | {"topk_method": "group_limited_greedy", "norm_topk_prob": False}


def deepseek3(draw):
    return latent(draw) | {"num_nextn_predict_layers": 0, "num_mtp_layers": 0} | draw.maybe(0.3, attention_bias=True)


def indexed(draw):
    values = latent(draw)
    values["q_lora_rank"] = values["q_lora_rank"] or 24
    # The indexer turns as many elements of each of its heads as queries do.
    return values | {
        "index_n_heads": draw.one(2, 4), "index_head_dim": draw.one(16, 32), "index_topk": 256, "num_nextn_predict_layers": 0}


def glm5(draw):
    return indexed(draw) | GLM | {"rope_parameters": {"rope_type": "default", "rope_theta": draw.one(1e6, 1e4)}}


def flash(draw):
    values = latent(draw, rope=()) | GLM
    layers, dense = values["num_hidden_layers"], values.pop("first_k_dense_replace")
    dense = min(dense, layers - 1)
    return values | {
        "mlp_layer_types": ["dense"] * dense + ["sparse"] * (layers - dense), "num_nextn_predict_layers": 0,
        "rope_parameters": {"rope_type": "default", "rope_theta": draw.one(1e6, 1e4)}}


def youtu(draw):
    values = latent(draw)
    for key in ["n_routed_experts", "num_experts_per_tok", "moe_intermediate_size", "norm_topk_prob", "n_group", "topk_group",
                "n_shared_experts", "first_k_dense_replace", "routed_scaling_factor"]:
        values.pop(key)
    return values


FAMILIES = {
    "DeepseekV2ForCausalLM": deepseek2, "DeepseekV3ForCausalLM": deepseek3, "DeepseekV32ForCausalLM": indexed,
    "GlmMoeDsaForCausalLM": glm5, "Glm4MoeLiteForCausalLM": flash, "YoutuForCausalLM": youtu,
}
