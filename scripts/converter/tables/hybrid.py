"""Hybrid and recurrent models, and models whose layers differ in size."""

from shapes import B, case_into, drop, llama, nokv

CASES = []
case = case_into(CASES)


def jamba(n=4, H=64, F=96, V=512, h=4, kv=2, E=4, per=4, off=2, eper=2, eoff=1, st=8, rank=4):
    t = {"model.embed_tokens.weight": [V, H], "model.final_layernorm.weight": [H], "lm_head.weight": [V, H]}
    I = 2 * H
    for i in range(n):
        p = f"model.layers.{i}."
        t[p + "input_layernorm.weight"] = [H]
        t[p + "pre_ff_layernorm.weight"] = [H]
        if i >= off and (i - off) % per == 0:
            for r, w in (("q", H), ("k", kv * H // h), ("v", kv * H // h)):
                t[p + f"self_attn.{r}_proj.weight"] = [w, H]
            t[p + "self_attn.o_proj.weight"] = [H, H]
        else:
            m = p + "mamba."
            t.update(
                {
                    m + "A_log": [I, st],
                    m + "D": [I],
                    m + "b_layernorm.weight": [st],
                    m + "c_layernorm.weight": [st],
                    m + "dt_layernorm.weight": [rank],
                    m + "conv1d.bias": [I],
                    m + "conv1d.weight": [I, 1, 4],
                    m + "dt_proj.bias": [I],
                    m + "dt_proj.weight": [I, rank],
                    m + "in_proj.weight": [2 * I, H],
                    m + "out_proj.weight": [H, I],
                    m + "x_proj.weight": [rank + 2 * st, I],
                }
            )
        f = p + "feed_forward."
        if i >= eoff and (i - eoff) % eper == 0:
            t[f + "router.weight"] = [E, H]
            for e in range(E):
                for r in ("gate", "up", "down"):
                    t[f + f"experts.{e}.{r}_proj.weight"] = [H, F] if r == "down" else [F, H]
        else:
            for r in ("gate", "up", "down"):
                t[f + f"{r}_proj.weight"] = [H, F] if r == "down" else [F, H]
    return t


JC = {k: v for k, v in B.items() if k not in ("rope_theta",)}
JM = dict(
    model_type="jamba",
    num_hidden_layers=4,
    attn_layer_period=4,
    attn_layer_offset=2,
    expert_layer_period=2,
    expert_layer_offset=1,
    num_experts=4,
    num_experts_per_tok=2,
    mamba_d_state=8,
    mamba_d_conv=4,
    mamba_expand=2,
    mamba_dt_rank="auto",
    mamba_conv_bias=True,
    mamba_proj_bias=False,
)
case("jamba", "JambaForCausalLM", JM, jamba(), tok="spm", base=JC, run="transformers")
case(
    "jamba-b",
    "JambaForCausalLM",
    dict(
        JM,
        num_hidden_layers=5,
        attn_layer_period=3,
        attn_layer_offset=1,
        expert_layer_period=3,
        expert_layer_offset=2,
        mamba_dt_rank=6,
        mamba_d_state=16,
    ),
    jamba(5, per=3, off=1, eper=3, eoff=2, rank=6, st=16),
    tok="spm",
    base=JC,
    dtype="float32",
    run="transformers",
)


def falconmamba(n=2, H=64, st=8, rank=4, V=512):
    t = {"backbone.embeddings.weight": [V, H], "backbone.norm_f.weight": [H], "lm_head.weight": [V, H]}
    I = 2 * H
    for i in range(n):
        m = f"backbone.layers.{i}.mixer."
        t[f"backbone.layers.{i}.norm.weight"] = [H]
        t.update(
            {
                m + "A_log": [I, st],
                m + "D": [I],
                m + "conv1d.bias": [I],
                m + "conv1d.weight": [I, 1, 4],
                m + "dt_proj.bias": [I],
                m + "dt_proj.weight": [I, rank],
                m + "in_proj.weight": [2 * I, H],
                m + "out_proj.weight": [H, I],
                m + "x_proj.weight": [rank + 2 * st, I],
            }
        )
    return t


FM = dict(
    model_type="falcon_mamba",
    vocab_size=512,
    hidden_size=64,
    num_hidden_layers=2,
    state_size=8,
    conv_kernel=4,
    expand=2,
    intermediate_size=128,
    time_step_rank=4,
    layer_norm_epsilon=1e-5,
    mixer_rms_eps=1e-5,
    use_bias=False,
    use_conv_bias=True,
    hidden_act="silu",
    tie_word_embeddings=False,
    torch_dtype="bfloat16",
)
case("falconmamba", "FalconMambaForCausalLM", {}, falconmamba(), base=FM, run="transformers")
case(
    "falconmamba-b",
    "FalconMambaForCausalLM",
    dict(num_hidden_layers=3, state_size=16, time_step_rank=8),
    falconmamba(3, st=16, rank=8),
    base=FM,
    dtype="float32",
    run="transformers",
)


def bamba(n=3, H=64, F=96, V=512, h=4, kv=2, at=(1,), nh=8, st=8, g=1):
    t = {"model.embed_tokens.weight": [V, H], "model.final_layernorm.weight": [H], "lm_head.weight": [V, H]}
    I = 2 * H
    ch = I + 2 * g * st
    for i in range(n):
        p = f"model.layers.{i}."
        t[p + "input_layernorm.weight"] = [H]
        t[p + "pre_ff_layernorm.weight"] = [H]
        if i in at:
            for r, w in (("q", H), ("k", kv * H // h), ("v", kv * H // h)):
                t[p + f"self_attn.{r}_proj.weight"] = [w, H]
            t[p + "self_attn.o_proj.weight"] = [H, H]
        else:
            m = p + "mamba."
            t.update(
                {
                    m + "A_log": [nh],
                    m + "D": [nh],
                    m + "conv1d.bias": [ch],
                    m + "conv1d.weight": [ch, 1, 4],
                    m + "dt_bias": [nh],
                    m + "in_proj.weight": [I + ch + nh, H],
                    m + "out_proj.weight": [H, I],
                    m + "norm.weight": [I],
                }
            )
        for r in ("gate", "up", "down"):
            t[p + f"feed_forward.{r}_proj.weight"] = [H, F] if r == "down" else [F, H]
    return t


BM = dict(
    model_type="bamba",
    num_hidden_layers=3,
    attn_layer_indices=[1],
    mamba_n_heads=8,
    mamba_d_head=16,
    mamba_n_groups=1,
    mamba_d_state=8,
    mamba_d_conv=4,
    mamba_expand=2,
)
case(
    "bamba",
    "BambaForCausalLM",
    dict(BM, rope_parameters=dict(rope_type="default", rope_theta=10000.0, partial_rotary_factor=1.0)),
    bamba(),
    base=JC,
    run="transformers",
)
case(
    "bamba-b",
    "BambaForCausalLM",
    dict(BM, attn_rotary_emb=8, num_hidden_layers=4, attn_layer_indices=[0, 2]),
    bamba(4, at=(0, 2)),
    base=B,
    dtype="float32",
    run="transformers",
)


def openelm(V=512, H=64, hd=16, q=(2, 4, 4), k=(1, 2, 2), f=(64, 96, 128)):
    t = {"transformer.token_embeddings.weight": [V, H], "transformer.norm.weight": [H]}
    for i in range(len(q)):
        p = f"transformer.layers.{i}."
        t.update(
            {
                p + "attn_norm.weight": [H],
                p + "ffn_norm.weight": [H],
                p + "attn.q_norm.weight": [hd],
                p + "attn.k_norm.weight": [hd],
                p + "attn.qkv_proj.weight": [(q[i] + 2 * k[i]) * hd, H],
                p + "attn.out_proj.weight": [H, q[i] * hd],
                p + "ffn.proj_1.weight": [2 * f[i], H],
                p + "ffn.proj_2.weight": [H, f[i]],
            }
        )
    return t


OE = dict(
    model_type="openelm",
    vocab_size=512,
    model_dim=64,
    head_dim=16,
    num_transformer_layers=3,
    num_query_heads=[2, 4, 4],
    num_kv_heads=[1, 2, 2],
    ffn_multipliers=[1.0, 1.5, 2.0],
    ffn_dim_divisor=32,
    max_context_length=256,
    rope_freq_constant=10000,
    rope_max_length=512,
    share_input_output_layers=True,
    normalize_qk_projections=True,
    ffn_with_glu=True,
    activation_fn_name="swish",
    torch_dtype="bfloat16",
    bos_token_id=1,
    eos_token_id=2,
)
case("openelm", "OpenELMForCausalLM", {}, openelm(), tok="spm", base=OE)
case(
    "openelm-b",
    "OpenELMForCausalLM",
    dict(
        num_transformer_layers=2,
        num_query_heads=[4, 6],
        num_kv_heads=[2, 3],
        ffn_multipliers=[0.5, 4.0],
        ffn_dim_divisor=64,
        model_dim=96,
    ),
    openelm(H=96, q=(4, 6), k=(2, 3), f=(64, 384)),
    tok="spm",
    base=OE,
    dtype="float16",
)


def cogvlm(n=2, H=64, F=96, V=512):
    t = {
        "model.embed_tokens.weight": [V, H],
        "model.norm.weight": [H],
        "lm_head.weight": [V, H],
        "model.vision.boi": [1, 1, H],
        "model.vision.patch_embedding.cls_embedding": [1, 32],
    }
    for i in range(n):
        p = f"model.layers.{i}."
        t[p + "input_layernorm.weight"] = [H]
        t[p + "post_attention_layernorm.weight"] = [H]
        for e in ("language", "vision"):
            t[p + f"self_attn.{e}_expert_query_key_value.weight"] = [3 * H, H]
            t[p + f"self_attn.{e}_expert_dense.weight"] = [H, H]
            for r in ("gate", "up", "down"):
                t[p + f"mlp.{e}_mlp.{r}_proj.weight"] = [H, F] if r == "down" else [F, H]
    return t


case(
    "cogvlm",
    "CogVLMForCausalLM",
    dict(
        model_type="cogvlm",
        num_key_value_heads=4,
        vision_config=dict(hidden_size=32),
        template_version="chat",
    ),
    cogvlm(),
    tok="spm",
    base={k: v for k, v in nokv.items() if k != "rope_theta"},
)


def arctic(n=2, H=64, F=96, E=4):
    t = drop(llama(n, H, F), "mlp.")
    for i in range(n):
        p = f"model.layers.{i}."
        t[p + "residual_layernorm.weight"] = [H]
        for r in ("w1", "w2", "w3"):
            t[p + f"residual_mlp.{r}.weight"] = [H, H]
        t[p + "block_sparse_moe.gate.weight"] = [E, H]
        for e in range(E):
            for r in ("w1", "w2", "w3"):
                t[p + f"block_sparse_moe.experts.{e}.{r}.weight"] = [H, F] if r == "w2" else [F, H]
    return t


case(
    "arctic",
    "ArcticForCausalLM",
    dict(
        model_type="arctic",
        num_local_experts=4,
        num_experts_per_tok=2,
        moe_layer_frequency=1,
        parallel_attn_mlp_res=True,
        use_residual=True,
    ),
    arctic(),
    tok="spm",
    run=None,
)


def deci(n, H, F, V, h, kvs, heads, ff, lin=()):
    t = {"model.embed_tokens.weight": [V, H], "model.norm.weight": [H], "lm_head.weight": [V, H]}
    hd = H // h
    for i in range(n):
        p = f"model.layers.{i}."
        if kvs[i]:
            t[p + "input_layernorm.weight"] = [H]
            t[p + "self_attn.q_proj.weight"] = [H, H]
            t[p + "self_attn.o_proj.weight"] = [H, H]
            for r in "kv":
                t[p + f"self_attn.{r}_proj.weight"] = [kvs[i] * hd, H]
        elif heads[i]:
            t[p + "input_layernorm.weight"] = [H]
            t[p + "self_attn.linear_attn.weight"] = [H, H]
        if ff[i]:
            t[p + "post_attention_layernorm.weight"] = [H]
            for r in ("gate", "up", "down"):
                t[p + f"mlp.{r}_proj.weight"] = [H, ff[i]] if r == "down" else [ff[i], H]
    return t


def bc(g, lin, m):
    return dict(
        attention=dict(n_heads_in_group=g, no_op=False, replace_with_linear=lin),
        ffn=dict(ffn_mult=m, no_op=False, replace_with_linear=False),
    )


case(
    "deci",
    "DeciLMForCausalLM",
    dict(
        model_type="nemotron-nas",
        vocab_size=512,
        num_hidden_layers=4,
        block_configs=[bc(2, False, 1.5), bc(None, False, 2.5), bc(4, False, 5.0), bc(1, False, None)],
        intermediate_size=None,
        num_key_value_heads=None,
    ),
    deci(4, 64, 0, 512, 4, [2, 0, 1, 4], [4, 0, 4, 4], [256, 256, 256, 0]),
)
case(
    "deci-lin",
    "DeciLMForCausalLM",
    dict(
        model_type="nemotron-nas",
        num_hidden_layers=2,
        hidden_size=256,
        block_configs=[bc(2, False, 1.0), bc(None, True, 3.0)],
        intermediate_size=None,
        num_key_value_heads=None,
    ),
    deci(2, 256, 0, 512, 4, [2, 0], [4, 4], [256, 512]),
    dtype="float16",
)
case(
    "deci-7b",
    "DeciLMForCausalLM",
    dict(model_type="deci", num_hidden_layers=3, num_key_value_heads_per_layer=[4, 2, 1]),
    deci(3, 64, 0, 512, 4, [4, 2, 1], [4] * 3, [96] * 3),
    base=nokv,
)
