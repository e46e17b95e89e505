"""Models with encoders of pictures or sound that transformers lacks: names and shapes of their tensors."""

from projector_classes import P

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


def sam(t):
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


def dsocr(t):
    sam(t)
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
                patch_size=14,
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
                patch_size=14,
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
