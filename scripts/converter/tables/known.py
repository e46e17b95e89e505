"""Text models that other suites pin too: a case or two of each, so that every class has a row."""

from checkpoints import DECODER, family

EXPERTS = {
    "num_experts": 4, "num_local_experts": 4, "n_routed_experts": 4, "num_experts_per_tok": 2,
    "moe_intermediate_size": 40, "norm_topk_prob": True, "n_group": 1, "topk_group": 1, "n_shared_experts": 1,
}
LATENT = {
    "q_lora_rank": 24, "kv_lora_rank": 32, "qk_nope_head_dim": 16, "qk_rope_head_dim": 8, "v_head_dim": 16,
    "num_key_value_heads": 4, "first_k_dense_replace": 1, "head_dim": None,
}
SPELLINGS = {"new words": {}, "old words, tied": {"old": True, "tie_word_embeddings": True}}

CASES = [
    case for name, further in {
        "ArceeForCausalLM": {}, "Exaone4ForCausalLM": {"sliding_window": 32, "num_hidden_layers": 4},
        "DeepseekV3ForCausalLM": EXPERTS | LATENT,
        "Glm4MoeForCausalLM": EXPERTS | {
            "first_k_dense_replace": 1, "num_nextn_predict_layers": 0, "vocab_size": 520,
            "tokens": {"<|begin_of_text|>": "[gMASK]", "<|eot_id|>": "<|endoftext|>", "<|im_start|>": "<|user|>"},
            "further_tokens": ("<|observation|>",)}, "LlamaForCausalLM": {}, "MistralForCausalLM": {},
        "MiniMaxM2ForCausalLM": EXPERTS, "Qwen2ForCausalLM": {"tokenizer": "qwen3"}, "Qwen3ForCausalLM": {}, "Qwen3MoeForCausalLM": EXPERTS,
        "SeedOssForCausalLM": {}, "SmolLM3ForCausalLM": {},
    }.items() for case in family(name, DECODER, {label: further | options for label, options in SPELLINGS.items()})
]
