"""Gemma's generations."""

PIECES = {"tokenizer": "llama-spm", "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}


def gemma(draw):
    values = draw.decoder(tied=(True,))
    values.setdefault("head_dim", values["hidden_size"] // values["num_attention_heads"])
    # The reference converter does not say another base of Gemma 1 and 2.
    values["rope_parameters"] = {"rope_type": "default", "rope_theta": 10000.0}
    return values | PIECES


def gemma2(draw):
    values = gemma(draw)
    return values | {
        "query_pre_attn_scalar": values["head_dim"], "sliding_window": draw.one(32, 64, 4096),
        "final_logit_softcapping": draw.one(30.0, 10.0), "attn_logit_softcapping": draw.one(50.0, 20.0)}


def two_bases(draw, **whole):
    return {
        "full_attention": {"rope_type": "default", "rope_theta": draw.one(1e6, 5e5)} | whole,
        "sliding_attention": {"rope_type": "default", "rope_theta": draw.one(1e4, 2e4)}}


def gemma3_text(draw):
    values = gemma(draw)
    scaling = draw.one({}, {}, {"rope_type": "linear", "factor": 8.0})
    return values | {
        "num_hidden_layers": draw.one(3, 6, 7), "query_pre_attn_scalar": values["head_dim"], "sliding_window": draw.one(32, 512),
        "rope_parameters": two_bases(draw, **scaling), "final_logit_softcapping": draw.one(None, None, 30.0)}


def gemma3(draw):
    return {
        "text_config": {key: value for key, value in gemma3_text(draw).items() if key != "tokenizer"}, "run": None,
        "tokenizer": "llama-spm", "mm_tokens_per_image": 4,
        "vision_config": {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 48,
                          "image_size": 56, "patch_size": 14}}


def gemma3n(draw):
    values = gemma(draw)
    layers = draw.one(4, 5, 6)
    kinds = draw.windows(layers, last="full_attention")
    kinds[0], kinds[1] = "sliding_attention", "full_attention"
    return values | {
        "num_hidden_layers": layers, "layer_types": kinds, "num_kv_shared_layers": draw.one(0, 0, layers - 2),
        "vocab_size_per_layer_input": draw.one(512, values["vocab_size"]), "hidden_size_per_layer_input": draw.one(8, 12),
        "laurel_rank": draw.one(4, 6, 16), "sliding_window": draw.one(32, 64), "rope_parameters": two_bases(draw),
        "activation_sparsity_pattern": [draw.one(0.95, 0.5, 0.0) for _ in range(layers)],
        "intermediate_size": draw.one(96, 128), "altup_num_inputs": 4,
        "final_logit_softcapping": draw.one(30.0, 15.0)}


def gemma4_text(draw):
    # The reference converter takes as many tokens as the tokenizer has.
    values = gemma(draw) | {
        "tokenizer": "gemma4", "vocab_size": 383, "pad_token_id": 0, "eos_token_id": 1, "bos_token_id": 2}
    layers = draw.one(4, 5, 6)
    kinds = draw.windows(layers, last="full_attention")
    kinds[0], kinds[1] = "sliding_attention", "full_attention"
    values |= {
        "num_hidden_layers": layers, "layer_types": kinds, "sliding_window": draw.one(32, 64),
        "global_head_dim": 2 * values["head_dim"], "num_kv_shared_layers": 0,
        "hidden_size_per_layer_input": draw.one(0, 8, 12), "vocab_size_per_layer_input": values["vocab_size"],
        "rope_parameters": {
            "full_attention": {"rope_type": "proportional", "rope_theta": 1e6, "partial_rotary_factor": draw.one(0.25, 0.5)},
            "sliding_attention": {"rope_type": "default", "rope_theta": 1e4}},
        "final_logit_softcapping": draw.one(None, 30.0)}
    if draw.chance(0.4):
        values |= {"num_kv_shared_layers": layers - 2, "use_double_wide_mlp": draw.one(True, False)}
    elif draw.chance(0.4):
        values |= {"attention_k_eq_v": True, "num_global_key_value_heads": draw.one(1, values["num_key_value_heads"])}
    if draw.chance(0.4):
        values |= {"enable_moe_block": True, "num_experts": draw.one(4, 6), "top_k_experts": draw.one(1, 2),
                   "moe_intermediate_size": draw.one(24, 40)}
    return values


FAMILIES = {
    "GemmaForCausalLM": gemma, "Gemma2ForCausalLM": gemma2, "Gemma3ForCausalLM": gemma3_text,
    "Gemma3ForConditionalGeneration": gemma3, "Gemma3nForCausalLM": gemma3n, "Gemma4ForCausalLM": gemma4_text,
}
