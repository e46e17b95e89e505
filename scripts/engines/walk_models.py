"""Random models of the kinds whose directories differ: the table that scripts/check-engine-directories walks."""
import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts", "converter"))

import checkpoints  # noqa: E402
from checkpoints import Case, DECODER  # noqa: E402

BASE = DECODER | {
    "hidden_size": 256, "intermediate_size": 384, "num_hidden_layers": 2, "head_dim": 64, "num_attention_heads": 4,
}
EXPERTS = {
    "num_experts": 4, "num_local_experts": 4, "n_routed_experts": 4, "num_experts_per_tok": 2, "norm_topk_prob": True,
    "moe_intermediate_size": 128, "n_group": 1, "topk_group": 1, "n_shared_experts": 1,
}
# Latent attention: the query's and the keys' small matrices are one in engines.
LATENT = {
    "q_lora_rank": 128, "kv_lora_rank": 128, "qk_nope_head_dim": 64, "qk_rope_head_dim": 32, "v_head_dim": 64,
    "num_key_value_heads": 4, "first_k_dense_replace": 1, "head_dim": None,
}
TEXT = {key: value for key, value in BASE.items() if key != "tie_word_embeddings"}
PICTURES = {
    "hidden_size": 128, "intermediate_size": 256, "num_hidden_layers": 3, "num_attention_heads": 4, "image_size": 56,
    "patch_size": 14,
}


def case(name, label, config, **members):
    return Case(name, label, {key: value for key, value in config.items() if value is not None}, **members)


def predictor(config):
    """The tensors of a dense block of GLM's behind the last, and of what stands around it."""
    block, width = "model.layers.2.", config["hidden_size"]
    shapes = {
        "input_layernorm": [width], "post_attention_layernorm": [width], "self_attn.q_proj": [256, width],
        "self_attn.k_proj": [128, width], "self_attn.v_proj": [128, width], "self_attn.o_proj": [width, 256],
        "mlp.gate": [4, width], "eh_proj": [width, 2 * width], "enorm": [width], "hnorm": [width],
        "shared_head.norm": [width], "shared_head.head": [config["vocab_size"], width],
        "embed_tokens": [config["vocab_size"], width]}
    for network in [*(f"mlp.experts.{number}" for number in range(4)), "mlp.shared_experts"]:
        shapes |= {f"{network}.gate_proj": [128, width], f"{network}.up_proj": [128, width], f"{network}.down_proj": [width, 128]}
    return {f"{block}{name}.weight": shape for name, shape in shapes.items()} | {
        block + "mlp.gate.e_score_correction_bias": [4]}


def predicts(config):
    config["num_nextn_predict_layers"] = 1


MODELS = {
    "llama": case("LlamaForCausalLM", "dense", BASE),
    "tied": case("LlamaForCausalLM", "tied embeddings", BASE | {"tie_word_embeddings": True}, old=True),
    "f16": case("LlamaForCausalLM", "F16", BASE, dtype="float16"),
    "qwen2": case("Qwen2ForCausalLM", "biases", BASE),
    "qwen3moe": case("Qwen3MoeForCausalLM", "experts", BASE | EXPERTS),
    "qwen2moe": case(
        "Qwen2MoeForCausalLM", "a shared expert and its gate", BASE | EXPERTS | {
            "shared_expert_intermediate_size": 256, "norm_topk_prob": False}),
    "mixtral": case("MixtralForCausalLM", "w1, w2, w3", BASE | EXPERTS),
    "deepseek2": case("DeepseekV2ForCausalLM", "latent attention without q_lora", BASE | EXPERTS | LATENT | {
        "q_lora_rank": None, "topk_method": "greedy"}),
    "deepseek3": case("DeepseekV3ForCausalLM", "latent attention", BASE | EXPERTS | LATENT),
    "llama4": case("Llama4ForConditionalGeneration", "stacks of experts, pictures", {
        "text_config": TEXT | {"num_local_experts": 2, "intermediate_size_mlp": 384, "interleave_moe_layer_step": 2},
        "vision_config": PICTURES | {"vision_output_dim": 128, "projector_input_dim": 128, "projector_output_dim": 128}}),
    "qwen2vl": case("Qwen2VLForConditionalGeneration", "pictures", {
        "text_config": TEXT | {"rope_scaling": {"type": "mrope", "mrope_section": [8, 12, 12]}},
        "vision_config": {"embed_dim": 128, "hidden_size": 256, "depth": 2, "num_heads": 4, "mlp_ratio": 2,
                          "patch_size": 14}}),
    "llava": case("LlavaForConditionalGeneration", "pictures", {
        "text_config": TEXT | {"model_type": "llama"},
        "vision_config": PICTURES | {"model_type": "clip_vision_model"}}),
    "glm4moe": case("Glm4MoeForCausalLM", "a block that predicts a further token", BASE | EXPERTS | {
        "first_k_dense_replace": 1, "vocab_size": 520}, further=predictor, edit=predicts, further_tokens=("<|observation|>",),
        tokens={"<|begin_of_text|>": "[gMASK]", "<|eot_id|>": "<|endoftext|>", "<|im_start|>": "<|user|>"}),
    "qwen35": case("Qwen3_5ForCausalLM", "linear attention", BASE | {
        "layer_types": ["linear_attention", "full_attention"], "linear_num_key_heads": 2, "linear_num_value_heads": 4,
        "linear_key_head_dim": 64, "linear_value_head_dim": 64}),
    "odd": case("LlamaForCausalLM", "columns that are no whole groups", BASE | {"intermediate_size": 392}),
}
