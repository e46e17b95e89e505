"""Cases whose tensors are written out: names and shapes, most of them Llama's with changes."""

from checkpoints import Case

GLM = {"<|begin_of_text|>": "<|endoftext|>", "<|eot_id|>": "<|user|>"}


def case_into(cases):
    """A function that adds a case to a list: its label, class, configuration and tensors."""

    def case(label, name, config, tensors, tok="bpe", base=None, run="peer", tokenizer_name=None, **members):
        ends = (
            {"bos_token_id": 1, "eos_token_id": 2}
            if tok == "spm" or tokenizer_name == "plamo"
            else {"bos_token_id": 509, "eos_token_id": 510}
        )
        if tokenizer_name in ("wordpiece", "rwkv"):
            ends = {}
        if tok == "glm":
            members["tokens"] = GLM
        cases.append(
            Case(
                name,
                label,
                dict(B if base is None else base, **config) | ends,
                shapes=lambda _: tensors,
                tokenizer=tokenizer_name or ("llama-spm" if tok == "spm" else "llama"),
                run=run,
                **members,
            )
        )

    return case


def llama(
    n=2,
    H=64,
    F=96,
    V=512,
    h=4,
    kv=2,
    hd=16,
    qkv=False,
    head=True,
    moe=None,
    pre="model.layers.",
    emb="model.embed_tokens",
    norm="model.norm",
    out="lm_head",
):
    t = {f"{emb}.weight": [V, H], f"{norm}.weight": [H]}
    if head:
        t[f"{out}.weight"] = [V, H]
    for i in range(n):
        p = f"{pre}{i}."
        t[p + "input_layernorm.weight"] = [H]
        t[p + "post_attention_layernorm.weight"] = [H]
        for r, w in (("q", h * hd), ("k", kv * hd), ("v", kv * hd)):
            t[p + f"self_attn.{r}_proj.weight"] = [w, H]
            if qkv:
                t[p + f"self_attn.{r}_proj.bias"] = [w]
        t[p + "self_attn.o_proj.weight"] = [H, h * hd]
        for r in ("gate", "up"):
            t[p + f"mlp.{r}_proj.weight"] = [F, H]
        t[p + "mlp.down_proj.weight"] = [H, F]
    return t


def ren(t, *pairs):
    o = {}
    for k, v in t.items():
        for a, b in pairs:
            k = k.replace(a, b)
        o[k] = v
    return o


def drop(t, *keys):
    return {k: v for k, v in t.items() if not any(x in k for x in keys)}


B = dict(
    vocab_size=512,
    hidden_size=64,
    intermediate_size=96,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    max_position_embeddings=256,
    rms_norm_eps=1e-5,
    rope_theta=10000.0,
    hidden_act="silu",
    bos_token_id=1,
    eos_token_id=2,
    tie_word_embeddings=False,
    torch_dtype="bfloat16",
)

IL = [
    ("embed_tokens", "tok_embeddings"),
    ("lm_head", "output"),
    ("input_layernorm", "attention_norm"),
    ("post_attention_layernorm", "ffn_norm"),
    ("self_attn.o_proj", "attention.wo"),
    ("mlp.gate_proj", "feed_forward.w1"),
    ("mlp.up_proj", "feed_forward.w3"),
    ("mlp.down_proj", "feed_forward.w2"),
]


def internlm2(n=2, H=64, h=4, kv=2, **k):
    t = drop(ren(llama(n, H, h=h, kv=kv, hd=H // h, **k), *IL), "q_proj", "k_proj", "v_proj")
    for i in range(n):
        t[f"model.layers.{i}.attention.wqkv.weight"] = [(h + 2 * kv) * (H // h), H]
    return t


nokv = {k: v for k, v in B.items() if k != "num_key_value_heads"}


def orion(**k):
    t = llama(**k)
    o = {}
    for a, b in t.items():
        o[a] = b
        if "norm" in a:
            o[a.replace("weight", "bias")] = b
    return o


def qkn(t, n, hd):
    for i in range(n):
        for r in "qk":
            t[f"model.layers.{i}.self_attn.{r}_norm.weight"] = [hd]
    return t


def qmoe(n=2, H=64, E=4, W=40, hd=16):
    t = qkn(drop(llama(n, hd=hd), "mlp."), n, hd)
    for i in range(n):
        p = f"model.layers.{i}.mlp."
        t[p + "gate.weight"] = [E, H]
        for e in range(E):
            for r in ("gate", "up", "down"):
                t[p + f"experts.{e}.{r}_proj.weight"] = [H, W] if r == "down" else [W, H]
    return t


def mla(n, H, h, qr, kvr, nope, rope, v, F=96, V=512, head=True, split=False):
    t = drop(llama(n, H, F, V, h, h, 16, head=head), "q_proj", "k_proj", "v_proj", "o_proj")
    for i in range(n):
        p = f"model.layers.{i}.self_attn."
        if qr:
            t[p + "q_a_proj.weight"] = [qr, H]
            t[p + "q_a_layernorm.weight"] = [qr]
            t[p + "q_b_proj.weight"] = [h * (nope + rope), qr]
        else:
            t[p + "q_proj.weight"] = [h * (nope + rope), H]
        t[p + "kv_a_proj_with_mqa.weight"] = [kvr + rope, H]
        t[p + "kv_a_layernorm.weight"] = [kvr]
        t[p + "kv_b_proj.weight"] = [h * (nope + v), kvr]
        t[p + "o_proj.weight"] = [H, h * v]
    return t


def text(**k):
    return dict({x: y for x, y in B.items() if x not in ("torch_dtype",)}, **k)
