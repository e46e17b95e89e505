"""Language models of models that also take pictures or sound."""

from shapes import B, case_into, drop, internlm2, llama, orion, qkn, qmoe, text

CASES = []
case = case_into(CASES)


def pre(prefix, tensors):
    return {prefix + name: shape for name, shape in tensors.items()}


vis = {
    "vision_tower.vision_model.embeddings.class_embedding": [32],
    "multi_modal_projector.linear_1.weight": [64, 32],
}
V1 = dict(torch_dtype="bfloat16", bos_token_id=509, eos_token_id=510)
case(
    "llava",
    "LlavaForConditionalGeneration",
    dict(
        model_type="llava",
        text_config=text(model_type="llama", architectures=["LlamaForCausalLM"], head_dim=16),
        vision_config=dict(model_type="clip_vision_model", hidden_size=32),
    ),
    {**pre("language_model.", llama()), **vis},
    base=V1,
)
case(
    "llava-q",
    "LlavaForConditionalGeneration",
    dict(
        model_type="llava",
        text_config=text(model_type="qwen2", architectures=["Qwen2ForCausalLM"]),
        vision_config=dict(model_type="clip_vision_model", hidden_size=32),
    ),
    {**pre("language_model.", llama(qkv=True)), **vis},
    base=V1,
)
case(
    "llava-n",
    "LlavaForConditionalGeneration",
    dict(
        model_type="llava",
        text_config=text(model_type="llama"),
        vision_config=dict(model_type="clip_vision_model", hidden_size=32),
    ),
    {
        **pre("model.language_model.", {k[6:]: v for k, v in llama(head=False).items()}),
        "lm_head.weight": [512, 64],
        **pre("model.", vis),
    },
    base=V1,
)
case(
    "smolvlm",
    "SmolVLMForConditionalGeneration",
    dict(
        model_type="smolvlm",
        text_config=text(model_type="llama", architectures=["VLlama3ForCausalLM"]),
        vision_config=dict(model_type="smolvlm_vision", hidden_size=32, image_size=28, patch_size=14),
    ),
    {
        **pre("model.text_model.", {k[6:]: v for k, v in llama(head=False).items()}),
        "lm_head.weight": [512, 64],
        "model.vision_model.post_layernorm.weight": [32],
        "model.connector.modality_projection.proj.weight": [64, 32],
    },
    base=V1,
)
case(
    "idefics3",
    "Idefics3ForConditionalGeneration",
    dict(
        model_type="idefics3",
        text_config=text(model_type="llama", architectures=["VLlama3ForCausalLM"]),
        vision_config=dict(model_type="idefics3_vision", hidden_size=32, image_size=28, patch_size=14),
    ),
    {
        **pre("model.text_model.", {k[6:]: v for k, v in llama(head=False).items()}),
        "lm_head.weight": [512, 64],
        "model.connector.modality_projection.proj.weight": [64, 32],
    },
    base=V1,
)
case(
    "voxtral",
    "VoxtralForConditionalGeneration",
    dict(
        model_type="voxtral",
        text_config=text(model_type="llama", head_dim=16),
        audio_config=dict(model_type="voxtral_encoder"),
    ),
    {
        **pre("language_model.", llama()),
        "audio_tower.conv1.weight": [4, 4, 3],
        "multi_modal_projector.linear_1.weight": [64, 32],
    },
    base=V1,
)
case(
    "sarashina",
    "Sarashina2VisionForCausalLM",
    dict(
        model_type="sarashina2_vision",
        text_config=text(model_type="llama", architectures=["LlamaForCausalLM"], head_dim=16),
        vision_config=dict(hidden_size=32),
    ),
    {**pre("llm.", llama()), "norm.weight": [64], "visual.blocks.0.norm1.weight": [32]},
    tok="spm",
    base=dict(torch_dtype="bfloat16", bos_token_id=1, eos_token_id=2),
)
case(
    "janus",
    "JanusForConditionalGeneration",
    dict(
        model_type="janus",
        text_config=text(model_type="llama", head_dim=16),
        vision_config=dict(model_type="janus_vision_model", hidden_size=32),
        vq_config=dict(model_type="janus_vqgan"),
    ),
    {
        **pre("model.language_model.", {k[6:]: v for k, v in llama(head=False).items()}),
        "lm_head.weight": [512, 64],
        "model.vision_model.post_layernorm.weight": [32],
        "model.aligner.fc1.weight": [64, 32],
        "model.generation_head.proj_out.weight": [64, 64],
        "model.vqmodel.quantize.embedding.weight": [8, 8],
    },
    base=V1,
)
case(
    "qwen2audio",
    "Qwen2AudioForConditionalGeneration",
    dict(
        model_type="qwen2_audio",
        text_config=text(model_type="qwen2"),
        audio_config=dict(model_type="qwen2_audio_encoder"),
    ),
    {
        **pre("language_model.", llama(qkv=True)),
        "audio_tower.conv1.weight": [4, 4, 3],
        "multi_modal_projector.linear.weight": [64, 32],
    },
    base=V1,
)
case(
    "flamingo3",
    "AudioFlamingo3ForConditionalGeneration",
    dict(
        model_type="audioflamingo3",
        text_config=text(model_type="qwen2"),
        audio_config=dict(model_type="audioflamingo3_encoder"),
    ),
    {
        **pre("language_model.", llama(qkv=True)),
        "audio_tower.conv1.weight": [4, 4, 3],
        "multi_modal_projector.linear_1.weight": [64, 32],
    },
    base=V1,
)
case(
    "dotsocr",
    "DotsOCRForCausalLM",
    dict(model_type="dots_ocr", vision_config=dict(embed_dim=32)),
    {**llama(qkv=True), "vision_tower.blocks.0.norm1.weight": [32]},
)
case(
    "internvl",
    "InternVLChatModel",
    dict(
        model_type="internvl_chat",
        llm_config=text(model_type="qwen2", architectures=["Qwen2ForCausalLM"]),
        vision_config=dict(architectures=["InternVisionModel"], hidden_size=32),
    ),
    {
        **pre("language_model.", llama(qkv=True)),
        "vision_model.embeddings.class_embedding": [1, 1, 32],
        "mlp1.0.weight": [64],
        "mlp1.1.weight": [64, 64],
    },
    base=V1,
)
case(
    "internvl-l",
    "InternVLChatModel",
    dict(
        model_type="internvl_chat",
        llm_config=text(model_type="internlm2", architectures=["InternLM2ForCausalLM"], bias=False),
        vision_config=dict(architectures=["InternVisionModel"], hidden_size=32),
    ),
    {
        **pre("language_model.", internlm2()),
        "vision_model.embeddings.class_embedding": [1, 1, 32],
        "mlp1.0.weight": [64],
    },
    tok="spm",
    base=dict(torch_dtype="bfloat16"),
)
case(
    "omni25",
    "Qwen2_5OmniModel",
    dict(
        model_type="qwen2_5_omni",
        thinker_config=dict(
            text_config=text(
                model_type="qwen2_5_omni_text",
                rope_scaling=dict(type="default", rope_type="default", mrope_section=[2, 3, 3]),
            ),
            vision_config=dict(),
            audio_config=dict(),
        ),
    ),
    {
        **pre("thinker.", llama(qkv=True)),
        "thinker.visual.blocks.0.norm1.weight": [32],
        "thinker.audio_tower.conv1.weight": [4, 4, 3],
        "talker.model.layers.0.input_layernorm.weight": [32],
        "token2wav.x.weight": [4, 4],
    },
    base=V1,
)
case(
    "qwen3asr",
    "Qwen3ASRForConditionalGeneration",
    dict(
        model_type="qwen3_asr",
        thinker_config=dict(
            text_config=text(
                model_type="qwen3",
                head_dim=16,
                rope_scaling=dict(rope_type="default", mrope_section=[3, 3, 2], mrope_interleaved=True),
            ),
            audio_config=dict(),
        ),
    ),
    {**pre("thinker.", qkn(llama(), 2, 16)), "thinker.audio_tower.conv_out.weight": [4, 4]},
    base=V1,
)
case(
    "omni3",
    "Qwen3OmniMoeForConditionalGeneration",
    dict(
        model_type="qwen3_omni_moe",
        thinker_config=dict(
            text_config=text(
                model_type="qwen3_omni_moe_text",
                head_dim=16,
                num_experts=4,
                num_experts_per_tok=2,
                moe_intermediate_size=40,
                norm_topk_prob=True,
                decoder_sparse_step=1,
                mlp_only_layers=[],
                rope_scaling=dict(rope_type="default", mrope_section=[3, 3, 2]),
            ),
            audio_config=dict(),
            vision_config=dict(deepstack_visual_indexes=[1]),
        ),
    ),
    {
        **pre("thinker.", qmoe()),
        "thinker.audio_tower.conv_out.weight": [4, 4],
        "thinker.visual.pos_embed.weight": [4, 4],
        "talker.model.norm.weight": [4],
        "code2wav.x.weight": [4, 4],
    },
    base=V1,
)


def glm4(n=2, H=64, F=96, V=512, h=4, kv=2, hd=16, bias=True):
    t = {"model.embed_tokens.weight": [V, H], "model.norm.weight": [H], "lm_head.weight": [V, H]}
    for i in range(n):
        p = f"model.layers.{i}."
        for m in (
            "input_layernorm",
            "post_self_attn_layernorm",
            "post_attention_layernorm",
            "post_mlp_layernorm",
        ):
            t[p + m + ".weight"] = [H]
        for r, w in (("q", h * hd), ("k", kv * hd), ("v", kv * hd)):
            t[p + f"self_attn.{r}_proj.weight"] = [w, H]
            if bias:
                t[p + f"self_attn.{r}_proj.bias"] = [w]
        t[p + "self_attn.o_proj.weight"] = [H, h * hd]
        t[p + "mlp.gate_up_proj.weight"] = [2 * F, H]
        t[p + "mlp.down_proj.weight"] = [H, F]
    return t


def lm(t):
    return {
        ("lm_head.weight" if k == "lm_head.weight" else k.replace("model.", "model.language_model.", 1)): v
        for k, v in t.items()
    }


GV = dict(
    model_type="glm4v_text",
    vocab_size=512,
    partial_rotary_factor=0.5,
    rope_parameters=dict(
        rope_type="default", rope_theta=10000.0, mrope_section=[1, 1, 2], partial_rotary_factor=0.5
    ),
)
case(
    "glm4v",
    "Glm4vForConditionalGeneration",
    dict(model_type="glm4v", text_config=text(**GV), vision_config=dict(model_type="glm4v_vision")),
    {**lm(glm4()), "model.visual.blocks.0.norm1.weight": [32]},
    tok="glm",
    base={},
)
case(
    "glm4v-b",
    "Glm4vForConditionalGeneration",
    dict(
        model_type="glm4v",
        text_config=text(
            **dict(
                GV,
                num_hidden_layers=3,
                hidden_size=128,
                rope_scaling=dict(type="default", mrope_section=[2, 3, 3]),
                rope_parameters=None,
            )
        ),
        vision_config=dict(model_type="glm4v_vision"),
    ),
    {**lm(glm4(3, 128, hd=32)), "model.visual.blocks.0.norm1.weight": [32]},
    tok="glm",
    base={},
    dtype="float16",
)


def nextn(t, i, H=64):
    p = f"model.layers.{i}."
    return {
        **t,
        p + "eh_proj.weight": [H, 2 * H],
        p + "enorm.weight": [H],
        p + "hnorm.weight": [H],
        p + "shared_head.norm.weight": [H],
        p + "embed_tokens.weight": [512, H],
        p + "shared_head.head.weight": [512, H],
    }


case(
    "glmocr",
    "GlmOcrForConditionalGeneration",
    dict(
        model_type="glm_ocr",
        text_config=text(**dict(GV, model_type="glm_ocr_text", head_dim=16, num_nextn_predict_layers=1)),
        vision_config=dict(model_type="glm_ocr_vision"),
    ),
    {**lm(nextn(glm4(3, bias=False), 2)), "model.visual.blocks.0.norm1.weight": [32]},
    tok="glm",
    base={},
)
case(
    "paddleocr",
    "PaddleOCRVLForConditionalGeneration",
    dict(
        model_type="paddleocr_vl",
        head_dim=16,
        rope_scaling=dict(type="default", rope_type="default", mrope_section=[2, 3, 3]),
        use_bias=False,
        vision_config=dict(hidden_size=32),
    ),
    {**llama(), "visual.vision_model.post_layernorm.weight": [32], "mlp_AR.linear_1.weight": [64, 64]},
    tok="spm",
)
case(
    "phi4v",
    "Phi4ForCausalLMV",
    dict(
        model_type="phi4-siglip",
        original_max_position_embeddings=256,
        sliding_window=None,
        num_key_value_heads=2,
    ),
    {
        **{k: v for k, v in drop(llama(), "q_proj", "k_proj", "v_proj", "gate_proj", "up_proj").items()},
        **{f"model.layers.{i}.self_attn.qkv_proj.weight": [128, 64] for i in range(2)},
        **{f"model.layers.{i}.mlp.gate_up_proj.weight": [192, 64] for i in range(2)},
        "model.vision_tower.x.weight": [4, 4],
        "model.mm_projector.0.weight": [64, 4],
    },
    tok="spm",
)
case(
    "llavastable",
    "LlavaStableLMEpochForCausalLM",
    dict(
        model_type="stablelm_epoch",
        num_key_value_heads=4,
        rope_pct=0.25,
        norm_eps=1e-5,
        use_qkv_bias=False,
        use_parallel_residual=False,
        layer_norm_eps=1e-5,
    ),
    {**orion(kv=4), "model.mm_projector.0.weight": [64, 4], "model.vision_tower.x.weight": [4, 4]},
    base={k: v for k, v in B.items() if k != "rms_norm_eps"},
)
