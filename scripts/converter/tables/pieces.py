"""T5's kinds, Nomic Embed 2, EmbeddingGemma with its dense modules, and models whose tokenizer is a tiktoken file."""

import json
import os
import shutil

import piece_vocabularies as vocabularies
from checkpoints import DECODER, ROOT, Case, family
from piece_vocabularies import PIECES, ranks, tiktoken, tokenizer_of
from shapes import B, drop, llama

ENCODERS = os.path.join(ROOT, "fixtures", "encoders")


def raw_configuration():
    """Has the reference converter read config.json, which transformers' class of this name would fill up."""
    import conversion.base
    import transformers

    def load(folder, *_):
        with open(os.path.join(folder, "config.json"), encoding="utf-8") as file:
            return json.load(file)

    def tokenizer(folder, *_, **__):
        loaded = transformers.PreTrainedTokenizerFast.from_pretrained(folder)
        loaded.add_prefix_space = loaded.clean_up_tokenization_spaces = True
        return loaded

    conversion.base.ModelBase.load_hparams = staticmethod(load)
    transformers.AutoTokenizer.from_pretrained = staticmethod(tokenizer)


def nomic(config):
    width, inner, kinds = config["n_embd"], config["n_inner"], config["type_vocab_size"]
    tensors = {"embeddings.word_embeddings.weight": [PIECES, width],
               "embeddings.token_type_embeddings.weight": [kinds, width], "emb_ln.weight": [width], "emb_ln.bias": [width]}
    for layer in range(config["n_layer"]):
        shapes = {"attn.Wqkv": [3 * width, width], "attn.out_proj": [width, width], "norm1": [width], "norm2": [width]}
        p = f"encoder.layers.{layer}."
        if layer % config["moe_every_n_layers"] == 1:
            rows = [config["num_experts"] * inner, width]
            tensors |= {p + "mlp.router.layer.weight": [config["num_experts"], width], p + "mlp.experts.mlp.w1": rows,
                        p + "mlp.experts.mlp.w2": rows, p + "mlp.experts.bias": [width]}
        else:
            shapes |= {"mlp.fc1": [inner, width], "mlp.fc2": [width, inner]}
        for name, shape in shapes.items():
            tensors |= {p + name + ".weight": shape, p + name + ".bias": shape[:1]}
    return tensors


def qwen(config):
    width, inner = config["hidden_size"], config["intermediate_size"] // 2
    tensors = {name: [config["vocab_size"], width] for name in ["transformer.wte.weight", "lm_head.weight"]}
    tensors["transformer.ln_f.weight"] = [width]
    for layer in range(config["num_hidden_layers"]):
        p = f"transformer.h.{layer}."
        tensors |= {p + "ln_1.weight": [width], p + "ln_2.weight": [width], p + "attn.c_attn.weight": [3 * width, width],
                    p + "attn.c_attn.bias": [3 * width], p + "attn.c_proj.weight": [width, width],
                    p + "mlp.w1.weight": [inner, width], p + "mlp.w2.weight": [inner, width],
                    p + "mlp.c_proj.weight": [width, inner]}
    return tensors


def hunyuan(config):
    width, inner, count = config["hidden_size"], config["intermediate_size"], config["num_experts"]
    layers = config["num_hidden_layers"]
    tensors = drop(llama(layers, V=config["vocab_size"], head=False), "mlp.")
    for layer in range(layers):
        p = f"model.layers.{layer}."
        tensors |= {p + f"self_attn.{name}_layernorm.weight": [16] for name in ["query", "key"]}
        tensors[p + "mlp.gate.wg.weight"] = [count, width]
        for part in ["shared_mlp", *(f"experts.{expert}" for expert in range(count))]:
            tensors |= {p + f"mlp.{part}.{name}_proj.weight": [inner, width] for name in ["gate", "up"]}
            tensors[p + f"mlp.{part}.down_proj.weight"] = [width, inner]
    return tensors


def t5_pieces(folder):
    shutil.copy(os.path.join(ENCODERS, "t5", "spiece.model"), folder)


def gemma_modules(folder):
    source = os.path.join(ENCODERS, "embeddinggemma-dense")
    for name in os.listdir(source):
        if name not in ("config.json", "model.safetensors", "expected.json"):
            path = os.path.join(source, name)
            (shutil.copytree if os.path.isdir(path) else shutil.copy)(path, os.path.join(folder, name))


T5 = {"vocab_size": 400, "d_model": 32, "d_kv": 8, "d_ff": 48, "num_layers": 3, "num_heads": 4, "decoder_start_token_id": 0,
      "pad_token_id": 0, "eos_token_id": 1}
NOMIC = {
    "model_type": "nomic_bert", "activation_function": "gelu", "causal": False, "prenorm": False, "qkv_proj_bias": True,
    "mlp_fc1_bias": True, "mlp_fc2_bias": True, "rotary_emb_fraction": 1.0, "rotary_emb_interleaved": False,
    "rotary_emb_base": 10000, "vocab_size": PIECES, "n_embd": 32, "n_inner": 48, "n_layer": 4, "n_head": 4, "n_positions": 2048,
    "max_trained_positions": 2048, "layer_norm_epsilon": 1e-5, "num_experts": 4, "moe_top_k": 2, "moe_every_n_layers": 2,
    "type_vocab_size": 1, "pad_token_id": 1, "torch_dtype": "float32"}
GEMMA = {
    "vocab_size": 400, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 6, "num_attention_heads": 4,
    "num_key_value_heads": 2, "head_dim": 8, "query_pre_attn_scalar": 8, "max_position_embeddings": 256, "sliding_window": 8,
    "use_bidirectional_attention": True, "bos_token_id": 2, "eos_token_id": 1, "pad_token_id": 0}
MODULES = ("--sentence-transformers-dense-modules",)
LATENT = {
    "n_routed_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 40, "norm_topk_prob": True, "n_group": 1,
    "topk_group": 1, "n_shared_experts": 1, "q_lora_rank": 24, "kv_lora_rank": 32, "qk_nope_head_dim": 16,
    "qk_rope_head_dim": 8, "v_head_dim": 16, "num_key_value_heads": 4, "first_k_dense_replace": 1}
DECODERS = {key: value for key, value in DECODER.items() if key != "head_dim"}


def listed(cls, label, file, pre, size, config, shapes=None, edit=None):
    return Case(
        cls, label, config | {"vocab_size": size}, shapes=shapes, edit=edit, tokenizer="", files=tiktoken(file),
        mend=tokenizer_of(file, size, pre), run=None)


def set_window(config):
    """The window as published configurations have it, which transformers halves."""
    config["sliding_window"] = 8


COUNT = len(ranks())
CASES = [
    *family("T5ForConditionalGeneration", T5, {
        "relu": {}, "gates, fewer decoders": {
            "feed_forward_proj": "gated-gelu", "num_decoder_layers": 2, "tie_word_embeddings": False},
        "first class": {"edit": lambda config: config.update(architectures=["T5WithLMHeadModel"])},
    }, tokenizer="", files=t5_pieces, run=None),
    *family("MT5ForConditionalGeneration", T5, {"plain": {}}, tokenizer="", files=t5_pieces, run=None),
    *family("UMT5ForConditionalGeneration", T5, {"plain": {}}, tokenizer="", files=t5_pieces, run=None),
    *family("NomicBertModel", NOMIC, {
        "experts": {}, "experts, larger, F16": {
            "n_embd": 64, "n_head": 8, "n_layer": 6, "num_experts": 8, "moe_top_k": 1, "moe_every_n_layers": 3, "n_inner": 80,
            "dtype": "float16"},
    }, shapes=nomic, tokenizer="", files=vocabularies.xlm, mend=raw_configuration, run=None, dtype="float32",
        edit=lambda config: config.update(rotary_emb_scale_base=None)),
    Case("Gemma3TextModel", "dense modules", GEMMA, tokenizer="", files=gemma_modules, edit=set_window, dtype="float16",
         peer_options=MODULES, options=MODULES, run=None),
    Case("Gemma3TextModel", "dense modules left out", GEMMA, tokenizer="", files=gemma_modules, edit=set_window, run=None),
    listed("QWenLMHeadModel", "tiktoken", "qwen.tiktoken", "qwen2", COUNT + 220, {
        "model_type": "qwen", "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4,
        "max_position_embeddings": 256, "layer_norm_epsilon": 1e-6, "rotary_emb_base": 10000, "kv_channels": 16,
        "torch_dtype": "bfloat16", "tie_word_embeddings": False}, qwen),
    listed("HunYuanMoEV1ForCausalLM", "tiktoken", "hy.tiktoken", "hunyuan", COUNT + 210, B | {
        "model_type": "hunyuan_v1_moe", "num_experts": 4, "moe_intermediate_size": [40, 40], "moe_topk": [2, 2],
        "num_shared_expert": [1, 1], "use_qk_norm": True, "head_dim": 16, "intermediate_size": 40, "rope_scaling": None,
        "bos_token_id": COUNT + 2, "eos_token_id": COUNT + 3, "pad_token_id": COUNT + 4, "tie_word_embeddings": True}, hunyuan),
    listed("DeepseekV3ForCausalLM", "tiktoken", "tiktoken.model", "kimi-k2", COUNT + 256, DECODERS | LATENT | {
        "bos_token_id": COUNT, "eos_token_id": COUNT + 1, "pad_token_id": COUNT + 6},
        edit=lambda config: config.update(model_type="kimi_k2")),
]
