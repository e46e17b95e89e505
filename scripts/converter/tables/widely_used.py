"""Widely used models that are Llama with changes."""

from shapes import B, case_into, drop, internlm2, llama, mla, nokv, orion, ren

CASES = []
case = case_into(CASES)

case("internlm2", "InternLM2ForCausalLM", dict(model_type="internlm2", bias=False), internlm2(), tok="spm")
case(
    "internlm2-b",
    "InternLM2ForCausalLM",
    dict(
        model_type="internlm2",
        bias=False,
        num_hidden_layers=3,
        num_attention_heads=8,
        num_key_value_heads=8,
        hidden_size=128,
        rope_scaling=dict(type="dynamic", factor=2.0),
    ),
    internlm2(3, 128, 8, 8),
    dtype="float16",
    tok="spm",
)
case(
    "internlm3",
    "InternLM3ForCausalLM",
    dict(
        model_type="internlm3",
        head_dim=16,
        qkv_bias=False,
        bias=False,
        rope_scaling=dict(rope_type="dynamic", factor=6.0),
    ),
    llama(),
    tok="spm",
)
case(
    "internlm3-b",
    "InternLM3ForCausalLM",
    dict(model_type="internlm3", head_dim=32, qkv_bias=True, bias=False),
    llama(hd=32, qkv=True),
    dtype="float32",
    tok="spm",
)


def baichuan(n=2, H=64, h=4, **k):
    t = drop(llama(n, H, h=h, kv=h, hd=H // h, **k), "q_proj", "k_proj", "v_proj")
    for i in range(n):
        t[f"model.layers.{i}.self_attn.W_pack.weight"] = [3 * H, H]
    return t


case(
    "baichuan",
    "BaichuanForCausalLM",
    dict(model_type="baichuan", num_hidden_layers=32),
    baichuan(32),
    base={k: v for k, v in nokv.items() if k != "rope_theta"},
    tok="spm",
)
case(
    "baichuan13",
    "BaichuanForCausalLM",
    dict(
        model_type="baichuan",
        num_hidden_layers=40,
        model_max_length=128,
        hidden_size=32,
        num_attention_heads=2,
    ),
    baichuan(40, 32, 2),
    base={k: v for k, v in nokv.items() if k not in ("rope_theta", "max_position_embeddings")},
    tok="spm",
)


def chatglm(n=2, H=64, F=96, V=512, h=4, kv=2, hd=16, bias=True):
    t = {
        "transformer.embedding.word_embeddings.weight": [V, H],
        "transformer.encoder.final_layernorm.weight": [H],
        "transformer.output_layer.weight": [V, H],
        "transformer.rotary_pos_emb.inv_freq": [hd // 4],
    }
    for i in range(n):
        p = f"transformer.encoder.layers.{i}."
        t[p + "input_layernorm.weight"] = [H]
        t[p + "post_attention_layernorm.weight"] = [H]
        t[p + "self_attention.query_key_value.weight"] = [(h + 2 * kv) * hd, H]
        if bias:
            t[p + "self_attention.query_key_value.bias"] = [(h + 2 * kv) * hd]
        t[p + "self_attention.dense.weight"] = [H, h * hd]
        t[p + "mlp.dense_h_to_4h.weight"] = [2 * F, H]
        t[p + "mlp.dense_4h_to_h.weight"] = [H, F]
    return t


G = dict(
    model_type="chatglm",
    hidden_size=64,
    ffn_hidden_size=96,
    num_layers=2,
    num_attention_heads=4,
    multi_query_group_num=2,
    multi_query_attention=True,
    kv_channels=16,
    padded_vocab_size=512,
    vocab_size=512,
    seq_length=256,
    layernorm_epsilon=1e-5,
    rmsnorm=True,
    add_qkv_bias=True,
    add_bias_linear=False,
    post_layer_norm=True,
    apply_residual_connection_post_layernorm=False,
    original_rope=True,
    torch_dtype="float16",
)
case("chatglm", "ChatGLMModel", {}, chatglm(), tok="glm", base=G, dtype="float16")
case(
    "chatglm-b",
    "ChatGLMForConditionalGeneration",
    dict(num_layers=3, rope_ratio=50, hidden_size=128, kv_channels=32, multi_query_group_num=1),
    chatglm(3, 128, hd=32, kv=1),
    tok="glm",
    base=G,
)


def qwen1(n=2, H=64, F=192, V=512):
    t = {"transformer.wte.weight": [V, H], "transformer.ln_f.weight": [H], "lm_head.weight": [V, H]}
    for i in range(n):
        p = f"transformer.h.{i}."
        t[p + "ln_1.weight"] = [H]
        t[p + "ln_2.weight"] = [H]
        t[p + "attn.c_attn.weight"] = [3 * H, H]
        t[p + "attn.c_attn.bias"] = [3 * H]
        t[p + "attn.c_proj.weight"] = [H, H]
        t[p + "mlp.w1.weight"] = [F // 2, H]
        t[p + "mlp.w2.weight"] = [F // 2, H]
        t[p + "mlp.c_proj.weight"] = [H, F // 2]
    return t


Q = dict(
    model_type="qwen",
    vocab_size=512,
    hidden_size=64,
    intermediate_size=192,
    num_hidden_layers=2,
    num_attention_heads=4,
    kv_channels=16,
    layer_norm_epsilon=1e-6,
    max_position_embeddings=256,
    seq_length=256,
    rotary_emb_base=10000,
    rotary_pct=1.0,
    no_bias=True,
    scale_attn_weights=True,
    use_dynamic_ntk=True,
    use_logn_attn=True,
    tie_word_embeddings=False,
    torch_dtype="bfloat16",
)
case("qwen1", "QWenLMHeadModel", {}, qwen1(), tok="bpe", base=Q)
case(
    "qwen1-b",
    "QWenLMHeadModel",
    dict(
        num_hidden_layers=3, hidden_size=128, num_attention_heads=4, kv_channels=32, rotary_emb_base=1000000
    ),
    qwen1(3, 128),
    tok="bpe",
    base=Q,
)
MC = dict(model_type="minicpm", scale_emb=12, scale_depth=1.4, dim_model_base=32)
case(
    "minicpm",
    "MiniCPMForCausalLM",
    dict(MC),
    llama(kv=2, head=False),
    base=dict(B, tie_word_embeddings=True),
    tok="spm",
)
LF = [1.0 + 0.5 * i for i in range(8)]
case(
    "minicpm-b",
    "MiniCPMForCausalLM",
    dict(
        MC,
        num_hidden_layers=3,
        scale_emb=1,
        num_key_value_heads=4,
        rope_scaling=dict(
            rope_type="longrope",
            long_factor=[x * 2 for x in LF],
            short_factor=LF,
            original_max_position_embeddings=256,
        ),
    ),
    llama(3, kv=4),
    tok="spm",
)
case(
    "minicpm3",
    "MiniCPM3ForCausalLM",
    dict(
        model_type="minicpm3",
        num_key_value_heads=4,
        q_lora_rank=24,
        kv_lora_rank=32,
        qk_nope_head_dim=16,
        qk_rope_head_dim=8,
        scale_emb=12,
        scale_depth=1.4,
        dim_model_base=256,
        hidden_size=128,
    ),
    mla(2, 128, 4, 24, 32, 16, 8, 32),
    tok="spm",
    run="transformers",
)
case(
    "minicpm3-b",
    "MiniCPM3ForCausalLM",
    dict(
        model_type="minicpm3",
        num_key_value_heads=4,
        q_lora_rank=24,
        kv_lora_rank=32,
        qk_nope_head_dim=16,
        qk_rope_head_dim=8,
        v_head_dim=16,
        scale_emb=12,
        scale_depth=1.4,
        dim_model_base=256,
        tie_word_embeddings=True,
        num_hidden_layers=3,
        rope_scaling=dict(
            type="longrope",
            long_factor=[1.0, 2, 3, 4],
            short_factor=[1.0, 1.5, 2, 2.5],
            original_max_position_embeddings=256,
        ),
    ),
    mla(3, 64, 4, 24, 32, 16, 8, 16, head=False),
    base={k: v for k, v in B.items() if k not in ("tie_word_embeddings",)},
    tok="spm",
    run="transformers",
)


def deepseek(n=3, H=64, F=96, h=4, kv=4, E=4, W=40, S=2, first=1, **k):
    t = llama(n, H, F, h=h, kv=kv, hd=H // h, **k)
    for i in range(first, n):
        p = f"model.layers.{i}.mlp."
        for r in ("gate", "up", "down"):
            t.pop(p + f"{r}_proj.weight")
        t[p + "gate.weight"] = [E, H]
        for e in range(E):
            for r in ("gate", "up", "down"):
                t[p + f"experts.{e}.{r}_proj.weight"] = [H, W] if r == "down" else [W, H]
        for r in ("gate", "up", "down"):
            t[p + f"shared_experts.{r}_proj.weight"] = [H, W * S] if r == "down" else [W * S, H]
    return t


DS = dict(
    model_type="deepseek",
    num_hidden_layers=3,
    num_key_value_heads=4,
    n_routed_experts=4,
    num_experts_per_tok=2,
    n_shared_experts=2,
    moe_intermediate_size=40,
    first_k_dense_replace=1,
    moe_layer_freq=1,
    norm_topk_prob=False,
    scoring_func="softmax",
)
case("deepseek", "DeepseekForCausalLM", DS, deepseek(), tok="bpe")
case(
    "deepseek-b",
    "DeepseekForCausalLM",
    dict(
        DS,
        n_routed_experts=6,
        num_experts_per_tok=3,
        n_shared_experts=1,
        first_k_dense_replace=2,
        num_hidden_layers=4,
        num_key_value_heads=2,
    ),
    deepseek(4, kv=2, E=6, S=1, first=2),
    tok="bpe",
    dtype="float16",
)


def exaone(n=2, H=64, F=96, V=512, h=4, kv=2, head=True):
    hd = H // h
    t = {"transformer.wte.weight": [V, H], "transformer.ln_f.weight": [H]}
    if head:
        t["lm_head.weight"] = [V, H]
    for i in range(n):
        p = f"transformer.h.{i}."
        t[p + "ln_1.weight"] = [H]
        t[p + "ln_2.weight"] = [H]
        for r, w in (("q", h * hd), ("k", kv * hd), ("v", kv * hd)):
            t[p + f"attn.attention.{r}_proj.weight"] = [w, H]
        t[p + "attn.attention.out_proj.weight"] = [H, H]
        t[p + "mlp.c_fc_0.weight"] = [F, H]
        t[p + "mlp.c_fc_1.weight"] = [F, H]
        t[p + "mlp.c_proj.weight"] = [H, F]
    return t


EX = {k: v for k, v in B.items() if k not in ("num_hidden_layers", "rms_norm_eps", "hidden_act")}
case(
    "exaone",
    "ExaoneForCausalLM",
    dict(
        model_type="exaone",
        num_layers=2,
        activation_function="silu",
        layer_norm_epsilon=1e-5,
        rope_scaling=None,
    ),
    exaone(),
    tok="bpe",
    base=EX,
)
case(
    "exaone-b",
    "ExaoneForCausalLM",
    dict(
        model_type="exaone",
        num_layers=3,
        activation_function="silu",
        layer_norm_epsilon=1e-6,
        tie_word_embeddings=True,
        num_key_value_heads=4,
        rope_scaling=dict(
            factor=8.0,
            high_freq_factor=4.0,
            low_freq_factor=1.0,
            original_max_position_embeddings=128,
            rope_type="llama3",
        ),
    ),
    exaone(3, kv=4, head=False),
    tok="bpe",
    base={k: v for k, v in EX.items() if k != "tie_word_embeddings"},
)
case(
    "orion",
    "OrionForCausalLM",
    dict(model_type="orion", num_key_value_heads=4, max_sequence_length=256),
    orion(kv=4),
    tok="spm",
)
case(
    "orion-b",
    "OrionForCausalLM",
    dict(
        model_type="orion", num_hidden_layers=3, rope_theta=10000.0, attention_bias=False, rope_scaling=None
    ),
    orion(n=3, kv=2),
    dtype="float16",
    tok="spm",
)
case(
    "xverse",
    "XverseForCausalLM",
    dict(model_type="xverse", max_tokenizer_truncation=256),
    llama(kv=4),
    tok="bpe",
    base=nokv,
)


def plamo(n=1, H=5120, F=64, V=512, h=40, kv=5):
    t = drop(llama(n, H, F, V, h, kv, 128), "input_layernorm", "post_attention")
    t = ren(t, ("model.layers.", "model.layers.layers."))
    for i in range(n):
        t[f"model.layers.layers.{i}.norm.weight"] = [H]
    return t


case(
    "plamo",
    "PlamoForCausalLM",
    dict(
        model_type="plamo",
        hidden_size=5120,
        intermediate_size=64,
        num_hidden_layers=1,
        num_attention_heads=40,
        n_shared_head=8,
    ),
    plamo(),
    tok="spm",
)
