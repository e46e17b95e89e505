"""Adapters that a seed draws: a base of one of many families, and what PEFT can be told of its changes."""

import random

import torch

# A model of transformers, the words that make it small beside those of adapters.SMALL, and its linear modules.
ATTENTION = ["q_proj", "k_proj", "v_proj", "o_proj"]
NETWORK = ["gate_proj", "up_proj", "down_proj"]
USUAL = ATTENTION + NETWORK
LATENT = dict(
    num_key_value_heads=4, q_lora_rank=24, kv_lora_rank=16, qk_nope_head_dim=16, qk_rope_head_dim=8, v_head_dim=16,
    n_routed_experts=4, moe_intermediate_size=32, first_k_dense_replace=1, n_group=1, topk_group=1,
    num_experts_per_tok=2, n_shared_experts=1, head_dim=8)  # fmt: skip
STATE = dict(mamba_n_heads=8, mamba_d_head=16, mamba_d_state=16, mamba_n_groups=1, mamba_expand=2)
BASES = {
    "Llama": ({}, USUAL),
    "Mistral": ({"head_dim": 24}, USUAL),
    "Qwen2": ({}, USUAL),
    "Qwen3": ({"head_dim": 32}, USUAL),
    "Gemma": ({"head_dim": 32}, USUAL),
    "Gemma2": ({"head_dim": 32, "query_pre_attn_scalar": 32}, USUAL),
    "Gemma3Text": ({"head_dim": 32, "query_pre_attn_scalar": 32}, USUAL),
    "Phi": ({"num_key_value_heads": 4}, ["q_proj", "k_proj", "v_proj", "dense", "fc1", "fc2"]),
    "Phi3": ({"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}, ["qkv_proj", "o_proj", "gate_up_proj", "down_proj"]),
    "GPTNeoX": ({}, ["query_key_value", "dense", "dense_h_to_4h", "dense_4h_to_h"]),
    "Falcon": ({"new_decoder_architecture": True, "num_kv_heads": 2}, ["query_key_value", "dense", "dense_h_to_4h", "dense_4h_to_h"]),
    "Bloom": ({}, ["query_key_value", "dense", "dense_h_to_4h", "dense_4h_to_h"]),
    "Olmo2": ({}, USUAL),
    "Olmo": ({}, USUAL),
    "Cohere": ({}, USUAL),
    "StableLm": ({}, USUAL),
    "Starcoder2": ({}, ATTENTION + ["c_fc", "c_proj"]),
    "Granite": ({}, USUAL),
    "Glm4": ({"head_dim": 16, "pad_token_id": 0}, ATTENTION + ["gate_up_proj", "down_proj"]),
    "SmolLM3": ({"pad_token_id": 0}, USUAL),
    "Exaone4": ({}, USUAL),
    "Ernie4_5": ({"head_dim": 16}, USUAL),
    "SeedOss": ({"head_dim": 16}, USUAL),
    "Arcee": ({"pad_token_id": 0}, ATTENTION + ["up_proj", "down_proj"]),
    "Nemotron": ({}, ATTENTION + ["up_proj", "down_proj"]),
    "Mixtral": ({"num_local_experts": 4}, ATTENTION),
    "Qwen3Moe": ({"num_experts": 4, "moe_intermediate_size": 32, "head_dim": 16, "norm_topk_prob": True}, ATTENTION),
    "Qwen2Moe": (
        {"num_experts": 4, "moe_intermediate_size": 32, "shared_expert_intermediate_size": 48}, USUAL + ["shared_expert_gate"]),
    "DeepseekV3": (LATENT, ["q_a_proj", "q_b_proj", "kv_a_proj_with_mqa", "kv_b_proj", "o_proj", *NETWORK]),
    "DeepseekV2": ({**LATENT, "q_lora_rank": None}, ["q_proj", "kv_a_proj_with_mqa", "kv_b_proj", "o_proj", *NETWORK]),
    "Mamba2": (
        {"num_heads": 8, "head_dim": 16, "state_size": 16, "n_groups": 1, "expand": 2, "hidden_size": 64},
        ["in_proj"]),
    "Mamba": ({"state_size": 16, "time_step_rank": 8}, ["in_proj", "x_proj"]),
    "FalconH1": (
        {**STATE, "mamba_d_ssm": 128, "head_dim": 16, "key_multiplier": 0.5, "ssm_in_multiplier": 0.75},
        [*USUAL, "in_proj"]),
    "GraniteMoeHybrid": (
        {**STATE, "num_local_experts": 0, "num_experts_per_tok": 0, "shared_intermediate_size": 96,
         "layer_types": ["mamba", "attention"], "position_embedding_type": "rope"},
        [*ATTENTION, "in_proj", "out_proj", "input_linear", "output_linear"]),
    "Lfm2": ({"block_auto_adjust_ff_dim": False, "layer_types": ["conv", "full_attention"]}, ["q_proj", "k_proj", "v_proj", "out_proj", "w1", "w2", "w3", "in_proj"]),
    "GPT2": ({"n_embd": 64, "n_layer": 2, "n_head": 4, "n_positions": 256}, ["c_attn", "c_fc", "c_proj"]),
    "HunYuanDenseV1": ({"head_dim": 16}, USUAL),
    "GptOss": ({"num_local_experts": 4, "head_dim": 16, "layer_types": ["sliding_attention", "full_attention"], "pad_token_id": 0}, ATTENTION),
}  # fmt: skip
EMBEDDINGS = {"GPTNeoX": ["embed_in", "embed_out"], "Falcon": ["word_embeddings"], "Bloom": ["word_embeddings"],
              "GPT2": ["wte"], "Mamba": ["embeddings"], "Mamba2": ["embeddings"]}  # fmt: skip


def modules(source, names, layers):
    """What `target_modules` and its kin say, and the modules that are named."""
    some = source.sample(names, source.randint(1, len(names)))
    kind = source.choice(["list", "list", "all", "pattern", "linear", "layers", "excluded"])
    if kind == "all":
        return dict(target_modules=names), names
    if kind == "pattern":
        return dict(target_modules=rf".*\.({'|'.join(some)})"), some
    if kind == "linear":
        return dict(target_modules="all-linear"), names
    if kind == "layers":
        return dict(target_modules=some, layers_to_transform=[source.randrange(layers)], layers_pattern=None), some
    if kind == "excluded" and len(names) > 1:
        return dict(target_modules=names, exclude_modules=source.sample(names, 1)), names
    return dict(target_modules=some), some


def case(source, kind):
    """One case as adapters.CASES has them."""
    more, names = BASES[kind]
    more = dict(more, num_hidden_layers=2)
    options = dict(r=source.choice([1, 2, 4, 8, 12, 16, 32, 64]), lora_alpha=source.choice([1, 8, 16, 24, 32, 0.5, 7.25]))
    chosen, named = modules(source, names, 2)
    options |= chosen
    if source.random() < 0.25:
        options["use_rslora"] = True
    if source.random() < 0.25:
        options["rank_pattern"] = {source.choice(named): source.choice([2, 6, 16])}
    if source.random() < 0.25:
        options["alpha_pattern"] = {source.choice(named): source.choice([4, 64])}
    extra = {}
    tied = source.random() < 0.4
    ends = EMBEDDINGS.get(kind, ["embed_tokens", "lm_head"])
    what = source.random()
    if what < 0.15 and isinstance(options["target_modules"], list):
        options["target_modules"] = options["target_modules"] + ends[: 1 if tied else 2]
        extra["ends"] = True
    elif what < 0.2:
        options["modules_to_save"] = source.sample(ends, 1)
        extra["saved"] = True
    elif what < 0.22:
        options["lora_bias"] = True
        extra["biases"] = True
    elif what < 0.35 and isinstance(options["target_modules"], list):
        extra["norms"] = kind in ("Llama", "Mistral", "Qwen2")
    if kind not in EMBEDDINGS:
        more["tie_word_embeddings"] = tied
    dtype = source.choice([torch.float32, torch.float32, torch.bfloat16, torch.float16])
    return (kind, more), options, dtype, extra


def cases(seed, count):
    """`count` cases for every base, by name."""
    drawn = {}
    for kind in BASES:
        for number in range(count):
            drawn[f"{kind}-{seed}.{number}"] = case(random.Random(f"{seed} {kind} {number}"), kind)
    return drawn
