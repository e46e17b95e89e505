"""Recurrent decoders and those that have both kinds of layers."""


def linear(draw):
    """What gated delta rules take."""
    keys = draw.one(1, 2, 3)
    return {
        "linear_conv_kernel_dim": draw.one(3, 4), "linear_key_head_dim": draw.one(8, 16), "linear_value_head_dim": draw.one(8, 16),
        "linear_num_key_heads": keys, "linear_num_value_heads": keys * draw.one(1, 2, 3)}


def qwen3_next(draw):
    values = draw.decoder(partial=(0.25, 0.5)) | draw.experts() | linear(draw)
    layers = draw.one(4, 5)
    values["rope_parameters"]["rope_type"] = "default"
    return values | {
        "head_dim": draw.one(16, 32), "num_hidden_layers": layers, "shared_expert_intermediate_size": draw.one(40, 56),
        "norm_topk_prob": True, "peer_options": ("--no-mtp",)} | draw.maybe(
            0.4, layer_types=draw.windows(layers, "linear_attention", last="full_attention"))


def qwen3_5(draw):
    values = draw.decoder(partial=(0.25, 0.5)) | linear(draw)
    head, layers = draw.one(16, 32), draw.one(4, 5)
    part = values["rope_parameters"]["partial_rotary_factor"]
    third = int(head * part) // 2
    sections = [third - 2 * (third // 3), third // 3, third // 3]
    return values | {
        "head_dim": head, "num_hidden_layers": layers, "peer_options": ("--no-mtp",),
        "rope_parameters": {"rope_type": "default", "rope_theta": draw.one(1e7, 1e4), "partial_rotary_factor": part,
                            "mrope_section": sections, "mrope_interleaved": True}} | draw.maybe(
            0.4, layer_types=draw.windows(layers, "linear_attention", last="full_attention"))


def qwen3_5_moe(draw):
    return qwen3_5(draw) | draw.experts() | {"shared_expert_intermediate_size": draw.one(40, 56)}


def state_space(draw, hidden, prefix="mamba_"):
    """What the second Mamba takes, for a width of twice the hidden size."""
    head = draw.one(8, 16)
    return {
        f"{prefix}n_heads": 2 * hidden // head, f"{prefix}d_head": head, f"{prefix}n_groups": draw.one(1, 2),
        f"{prefix}d_state": draw.one(8, 16), f"{prefix}d_conv": draw.one(3, 4), f"{prefix}expand": 2,
        f"{prefix}conv_bias": draw.one(True, True, False)}


def granite(draw):
    values = draw.decoder(head_dim=False) | {
        "embedding_multiplier": draw.one(12.0, 1.0), "logits_scaling": draw.one(8.0, 1.0),
        "residual_multiplier": draw.one(0.22, 1.0), "attention_multiplier": draw.one(0.2, 1.0),
        "num_hidden_layers": 4, "shared_intermediate_size": draw.one(48, 80), "num_local_experts": draw.one(0, 4),
        "num_experts_per_tok": draw.one(1, 2), "position_embedding_type": draw.one("rope", "nope", None),
        "layer_types": draw.windows(4, "mamba", "attention", last="attention")}
    values["vocab_size"] = 512
    values["rope_parameters"] = {"rope_type": "default", "rope_theta": 10000.0}
    if not values["num_local_experts"]:
        values["shared_intermediate_size"] = values["intermediate_size"]
    return values | state_space(draw, values["hidden_size"])


def nemotron(draw):
    values = draw.decoder(tied=(False,))
    values.setdefault("head_dim", 16)
    kinds = [draw.one("mamba", "attention", draw.one("mlp", "moe")) for _ in range(4)] + ["attention", "mamba"]
    if "moe" in kinds:
        kinds = ["moe" if kind == "mlp" else kind for kind in kinds]
    values.pop("num_hidden_layers")
    heads = draw.one(4, 8)
    number = draw.one(4, 6)
    values["layer_norm_epsilon"] = values.pop("rms_norm_eps")
    values.pop("rope_parameters")
    return values | {
        "vocab_size": 512, "layers_block_type": kinds, "mamba_num_heads": heads, "mamba_head_dim": draw.one(8, 16),
        "ssm_state_size": draw.one(8, 16), "n_groups": draw.one(1, 2), "conv_kernel": draw.one(3, 4), "chunk_size": 32,
        "n_routed_experts": number, "n_shared_experts": 1, "moe_intermediate_size": draw.one(40, 56),
        "moe_shared_expert_intermediate_size": draw.one(48, 72), "num_experts_per_tok": draw.one(1, 2),
        "norm_topk_prob": draw.one(True, False), "routed_scaling_factor": draw.one(1.0, 2.5), "num_nextn_predict_layers": 0,
        "time_step_min": 1e-12, "use_conv_bias": True} | draw.maybe(0.2, attention_bias=True)


def falcon_h1(draw):
    values = draw.decoder()
    values["rope_parameters"]["rope_type"] = "default"
    values["rope_parameters"]["rope_theta"] = draw.one(1e11, 1e4)
    head, number = draw.one(8, 16), draw.one(4, 6)
    return values | {
        "mamba_d_ssm": head * number, "mamba_n_heads": number, "mamba_d_head": head, "mamba_n_groups": draw.one(1, 2),
        "mamba_d_state": draw.one(8, 16), "mamba_d_conv": draw.one(3, 4), "mamba_chunk_size": 32,
        "mamba_rms_norm": draw.one(True, False), "mamba_norm_before_gate": False,
        "key_multiplier": draw.one(1.0, 0.39), "lm_head_multiplier": draw.one(1.0, 0.0195), "embedding_multiplier": draw.one(1.0, 5.6),
        "attention_out_multiplier": draw.one(1.0, 0.9375), "ssm_out_multiplier": draw.one(1.0, 0.23),
        "ssm_in_multiplier": draw.one(1.0, 1.25), "mlp_multipliers": draw.one([1.0, 1.0], [0.88, 0.58]),
        "ssm_multipliers": draw.one([1.0] * 5, [0.35, 0.25, 0.17, 0.5, 0.35])}


def lfm2(draw):
    values = draw.decoder(head_dim=False)
    values["norm_eps"] = values.pop("rms_norm_eps")
    layers = draw.one(3, 4, 5)
    kinds = draw.windows(layers, "conv")
    kinds[1] = "full_attention"
    kinds[0] = "conv"
    return values | {
        "num_hidden_layers": layers, "conv_L_cache": draw.one(3, 4), "block_auto_adjust_ff_dim": draw.one(True, False),
        "block_multiple_of": draw.one(16, 32), "block_ffn_dim_multiplier": draw.one(1.0, 1.5)} | draw.one(
            {"layer_types": kinds}, {"full_attn_idxs": [place for place, kind in enumerate(kinds) if kind != "conv"]})


def lfm2_moe(draw):
    values = draw.decoder(head_dim=False, tied=(True,)) | draw.experts()
    values["norm_eps"] = values.pop("rms_norm_eps")
    layers = draw.one(3, 4, 5)
    kinds = draw.windows(layers, "conv")
    kinds[1], kinds[0] = "full_attention", "conv"
    return values | {
        "num_hidden_layers": layers, "conv_L_cache": draw.one(3, 4), "layer_types": kinds, "num_dense_layers": draw.one(1, 2),
        "use_expert_bias": True, "routed_scaling_factor": draw.one(1.0, 2.0), "norm_topk_prob": True}


def jamba(draw):
    values = draw.decoder(head_dim=False)
    values.pop("rope_parameters")
    return values | {
        "num_hidden_layers": draw.one(4, 5), "attn_layer_period": draw.one(2, 3, 4), "attn_layer_offset": 1,
        "expert_layer_period": 2, "expert_layer_offset": draw.one(0, 1), "num_experts": draw.one(2, 4), "num_experts_per_tok": draw.one(1, 2),
        "mamba_d_state": draw.one(8, 16), "mamba_d_conv": draw.one(3, 4), "mamba_expand": 2, "mamba_dt_rank": draw.one("auto", 6),
        "use_mamba_kernels": False} | {"tokenizer": "llama-spm", "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}


def mamba(draw):
    hidden = draw.one(48, 64, 96)
    return {
        "vocab_size": 512, "hidden_size": hidden, "num_hidden_layers": draw.one(2, 3), "state_size": draw.one(8, 16),
        "conv_kernel": draw.one(3, 4), "expand": 2, "time_step_rank": draw.one("auto", 4, 7),
        "layer_norm_epsilon": draw.one(1e-5, 1e-6), "tie_word_embeddings": draw.one(True, False), "bos_token_id": 509,
        "eos_token_id": 510, "pad_token_id": 510}


def mamba2(draw):
    hidden, head = draw.one(48, 64, 96), draw.one(8, 16)
    return {
        "vocab_size": 512, "hidden_size": hidden, "num_hidden_layers": draw.one(2, 3), "state_size": draw.one(8, 16),
        "conv_kernel": draw.one(3, 4), "expand": 2, "num_heads": 2 * hidden // head, "head_dim": head,
        "n_groups": draw.one(1, 2), "chunk_size": 32, "layer_norm_epsilon": draw.one(1e-5, 1e-6),
        "tie_word_embeddings": draw.one(True, False), "bos_token_id": 509, "eos_token_id": 510, "pad_token_id": 510}


FAMILIES = {
    "Qwen3NextForCausalLM": qwen3_next, "Qwen3_5ForCausalLM": qwen3_5, "Qwen3_5MoeForCausalLM": qwen3_5_moe,
    "GraniteMoeHybridForCausalLM": granite, "NemotronHForCausalLM": nemotron, "FalconH1ForCausalLM": falcon_h1,
    "Lfm2ForCausalLM": lfm2, "Lfm2MoeForCausalLM": lfm2_moe, "JambaForCausalLM": jamba, "MambaForCausalLM": mamba,
    "Mamba2ForCausalLM": mamba2,
}
