"""Models with encoders of pictures or sound that transformers has a class for: what its configuration takes."""

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

GEMMA4 = dict(
    hidden_size=64,
    intermediate_size=96,
    num_hidden_layers=3,
    num_attention_heads=4,
    num_key_value_heads=4,
    head_dim=16,
    patch_size=14,
    position_embedding_size=10,
)
# A Q-Former of one layer, and the conformer before Granite Speech's.
Q = dict(
    model_type="blip_2_qformer",
    hidden_size=64,
    encoder_hidden_size=64,
    intermediate_size=96,
    num_attention_heads=4,
    num_hidden_layers=1,
)
GRANITE = dict(
    input_dim=16,
    num_layers=3,
    hidden_dim=64,
    num_heads=4,
    dim_head=16,
    output_dim=42,
    context_size=20,
    max_pos_emb=32,
    conv_kernel_size=3,
)


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
    # Wide enough for super-blocks of 256 weights.
    "gemma3-wide": C(
        "Gemma3ForConditionalGeneration",
        dict(T, hidden_size=256),
        dict(V, model_type="siglip_vision_model", hidden_size=256, intermediate_size=512),
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
            vision_use_head=False,
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
    "gemma4": C(
        "Gemma4ForConditionalGeneration",
        dict(T),
        GEMMA4 | dict(use_clipped_linears=True),
        dict(hidden_size=64, num_hidden_layers=2, num_attention_heads=4),
    ),
    "gemma4-pictures": C("Gemma4ForConditionalGeneration", dict(T), GEMMA4 | dict(standardize=True)),
    "gemma4unified": C(
        "Gemma4UnifiedForConditionalGeneration",
        dict(T),
        dict(mm_embed_dim=64, patch_size=8, model_patch_size=24, mm_posemb_size=20),
        dict(audio_embed_dim=64),
    ),
    "granite4vision": C(
        "Granite4VisionForConditionalGeneration",
        dict(T, num_hidden_layers=8),
        dict(V, model_type="siglip_vision_model", num_hidden_layers=6, vision_use_head=False),
        downsample_rate="1/2",
        deepstack_layer_map=[[-1, 7], [1, -8]],
        spatial_target_layers=[2, 1, 3, 4],
        spatial_vision_layer=-2,
        image_grid_pinpoints=[[56, 112], [112, 56]],
        qformer_config=Q,
    ),
    "granitespeech": C(
        "GraniteSpeechForConditionalGeneration",
        dict(T, model_type="granite"),
        pre=None,
        encoder_config=GRANITE,
        projector_config=Q,
        has_lora_adapter=False,
    ),
    "granitespeechplus": C(
        "GraniteSpeechPlusForConditionalGeneration",
        dict(T, model_type="granite"),
        pre=None,
        encoder_config=GRANITE | dict(cat_hidden_layers=[1]),
        projector_config=Q | dict(encoder_hidden_size=128),
        has_lora_adapter=False,
    ),
    "minimaxm3": C(
        "MiniMaxM3SparseForConditionalGeneration",
        dict(T, num_local_experts=2),
        dict(V, hidden_size=160, num_attention_heads=2),
        projector_hidden_size=96,
        merged_hidden_size=256,
    ),
    "museglimmer": C(
        "MuseGlimmerForConditionalGeneration",
        dict(T),
        dict(
            hidden_size=64,
            intermediate_size=96,
            num_hidden_layers=3,
            num_attention_heads=4,
            patch_size=14,
            pos_emb_height=4,
            pos_emb_width=4,
            layer_types=["window_attention", "window_attention", "full_attention"],
        ),
        out_hidden_size=64 * 4,
        projector_hidden_size=96,
    ),
    "glm5next": C(
        "Glm5NextForConditionalGeneration",
        dict(T, num_key_value_heads=4),
        dict(
            hidden_size=64,
            out_hidden_size=64,
            intermediate_size=96,
            depth=3,
            num_heads=4,
            patch_size=14,
            image_size=56,
            projection_intermediate_size=96,
        ),
        pre=dict(P, patch_size=14, merge_size=2, min_image_tokens=4, max_image_tokens=900),
    ),
    "qwen4exp": C(
        "Qwen4ExpForConditionalGeneration",
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
}
