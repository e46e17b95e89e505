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


def minimax(config):
    hidden, width, count = config["hidden_size"], config["intermediate_size"], config["num_local_experts"]
    inner = config["num_attention_heads"] * config["head_dim"]

    def layer(number):
        if config["attn_type_list"][number]:
            tensors = attention(config)
        else:
            tensors = {
                "self_attn.qkv_proj.weight": [3 * inner, hidden], "self_attn.norm.weight": [inner],
                "self_attn.output_gate.weight": [inner, hidden], "self_attn.out_proj.weight": [hidden, inner]}
        tensors["block_sparse_moe.gate.weight"] = [count, hidden]
        for expert in range(count):
            prefix = f"block_sparse_moe.experts.{expert}."
            tensors |= {prefix + "w1.weight": [width, hidden], prefix + "w2.weight": [hidden, width],
                        prefix + "w3.weight": [width, hidden]}
        return tensors
    return model(config, layer)


def empty_rows(tensors):
    """Embeddings of tokens that no tokenizer makes, as zeros."""
    table = tensors["model.embed_tokens.weight"].clone()
    table[[512, 514]] = 0
    return tensors | {"model.embed_tokens.weight": table}


def talkie(config):
    hidden, width, heads, head = (
        config["hidden_size"], config["intermediate_size"], config["num_attention_heads"], config["head_dim"])
    keys, tensors = config["num_key_value_heads"], {
        "model.embed.weight": [config["vocab_size"], hidden], "lm_head.weight": [config["vocab_size"], hidden],
        "lm_head_gain.w_g": [1]}
    for number in range(config["num_hidden_layers"]):
        prefix = f"model.blocks.{number}."
        tensors |= {
            prefix + "attn.attn_query.weight": [heads * head, hidden], prefix + "attn.attn_key.weight": [keys * head, hidden],
            prefix + "attn.attn_value.weight": [keys * head, hidden], prefix + "attn.attn_resid.weight": [hidden, heads * head],
            prefix + "attn.head_gain.head_g": [heads], prefix + "attn_gain.a_g": [1], prefix + "mlp_gain.a_g": [1],
            prefix + "embed_skip.a_g": [1], prefix + "mlp.mlp_gate.weight": [width, hidden],
            prefix + "mlp.mlp_linear.weight": [width, hidden], prefix + "mlp.mlp_resid.weight": [hidden, width]}
    return tensors


def glm_next(config):
    hidden, width, count = config["hidden_size"], config["moe_intermediate_size"], config["n_routed_experts"]
    linear, layers, streams = config["linear_attn_config"], config["num_hidden_layers"], config["hc_mult"]
    heads, head, kernel = linear["num_heads"], linear["head_dim"], linear["short_conv_kernel_size"]
    inner, rows = heads * head, streams * (2 + streams)

    def layer(number):
        if number < layers and config["layer_types"][number] == "linear_attention":
            tensors = {f"self_attn.{role}_proj.weight": [inner, hidden] for role in "qkv"}
            tensors |= {f"self_attn.{role}_conv1d.weight": [inner, 1, kernel] for role in "qkv"}
            tensors |= {
                "self_attn.f_a_proj.weight": [head, hidden], "self_attn.f_b_proj.weight": [inner, head],
                "self_attn.g_a_proj.weight": [head, hidden], "self_attn.g_b_proj.weight": [inner, head],
                "self_attn.b_proj.weight": [heads, hidden], "self_attn.A_log": [heads], "self_attn.dt_bias": [inner],
                "self_attn.o_norm.weight": [head], "self_attn.o_proj.weight": [hidden, inner]}
        else:
            index = config["index_head_dim"]
            tensors = latent(config) | {
                "self_attn.indexer.wq_b.weight": [config["index_n_heads"] * index, config["q_lora_rank"]],
                "self_attn.indexer.wk.weight": [index, hidden], "self_attn.indexer.k_norm.weight": [index],
                "self_attn.indexer.k_norm.bias": [index], "self_attn.indexer.weights_proj.weight": [config["index_n_heads"], hidden],
                "self_attn.indexer.index_kpool_compress_ape": [config["index_kpool"], index],
                "self_attn.indexer.index_kpool_compress_gate": [index, hidden]}
        for part in ["attn", "ffn"]:
            tensors |= {f"hc_{part}_fn": [rows, streams * hidden], f"hc_{part}_base": [rows], f"hc_{part}_scale": [3]}
        if number < config["first_k_dense_replace"]:
            return tensors | network("mlp.", hidden, config["intermediate_size"])
        return tensors | experts("mlp.experts.", hidden, width, count) | network(
            "mlp.shared_experts.", hidden, width * config["n_shared_experts"]) | {
                "mlp.gate.weight": [count, hidden], "mlp.gate.e_score_correction_bias": [count]}
    further = config.get("num_nextn_predict_layers", 0)
    tensors = model(config | {"num_hidden_layers": layers + further}, layer)
    for number in range(layers, layers + further):
        tensors |= {f"model.layers.{number}.{name}.weight": [hidden] for name in ["enorm", "hnorm", "shared_head.norm"]}
        tensors[f"model.layers.{number}.eh_proj.weight"] = [hidden, 2 * hidden]
    return tensors


def hunyuan_names(tensors):
    """Names as the published checkpoints have them; transformers 5.24 saves parts of them in another order."""
    return {name.replace("hc_pre.hc_head.", "hc_head.").replace("hc_pre.hc_attn_layer.", "hc_attn_layer.hc_pre.").replace(
        "hc_pre.hc_mlp_layer.", "hc_mlp_layer.hc_pre.").replace("mlp.linear_gate", "mlp.gate_proj").replace(
            "experts.linear_gate", "experts.gate_proj"): tensor for name, tensor in tensors.items()}
