"""Further models: ternary weights, Grok, PLaMo 2 and 3, encoders made of decoders, Granite's kin."""

import json
import os

from further_shapes import bitnet, granite_switch, grok, lfm2, plamo2, plamo3
from shapes import B, case_into, llama, qkn, ren, text

CASES = []
case = case_into(CASES)


def base_model(tensors):
    return {name.removeprefix("model."): shape for name, shape in tensors.items()}


def modules(mode, dense=None):
    """What the sentence-transformers library writes: how vectors are pooled, and a layer behind it."""

    def write(folder):
        rows = [("0", "", "Transformer"), ("1", "1_Pooling", "Pooling")]
        if dense:
            rows[1:] = [("1", "1_Dense", "Dense")]
            import safetensors.torch
            import torch
            os.makedirs(os.path.join(folder, "1_Dense"))
            weight = torch.randn(dense, generator=torch.Generator().manual_seed(3)) * 0.1
            safetensors.torch.save_file({"linear.weight": weight}, os.path.join(folder, "1_Dense", "model.safetensors"))
        if mode:
            os.makedirs(os.path.join(folder, "1_Pooling"), exist_ok=True)
            with open(os.path.join(folder, "1_Pooling", "config.json"), "w") as file:
                json.dump({f"pooling_mode_{name}": name == mode for name in
                           ["cls_token", "mean_tokens", "max_tokens", "lasttoken"]}, file)
            if dense:
                rows.append(("2", "1_Pooling", "Pooling"))
        with open(os.path.join(folder, "modules.json"), "w") as file:
            json.dump([{"idx": int(number), "name": number, "path": path,
                        "type": f"sentence_transformers.models.{kind}"} for number, path, kind in rows], file)

    return write


BERT = dict(hidden_act="gelu", intermediate_size=96, layer_norm_eps=1e-12, max_position_embeddings=128, model_type="bert",
            num_attention_heads=4, num_hidden_layers=2, hidden_size=64, vocab_size=512, type_vocab_size=2, pad_token_id=0)


def bert(n=2, H=64, F=96, kinds=2, positions=128):
    t = {"embeddings.word_embeddings.weight": [512, H], "embeddings.position_embeddings.weight": [positions, H],
         "embeddings.token_type_embeddings.weight": [kinds, H]}
    t["embeddings.LayerNorm.weight"] = t["embeddings.LayerNorm.bias"] = [H]
    for i in range(n):
        p = f"encoder.layer.{i}."
        for name, shape in [("attention.self.query", [H, H]), ("attention.self.key", [H, H]),
                            ("attention.self.value", [H, H]), ("attention.output.dense", [H, H]),
                            ("intermediate.dense", [F, H]), ("output.dense", [H, F]),
                            ("attention.output.LayerNorm", [H]), ("output.LayerNorm", [H])]:
            t[f"{p}{name}.weight"], t[f"{p}{name}.bias"] = shape, shape[:1]
    return t


for label, config, tensors in [("mean", {}, bert()), ("one kind", {"type_vocab_size": 1}, bert(kinds=1))]:
    case(f"camembert, {label}", "CamembertModel", config | {"model_type": "camembert"}, tensors, base=BERT, run=None,
         tokenizer_name="wordpiece", files=modules("mean_tokens"))

for label, name, config, members in [
    ("bitnet", "BitnetForCausalLM", {}, {}), ("f16", "BitNetForCausalLM", {}, {"dtype": "float16"}),
    ("wider", "BitnetForCausalLM", {"hidden_size": 128, "num_hidden_layers": 3}, {}),
]:
    H, n = config.get("hidden_size", 64), config.get("num_hidden_layers", 2)
    case(f"bitnet, {label}", name, dict(model_type="llama", num_key_value_heads=4, rope_scaling=None, weight_bits=1,
         input_bits=8, tie_word_embeddings=True) | config, bitnet(n, H), tok="spm", **members)

GROK = dict(model_type="grok", num_local_experts=4, num_experts_per_tok=2, embedding_multiplier_scale=9.5,
            output_multiplier_scale=0.57, rope_theta=10000.0, hidden_act="gelu")
case("grok 1", "Grok1ForCausalLM", GROK | {"model_type": "grok-1"}, grok(old=True), tok="spm")
case("grok 2", "Grok1ForCausalLM", GROK | dict(
    moe_intermediate_size=40, head_dim=16, attn_logit_softcapping=20.0, router_logit_softcapping=25.0,
    final_logit_softcapping=50.0, attn_temperature_len=1024, attn_output_multiplier=0.2, rope_type="original",
    scaling_factor=16.0, original_max_position_embeddings=128, extrapolation_factor=1.0, attn_factor=1.0, beta_fast=8,
    beta_slow=1), grok(W=40, dense=True), tok="spm")
case("grok, f32", "GrokForCausalLM", GROK | dict(num_hidden_layers=3, num_key_value_heads=4), grok(3, kv=4), tok="spm",
     dtype="float32")

case("llama embed", "LlamaBidirectionalModel", dict(model_type="llama_bidirec", pooling="avg"),
     base_model(llama(head=False)), run=None)
case("llama embed, groups", "LlamaBidirectionalModel", dict(
    model_type="llama", num_hidden_layers=3, num_key_value_heads=1, head_dim=16, rope_scaling=dict(
        rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=64)),
    base_model(llama(3, kv=1, head=False)), run=None, dtype="float32")

LFM2 = {key: value for key, value in B.items() if key not in ("rms_norm_eps", "hidden_act")} | dict(
    model_type="lfm2", norm_eps=1e-5, conv_L_cache=3, conv_bias=False, block_multiple_of=256, block_ffn_dim_multiplier=1.0,
    block_auto_adjust_ff_dim=True, intermediate_size=256, tie_word_embeddings=True)
MIXED = ["conv", "full_attention", "conv"]
case("lfm2 colbert", "Lfm2Model", dict(num_hidden_layers=3, layer_types=MIXED), lfm2(MIXED), base=LFM2, run=None,
     dtype="float16", files=modules(None, dense=[32, 64]))
case("lfm2 embedding", "Lfm2BidirectionalModel", dict(
    num_hidden_layers=3, layer_types=MIXED, conv_L_cache=5, block_auto_adjust_ff_dim=False), lfm2(MIXED, kernel=5),
    base=LFM2, run=None, files=modules("cls_token"))

PLAMO2 = dict(model_type="plamo2", hidden_size_per_head=16, mamba_d_state=8, mamba_d_conv=4, mamba_num_heads=4, mamba_step=2,
              mamba_enabled=True, mamba_chunk_size=256, attention_window_size=2048, full_attention_idx=[], rms_norm_eps=1e-6)
STEPS = [False, True, False, True]
case("plamo 2", "Plamo2ForCausalLM", PLAMO2 | {"num_hidden_layers": 4}, plamo2(STEPS), tokenizer_name="plamo",
     run="Plamo2")
case("plamo 2, other sizes, tied", "PLaMo2ForCausalLM", PLAMO2 | dict(
    num_hidden_layers=3, mamba_step=4, mamba_num_heads=8, mamba_d_state=16, hidden_size=128, tie_word_embeddings=True,
    num_key_value_heads=1), plamo2([False, False, True], H=128, heads=8, state=16, kv=1, head=False),
    tokenizer_name="plamo", dtype="float32", run="Plamo2")

PLAMO3 = dict(model_type="plamo3", head_dim=16, num_hidden_layers=3, rope_theta=1_000_000, rope_local_theta=10000)
case("plamo 3", "Plamo3ForCausalLM", PLAMO3 | dict(window_size=32, sliding_window_pattern=2), plamo3(),
     tokenizer_name="plamo")
case("plamo 3, no window, tied", "PLaMo3ForCausalLM", PLAMO3 | dict(
    window_size=None, num_key_value_heads=1, tie_word_embeddings=True, rope_scaling_factor=4, initial_context_length=64),
    plamo3(kv=1, head=False), tokenizer_name="plamo", dtype="float32")

TEXT = text(model_type="granite", attention_multiplier=0.2, embedding_multiplier=6.0, residual_multiplier=0.3,
            logits_scaling=4.0, architectures=["GraniteForCausalLM"])
for name in ["GraniteSpeechForConditionalGeneration", "GraniteSpeechPlusForConditionalGeneration"]:
    case("granite speech", name, dict(
        model_type="granite_speech", text_config=TEXT, encoder_config={"num_layers": 1}, projector_config={}),
        ren(llama(), ("model.layers", "language_model.model.layers"), ("model.embed", "language_model.model.embed"),
            ("model.norm", "language_model.model.norm"), ("lm_head", "language_model.lm_head"))
        | {"encoder.input_linear.weight": [8, 8], "projector.linear.weight": [8, 8]}, base={"torch_dtype": "bfloat16"})
case("granite switch", "GraniteSwitchForCausalLM", dict(
    model_type="granite_switch", num_hidden_layers=3, num_adapters=2, max_lora_rank=4, adapter_token_ids=[500, 501],
    adapter_substitute_token_ids=[502, 503], shared_intermediate_size=96, attention_multiplier=0.2,
    embedding_multiplier=6.0, residual_multiplier=0.3, logits_scaling=4.0, num_experts_per_tok=2, num_local_experts=0),
    granite_switch())
case("step 3 vl", "StepVLForConditionalGeneration", dict(
    model_type="step_robotics", text_config=text(model_type="qwen3", head_dim=16, architectures=["Qwen3ForCausalLM"])),
    ren(qkn(llama(), 2, 16), ("model.layers", "model.language_model.layers"), ("model.embed", "model.language_model.embed"),
        ("model.norm", "model.language_model.norm")) | {"vit_large_projector.weight": [8, 8]},
    base={"torch_dtype": "bfloat16"})
