"""RWKV 6 and 7, and the models of Qwen's kind whose attention became such a recurrence."""

from further_shapes import arwkv7, rwkv6, rwkv6qwen2, rwkv7
from shapes import B, case_into

CASES = []
case = case_into(CASES)
BARE = dict(vocab_size=512, hidden_size=64, num_hidden_layers=3, torch_dtype="bfloat16", tie_word_embeddings=False,
            bos_token_id=0, eos_token_id=0)
QWEN = {key: value for key, value in B.items() if key != "rope_theta"} | dict(num_hidden_layers=3)

# The peer's kernels for these recurrences read heads in steps of 64 numbers, beyond the ends of shorter ones.
SIX = dict(model_type="rwkv6", hidden_size=128, head_size=64, layer_norm_epsilon=1e-5, rescale_every=2, intermediate_size=96)
case("rwkv 6", "Rwkv6ForCausalLM", SIX, rwkv6(3, 128, head=64), base=BARE, tokenizer_name="rwkv")
case("no rescaling, own width", "Rwkv6ForCausalLM", SIX | dict(
    rescale_every=0, intermediate_size=None, hidden_size=192), rwkv6(3, 192, F=672, head=64), base=BARE,
    tokenizer_name="rwkv", dtype="float16")
case("qrwkv 6", "RWKV6Qwen2ForCausalLM", dict(model_type="rwkv6qwen2"), rwkv6qwen2(), base=QWEN)
case("ranks, no biases", "RWKV6Qwen2ForCausalLM", dict(
    model_type="rwkv6qwen2", lora_rank_tokenshift=8, lora_rank_decay=16, num_key_value_heads=4),
    rwkv6qwen2(kv=4, extra=8, decay=16, bias=False), base=QWEN, dtype="float32")

SEVEN = dict(model_type="rwkv7", hidden_size=128, head_dim=64, norm_eps=1e-5, intermediate_size=None, decay_low_rank_dim=64, a_low_rank_dim=64,
             v_low_rank_dim=32, gate_low_rank_dim=128)
case("rwkv 7", "RWKV7ForCausalLM", SEVEN, rwkv7(3, 128, head=64), base=BARE, tokenizer_name="rwkv")
case("ranks by width, values in front", "Rwkv7ForCausalLM", SEVEN | dict(
    decay_low_rank_dim=None, a_low_rank_dim=None, v_low_rank_dim=None, gate_low_rank_dim=None, hidden_size=512, head_dim=64,
    intermediate_size=96, num_hidden_layers=2), rwkv7(
    2, 512, 96, head=64, ranks={"w": 32, "a": 32, "v": 32, "g": 96}, first=True), base=BARE, tokenizer_name="rwkv",
    dtype="float16")
case("arwkv 7", "RwkvHybridForCausalLM", dict(
    model_type="rwkv_hybrid", hidden_size=128, head_size=64, wkv_has_gate=True, wkv_version=7), arwkv7(H=128, h=2), base=QWEN)
case("no gate", "RwkvHybridForCausalLM", dict(
    model_type="rwkv_hybrid", hidden_size=192, head_size=64, wkv_has_gate=False, wkv_version=7), arwkv7(
        H=192, h=3, gate=False), base=QWEN,
    dtype="float32")
