"""Names and shapes of draft models: EAGLE-3, DFlash and DSpark."""


def draft_numbers(draft, target):
    """Differences from draft tokens to the target's, as a tensor; and which of the target's are a draft token."""
    import torch
    ids = sorted(torch.randperm(target, generator=torch.Generator().manual_seed(5))[:draft].tolist())
    d2t = torch.tensor([token - place for place, token in enumerate(ids)], dtype=torch.int64)
    t2d = torch.zeros(target, dtype=torch.bool)
    t2d[ids] = True
    return d2t, t2d


def with_numbers(draft, target):
    """Adds both tables to a checkpoint."""

    def rename(tensors):
        d2t, t2d = draft_numbers(draft, target)
        return tensors | {"d2t": d2t, "t2d": t2d}

    return rename


def eagle3(H=64, F=96, h=4, kv=2, hd=16, V=512, draft=256, fused=3 * 64, layer="midlayer.", embeddings=False, norm=False):
    t = {"fc.weight": [H, fused], "norm.weight": [H], "lm_head.weight": [draft, H]}
    if embeddings:
        t["embed_tokens.weight"] = [V, H]
    if norm:
        t["input_norm.weight"] = [fused]
    for name in ["hidden_norm", "input_layernorm", "post_attention_layernorm"]:
        t[f"{layer}{name}.weight"] = [H]
    for name, rows in [("q", h * hd), ("k", kv * hd), ("v", kv * hd)]:
        t[f"{layer}self_attn.{name}_proj.weight"] = [rows, 2 * H]
    t[f"{layer}self_attn.o_proj.weight"] = [H, h * hd]
    for name, shape in [("gate", [F, H]), ("up", [F, H]), ("down", [H, F])]:
        t[f"{layer}mlp.{name}_proj.weight"] = shape
    return t


def dflash(n=2, H=64, F=96, h=4, kv=2, hd=16, V=512, fused=3 * 64, prefix="", head=None, embeddings=False, sinks=False):
    t = {f"{prefix}fc.weight": [H, fused], f"{prefix}norm.weight": [H], f"{prefix}hidden_norm.weight": [H]}
    if head:
        t["lm_head.weight"] = [head, H]
    if embeddings:
        t[f"{prefix}embed_tokens.weight"] = [V, H]
    for i in range(n):
        p = f"{prefix}layers.{i}."
        t[p + "input_layernorm.weight"] = t[p + "post_attention_layernorm.weight"] = [H]
        for name, rows in [("q", h * hd), ("k", kv * hd), ("v", kv * hd)]:
            t[f"{p}self_attn.{name}_proj.weight"] = [rows, H]
        t[p + "self_attn.o_proj.weight"] = [H, h * hd]
        t[p + "self_attn.q_norm.weight"] = t[p + "self_attn.k_norm.weight"] = [hd]
        if sinks:
            t[p + "self_attn.sinks"] = [h]
        for name, shape in [("gate", [F, H]), ("up", [F, H]), ("down", [H, F])]:
            t[f"{p}mlp.{name}_proj.weight"] = shape
    return t


def dflash2(n=2, H=64, V=512, rank=8, kernel=3, group=16, **further):
    t = dflash(n, H, V=V, **further)
    for i in range(n):
        for name in ["attention_conv", "mlp_conv"]:
            t[f"layers.{i}.{name}.base_kernel"] = [H, kernel]
            t[f"layers.{i}.{name}.kernel_projection.weight"] = [H // group * kernel, H]
    t["candidate_selector.predecessor_codebook"] = t["candidate_selector.successor_codebook"] = [V, rank]
    t["candidate_selector.hidden_projection.weight"] = [rank, H]
    return t


def dspark(n=2, H=64, V=512, draft=None, rank=8, confidence=True, bias=False, **further):
    t = dflash(n, H, V=V, head=further.pop("head", draft), **further)
    t["markov_head.markov_w1.weight"] = [V, rank]
    t["markov_head.markov_w2.weight"] = [draft or V, rank]
    if confidence:
        t["confidence_head.proj.weight"] = [1, H + rank]
        if bias:
            t["confidence_head.proj.bias"] = [1]
    return t


def gemma4_dspark(n=2, H=64, F=96, h=4, kv=1, hd=32, V=512, fused=3 * 64, rank=8, head=True):
    t = {"model.fc.weight": [H, fused], "model.norm.weight": [H], "model.hidden_norm.weight": [H]}
    t["model.embed_tokens.weight"] = [V, H]
    if head:
        t["lm_head.weight"] = [V, H]
    for i in range(n):
        p = f"model.layers.{i}."
        for name in ["input_layernorm", "post_attention_layernorm", "pre_feedforward_layernorm",
                     "post_feedforward_layernorm"]:
            t[f"{p}{name}.weight"] = [H]
        t[p + "self_attn.q_proj.weight"] = [h * hd, H]
        t[p + "self_attn.k_proj.weight"] = [kv * hd, H]
        t[p + "self_attn.o_proj.weight"] = [H, h * hd]
        t[p + "self_attn.q_norm.weight"] = t[p + "self_attn.k_norm.weight"] = [hd]
        t[p + "layer_scalar"] = [1]
        for name, shape in [("gate", [F, H]), ("up", [F, H]), ("down", [H, F])]:
            t[f"{p}mlp.{name}_proj.weight"] = shape
    t["model.markov_head.markov_w1.weight"] = t["model.markov_head.markov_w2.weight"] = [V, rank]
    t["model.confidence_proj.weight"] = [1, H + rank]
    return t
