"""Seeded checkpoints of models with encoders of pictures or sound, tiny and random.

    python projectors.py OUT_DIR [NAME...]

Those that transformers has a class for are made by it (`CASES`), the others by names and shapes (`SHAPES`). Both
converters take them with --mmproj.
"""

import json, pathlib, shutil, sys, os

os.environ["HF_HUB_OFFLINE"] = "1"
import torch, transformers
from safetensors.torch import load_file, save_file

T = dict(
    vocab_size=512,
    hidden_size=64,
    intermediate_size=96,
    num_hidden_layers=1,
    num_attention_heads=4,
    num_key_value_heads=2,
    head_dim=16,
    pad_token_id=0,
    bos_token_id=1,
    eos_token_id=2,
)
V = dict(
    hidden_size=64,
    intermediate_size=96,
    num_hidden_layers=4,
    num_attention_heads=4,
    image_size=56,
    patch_size=14,
)
A = dict(
    num_mel_bins=32,
    d_model=64,
    encoder_layers=4,
    encoder_attention_heads=4,
    encoder_ffn_dim=96,
    max_source_positions=50,
)
P = dict(image_mean=[0.5, 0.4, 0.3], image_std=[0.2, 0.25, 0.3])


def C(cls, text=None, vision=None, audio=None, pre=P, **more):
    d = dict(more)
    if text is not None:
        d["text_config"] = text
    if vision is not None:
        d["vision_config"] = vision
    if audio is not None:
        d["audio_config"] = audio
    return cls, d, pre


CASES = {
    "gemma3": C(
        "Gemma3ForConditionalGeneration",
        dict(T),
        dict(V, model_type="siglip_vision_model"),
        pre=dict(P, image_seq_length=4),
        mm_tokens_per_image=4,
    ),
    "qwen2vl": C(
        "Qwen2VLForConditionalGeneration",
        dict(T, rope_scaling={"type": "mrope", "mrope_section": [2, 3, 3]}),
        dict(embed_dim=64, hidden_size=64, depth=4, num_heads=4, mlp_ratio=2, patch_size=14),
    ),
    "qwen25vl": C(
        "Qwen2_5_VLForConditionalGeneration",
        dict(T, rope_scaling={"type": "mrope", "mrope_section": [2, 3, 3]}),
        dict(
            hidden_size=64,
            out_hidden_size=64,
            intermediate_size=96,
            depth=4,
            num_heads=4,
            patch_size=14,
            fullatt_block_indexes=[1, 3],
        ),
    ),
    "qwen3vl": C(
        "Qwen3VLForConditionalGeneration",
        dict(T, rms_norm_eps=1e-5),
        dict(
            hidden_size=64,
            out_hidden_size=64,
            intermediate_size=96,
            depth=3,
            num_heads=4,
            patch_size=16,
            num_position_embeddings=49,
            deepstack_visual_indexes=[0, 2],
        ),
    ),
    "qwen3vlmoe": C(
        "Qwen3VLMoeForConditionalGeneration",
        dict(T, num_experts=4, num_experts_per_tok=2, moe_intermediate_size=32),
        dict(
            hidden_size=64,
            out_hidden_size=64,
            intermediate_size=96,
            depth=3,
            num_heads=4,
            patch_size=16,
            num_position_embeddings=49,
            deepstack_visual_indexes=[1],
        ),
    ),
    "qwen35": C(
        "Qwen3_5ForConditionalGeneration",
        dict(T),
        dict(
            hidden_size=64,
            out_hidden_size=64,
            intermediate_size=96,
            depth=3,
            num_heads=4,
            patch_size=16,
            num_position_embeddings=49,
        ),
    ),
    "qwen35moe": C(
        "Qwen3_5MoeForConditionalGeneration",
        dict(T, num_experts=4, num_experts_per_tok=2, moe_intermediate_size=32),
        dict(
            hidden_size=64,
            out_hidden_size=64,
            intermediate_size=96,
            depth=4,
            num_heads=4,
            patch_size=16,
            num_position_embeddings=49,
        ),
    ),
    "llava": C(
        "LlavaForConditionalGeneration",
        dict(T, model_type="mistral"),
        dict(V, model_type="pixtral", head_dim=16, hidden_act="silu"),
    ),
    "mistral3": C(
        "Mistral3ForConditionalGeneration",
        dict(T, model_type="mistral"),
        dict(V, model_type="pixtral", head_dim=16, hidden_act="silu"),
        spatial_merge_size=2,
    ),
    "lightonocr": C(
        "LightOnOcrForConditionalGeneration",
        dict(T, model_type="qwen3"),
        dict(V, model_type="pixtral", head_dim=16, hidden_act="silu"),
        spatial_merge_size=2,
    ),
    "smolvlm": C(
        "SmolVLMForConditionalGeneration",
        dict(T, model_type="llama"),
        dict(V),
        pre=dict(P, size={"longest_edge": 112}),
        scale_factor=2,
    ),
    "idefics3": C("Idefics3ForConditionalGeneration", dict(T, model_type="llama"), dict(V), scale_factor=3),
    "llama4": C(
        "Llama4ForConditionalGeneration",
        dict(T, num_local_experts=2, intermediate_size_mlp=96),
        dict(V, vision_output_dim=64, projector_input_dim=64, projector_output_dim=64),
    ),
    "glm4v": C(
        "Glm4vForConditionalGeneration",
        dict(T),
        dict(
            hidden_size=64,
            out_hidden_size=64,
            intermediate_size=96,
            depth=4,
            num_heads=4,
            patch_size=14,
            image_size=56,
            hidden_act="silu",
        ),
    ),
    "glm4vmoe": C(
        "Glm4vMoeForConditionalGeneration",
        dict(T, n_routed_experts=4, num_experts_per_tok=2, moe_intermediate_size=32),
        dict(
            hidden_size=64,
            out_hidden_size=64,
            intermediate_size=96,
            depth=4,
            num_heads=4,
            patch_size=14,
            image_size=56,
        ),
    ),
    "glmocr": C(
        "GlmOcrForConditionalGeneration",
        dict(T),
        dict(
            hidden_size=64,
            out_hidden_size=64,
            intermediate_size=96,
            depth=4,
            num_heads=4,
            patch_size=14,
            image_size=56,
        ),
    ),
    "minicpmv46": C(
        "MiniCPMV4_6ForConditionalGeneration",
        dict(T),
        dict(V),
        pre=dict(P, scale_resolution=28),
        insert_layer_id=1,
    ),
    "lfm2vl": C(
        "Lfm2VlForConditionalGeneration",
        dict(T, layer_types=["full_attention"]),
        dict(
            hidden_size=64,
            intermediate_size=96,
            num_hidden_layers=3,
            num_attention_heads=4,
            patch_size=16,
            num_patches=16,
        ),
        projector_hidden_size=96,
        vision_feature_layer=-2,
    ),
    "paddleocr": C(
        "PaddleOCRVLForConditionalGeneration",
        dict(T),
        dict(V),
        pre=dict(P, min_pixels=3136, max_pixels=40000),
    ),
    "janus": C(
        "JanusForConditionalGeneration",
        dict(T, model_type="llama"),
        dict(V, hidden_act="gelu", projection_dim=64, mlp_ratio=2.0),
        pre=P,
    ),
    "hunyuanvl": C(
        "HunYuanVLForConditionalGeneration",
        dict(T),
        dict(V, out_hidden_size=64),
        pre=dict(P, min_pixels=3136, max_pixels=40000),
    ),
    "qwen2audio": C(
        "Qwen2AudioForConditionalGeneration",
        dict(T, model_type="qwen2"),
        None,
        dict(A, model_type="qwen2_audio_encoder"),
        pre=None,
    ),
    "voxtral": C(
        "VoxtralForConditionalGeneration",
        dict(T, model_type="llama"),
        None,
        dict(
            num_mel_bins=32,
            hidden_size=64,
            intermediate_size=256,
            num_hidden_layers=4,
            num_attention_heads=4,
            max_source_positions=50,
        ),
        pre=None,
    ),
    "audioflamingo3": C(
        "AudioFlamingo3ForConditionalGeneration",
        dict(T, model_type="qwen2"),
        None,
        dict(
            num_mel_bins=32,
            hidden_size=64,
            intermediate_size=96,
            num_hidden_layers=4,
            num_attention_heads=4,
            max_source_positions=50,
        ),
        pre=None,
    ),
}


def make(out, name, dtype):
    cls, d, pre = CASES[name]
    torch.manual_seed(7)
    model_class = getattr(transformers, cls)
    config = model_class.config_class(**d)
    model = model_class(config).to(dtype)
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(torch.randn_like(p.float()) * 0.1)
    folder = out / name
    shutil.rmtree(folder, ignore_errors=True)
    model.save_pretrained(folder)
    cfgp = folder / "config.json"
    cfg = json.loads(cfgp.read_text())
    w = load_file(folder / "model.safetensors")
    if name in ("gemma3", "lfm2vl"):
        w = {k.replace("vision_tower.", "vision_tower.vision_model."): v for k, v in w.items()}
        save_file(w, folder / "model.safetensors", metadata={"format": "pt"})
    if name == "lightonocr":
        cfg["architectures"] = ["LightOnOCRForConditionalGeneration"]
    if name == "paddleocr":
        cfg["vision_config"]["architectures"] = ["PaddleOCRVisionModel"]
    cfgp.write_text(json.dumps(cfg))
    if pre:
        (folder / "preprocessor_config.json").write_text(json.dumps(pre))
    fx = pathlib.Path(__file__).resolve().parents[2] / "fixtures/conformance/convert/checkpoints/llama"
    tok = json.loads((fx / "tokenizer.json").read_text())
    tok["added_tokens"].append({"id": 511, "content": "[IMG_BREAK]"})
    (folder / "tokenizer.json").write_text(json.dumps(tok))
    (folder / "tokenizer_config.json").write_text("{}")


D = 64
F = 96


def lin(t, n, o, i, bias=True):
    t[n + ".weight"] = (o, i)
    if bias:
        t[n + ".bias"] = (o,)


def norm(t, n, d=D, bias=True):
    t[n + ".weight"] = (d,)
    if bias:
        t[n + ".bias"] = (d,)


def siglip(t, p, layers="encoder.layers.{}.", n=4, patch=14, pos=16, fused=None):
    t[p + "embeddings.patch_embedding.weight"] = (D, 3, patch, patch)
    t[p + "embeddings.patch_embedding.bias"] = (D,)
    t[p + "embeddings.position_embedding.weight"] = (pos, D)
    for i in range(n):
        l = p + layers.format(i)
        if fused:
            lin(t, l + fused, 3 * D, D)
        else:
            for q in "qkv":
                lin(t, l + f"self_attn.{q}_proj", D, D)
        lin(t, l + "self_attn.out_proj", D, D)
        norm(t, l + "layer_norm1")
        norm(t, l + "layer_norm2")
        lin(t, l + "mlp.fc1", F, D)
        lin(t, l + "mlp.fc2", D, F)
    norm(t, p + "post_layernorm")


def whisper(t, p="audio_tower.", n=4):
    t[p + "conv1.weight"] = (D, 32, 3)
    t[p + "conv1.bias"] = (D,)
    t[p + "conv2.weight"] = (D, D, 3)
    t[p + "conv2.bias"] = (D,)
    t[p + "embed_positions.weight"] = (50, D)
    for i in range(n):
        l = p + f"layers.{i}."
        for q in "qkv":
            lin(t, l + f"self_attn.{q}_proj", D, D, q != "k")
        lin(t, l + "self_attn.out_proj", D, D)
        norm(t, l + "self_attn_layer_norm")
        norm(t, l + "final_layer_norm")
        lin(t, l + "fc1", F, D)
        lin(t, l + "fc2", D, F)
    norm(t, p + "layer_norm")


VISION = dict(
    hidden_size=D,
    intermediate_size=F,
    num_hidden_layers=4,
    num_attention_heads=4,
    image_size=56,
    patch_size=14,
)
AU = dict(
    num_mel_bins=32,
    d_model=D,
    encoder_layers=4,
    encoder_attention_heads=4,
    encoder_ffn_dim=F,
    num_hidden_layers=4,
)
TX = dict(hidden_size=64)


def moon(t, prefix, n=4):
    t["vision_tower.patch_embed.proj.weight"] = (D, 3, 14, 14)
    t["vision_tower.patch_embed.proj.bias"] = (D,)
    t["vision_tower.patch_embed.pos_emb.weight"] = (8, 8, D)
    for i in range(n):
        l = f"vision_tower.encoder.blocks.{i}."
        lin(t, l + "wqkv", 3 * D, D)
        lin(t, l + "wo", D, D)
        norm(t, l + "norm0")
        norm(t, l + "norm1")
        lin(t, l + "mlp.fc0", F, D)
        lin(t, l + "mlp.fc1", D, F)
    norm(t, "vision_tower.encoder.final_layernorm")


def kimivl(t):
    moon(t, "")
    norm(t, "multi_modal_projector.pre_norm")
    lin(t, "multi_modal_projector.linear_1", 4 * D, 4 * D)
    lin(t, "multi_modal_projector.linear_2", 64, 4 * D)


def kimik25(t):
    moon(t, "")
    norm(t, "mm_projector.pre_norm")
    lin(t, "mm_projector.proj.0", 4 * D, 4 * D)
    lin(t, "mm_projector.proj.2", 64, 4 * D)


def glm5v(t):
    moon(t, "")
    norm(t, "mm_projector.pre_norm")
    lin(t, "mm_projector.linear_1", 4 * D, 4 * D)
    lin(t, "mm_projector.linear_2", 64, 4 * D)


def intern(t):
    p = "vision_model."
    t[p + "embeddings.patch_embedding.weight"] = (D, 3, 14, 14)
    t[p + "embeddings.patch_embedding.bias"] = (D,)
    t[p + "embeddings.position_embedding"] = (1, 17, D)
    t[p + "embeddings.class_embedding"] = (1, 1, D)
    for i in range(4):
        l = p + f"encoder.layers.{i}."
        lin(t, l + "attn.qkv", 3 * D, D)
        lin(t, l + "attn.proj", D, D)
        norm(t, l + "norm1")
        norm(t, l + "norm2")
        lin(t, l + "mlp.fc1", F, D)
        lin(t, l + "mlp.fc2", D, F)
        t[l + "ls1"] = (D,)
        t[l + "ls2"] = (D,)
    norm(t, "mlp1.0", 4 * D)
    lin(t, "mlp1.1", 64, 4 * D)
    lin(t, "mlp1.3", 64, 64)
    lin(t, "language_model.model.layers.0.mlp.up_proj", 64, 64, False)


def dots(t):
    t["vision_tower.patch_embed.patchifier.proj.weight"] = (D, 3, 14, 14)
    t["vision_tower.patch_embed.patchifier.proj.bias"] = (D,)
    norm(t, "vision_tower.patch_embed.patchifier.norm", bias=False)
    for i in range(4):
        l = f"vision_tower.blocks.{i}."
        lin(t, l + "attn.qkv", 3 * D, D, False)
        lin(t, l + "attn.proj", D, D, False)
        norm(t, l + "norm1", bias=False)
        norm(t, l + "norm2", bias=False)
        for n, (o, j) in {"fc1": (F, D), "fc2": (D, F), "fc3": (F, D)}.items():
            lin(t, l + "mlp." + n, o, j, False)
    norm(t, "vision_tower.post_trunk_norm", bias=False)
    norm(t, "vision_tower.merger.ln_q")
    lin(t, "vision_tower.merger.mlp.0", 4 * D, 4 * D)
    lin(t, "vision_tower.merger.mlp.2", 64, 4 * D)
    lin(t, "model.layers.0.mlp.up_proj", 64, 64, False)


def youtu(t):
    siglip(t, "siglip2.vision_model.")
    norm(t, "merger.ln_q", bias=False)
    lin(t, "merger.mlp.0", 4 * D, 4 * D)
    lin(t, "merger.mlp.2", 64, 4 * D)
    lin(t, "model.layers.0.mlp.up_proj", 64, 64, False)


def dsocr(t):
    p = "model.sam_model."
    t[p + "pos_embed"] = (1, 4, 4, D)
    t[p + "patch_embed.proj.weight"] = (D, 3, 16, 16)
    t[p + "patch_embed.proj.bias"] = (D,)
    for i in range(4):
        l = p + f"blocks.{i}."
        norm(t, l + "norm1")
        norm(t, l + "norm2")
        lin(t, l + "attn.qkv", 3 * D, D)
        lin(t, l + "attn.proj", D, D)
        t[l + "attn.rel_pos_h"] = (7, 16)
        t[l + "attn.rel_pos_w"] = (7, 16)
        lin(t, l + "mlp.lin1", F, D)
        lin(t, l + "mlp.lin2", D, F)
    t[p + "neck.0.weight"] = (32, D, 1, 1)
    norm(t, p + "neck.1", 32)
    t[p + "neck.2.weight"] = (32, 32, 3, 3)
    norm(t, p + "neck.3", 32)
    t[p + "net_2.weight"] = (64, 32, 3, 3)
    t[p + "net_3.weight"] = (D, 64, 3, 3)
    siglip(t, "model.vision_model.", "transformer.layers.{}.", fused="self_attn.qkv_proj")
    del t["model.vision_model.post_layernorm.weight"], t["model.vision_model.post_layernorm.bias"]
    del t["model.vision_model.embeddings.patch_embedding.bias"]
    t["model.vision_model.embeddings.class_embedding"] = (D,)
    norm(t, "model.vision_model.pre_layrnorm")
    lin(t, "model.projector.layers", 64, 2 * D)
    t["model.image_newline"] = (64,)
    t["model.view_seperator"] = (64,)
    lin(t, "model.layers.0.mlp.up_proj", 64, 64, False)


def ultravox(t):
    whisper(t)
    t["multi_modal_projector.ln_pre.weight"] = (8 * D,)
    t["multi_modal_projector.linear_1.weight"] = (F, 8 * D)
    t["multi_modal_projector.ln_mid.weight"] = (F // 2,)
    t["multi_modal_projector.linear_2.weight"] = (64, F // 2)


def meralion(t):
    whisper(t, "speech_encoder.")
    norm(t, "ln_speech")
    lin(t, "speech_audio_adapter.mlp_adapter.0", F, 15 * D)
    lin(t, "speech_audio_adapter.gate_proj", F, F)
    lin(t, "speech_audio_adapter.pool_proj", F, F)
    lin(t, "speech_audio_adapter.out_proj", 64, F)
    lin(t, "text_decoder.model.layers.0.x", 64, 64)


def glmasr(t):
    whisper(t, "audio_encoder.whisper.")
    norm(t, "audio_encoder.layer_norm")
    lin(t, "audio_encoder.adapting.0", F, 4 * D)
    lin(t, "audio_encoder.adapting.2", 64, F)
    t["audio_encoder.audio_bos_eos_token.weight"] = (2, 64)
    lin(t, "model.layers.0.mlp.up_proj", 64, 64, False)


def qwen25o(t):
    p = "thinker.visual."
    t[p + "patch_embed.proj.weight"] = (D, 3, 2, 14, 14)
    for i in range(4):
        l = p + f"blocks.{i}."
        lin(t, l + "attn.qkv", 3 * D, D)
        lin(t, l + "attn.proj", D, D)
        norm(t, l + "norm1", bias=False)
        norm(t, l + "norm2", bias=False)
        for n, (o, j) in {"gate_proj": (F, D), "up_proj": (F, D), "down_proj": (D, F)}.items():
            lin(t, l + "mlp." + n, o, j)
    norm(t, p + "merger.ln_q", bias=False)
    lin(t, p + "merger.mlp.0", 4 * D, 4 * D)
    lin(t, p + "merger.mlp.2", 64, 4 * D)
    whisper(t, "thinker.audio_tower.")
    del t["thinker.audio_tower.embed_positions.weight"]
    del t["thinker.audio_tower.layer_norm.weight"], t["thinker.audio_tower.layer_norm.bias"]
    norm(t, "thinker.audio_tower.ln_post")
    lin(t, "thinker.audio_tower.proj", 64, D)
    t["thinker.audio_tower.audio_bos_eos_token.weight"] = (2, 64)
    lin(t, "thinker.model.layers.0.mlp.up_proj", 64, 64, False)


def q3audio(t):
    p = "thinker.audio_tower."
    for i, (o, c) in enumerate([(48, 1), (48, 48), (48, 48)], 1):
        t[p + f"conv2d{i}.weight"] = (o, c, 3, 3)
        t[p + f"conv2d{i}.bias"] = (o,)
    lin(t, p + "conv_out", D, 48 * 4, False)
    for i in range(4):
        l = p + f"layers.{i}."
        for q in "qkv":
            lin(t, l + f"self_attn.{q}_proj", D, D)
        lin(t, l + "self_attn.out_proj", D, D)
        norm(t, l + "self_attn_layer_norm")
        norm(t, l + "final_layer_norm")
        lin(t, l + "fc1", F, D)
        lin(t, l + "fc2", D, F)
    norm(t, p + "ln_post")
    lin(t, p + "proj1", D, D)
    lin(t, p + "proj2", 64, D)
    lin(t, "thinker.model.layers.0.mlp.up_proj", 64, 64, False)


def qwen3omni(t):
    p = "thinker.visual."
    t[p + "patch_embed.proj.weight"] = (D, 3, 2, 16, 16)
    t[p + "patch_embed.proj.bias"] = (D,)
    t[p + "pos_embed.weight"] = (49, D)
    for i in range(3):
        l = p + f"blocks.{i}."
        lin(t, l + "attn.qkv", 3 * D, D)
        lin(t, l + "attn.proj", D, D)
        norm(t, l + "norm1")
        norm(t, l + "norm2")
        lin(t, l + "mlp.linear_fc1", F, D)
        lin(t, l + "mlp.linear_fc2", D, F)
    norm(t, p + "merger.ln_q")
    lin(t, p + "merger.mlp.0", 4 * D, 4 * D)
    lin(t, p + "merger.mlp.2", 64, 4 * D)
    for k in range(2):
        norm(t, p + f"merger_list.{k}.ln_q", 4 * D)
        lin(t, p + f"merger_list.{k}.mlp.0", 4 * D, 4 * D)
        lin(t, p + f"merger_list.{k}.mlp.2", 64, 4 * D)
    q3audio(t)


def exa(t):
    p = "model.visual."
    t[p + "patch_embed.proj.weight"] = (D, 3, 2, 14, 14)
    for i in range(4):
        l = p + f"blocks.{i}."
        lin(t, l + "attn.qkv", 2 * D, D)
        lin(t, l + "attn.proj", D, D)
        norm(t, l + "norm1", bias=False)
        norm(t, l + "norm2", bias=False)
        for n, (o, j) in {"gate_proj": (F, D), "up_proj": (F, D), "down_proj": (D, F)}.items():
            lin(t, l + "mlp." + n, o, j)
    norm(t, p + "merger.ln_q", bias=False)
    lin(t, p + "merger.mlp.0", 4 * D, 4 * D)
    lin(t, p + "merger.mlp.2", 64, 4 * D)


SHAPES = {
    "kimivl": ("KimiVLForConditionalGeneration", kimivl, dict(text_config=TX, vision_config=VISION), P),
    "kimik25": (
        "KimiK25ForConditionalGeneration",
        kimik25,
        dict(
            text_config=TX,
            vision_config=dict(
                vt_hidden_size=D,
                vt_intermediate_size=F,
                vt_num_hidden_layers=4,
                vt_num_attention_heads=4,
                num_attention_heads=4,
                init_pos_emb_height=8,
                init_pos_emb_width=8,
            ),
        ),
        P,
    ),
    "glm5v": (
        "Glm5vForConditionalGeneration",
        glm5v,
        dict(
            text_config=TX,
            vision_config=dict(
                vt_hidden_size=D,
                vt_intermediate_size=F,
                vt_num_hidden_layers=4,
                vt_num_attention_heads=4,
                num_attention_heads=4,
                init_pos_emb_height=8,
                init_pos_emb_width=8,
                merge_kernel_size=[2, 2],
            ),
        ),
        dict(P, in_patch_limit=1000),
    ),
    "internvl": (
        "InternVLChatModel",
        intern,
        dict(
            llm_config=TX,
            vision_config=dict(
                VISION, architectures=["InternVisionModel"], layer_norm_eps=1e-6, hidden_act="gelu"
            ),
            downsample_ratio=0.5,
            min_dynamic_patch=1,
            max_dynamic_patch=12,
        ),
        P,
    ),
    "dotsocr": (
        "DotsOCRForCausalLM",
        dots,
        dict(
            hidden_size=64,
            vision_config=dict(
                embed_dim=64,
                hidden_size=64,
                intermediate_size=F,
                num_hidden_layers=4,
                num_attention_heads=4,
                patch_size=14,
                rms_norm_eps=1e-5,
                spatial_merge_size=2,
            ),
        ),
        dict(P, min_pixels=3136, max_pixels=40000),
    ),
    "youtuvl": (
        "YoutuVLForConditionalGeneration",
        youtu,
        dict(
            hidden_size=64,
            vision_config=dict(VISION, fullatt_block_indexes=[0, 1], window_size=112, layer_norm_eps=1e-6),
        ),
        P,
    ),
    "dsocr": (
        "DeepseekOCRForCausalLM",
        dsocr,
        dict(
            language_config=TX,
            vision_config=dict(
                image_size=1024,
                mlp_ratio=3.7,
                width={
                    "clip-l-14-224": dict(heads=4, image_size=56, layers=4, patch_size=14, width=D),
                    "sam_vit_b": dict(heads=4, layers=4, width=D),
                },
            ),
        ),
        P,
    ),
    "unlocr": (
        "UnlimitedOCRForCausalLM",
        dsocr,
        dict(
            language_config=TX,
            vision_config=dict(
                image_size=1024,
                mlp_ratio=3.7,
                width={
                    "clip-l-14-224": dict(heads=4, image_size=56, layers=4, patch_size=14, width=D),
                    "sam_vit_b": dict(heads=4, layers=4, width=D),
                },
            ),
        ),
        P,
    ),
    "ultravox": ("UltravoxModel", ultravox, dict(text_config=TX, audio_config=AU, stack_factor=8), None),
    "meralion": ("MERaLiON2ForConditionalGeneration", meralion, dict(text_config=TX, speech_config=AU), None),
    "glmasr": ("GlmasrModel", glmasr, dict(lm_config=TX, whisper_config=AU, merge_factor=4), None),
    "qwen25omni": (
        "Qwen2_5OmniModel",
        qwen25o,
        dict(
            model_type="qwen2_5_omni",
            thinker_config=dict(
                text_config=TX,
                audio_config=AU,
                vision_config=dict(
                    hidden_size=D,
                    out_hidden_size=64,
                    intermediate_size=F,
                    depth=4,
                    num_heads=4,
                    patch_size=14,
                    fullatt_block_indexes=[1, 3],
                ),
            ),
        ),
        P,
    ),
    "qwen3omni": (
        "Qwen3OmniMoeForConditionalGeneration",
        qwen3omni,
        dict(
            model_type="qwen3_omni_moe_x",
            thinker_config=dict(
                text_config=TX,
                audio_config=AU,
                vision_config=dict(
                    hidden_size=D,
                    out_hidden_size=64,
                    intermediate_size=F,
                    depth=3,
                    num_heads=4,
                    patch_size=16,
                    num_position_embeddings=49,
                    deepstack_visual_indexes=[0, 2],
                    spatial_merge_size=2,
                ),
            ),
        ),
        P,
    ),
    "qwen3asr": (
        "Qwen3ASRForConditionalGeneration",
        q3audio,
        dict(model_type="qwen3_asr_x", thinker_config=dict(text_config=TX, audio_config=AU)),
        None,
    ),
    "exaone45": (
        "Exaone4_5_ForConditionalGeneration",
        exa,
        dict(
            model_type="x",
            text_config=TX,
            vision_config=dict(
                hidden_size=D,
                intermediate_size=F,
                depth=4,
                num_heads=4,
                num_key_value_heads=2,
                patch_size=14,
                fullatt_block_indexes=[1, 3],
                window_size=56,
            ),
        ),
        dict(P, min_pixels=3136, max_pixels=40000),
    ),
}


def make_by_shapes(out, name):
    cls, shapes, config, pre = SHAPES[name]
    tensors = {}
    shapes(tensors)
    generator = torch.Generator().manual_seed(7)
    folder = out / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    save_file(
        {
            key: (torch.randn(shape, generator=generator) * 0.1).to(torch.bfloat16)
            for key, shape in tensors.items()
        },
        folder / "model.safetensors",
        metadata={"format": "pt"},
    )
    (folder / "config.json").write_text(json.dumps({"architectures": [cls], **config}))
    if pre:
        (folder / "preprocessor_config.json").write_text(json.dumps(pre))


if __name__ == "__main__":
    out = pathlib.Path(sys.argv[1])
    for name in sys.argv[2:] or [*CASES, *SHAPES]:
        if name in SHAPES:
            make_by_shapes(out, name)
        else:
            make(out, name, torch.bfloat16)
