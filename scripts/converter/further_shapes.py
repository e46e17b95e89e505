"""Names and shapes of the classes in tables/further.py and tables/rwkv.py."""

from shapes import drop, llama, ren


def bitnet(n=2, H=64, F=96, h=4, kv=4, **k):
    t = llama(n, H, F, h=h, kv=kv, hd=H // h, head=False, **k)
    for i in range(n):
        t[f"model.layers.{i}.self_attn.inner_attn_ln.weight"] = [H]
        t[f"model.layers.{i}.mlp.ffn_layernorm.weight"] = [F]
    return t


def grok(n=2, H=64, F=96, W=None, h=4, kv=2, V=512, E=4, dense=False, old=False):
    """Grok 2's names, or those of the Grok 1 that was ported to transformers."""
    W, hd = W or F, H // h
    if old:
        t = {"transformer.in_out_embed.weight": [V, H], "transformer.rms_norm.weight": [H], "lm_head.weight": [V, H]}
        for i in range(n):
            p = f"transformer.decoder_layer.{i}."
            for name in ["rms_norm", "rms_norm_1", "rms_norm_2", "rms_norm_3"]:
                t[f"{p}{name}.weight"] = [H]
            for name, rows in [("query", h * hd), ("key", kv * hd), ("value", kv * hd)]:
                t[f"{p}multi_head_attention.{name}.weight"] = [rows, H]
            t[f"{p}multi_head_attention.linear.weight"] = [H, h * hd]
            for e in range(E):
                for name, shape in [("linear", [W, H]), ("linear_1", [H, W]), ("linear_v", [W, H])]:
                    t[f"{p}moe.{e}.{name}.weight"] = shape
            # The router closes a layer: the converter stacks experts when something else follows them.
            t[p + "router.weight"] = [E, H]
        return t
    t = {"model.embed_tokens.weight": [V, H], "model.norm.weight": [H], "lm_head.weight": [V, H]}
    for i in range(n):
        p = f"model.layers.{i}."
        for name in ["pre_attn_norm", "post_attn_norm", "pre_moe_norm", "post_moe_norm"]:
            t[f"{p}{name}.weight"] = [H]
        for name, rows in [("q", h * hd), ("k", kv * hd), ("v", kv * hd)]:
            t[f"{p}self_attn.{name}_proj.weight"] = [rows, H]
        t[p + "self_attn.o_proj.weight"] = [H, h * hd]
        for e in range(E):
            for name, shape in [("w1", [W, H]), ("w2", [H, W]), ("w3", [W, H])]:
                t[f"{p}block_sparse_moe.experts.{e}.{name}.weight"] = shape
        t[p + "block_sparse_moe.gate.weight"] = [E, H]
        if dense:
            for name, shape in [("gate", [F, H]), ("up", [F, H]), ("down", [H, F])]:
                t[f"{p}mlp.{name}_proj.weight"] = shape
    return t


def lfm2(types, H=64, F=256, h=4, kv=2, V=512, kernel=3, prefix=""):
    hd = H // h
    t = {f"{prefix}embed_tokens.weight": [V, H], f"{prefix}embedding_norm.weight": [H]}
    for i, kind in enumerate(types):
        p = f"{prefix}layers.{i}."
        t[p + "operator_norm.weight"] = t[p + "ffn_norm.weight"] = [H]
        if kind == "conv":
            t[p + "conv.in_proj.weight"] = [3 * H, H]
            t[p + "conv.conv.weight"] = [H, 1, kernel]
            t[p + "conv.out_proj.weight"] = [H, H]
        else:
            for name, rows in [("q", h * hd), ("k", kv * hd), ("v", kv * hd)]:
                t[f"{p}self_attn.{name}_proj.weight"] = [rows, H]
            t[p + "self_attn.out_proj.weight"] = [H, h * hd]
            t[p + "self_attn.q_layernorm.weight"] = t[p + "self_attn.k_layernorm.weight"] = [hd]
        t[p + "feed_forward.w1.weight"] = t[p + "feed_forward.w3.weight"] = [F, H]
        t[p + "feed_forward.w2.weight"] = [H, F]
    return t


def plamo2(attends, H=64, F=96, h=4, kv=2, hd=16, V=512, heads=4, state=8, kernel=4, head=True):
    rank, inner = max(64, H // 16), heads * hd
    t = {"model.embed_tokens.weight": [V, H], "model.norm.weight": [H]}
    if head:
        t["lm_head.weight"] = [V, H]
    for i, attention in enumerate(attends):
        p = f"model.layers.layers.{i}."
        for name in ["pre_mixer_norm", "post_mixer_norm", "pre_mlp_norm", "post_mlp_norm"]:
            t[f"{p}{name}.weight"] = [H]
        t[p + "mlp.gate_up_proj.weight"] = [2 * F, H]
        t[p + "mlp.down_proj.weight"] = [H, F]
        if attention:
            t[p + "mixer.qkv_proj.weight"] = [(h + 2 * kv) * hd, H]
            t[p + "mixer.o_proj.weight"] = [H, h * hd]
            t[p + "mixer.q_weight"] = [h, hd]
            t[p + "mixer.k_weight"] = [kv, hd]
            continue
        t[p + "mixer.in_proj.weight"] = [2 * inner, H]
        t[p + "mixer.conv1d.weight"] = [inner, 1, kernel]
        t[p + "mixer.bcdt_proj.weight"] = [rank + 2 * state, inner]
        t[p + "mixer.dt_proj.weight"] = [heads, rank]
        t[p + "mixer.dt_bias"] = t[p + "mixer.A_log"] = t[p + "mixer.D"] = [heads]
        t[p + "mixer.dt_norm_weight"] = [rank]
        t[p + "mixer.B_norm_weight"] = t[p + "mixer.C_norm_weight"] = [state]
        t[p + "mixer.out_proj.weight"] = [H, inner]
    return t


def plamo3(n=3, H=64, F=96, h=4, kv=2, hd=16, V=512, head=True):
    t = {"model.embed_tokens.weight": [V, H], "model.norm.weight": [H]}
    if head:
        t["lm_head.weight"] = [V, H]
    for i in range(n):
        p = f"model.layers.layers.{i}."
        for name in ["pre_mixer_norm", "post_mixer_norm", "pre_mlp_norm", "post_mlp_norm"]:
            t[f"{p}{name}.weight"] = [H]
        t[p + "mlp.gate_up_proj.weight"] = [2 * F, H]
        t[p + "mlp.down_proj.weight"] = [H, F]
        t[p + "mixer.qkv_proj.weight"] = [(h + 2 * kv) * hd, H]
        t[p + "mixer.o_proj.weight"] = [H, h * hd]
        t[p + "mixer.q_norm.weight"] = t[p + "mixer.k_norm.weight"] = [hd]
    return t


def granite_switch(n=2, H=64, F=96, h=4, kv=2, V=512, adapters=2, rank=4):
    hd = H // h
    t = {"model.embed_tokens.weight": [V, H], "model.norm.weight": [H]}
    t["model.switch.adapter_token_ids"] = [adapters]

    def lora(module, inputs, outputs, slices):
        for place, rows in enumerate(outputs):
            names = [f"lora_A_slices.{place}", f"lora_B_slices.{place}"] if slices else ["lora_A", "lora_B"]
            t[f"{module}.{names[0]}"] = [adapters, 1, rank, inputs]
            t[f"{module}.{names[1]}"] = [adapters, 1, rows, rank]

    for i in range(n):
        p = f"model.layers.{i}."
        t[p + "input_layernorm.weight"] = t[p + "post_attention_layernorm.weight"] = [H]
        t[p + "self_attn.qkv_proj.base_layer.weight"] = [(h + 2 * kv) * hd, H]
        lora(p + "self_attn.qkv_proj", H, [h * hd, kv * hd, kv * hd], True)
        t[p + "self_attn.o_proj.base_layer.weight"] = [H, h * hd]
        lora(p + "self_attn.o_proj", h * hd, [H], False)
        t[p + "shared_mlp.input_linear.base_layer.weight"] = [2 * F, H]
        lora(p + "shared_mlp.input_linear", H, [F, F], True)
        t[p + "shared_mlp.output_linear.base_layer.weight"] = [H, F]
        lora(p + "shared_mlp.output_linear", F, [H], False)
    return t


def rwkv6(n=3, H=64, F=96, V=512, head=16, extra=32, decay=64):
    t = {"rwkv.embeddings.weight": [V, H], "head.weight": [V, H]}
    t["rwkv.ln_out.weight"] = t["rwkv.ln_out.bias"] = [H]
    for i in range(n):
        p = f"rwkv.blocks.{i}."
        for name in ["ln1", "ln2", *(["pre_ln"] if i == 0 else [])]:
            t[f"{p}{name}.weight"] = t[f"{p}{name}.bias"] = [H]
        for letter in "xwkvrg":
            t[f"{p}attention.time_maa_{letter}"] = [1, 1, H]
        t[p + "attention.time_maa_w1"] = [H, 5 * extra]
        t[p + "attention.time_maa_w2"] = [5, extra, H]
        t[p + "attention.time_decay"] = [1, 1, H]
        t[p + "attention.time_decay_w1"] = [H, decay]
        t[p + "attention.time_decay_w2"] = [decay, H]
        t[p + "attention.time_faaaa"] = [H // head, head]
        for name in ["receptance", "key", "value", "gate", "output"]:
            t[f"{p}attention.{name}.weight"] = [H, H]
        t[p + "attention.ln_x.weight"] = t[p + "attention.ln_x.bias"] = [H]
        t[p + "feed_forward.time_maa_k"] = t[p + "feed_forward.time_maa_r"] = [1, 1, H]
        t[p + "feed_forward.key.weight"] = [F, H]
        t[p + "feed_forward.value.weight"] = [H, F]
        t[p + "feed_forward.receptance.weight"] = [H, H]
    return t


def rwkv6qwen2(n=3, H=64, F=96, V=512, h=4, kv=2, extra=32, decay=64, bias=True):
    hd = H // h
    t = drop(llama(n, H, F, V, h, kv, hd, qkv=bias), "o_proj")
    for i in range(n):
        p = f"model.layers.{i}.self_attn."
        for letter in "xrwkvg":
            t[f"{p}time_maa_{letter}"] = [1, 1, H]
        t[p + "time_maa_w1"] = [H, 5 * extra]
        t[p + "time_maa_w2"] = [5, extra, H]
        t[p + "time_decay"] = [1, 1, H]
        t[p + "time_decay_w1"] = [H, decay]
        t[p + "time_decay_w2"] = [decay, H]
        t[p + "gate.weight"] = t[p + "o_proj.weight"] = [H, H]
    return t


RANKS = {"w": 64, "a": 64, "v": 32, "g": 128}


def rwkv7(n=3, H=64, F=None, V=512, head=16, ranks=None, fla=True, first=False):
    """The names of flash-linear-attention's class, or those of the model's own code."""
    ranks, F = ranks or RANKS, F or 4 * H
    t = {"model.embeddings.weight": [V, H], "lm_head.weight": [V, H]}
    t["model.norm.weight"] = t["model.norm.bias"] = [H]
    for i in range(n):
        p = f"model.layers.{i}."
        for name in ["attn_norm", "ffn_norm", *(["pre_norm"] if i == 0 else [])]:
            t[f"{p}{name}.weight"] = t[f"{p}{name}.bias"] = [H]
        for letter in "rwkvag":
            t[f"{p}attn.x_{letter}"] = [1, 1, H]
        t[p + "attn.k_k"] = t[p + "attn.k_a"] = [H]
        t[p + "attn.r_k"] = [H // head, head]
        for letter, rank in ranks.items():
            if letter == "v" and i == 0 and not first:
                continue
            t[f"{p}attn.{letter}_lora.lora.0.weight"] = [rank, H]
            t[f"{p}attn.{letter}_lora.lora.2.weight"] = [H, rank]
            if letter != "g":
                t[f"{p}attn.{letter}_lora.lora.2.bias"] = [H]
        for name in "rkvo":
            t[f"{p}attn.{name}_proj.weight"] = [H, H]
        t[p + "attn.g_norm.weight"] = t[p + "attn.g_norm.bias"] = [H]
        t[p + "ffn.x_k"] = [H]
        t[p + "ffn.key.weight"] = [F, H]
        t[p + "ffn.value.weight"] = [H, F]
    if fla:
        return t
    pairs = [("model.layers.", "model.blocks."), ("attn_norm", "ln1"), ("ffn_norm", "ln2"), ("pre_norm", "ln0")]
    named = ren(t, *[pair for pair in pairs if pair[0] != "pre_norm"])
    result = {}
    for name, shape in named.items():
        for letter in ranks:
            for old, new in [("0.weight", "1"), ("2.weight", "2"), ("2.bias", "0")]:
                if name.endswith(f"attn.{letter}_lora.lora.{old}"):
                    name = name.replace(f"{letter}_lora.lora.{old}", letter + new)
                    shape = [1, 1, H] if new == "0" else shape[::-1]
        result[name] = shape
    return result


def arwkv7(n=3, H=64, F=96, V=512, h=4, kv=None, gate=True):
    head = H // h
    t = drop(llama(n, H, F, V, h, h, head, qkv=False), "q_proj", "k_proj", "v_proj", "o_proj")
    for i in range(n):
        p = f"model.layers.{i}.self_attn.time_mixer."
        for letter in "rwkva" + ("g" if gate else ""):
            t[f"{p}x_{letter}"] = [1, 1, H]
        t[p + "k_k"] = t[p + "k_a"] = [1, 1, H]
        t[p + "r_k"] = [h, head]
        for letter, rank in RANKS.items():
            if letter == "g" and not gate:
                continue
            if letter == "v" and i == 0:
                continue
            t[f"{p}{letter}1"], t[f"{p}{letter}2"] = [H, rank], [rank, H]
            if letter != "g":
                t[f"{p}{letter}0"] = [1, 1, H]
        for name in ["receptance", "key", "value", "output"]:
            t[f"{p}{name}.weight"] = [H, H]
    return t
