"""Names and shapes of the tensors of the newest classes."""

from layers import attention, experts, latent, model, network


def sarvam(config):
    hidden, width, head = config["hidden_size"], config["moe_intermediate_size"], config["head_dim"]
    heads, keys, count = config["num_attention_heads"], config["num_key_value_heads"], config["num_experts"]

    def layer(number):
        tensors = {
            "attention.query_key_value.weight": [(heads + 2 * keys) * head, hidden],
            "attention.dense.weight": [hidden, heads * head],
            "attention.query_layernorm.weight": [head], "attention.key_layernorm.weight": [head],
        }
        if number < config["first_k_dense_replace"]:
            return tensors | network("mlp.", hidden, config["intermediate_size"])
        return tensors | experts("mlp.experts.", hidden, width, count) | network(
            "mlp.shared_experts.", hidden, width * config["num_shared_experts"]) | {
                "mlp.gate.weight": [count, hidden], "mlp.gate.expert_bias": [count]}
    tensors = model(config, layer)
    tensors["model.word_embeddings.weight"] = tensors.pop("model.embed_tokens.weight")
    return tensors


def spark(config):
    hidden, heads, head = config["hidden_size"], config["num_attention_heads"], config["head_dim"]
    rows = (heads + 2 * config["num_key_value_heads"]) * head
    return model(config, lambda number: network("mlp.", hidden, config["intermediate_size"]) | {
        "self_attn.q_k_v_proj.weight": [rows, hidden], "self_attn.g_proj.weight": [heads, hidden],
        "self_attn.o_proj.weight": [hidden, heads * head]})


def maple(config):
    hidden, count = config["hidden_size"], config["num_experts"]
    return model(config, lambda number: attention(config, norms=True) | {"mlp.gate.weight": [count, hidden]} | experts(
        "mlp.experts.", hidden, config["moe_intermediate_size"], count))


def dots(config):
    config = config.get("text_config", config)
    hidden, width, count = config["hidden_size"], config["moe_intermediate_size"], config["n_routed_experts"]
    types, layers = config["layer_types"], config["num_hidden_layers"]

    def layer(number):
        slides = number >= layers or types[number] == "sliding_attention"
        own = config | {key.removeprefix("swa_"): value for key, value in config.items() if key.startswith("swa_") and slides}
        tensors = latent(own) | {
            "self_attn.k_rope_only_layernorm.weight": [own["qk_rope_head_dim"]],
            "self_attn.g_proj.weight": [own["num_attention_heads"], hidden]}
        if not slides:
            heads, head = config["index_n_heads"], config["index_head_dim"]
            tensors |= {
                "self_attn.indexer.wq_b.weight": [heads * head, config["q_lora_rank"]],
                "self_attn.indexer.wk.weight": [head, hidden], "self_attn.indexer.k_norm.weight": [head],
                "self_attn.indexer.k_norm.bias": [head], "self_attn.indexer.weights_proj.weight": [heads, hidden]}
        if number < config["first_k_dense_replace"] or number >= layers:
            return tensors | network("mlp.", hidden, config["intermediate_size"])
        return tensors | experts("mlp.experts.", hidden, width, count) | network(
            "mlp.shared_experts.", hidden, width * config["n_shared_experts"]) | {
                "mlp.gate.weight": [count, hidden], "mlp.gate.e_score_correction_bias": [count]}
    tensors = model(config, layer)
    if config.get("predicts"):
        more = layer(layers) | {f"{name}.weight": [hidden] for name in [
            "input_layernorm", "post_attention_layernorm", "enorm", "hnorm", "shared_head.norm"]}
        tensors |= {f"model.layers.{layers}.{name}": shape for name, shape in more.items()}
        tensors[f"model.layers.{layers}.eh_proj.weight"] = [hidden, 2 * hidden]
        tensors["model.mtp.embed_tokens.weight"] = [config["vocab_size"], hidden]
    return tensors


def ling(config):
    config = config.get("text_config", config)
    hidden, width, count = config["hidden_size"], config["moe_intermediate_size"], config["num_experts"]
    heads, head, layers = config["num_attention_heads"], config["head_dim"], config["num_hidden_layers"]
    size, further = config["layer_group_size"], config.get("num_nextn_predict_layers", 0)
    inner = heads * head

    def layer(number):
        if number >= layers or (number + 1) % size == 0 or number >= layers // size * size:
            tensors = {name.replace("self_attn.o_proj", "self_attn.dense"): shape for name, shape in latent(config).items()}
            tensors["self_attn.g_proj.weight"] = [heads, hidden]
        else:
            tensors = {f"self_attn.{role}_proj.weight": [inner, hidden] for role in "qkvfg"}
            kernel = config["short_conv_kernel_size"]
            tensors |= {f"self_attn.{role}_conv1d.weight": [inner, 1, kernel] for role in "qkv"}
            tensors |= {
                "self_attn.b_proj.weight": [heads, hidden], "self_attn.A_log": [heads], "self_attn.dt_bias": [inner],
                "self_attn.o_norm.weight": [head], "self_attn.o_proj.weight": [hidden, inner]}
        tensors = {name.replace("self_attn.", "attention."): shape for name, shape in tensors.items()}
        if number < config["first_k_dense_replace"]:
            return tensors | network("mlp.", hidden, config["intermediate_size"])
        return tensors | experts("mlp.experts.", hidden, width, count) | network(
            "mlp.shared_experts.", hidden, config["moe_shared_expert_intermediate_size"]) | {
                "mlp.gate.weight": [count, hidden], "mlp.gate.expert_bias": [count]}
    tensors = model(config | {"num_hidden_layers": layers + further}, layer)
    tensors["model.word_embeddings.weight"] = tensors.pop("model.embed_tokens.weight")
    for number in range(layers, layers + further):
        tensors |= {f"model.layers.{number}.{name}.weight": [hidden] for name in ["enorm", "hnorm", "final_layernorm"]}
        tensors[f"model.layers.{number}.eh_proj.weight"] = [hidden, 2 * hidden]
    return tensors
