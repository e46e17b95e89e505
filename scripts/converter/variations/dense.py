"""Dense decoders: what a draw makes of each class's options."""

SCALINGS = ("linear", "yarn", "llama3")


def saying(**entries):
    """Adds what the reference converter asks config.json for and the class does not write."""
    return lambda config: config.update(entries)


def llama(draw):
    return draw.decoder(rope=("linear", "llama3", "llama3", "yarn")) | draw.maybe(0.3, attention_bias=True) | draw.maybe(
        0.3, mlp_bias=True) | draw.maybe(0.3, pretraining_tp=2)


def llama_pieces(draw):
    """Llama with SentencePiece's pieces, as the first ones."""
    return draw.decoder(rope=("linear",)) | {
        "tokenizer": "llama-spm", "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": draw.one(None, 0)}


def mistral(draw):
    return draw.decoder(rope=("yarn",)) | {"sliding_window": draw.one(None, 4096)} | draw.one(
        {}, {"tokenizer": "llama-spm", "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": draw.one(None, 0)})


def ministral(draw):
    values = draw.decoder(rope=())
    rotary = values["rope_parameters"]
    rotary |= {
        "rope_type": "yarn", "factor": draw.one(4.0, 16.0), "original_max_position_embeddings": draw.one(64, 16384),
        "llama_4_scaling_beta": draw.one(0.1, 0.2), "mscale": 1.0, "mscale_all_dim": 1.0,
        "beta_fast": draw.one(32.0, 4.0), "beta_slow": 1.0}
    return values


def qwen2(draw):
    values = draw.decoder(head_dim=False, rope=("yarn", "linear"))
    if draw.chance(0.3):
        values |= {"use_sliding_window": True, "sliding_window": 4096, "max_window_layers": values["num_hidden_layers"]}
    return values


def qwen3(draw):
    return draw.decoder(rope=("yarn",)) | draw.maybe(0.3, attention_bias=True)


def phi3(draw):
    values = draw.decoder(head_dim=False, rope=("longrope",), partial=(1.0, 0.5, 0.75))
    heads, rotary = values["num_attention_heads"], values["rope_parameters"]
    values["original_max_position_embeddings"] = rotary.pop("original_max_position_embeddings", 256)
    turned = int(values["hidden_size"] // heads * rotary["partial_rotary_factor"])
    if turned % 2:
        rotary["partial_rotary_factor"] = 0.5
    values["sliding_window"] = draw.one(None, 2048, 262144)
    return values | {"tokenizer": "llama-spm", "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": draw.one(None, 0)}


def phi(draw):
    values = draw.decoder(head_dim=False, partial=(0.5, 0.25, 1.0), tied=(False,))
    values["layer_norm_eps"] = values.pop("rms_norm_eps")
    values["intermediate_size"] = 4 * values["hidden_size"]
    # The reference converter does not say another base.
    values["rope_parameters"]["rope_theta"] = 10000.0
    values["num_key_value_heads"] = values["num_attention_heads"]
    return values


def glm4(draw):
    return draw.decoder(partial=(0.5, 0.5, 1.0, 0.25)) | GLM | {"attention_bias": draw.one(True, False)}


def glm(draw):
    values = draw.decoder(head_dim=False, partial=(0.5,)) | GLM | {"attention_bias": draw.one(True, False)}
    return values | {"head_dim": values["hidden_size"] // values["num_attention_heads"]}


def granite(draw):
    return draw.decoder(head_dim=False, rope=("linear",)) | {
        "embedding_multiplier": draw.one(12.0, 6, 1.0), "logits_scaling": draw.one(8.0, 16, 1.0),
        "residual_multiplier": draw.one(0.22, 1.0), "attention_multiplier": draw.one(0.0078125, 0.2, 1.0)} | draw.maybe(
            0.3, attention_bias=True) | draw.maybe(0.3, mlp_bias=True)


def smollm3(draw):
    values = draw.decoder(head_dim=False, rope=("yarn", "linear", "llama3"))
    kind = draw.one("interval", "list", "none")
    if kind == "interval":
        values["no_rope_layer_interval"] = 4
    values["num_hidden_layers"] = draw.one(3, 4, 6)
    return values | draw.maybe(0.3, attention_bias=True)


def olmo2(draw):
    return draw.decoder(head_dim=False, rope=("linear", "yarn"), tied=(False,)) | draw.maybe(0.2, attention_bias=True)


def olmo3(draw):
    values = draw.decoder(head_dim=False, tied=(False,))
    theta = float(values.pop("rope_parameters")["rope_theta"])
    values |= {"num_hidden_layers": draw.one(4, 5, 6), "sliding_window": draw.one(32, 64, 4096)}
    whole = {"rope_type": "default", "rope_theta": theta}
    if draw.chance():
        whole |= {"rope_type": "yarn", "factor": 8.0, "original_max_position_embeddings": 64, "beta_fast": 32.0,
                  "beta_slow": 1.0, "attention_factor": 1.2079441541679836}
    values["rope_parameters"] = {
        "full_attention": whole, "sliding_attention": {"rope_type": "default", "rope_theta": theta}}
    return values | draw.maybe(0.4, layer_types=draw.windows(values["num_hidden_layers"]))


def cohere(draw):
    values = draw.decoder(head_dim=False, tied=(True,))
    values["layer_norm_eps"] = values.pop("rms_norm_eps")
    return values | {"logit_scale": draw.one(0.0625, 0.25, 1.0), "use_qk_norm": draw.one(True, False)} | draw.maybe(
        0.3, attention_bias=True)


def cohere2(draw):
    values = draw.decoder(head_dim=False, tied=(True,))
    values["layer_norm_eps"] = values.pop("rms_norm_eps")
    return values | {
        "logit_scale": draw.one(0.25, 1.0), "sliding_window": draw.one(32, 48, 4096), "num_hidden_layers": draw.one(4, 5, 8),
        "edit": saying(rotary_pct=1.0)}


def exaone4(draw):
    values = draw.decoder(rope=("llama3",)) | {"num_hidden_layers": draw.one(4, 5, 8)}
    if draw.chance(0.3):
        return values | {"sliding_window": None, "layer_types": ["full_attention"] * values["num_hidden_layers"]}
    return values | {"sliding_window": draw.one(32, 64), "sliding_window_pattern": draw.one(4, 4, "LLLG")}


def hunyuan(draw):
    values = draw.decoder()
    values.setdefault("head_dim", values["hidden_size"] // values["num_attention_heads"])
    if draw.chance():
        values["rope_parameters"] |= {
            "rope_type": "dynamic", "alpha": draw.one(1000.0, 100.0), "factor": 1.0, "mscale": 1.0, "mscale_all_dim": 1.0,
            "beta_fast": 32, "beta_slow": 1}
    return values | draw.maybe(0.2, attention_bias=True)


def seed_oss(draw):
    return draw.decoder(rope=("yarn", "linear")) | {
        "attention_bias": draw.one(True, False)} | draw.maybe(0.2, attention_out_bias=True)


def arcee(draw):
    return draw.decoder(rope=("yarn", "linear")) | draw.maybe(0.3, attention_bias=True) | draw.maybe(0.3, mlp_bias=True)


def apertus(draw):
    return draw.decoder(head_dim=False, rope=("llama3",), tied=(False,)) | draw.maybe(0.3, attention_bias=True)


def ernie(draw):
    return draw.decoder(rope=("linear",)) | draw.maybe(0.3, use_bias=True) | {
        "tokenizer": "llama-spm", "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}


def nemotron(draw):
    values = draw.decoder(head_dim=False, rope=("linear",), partial=(0.5, 1.0), tied=(False,))
    values["norm_eps"] = values.pop("rms_norm_eps")
    return values | draw.maybe(0.3, attention_bias=True) | draw.maybe(0.3, mlp_bias=True)


def starcoder2(draw):
    values = draw.decoder(head_dim=False, rope=("linear",))
    values["norm_epsilon"] = values.pop("rms_norm_eps")
    return values | {"use_bias": draw.one(True, True, False), "sliding_window": draw.one(None, 4096)}


def stablelm(draw):
    values = draw.decoder(head_dim=False, partial=(0.25, 0.5, 1.0), tied=(False,))
    values["layer_norm_eps"] = values.pop("rms_norm_eps")
    values["rope_parameters"]["rope_theta"] = 10000.0
    return values | {"use_qkv_bias": draw.one(True, False), "use_parallel_residual": draw.one(True, False)}


def olmo(draw):
    values = draw.decoder(head_dim=False, rope=("linear",))
    values.pop("rms_norm_eps")
    return values | draw.maybe(0.4, clip_qkv=draw.one(8.0, 0.5))


def neox(draw):
    values = draw.decoder(head_dim=False, partial=(0.25, 0.5, 1.0), tied=(False,))
    values["layer_norm_eps"] = values.pop("rms_norm_eps")
    values.pop("num_key_value_heads")
    return values | {"use_parallel_residual": draw.one(True, False)}


def gpt2(draw):
    values = draw.decoder(head_dim=False, tied=(True,))
    return {
        "vocab_size": values["vocab_size"], "n_positions": draw.one(256, 1024), "n_embd": values["hidden_size"],
        "n_layer": values["num_hidden_layers"], "n_head": values["num_attention_heads"],
        "n_inner": draw.one(None, 4 * values["hidden_size"], 96), "layer_norm_epsilon": values["rms_norm_eps"],
        "bos_token_id": 510, "eos_token_id": 510, "edit": saying(n_ctx=256)}


def falcon(draw):
    values = draw.decoder(head_dim=False)
    new = draw.one(True, False)
    return {
        "vocab_size": values["vocab_size"], "hidden_size": values["hidden_size"],
        "num_hidden_layers": values["num_hidden_layers"], "num_attention_heads": values["num_attention_heads"],
        "num_kv_heads": values["num_key_value_heads"] if new else 1, "new_decoder_architecture": new,
        "multi_query": True, "parallel_attn": True, "bias": False, "alibi": False,
        "layer_norm_epsilon": values["rms_norm_eps"], "bos_token_id": 510, "eos_token_id": 510}


def sections(draw, head):
    """How many pairs turn with time, height and width."""
    third = head // 2 // 3
    return [head // 2 - 2 * third, third, third]


def qwen2_5_vl(draw):
    """A language model inside another's configuration."""
    text = draw.decoder(head_dim=False)
    head = text["hidden_size"] // text["num_attention_heads"]
    text["rope_parameters"] |= {"mrope_section": sections(draw, head)}
    return {
        "text_config": text, "tie_word_embeddings": text["tie_word_embeddings"], "run": None,
        "vision_config": {"depth": 1, "hidden_size": 32, "num_heads": 2, "intermediate_size": 48, "out_hidden_size": text["hidden_size"]}}


def qwen3_vl(draw):
    text = draw.decoder()
    text.setdefault("head_dim", text["hidden_size"] // text["num_attention_heads"])
    text["rope_parameters"] |= {"mrope_section": sections(draw, text["head_dim"]), "mrope_interleaved": True}
    return {
        "text_config": text, "tie_word_embeddings": text["tie_word_embeddings"], "run": None,
        "vision_config": {"depth": 1, "hidden_size": 32, "num_heads": 2, "intermediate_size": 48,
                          "out_hidden_size": text["hidden_size"], "deepstack_visual_indexes": [0]}}


def mistral3(draw):
    text = draw.decoder(tied=(False,))
    text.setdefault("head_dim", text["hidden_size"] // text["num_attention_heads"])
    return {
        "text_config": text | {"model_type": "mistral"}, "run": None, "image_token_index": 5,
        "vision_config": {"model_type": "pixtral", "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2,
                          "intermediate_size": 48, "image_size": 28, "patch_size": 14, "head_dim": 16}}


def llava(draw):
    text = draw.decoder(rope=("llama3",), tied=(False,))
    return {
        "text_config": text | {"model_type": "llama"}, "run": None, "image_token_index": 5,
        "vision_config": {"model_type": "clip_vision_model", "hidden_size": 32, "num_hidden_layers": 1,
                          "num_attention_heads": 2, "intermediate_size": 48, "image_size": 28, "patch_size": 14}}


# Tokens that GLM's models name.
GLM = {
    "tokens": {"<|begin_of_text|>": "[gMASK]", "<|eot_id|>": "<|endoftext|>", "<|im_start|>": "<|user|>"},
    "further_tokens": ("<|observation|>",), "vocab_size": 520, "tokenizer": "llama"}

FAMILIES = {
    "LlamaForCausalLM": llama, "MistralForCausalLM": mistral, "Ministral3ForCausalLM": ministral, "Qwen2ForCausalLM": qwen2,
    "Qwen3ForCausalLM": qwen3, "Phi3ForCausalLM": phi3, "PhiForCausalLM": phi, "GlmForCausalLM": glm, "Glm4ForCausalLM": glm4,
    "GraniteForCausalLM": granite, "SmolLM3ForCausalLM": smollm3, "Olmo2ForCausalLM": olmo2, "Olmo3ForCausalLM": olmo3,
    "CohereForCausalLM": cohere, "Cohere2ForCausalLM": cohere2, "Exaone4ForCausalLM": exaone4,
    "HunYuanDenseV1ForCausalLM": hunyuan, "SeedOssForCausalLM": seed_oss, "ArceeForCausalLM": arcee,
    "ApertusForCausalLM": apertus, "Ernie4_5ForCausalLM": ernie, "NemotronForCausalLM": nemotron,
    "Starcoder2ForCausalLM": starcoder2, "StableLmForCausalLM": stablelm, "OlmoForCausalLM": olmo, "GPTNeoXForCausalLM": neox,
    "GPT2LMHeadModel": gpt2, "FalconForCausalLM": falcon, "Qwen2_5_VLForConditionalGeneration": qwen2_5_vl,
    "Qwen3VLForConditionalGeneration": qwen3_vl, "Mistral3ForConditionalGeneration": mistral3,
    "LlavaForConditionalGeneration": llava,
}
