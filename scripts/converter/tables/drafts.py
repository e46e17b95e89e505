"""Draft models, which are converted with the directory of the model that they draft for."""

from draft_shapes import dflash, dflash2, dspark, eagle3, gemma4_dspark, with_numbers
from shapes import B, case_into, llama, qkn

CASES = []
targets = []
make = case_into(CASES)
target = case_into(targets)

target("llama", "LlamaForCausalLM", dict(model_type="llama", num_hidden_layers=12), llama(1))
target("spm", "LlamaForCausalLM", dict(model_type="llama", num_hidden_layers=12), llama(1), tok="spm")
target("qwen 3", "Qwen3ForCausalLM", dict(model_type="qwen3", head_dim=16, num_hidden_layers=9), qkn(llama(1), 1, 16),
       tokenizer_name="qwen3")
target("sections", "Qwen3VLForConditionalGeneration", dict(
    model_type="qwen3_vl", text_config=dict(B, model_type="qwen3_vl_text", head_dim=16, rope_scaling=dict(
        rope_type="default", mrope_section=[4, 2, 2]))), llama(1))
TARGETS = {case.label: case for case in targets}


def case(label, name, config, tensors, of="llama", **members):
    make(label, name, config, tensors, target=TARGETS[of], run=None, **members)


EAGLE = dict(model_type="llama", num_hidden_layers=1, draft_vocab_size=256)
TABLES = with_numbers(256, 512)
case("eagle 3", "LlamaForCausalLMEagle3", EAGLE, eagle3(), rename=TABLES)
case("own embeddings, layers told", "Eagle3LlamaForCausalLM", EAGLE | dict(
    eagle_aux_hidden_state_layer_ids=[1, 5, 8], norm_before_residual=True, norm_before_fc=True, target_hidden_size=32,
    head_dim=32, rope_scaling=dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
                                   original_max_position_embeddings=64)),
    eagle3(hd=32, embeddings=True, norm=True, fused=96), of="spm", tok="spm", rename=TABLES, dtype="float32")
case("all tokens", "Eagle3DraftModel", EAGLE | dict(draft_vocab_size=512), eagle3(draft=512), dtype="float16")
INNER = {key: value for key, value in B.items() if key not in ("torch_dtype", "bos_token_id", "eos_token_id")}
case("layers", "Eagle3Speculator", dict(
    model_type="speculator", draft_vocab_size=256, target_hidden_size=64, norm_before_residual=False,
    transformer_layer_config=INNER | dict(model_type="llama", num_hidden_layers=1)),
    eagle3(layer="layers.0.", embeddings=True), rename=TABLES, base={"torch_dtype": "bfloat16"})
case("llama's class", "LlamaForCausalLM", EAGLE, eagle3(), rename=TABLES)

FLASH = dict(model_type="qwen3", head_dim=16, block_size=8, dflash_config=dict(mask_token_id=505, target_layer_ids=[1, 3, 5]))
case("dflash", "DFlashDraftModel", FLASH, dflash(), of="qwen 3")
case("window, head, sinks", "DFlashDraftModel", FLASH | dict(
    num_hidden_layers=3, use_sliding_window=True, sliding_window=32, is_causal=False, rope_is_neox_style=False,
    layer_types=["sliding_attention", "full_attention", "sliding_attention"], final_logit_softcapping=30.0,
    input_embedding_scale=8.0, output_multiplier=0.5, partial_rotary_factor=0.5),
    dflash(3, prefix="model.", head=512, embeddings=True, sinks=True), of="sections", dtype="float32")
case("dflash 2", "DFlash2DraftModel", FLASH | dict(dflash_config=FLASH["dflash_config"] | dict(
    conv_kernel_size=3, conv_group_size=16, selector_rank=8, selector_top_k=4, block_size=4, causal=True, use_swa=True,
    swa_window_size=64, attention_value_scale=0.5)), dflash2(), of="qwen 3")

SPARK = dict(model_type="qwen3", head_dim=16, block_size=8, target_layer_ids=[1, 3, 5], mask_token_id=505)
case("dspark", "Qwen3DSparkModel", SPARK, dspark(head=512, embeddings=True), of="qwen 3")
case("no confidence", "DSparkDraftModel", SPARK | dict(sample_from_anchor=False), dspark(confidence=False), of="qwen 3")
case("fewer tokens, layers of the target", "DSparkSpeculator", dict(
    model_type="speculator", draft_vocab_size=256, block_size=8, mask_token_id=505, aux_hidden_state_layer_ids=[2, 4, 6],
    transformer_layer_config=INNER | dict(model_type="qwen3", head_dim=16)),
    dspark(draft=256, bias=True, embeddings=True), of="qwen 3", rename=TABLES, base={"torch_dtype": "bfloat16"})
case("lfm2", "Lfm2DSparkDraftModel", SPARK, dspark(bias=True), dtype="float16")
case("ling", "LingDSparkModel", SPARK | dict(has_embed_tokens=False), dspark(embeddings=True), of="spm", dtype="float32")

GEMMA = dict(model_type="gemma4_dspark", head_dim=16, global_head_dim=32, num_global_key_value_heads=1, attention_k_eq_v=True,
             layer_types=["full_attention"] * 2, hidden_activation="gelu_pytorch_tanh", block_size=8,
             target_layer_ids=[1, 3, 5], mask_token_id=505)
case("gemma", "Gemma4DSparkModel", GEMMA, gemma4_dspark(), of="qwen 3")
case("gemma, tied, whole rotation", "Gemma4DSparkModel", GEMMA | dict(
    tie_word_embeddings=True, rope_parameters=dict(rope_type="default", rope_theta=10000.0),
    dflash_config=dict(mask_token_id=505, target_layer_ids=[2, 4], use_swa=True, swa_window_size=32)),
    gemma4_dspark(head=False, fused=128), of="qwen 3", dtype="float32")
