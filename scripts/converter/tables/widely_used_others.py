"""Widely used models of other shapes: GPT-2's, with experts, with latent attention."""

from shapes import B, case_into, drop, llama, mla, nokv, qkn, qmoe, ren

CASES = []
case = case_into(CASES)


def dbrx(n=2, H=64, F=48, V=512, h=4, kv=2, E=4):
    hd = H // h
    t = {"transformer.wte.weight": [V, H], "transformer.norm_f.weight": [H], "lm_head.weight": [V, H]}
    for i in range(n):
        p = f"transformer.blocks.{i}."
        t[p + "norm_attn_norm.norm_1.weight"] = [H]
        t[p + "norm_attn_norm.norm_2.weight"] = [H]
        t[p + "norm_attn_norm.attn.Wqkv.weight"] = [(h + 2 * kv) * hd, H]
        t[p + "norm_attn_norm.attn.out_proj.weight"] = [H, H]
        t[p + "ffn.router.layer.weight"] = [E, H]
        for r in ("w1", "v1", "w2"):
            t[p + f"ffn.experts.mlp.{r}"] = [E * F, H]
    return t


DB = dict(
    model_type="dbrx",
    d_model=64,
    n_heads=4,
    n_layers=2,
    max_seq_len=256,
    vocab_size=512,
    torch_dtype="bfloat16",
    tie_word_embeddings=False,
    attn_config=dict(clip_qkv=8, kv_n_heads=2, rope_theta=500000),
    ffn_config=dict(
        ffn_hidden_size=48,
        moe_num_experts=4,
        moe_top_k=2,
        moe_jitter_eps=0.01,
        moe_loss_weight=0.05,
        moe_normalize_expert_weights=1.0,
        ffn_act_fn=dict(name="silu"),
    ),
)
case("dbrx", "DbrxForCausalLM", {}, dbrx(), tok="bpe", base=DB, run="transformers")
case(
    "dbrx-b",
    "DbrxForCausalLM",
    dict(
        n_layers=3,
        d_model=128,
        n_heads=8,
        attn_config=dict(clip_qkv=0.3, kv_n_heads=8, rope_theta=10000),
        ffn_config=dict(ffn_hidden_size=40, moe_num_experts=6, moe_top_k=3, moe_normalize_expert_weights=1.0),
    ),
    dbrx(3, 128, 40, h=8, kv=8, E=6),
    tok="bpe",
    base=DB,
    dtype="float32",
    run="transformers",
)


def codeshell(n=2, H=64, V=512, h=4, kv=2):
    hd = H // h
    t = {
        "transformer.wte.weight": [V, H],
        "transformer.ln_f.weight": [H],
        "transformer.ln_f.bias": [H],
        "lm_head.weight": [V, H],
    }
    for i in range(n):
        p = f"transformer.h.{i}."
        for m, s in (
            ("ln_1", [H]),
            ("ln_2", [H]),
            ("attn.c_attn", [(h + 2 * kv) * hd, H]),
            ("attn.c_proj", [H, H]),
            ("mlp.c_fc", [4 * H, H]),
            ("mlp.c_proj", [H, 4 * H]),
        ):
            t[p + m + ".weight"] = s
            t[p + m + ".bias"] = s[:1]
    return t


CS = dict(
    model_type="codeshell",
    vocab_size=512,
    n_positions=256,
    n_embd=64,
    n_layer=2,
    n_head=4,
    num_query_groups=2,
    group_query_attention=True,
    layer_norm_epsilon=1e-5,
    activation_function="gelu_pytorch_tanh",
    n_inner=None,
    position_embedding_type="rope",
    tie_word_embeddings=False,
    torch_dtype="bfloat16",
)
case("codeshell", "CodeShellForCausalLM", {}, codeshell(), tok="bpe", base=CS)
case(
    "codeshell-b",
    "CodeShellForCausalLM",
    dict(n_layer=3, num_query_groups=4, rope_scaling=dict(type="linear", factor=1.0)),
    codeshell(3, kv=4),
    tok="bpe",
    base=CS,
    dtype="float32",
)


def refact(n=2, H=96, V=512, h=4):
    hd = H // h
    F = 256 * ((int(2 * 4 * H / 3) + 255) // 256)
    t = {"transformer.wte.weight": [V, H], "transformer.ln_f.weight": [H], "lm_head.weight": [V, H]}
    for i in range(n):
        p = f"transformer.h.{i}."
        t[p + "ln_1.weight"] = [H]
        t[p + "ln_2.weight"] = [H]
        t[p + "attn.q.weight"] = [H, H]
        t[p + "attn.kv.weight"] = [2 * hd, H]
        t[p + "attn.c_proj.weight"] = [H, H]
        t[p + "mlp.gate_up_proj.weight"] = [2 * F, H]
        t[p + "mlp.c_proj.weight"] = [H, F]
    return t


RF = dict(
    model_type="gpt_refact",
    vocab_size=512,
    n_positions=256,
    n_embd=96,
    n_layer=2,
    n_head=4,
    layer_norm_epsilon=1e-5,
    multi_query=True,
    attention_bias_in_fp32=True,
    torch_dtype="bfloat16",
    tie_word_embeddings=False,
)
case("refact", "GPTRefactForCausalLM", {}, refact(), tok="bpe", base=RF)
case(
    "refact-b",
    "GPTRefactForCausalLM",
    dict(n_embd=192, n_head=6, n_layer=3),
    refact(3, 192, h=6),
    tok="bpe",
    base=RF,
    dtype="float16",
)


def jais(n=2, H=64, F=96, V=512, head=True):
    t = {"transformer.wte.weight": [V, H], "transformer.ln_f.weight": [H], "transformer.ln_f.bias": [H]}
    if head:
        t["lm_head.weight"] = [V, H]
    for i in range(n):
        p = f"transformer.h.{i}."
        for m, s in (
            ("ln_1", [H]),
            ("ln_2", [H]),
            ("attn.c_attn", [H, 3 * H]),
            ("attn.c_proj", [H, H]),
            ("mlp.c_fc", [H, F]),
            ("mlp.c_fc2", [H, F]),
            ("mlp.c_proj", [F, H]),
        ):
            t[p + m + ".weight"] = s
            t[p + m + ".bias"] = s[-1:]
    return t


JA = dict(
    model_type="jais",
    vocab_size=512,
    n_positions=256,
    n_embd=64,
    n_layer=2,
    n_head=4,
    n_inner=96,
    layer_norm_epsilon=1e-5,
    activation_function="swiglu",
    position_embedding_type="alibi",
    scale_qk_dot_by_d=True,
    mup_embeddings_scale=9.1705,
    mup_output_alpha=1.09,
    mup_width_scale=0.125,
    torch_dtype="float32",
    tie_word_embeddings=True,
)
case("jais", "JAISLMHeadModel", {}, jais(), tok="bpe", base=JA, dtype="float32")
case(
    "jais-b",
    "JAISLMHeadModel",
    dict(n_layer=3, embeddings_scale=14.6, width_scale=0.11),
    jais(3),
    tok="bpe",
    base={k: v for k, v in JA.items() if not k.startswith("mup")},
    dtype="bfloat16",
)


def orion_like(t):
    o = {}
    for a, b in t.items():
        o[a] = b
        o[a.replace("weight", "bias")] = b[:1] if ("norm" in a or "_proj" in a) else None
    return {a: b for a, b in o.items() if b}


def jais2(n=2, bias=True, **k):
    return drop(orion_like(llama(n, kv=4, **k)), "gate_proj")


case(
    "jais2",
    "Jais2ForCausalLM",
    dict(
        model_type="jais2",
        num_key_value_heads=4,
        layer_norm_eps=1e-5,
        hidden_act="relu2",
        attention_bias=True,
        mlp_bias=True,
        head_dim=16,
    ),
    jais2(),
    tok="bpe",
    run="transformers",
)


def chameleon(n=2, h=4, kv=4, **k):
    t = llama(n, h=h, kv=kv, **k)
    for i in range(n):
        for r, c in (("q", h), ("k", kv)):
            t[f"model.layers.{i}.self_attn.{r}_norm.weight"] = [c, 16]
            t[f"model.layers.{i}.self_attn.{r}_norm.bias"] = [c, 16]
    return t


CH = dict(
    model_type="chameleon",
    swin_norm=False,
    model_parallel_size=1,
    qk_layernorm=True,
    vocabulary_map={"<image>": 5, "IMGIMGBSAAAZ": 300, "a": 7},
    vq_config={},
)
case(
    "chameleon", "ChameleonForConditionalGeneration", dict(CH, num_key_value_heads=4), chameleon(), tok="bpe"
)
case(
    "pangu",
    "PanguEmbeddedForCausalLM",
    dict(model_type="PanguEmbedded", bias=True),
    {**llama(qkv=True), **{f"model.layers.{i}.self_attn.o_proj.bias": [64] for i in range(2)}},
    tok="spm",
)
case(
    "pangu-b",
    "PanguEmbeddedForCausalLM",
    dict(model_type="PanguEmbedded", bias=False, head_dim=32, tie_word_embeddings=True, num_hidden_layers=3),
    llama(3, hd=32, head=False),
    dtype="float16",
    tok="spm",
)
case(
    "nanbeige",
    "NanbeigeForCausalLM",
    dict(model_type="nanbeige", num_loops=2, skip_loop_final_norm=True),
    llama(),
    tok="spm",
)
case(
    "nanbeige-b",
    "NanbeigeForCausalLM",
    dict(model_type="nanbeige", num_loops=3, head_dim=32, num_hidden_layers=3),
    llama(3, hd=32),
    dtype="float32",
    tok="spm",
)
case(
    "maincoder",
    "MaincoderForCausalLM",
    dict(model_type="maincoder", head_dim=16, use_qk_norm=True),
    qkn(llama(), 2, 16),
    tok="bpe",
)
case(
    "maincoder-b",
    "MaincoderForCausalLM",
    dict(model_type="maincoder", head_dim=32, num_hidden_layers=3, tie_word_embeddings=True),
    qkn(llama(3, hd=32, head=False), 3, 32),
    tok="bpe",
)
case(
    "plm",
    "PLMForCausalLM",
    dict(
        model_type="plm",
        num_key_value_heads=4,
        kv_lora_rank=32,
        qk_nope_head_dim=16,
        qk_rope_head_dim=8,
        v_head_dim=16,
        hidden_act="relu2",
        tie_word_embeddings=True,
        q_lora_rank=None,
        attention_bias=False,
    ),
    drop(mla(2, 64, 4, 0, 32, 16, 8, 16, head=False), "gate_proj"),
    tok="bpe",
    base={k: v for k, v in B.items() if k != "tie_word_embeddings"},
)
case(
    "kormo",
    "KORMoForCausalLM",
    dict(model_type="kormo", head_dim=16),
    ren(
        llama(),
        ("input_layernorm", "pre_attention_layernorm"),
        ("post_attention_layernorm", "pre_mlp_layernorm"),
    ),
    tok="bpe",
)
case(
    "rnd1",
    "RND1",
    dict(
        model_type="rnd1",
        head_dim=16,
        num_experts=4,
        num_experts_per_tok=2,
        moe_intermediate_size=40,
        norm_topk_prob=True,
        decoder_sparse_step=1,
        mlp_only_layers=[],
        mask_token_id=500,
    ),
    qmoe(),
    tok="bpe",
    run=None,
)
case("iquest", "IQuestCoderForCausalLM", dict(model_type="iquestcoder", head_dim=16), llama(), tok="bpe")
case(
    "olmo-old",
    "OLMoForCausalLM",
    dict(model_type="olmo", clip_qkv=None),
    drop(llama(kv=4), "norm"),
    tok="bpe",
    base=nokv,
)


def rugpt(n=2, H=64, V=512):
    t = {
        "model.embed_tokens.weight": [V, H],
        "model.embed_positions.weight": [256, H],
        "model.norm.weight": [H],
        "model.norm.bias": [H],
        "lm_head.weight": [V, H],
    }
    for i in range(n):
        p = f"model.layers.{i}."
        for m, s in (
            ("input_layernorm", [H]),
            ("post_attention_layernorm", [H]),
            ("self_attn.q_proj", [H, H]),
            ("self_attn.k_proj", [H, H]),
            ("self_attn.v_proj", [H, H]),
            ("self_attn.o_proj", [H, H]),
            ("mlp.up_proj", [4 * H, H]),
            ("mlp.down_proj", [H, 4 * H]),
        ):
            t[p + m + ".weight"] = s
            t[p + m + ".bias"] = s[:1]
    return t


case(
    "rugpt",
    "RuGPT3XLForCausalLM",
    dict(model_type="rugpt3xl", intermediate_size=256, layer_norm_eps=1e-5, hidden_act="gelu_new"),
    rugpt(),
    tok="bpe",
    base={
        k: v
        for k, v in nokv.items()
        if k not in ("rms_norm_eps", "rope_theta", "hidden_act", "intermediate_size")
    },
)
case(
    "eurobert",
    "EuroBertModel",
    dict(model_type="eurobert", head_dim=16, classifier_pooling="mean"),
    ren(llama(kv=4, head=False), ("model.", "")),
    tok="bpe",
    base={**B, "num_key_value_heads": 4},
    run=None,
)
