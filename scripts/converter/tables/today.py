"""Today's text models."""

from checkpoints import DECODER, family

EXPERTS = {
    "num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 40, "norm_topk_prob": True,
}

CASES = [
    *family("SolarOpenForCausalLM", DECODER | EXPERTS | {"n_routed_experts": 4, "n_shared_experts": 1}, {
        "plain": {}, "old words": {"old": True}, "YaRN": {
            "rope_parameters": {"rope_type": "yarn", "rope_theta": 1e6, "factor": 2.0, "partial_rotary_factor": 1.0,
                                "original_max_position_embeddings": 128}},
        "tied, two shared": {"tie_word_embeddings": True, "n_shared_experts": 2, "dtype": "float32"},
    }),
    *family("ExaoneMoeForCausalLM", DECODER | EXPERTS | {"num_shared_experts": 1, "n_group": 1, "topk_group": 1}, {
        "plain": {}, "old words": {"old": True},
    }),
    *family("MellumForCausalLM", DECODER | EXPERTS, {
        "plain": {}, "old words": {"old": True},
    }),
]
