"""Further encoders that transformers lacks or needs other packages for: names and shapes of their tensors."""

from projector_classes import P
from projector_shapes import D, F, TX, lin, norm, sam


def cogvlm(t):
    p = "model.vision."
    t[p + "patch_embedding.cls_embedding"] = (1, D)
    t[p + "patch_embedding.proj.weight"] = (D, 3, 14, 14)
    t[p + "patch_embedding.proj.bias"] = (D,)
    t[p + "patch_embedding.position_embedding.weight"] = (17, D)
    for i in range(3):
        l = p + f"transformer.layers.{i}."
        lin(t, l + "attention.query_key_value", 3 * D, D)
        lin(t, l + "attention.dense", D, D)
        norm(t, l + "input_layernorm")
        norm(t, l + "post_attention_layernorm")
        lin(t, l + "mlp.fc1", F, D)
        lin(t, l + "mlp.fc2", D, F)
    lin(t, p + "linear_proj.linear_proj", 64, D, False)
    norm(t, p + "linear_proj.norm1")
    lin(t, p + "linear_proj.dense_h_to_4h", F, 64, False)
    lin(t, p + "linear_proj.gate_proj", F, 64, False)
    lin(t, p + "linear_proj.dense_4h_to_h", 64, F, False)
    t[p + "boi"] = t[p + "eoi"] = (1, 1, 64)
    t["model.layers.0.mlp.up_proj.weight"] = (F, D)


def sarashina2(t):
    t["visual.patch_embed.proj.weight"] = (D, 3, 2, 14, 14)
    for i in range(4):
        l = f"visual.blocks.{i}."
        lin(t, l + "attn.qkv", 3 * D, D)
        lin(t, l + "attn.proj", D, D)
        norm(t, l + "norm1")
        norm(t, l + "norm2")
        lin(t, l + "mlp.fc1", F, D)
        lin(t, l + "mlp.fc2", D, F)
    norm(t, "visual.merger.ln_q")
    lin(t, "visual.merger.mlp.0", 4 * D, 4 * D)
    lin(t, "visual.merger.mlp.2", 64, 4 * D)
    t["norm.weight"] = (D,)
    t["llm.model.norm.weight"] = (D,)


def deepseek4(t):
    lin(t, "vision.patch_embed.proj", D, 3 * 14 * 14)
    for i in range(3):
        l = f"vision.blocks.{i}."
        lin(t, l + "attn.wqkv", 3 * D, D)
        lin(t, l + "attn.wo", D, D)
        norm(t, l + "norm1", bias=False)
        norm(t, l + "norm2", bias=False)
        lin(t, l + "mlp.w1", 2 * F, D, False)
        lin(t, l + "mlp.w2", D, F, False)
    norm(t, "vision.norm", bias=False)
    lin(t, "aligner.w0", F, 9 * D)
    lin(t, "aligner.w1", 64, F)
    for name in ["newline", "start", "end", "pad"]:
        t[f"image_{name}"] = (64,)
    t["layers.0.attn.wo_a.weight"] = (D, D)


def bailing3(t):
    p = "model.visual."
    t[p + "patch_embed.proj.weight"] = (D, 3, 2, 16, 16)
    t[p + "pos_embed.weight"] = (49, D)
    for i in range(3):
        l = p + f"blocks.{i}."
        lin(t, l + "attn.qkv", 3 * D, D)
        lin(t, l + "attn.proj", D, D)
        norm(t, l + "norm1")
        norm(t, l + "norm2")
        lin(t, l + "mlp.linear_fc1", F, D)
        lin(t, l + "mlp.linear_fc2", D, F)
    norm(t, p + "merger.norm")
    lin(t, "linear_proj.0", F, 4 * D)
    lin(t, "linear_proj.2", 64, F)


# The reference converter takes the published model's numbers only; what it does not look at is small.
STEP = 1536


def step3(t):
    p = "vision_model."
    t[p + "conv1.weight"] = (STEP, 3, 2, 2)
    t[p + "positional_embedding"] = (16, STEP)
    norm(t, p + "ln_pre", STEP)
    for i in range(47):
        l = p + f"transformer.resblocks.{i}."
        t[l + "attn.in_proj_weight"] = (3 * D, D)
        t[l + "attn.in_proj_bias"] = (3 * D,)
        lin(t, l + "attn.out_proj", D, D)
        norm(t, l + "ln_1", STEP)
        norm(t, l + "ln_2", STEP)
        lin(t, l + "mlp.c_fc", F, D)
        lin(t, l + "mlp.c_proj", D, F)
        t[l + "ls_1.gamma"] = t[l + "ls_2.gamma"] = (STEP,)
    for i in (1, 2):
        t[p + f"vit_downsampler{i}.weight"] = (D, D, 3, 3)
        t[p + f"vit_downsampler{i}.bias"] = (D,)
    lin(t, "vit_large_projector", 64, D, False)
    t["model.norm.weight"] = (D,)


STEP_CONFIG = dict(
    text_config=TX,
    understand_projector_stride=2,
    vision_config=dict(
        width=STEP, layers=47, heads=16, image_size=728, patch_size=14, mlp_ratio=8960 / 1536),
)


def dsocr2(t):
    sam(t)
    p = "model.qwen2_model."
    for i in range(24):
        l = p + f"model.model.layers.{i}."
        lin(t, l + "self_attn.q_proj", D, D)
        lin(t, l + "self_attn.k_proj", 16, D)
        lin(t, l + "self_attn.v_proj", 16, D)
        lin(t, l + "self_attn.o_proj", D, D, False)
        norm(t, l + "input_layernorm", bias=False)
        norm(t, l + "post_attention_layernorm", bias=False)
        lin(t, l + "mlp.gate_proj", F, D, False)
        lin(t, l + "mlp.up_proj", F, D, False)
        lin(t, l + "mlp.down_proj", D, F, False)
    norm(t, p + "model.model.norm", bias=False)
    t[p + "query_768.weight"] = (9, D)
    t[p + "query_1024.weight"] = (16, D)
    lin(t, "model.projector.layers", 64, D)
    t["model.image_newline"] = (64,)
    t["model.view_seperator"] = (64,)


def phi4(t):
    p = "model.vision_tower.vision_tower.vision_model."
    lin(t, p + "embeddings.patch_embedding", D, 3 * 16 * 16)
    t[p + "embeddings.position_embedding.weight"] = (16, D)
    for i in range(4):
        l = p + f"encoder.layers.{i}."
        for q in "qkv":
            lin(t, l + f"self_attn.{q}_proj", D, D)
        lin(t, l + "self_attn.out_proj", D, D)
        norm(t, l + "layer_norm1")
        norm(t, l + "layer_norm2")
        lin(t, l + "mlp.fc1", F, D)
        lin(t, l + "mlp.fc2", D, F)
    norm(t, p + "post_layernorm")
    t[p + "head.probe"] = (1, 1, D)
    lin(t, "model.mm_projector.0", F, D)
    lin(t, "model.mm_projector.2", 64, F)


def lfm2audio(t):
    for i, shape in [(0, (D, 1, 3, 3)), (2, (D, 1, 3, 3)), (3, (D, D, 1, 1))]:
        t[f"conformer.pre_encode.conv.{i}.weight"] = shape
        t[f"conformer.pre_encode.conv.{i}.bias"] = (D,)
    lin(t, "conformer.pre_encode.out", D, 4 * D)
    for i in range(4):
        l = f"conformer.layers.{i}."
        for name in ["norm_self_att", "norm_out", "norm_feed_forward1", "norm_feed_forward2", "norm_conv"]:
            norm(t, l + name)
        for name in "qkv":
            lin(t, l + f"self_attn.linear_{name}", D, D)
        lin(t, l + "self_attn.linear_out", D, D)
        lin(t, l + "self_attn.linear_pos", D, D, False)
        t[l + "self_attn.pos_bias_u"] = t[l + "self_attn.pos_bias_v"] = (4, 16)
        for j in (1, 2):
            lin(t, l + f"feed_forward{j}.linear1", F, D)
            lin(t, l + f"feed_forward{j}.linear2", D, F)
        t[l + "conv.pointwise_conv1.weight"] = (2 * D, D, 1)
        t[l + "conv.pointwise_conv1.bias"] = (2 * D,)
        t[l + "conv.pointwise_conv2.weight"] = (D, D, 1)
        t[l + "conv.pointwise_conv2.bias"] = (D,)
        t[l + "conv.depthwise_conv.weight"] = (D, 1, 9)
        t[l + "conv.depthwise_conv.bias"] = (D,)
        batch_norm(t, l + "conv.batch_norm")
    norm(t, "audio_adapter.model.0")
    lin(t, "audio_adapter.model.1", F, D)
    lin(t, "audio_adapter.model.3", 64, F)
    t["audio_embedding.embedding.weight"] = (40, 64)
    norm(t, "audio_embedding.embedding_norm", 64, False)
    lin(t, "audio_embedding.to_logits", 40, 64, False)
    t["lfm.norm.weight"] = (64,)
    t["depthformer.norm.weight"] = (64,)
    t["codebook_offsets"] = (8,)
    t["audio_loss_weights"] = (8,)


def batch_norm(t, name, d=D):
    for part in ["weight", "bias", "running_mean", "running_var"]:
        t[f"{name}.{part}"] = (d,)
    t[f"{name}.num_batches_tracked"] = ()


def gemma3n(t):
    v = "model.vision_tower.timm_model."
    t[v + "conv_stem.conv.weight"] = (D, 3, 3, 3)
    t[v + "conv_stem.conv.bias"] = (D,)
    t[v + "conv_stem.bn.weight"] = (D,)
    for i, j in [(0, 0), (0, 1), (1, 0)]:
        b = v + f"blocks.{i}.{j}."
        for name in ["conv_exp", "conv_pwl", "dw_start.conv", "dw_mid.conv", "pw_exp.conv", "pw_proj.conv",
                     "attn.query.proj", "attn.key.proj", "attn.value.proj", "attn.output.proj",
                     "attn.key.down_conv", "attn.value.down_conv"]:
            t[b + name + ".weight"] = (D, D, 1, 1)
        for name in ["bn1", "bn2", "dw_start.bn", "dw_mid.bn", "pw_exp.bn", "pw_proj.bn", "attn.key.norm",
                     "attn.value.norm", "norm"]:
            t[b + name + ".weight"] = (D,)
        t[b + "layer_scale.gamma"] = (D,)
    for name in ["pw_exp", "pw_proj"]:
        t[v + f"msfa.ffn.{name}.conv.weight"] = (D, D, 1, 1)
        t[v + f"msfa.ffn.{name}.bn.weight"] = (D,)
    t[v + "msfa.norm.weight"] = (D,)
    for kind in ["vision", "audio"]:
        e = f"model.embed_{kind}."
        t[e + "embedding.weight"] = (8, D)
        t[e + "hard_embedding_norm.weight"] = (D,)
        t[e + "soft_embedding_norm.weight"] = (D,)
        t[e + "embedding_projection.weight"] = (64, D)
    a = "model.audio_tower."
    for i in (0, 1):
        t[a + f"subsample_conv_projection.conv_{i}.conv.weight"] = (D, 1, 3, 3)
    t[a + "subsample_conv_projection.input_proj_linear.weight"] = (D, 2 * D)
    for i in range(2):
        l = a + f"conformer.{i}."
        for q in "qkv":
            t[l + f"attention.attn.{q}_proj.weight"] = (D, D)
        t[l + "attention.attn.per_dim_scale"] = (16,)
        t[l + "attention.attn.relative_position_embedding.pos_proj.weight"] = (D, D)
        t[l + "attention.post.weight"] = (D, D)
        for j in ["start", "end"]:
            t[l + f"ffw_layer_{j}.ffw_layer_1.weight"] = (F, D)
            t[l + f"ffw_layer_{j}.ffw_layer_2.weight"] = (D, F)
            for name in ["pre", "post"]:
                t[l + f"ffw_layer_{j}.{name}_layer_norm.weight"] = (D,)
        t[l + "lconv1d.linear_start.weight"] = (2 * D, D)
        t[l + "lconv1d.linear_end.weight"] = (D, D)
        t[l + "lconv1d.depthwise_conv1d.weight"] = (D, 1, 5)
        for name in ["attention.pre_attn_norm", "attention.post_norm", "lconv1d.pre_layer_norm",
                     "lconv1d.conv_norm", "norm"]:
            t[l + name + ".weight"] = (D,)
    t["model.language_model.norm.weight"] = (D,)


def dots3(t):
    v = "vision_encoder."
    t[v + "patch_embed.proj.weight"] = (D, 3, 14, 14)
    t[v + "patch_embed.norm.weight"] = (D,)
    for i, count in enumerate(DOTS_EXPERTS):
        l = v + f"blocks.{i}."
        lin(t, l + "attn.qkv", 3 * D, D, False)
        lin(t, l + "attn.proj", D, D, False)
        t[l + "attn.q_norm.weight"] = t[l + "attn.k_norm.weight"] = (16,)
        norm(t, l + "norm_1", bias=False)
        norm(t, l + "norm_2", bias=False)
        names = [f"mlp.experts.{x}." for x in range(count)] if count > 0 else ["mlp."]
        for name in names:
            lin(t, l + name + "fc1", F, D, False)
            lin(t, l + name + "fc2", D, F, False)
            lin(t, l + name + "fc3", F, D, False)
        if count > 0:
            t[l + "mlp.gate_weight"] = (count, D)
            t[l + "mlp.router_bias"] = (count,)
    norm(t, v + "post_trunk_norm", bias=False)
    norm(t, v + "adapter.ln_q")
    lin(t, v + "adapter.mlp.0", 4 * D, 4 * D)
    lin(t, v + "adapter.mlp.2", 64, 4 * D)
    a = "audio_encoder.dots_encoder.speech_encoder."
    for i in (1, 2, 3):
        t[a + f"conv2d{i}.weight"] = (D, 1 if i == 1 else D, 3, 3)
        t[a + f"conv2d{i}.bias"] = (D,)
    lin(t, a + "conv_out", D, 4 * D, False)
    for i in range(2):
        l = a + f"layers.{i}."
        for q in "qkv":
            lin(t, l + f"self_attn.{q}_proj", D, D, q != "k")
        lin(t, l + "self_attn.out_proj", D, D)
        norm(t, l + "self_attn_layer_norm", bias=False)
        norm(t, l + "final_layer_norm", bias=False)
        lin(t, l + "fc1", 2 * F, D)
        lin(t, l + "fc2", D, F)
    norm(t, a + "layer_norm", bias=False)
    norm(t, "audio_encoder.audio_adapter.proj.0")
    lin(t, "audio_encoder.audio_adapter.proj.1", F, D)
    lin(t, "audio_encoder.audio_adapter.proj.3", 64, F)


DOTS_EXPERTS = [-1, 2, 3]
DOTS_CONFIG = dict(
    hidden_size=64,
    vision_config=dict(
        embed_dim=D, hidden_size=64, intermediate_size=F, num_hidden_layers=3, num_attention_heads=4, patch_size=14,
        rms_norm_eps=1e-5, spatial_merge_size=2, pyramid_num_routed=DOTS_EXPERTS, capacity_factor=2.0,
        adapter_type="patch_merger", pre_pixel_shuffle=True, use_qk_norm=True, use_bias=False,
        router_scoring_func="sigmoid"),
    audio_config=dict(
        use_conv2d_stem=True, use_rope=True, use_rms_norm=True, merge_factor=1, chunk_seconds=60,
        rope_parameters=dict(partial_rotary_factor=0.5, rope_theta=10000.0),
        whisper_config=dict(
            activation_function="swiglu", d_model=D, encoder_ffn_dim=F, encoder_attention_heads=4, encoder_layers=2,
            num_mel_bins=32)),
)
DOTS_PICTURES = dict(vision_config=dict(P, min_pixels=3136, max_pixels=40000))

SHAPES = {
    "cogvlm": (
        "CogVLMForCausalLM",
        cogvlm,
        dict(
            hidden_size=64,
            vision_config=dict(
                hidden_size=D, intermediate_size=F, num_hidden_layers=3, num_heads=4, image_size=56, patch_size=14,
                layer_norm_eps=1e-5)),
        P,
    ),
    "sarashina2": (
        "Sarashina2VisionForCausalLM",
        sarashina2,
        dict(
            model_type="sarashina2_vision",
            text_config=TX,
            vision_config=dict(embed_dim=D, hidden_size=F, depth=4, num_heads=4, mlp_ratio=2, patch_size=14)),
        P,
    ),
    "deepseek4": (
        "DeepseekV4ForCausalLM",
        deepseek4,
        dict(
            hidden_size=64, num_hidden_layers=7, num_attention_heads=8, vision_n_layers=3, vision_dim=D,
            vision_n_heads=4, vision_inter_dim=F, vision_patch_size=14, vision_downsample_ratio=3,
            vision_min_pixels=3136, vision_max_n_token=384, vision_max_wh_ratio=8),
        None,
    ),
    "bailing3": (
        "BailingMoeV3VLForConditionalGeneration",
        bailing3,
        dict(
            text_config=dict(TX, rms_norm_eps=1e-5),
            vision_config=dict(
                hidden_size=D, out_hidden_size=4 * D, intermediate_size=F, depth=3, num_heads=4, patch_size=16,
                num_position_embeddings=49, spatial_merge_size=2, disable_merger_proj=True)),
        P,
    ),
    "step3vl": ("StepVLForConditionalGeneration", step3, STEP_CONFIG, None),
    "step3p7": ("Step3p7ForConditionalGeneration", step3, STEP_CONFIG, P),
    "dsocr2": (
        "DeepseekOCR2ForCausalLM",
        dsocr2,
        dict(
            language_config=TX,
            vision_config=dict(
                image_size=1024, mlp_ratio=3.7,
                width={"qwen2-0-5b": dict(dim=D), "sam_vit_b": dict(heads=4, layers=4, width=D)})),
        P,
    ),
    "phi4": (
        "Phi4ForCausalLMV",
        phi4,
        dict(
            hidden_size=64, min_num_patches=4,
            vision_config=dict(
                hidden_size=D, intermediate_size=F, num_hidden_layers=4, num_attention_heads=4, patch_size=16)),
        dict(P, patch_size=16, max_num_patches=36),
    ),
    "lfm2audio": (
        "Lfm2AudioForConditionalGeneration",
        lfm2audio,
        dict(lfm=dict(TX), encoder=dict(d_model=D, n_heads=4, n_layers=4, feat_in=32)),
        None,
    ),
    "gemma3n": (
        "Gemma3nForConditionalGeneration",
        gemma3n,
        dict(
            text_config=TX,
            vision_config=dict(hidden_size=D),
            audio_config=dict(
                hidden_size=D, conf_num_hidden_layers=2, conf_num_attention_heads=4, input_feat_size=32)),
        dict(image_seq_length=256, size=dict(height=768, width=768)),
    ),
    "dots3": ("Dots3NoteForCausalLM", dots3, DOTS_CONFIG, DOTS_PICTURES),
    "dots3-conditional": ("Dots3NoteForConditionalGeneration", dots3, DOTS_CONFIG, DOTS_PICTURES),
}
