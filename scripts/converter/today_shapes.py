"""Names and shapes of the tensors of today's classes."""

from layers import attention, experts, latent, model, network, predictor


def exaone_predictor(norms):
    def shapes(config):
        hidden = config.get("text_config", config)["hidden_size"]
        config = config.get("text_config", config)
        layer = attention(config, norms=True) | network("mlp.", hidden, config["intermediate_size"])
        return predictor(config, {name: [hidden] for name in norms}, layer)
    return shapes


def kimi(config):
    text = config["text_config"]
    hidden, width = text["hidden_size"], text["moe_intermediate_size"]

    def layer(number):
        if number < text["first_k_dense_replace"]:
            rest = network("mlp.", hidden, text["intermediate_size"])
        else:
            rest = experts("mlp.experts.", hidden, width, text["n_routed_experts"]) | network(
                "mlp.shared_experts.", hidden, width * text["n_shared_experts"]) | {
                    "mlp.gate.weight": [text["n_routed_experts"], hidden],
                    "mlp.gate.e_score_correction_bias": [text["n_routed_experts"]]}
        return latent(text) | rest
    tensors = model(text, layer, "language_model.model.", "language_model.lm_head.weight")
    return tensors | {"vision_tower.patch_embed.proj.weight": [8, 8]}


def bailing(config):
    hidden, width = config["hidden_size"], config["moe_intermediate_size"]
    head = config.get("head_dim") or hidden // config["num_attention_heads"]
    heads, keys = config["num_attention_heads"], config["num_key_value_heads"]
    second = "score_function" in config

    def layer(number):
        tensors = {
            "attention.query_key_value.weight": [(heads + 2 * keys) * head, hidden],
            "attention.dense.weight": [hidden, heads * head],
        }
        if second:
            tensors |= {"attention.query_layernorm.weight": [head], "attention.key_layernorm.weight": [head]}
        if number < config["first_k_dense_replace"]:
            return tensors | network("mlp.", hidden, config["intermediate_size"])
        tensors |= {"mlp.gate.weight": [config["num_experts"], hidden]}
        if second:
            tensors |= {"mlp.gate.expert_bias": [config["num_experts"]]}
        shared = config.get("moe_shared_expert_intermediate_size", width * config["num_shared_experts"])
        return tensors | experts("mlp.experts.", hidden, width, config["num_experts"]) | network(
            "mlp.shared_experts.", hidden, shared)
    whole = dict(config)
    further = config.get("num_nextn_predict_layers", 0)
    whole["num_hidden_layers"] += further
    tensors = model(whole, layer)
    tensors["model.word_embeddings.weight"] = tensors.pop("model.embed_tokens.weight")
    for number in range(config["num_hidden_layers"], whole["num_hidden_layers"]):
        tensors |= {f"model.layers.{number}.{name}.weight": [hidden] for name in ["enorm", "hnorm", "final_layernorm"]}
        tensors[f"model.layers.{number}.eh_proj.weight"] = [hidden, 2 * hidden]
    return tensors


def llada(config):
    hidden, width = config["d_model"], config["mlp_hidden_size"]
    keys = config.get("n_kv_heads", config["n_heads"]) * hidden // config["n_heads"]
    tensors = {"model.transformer.wte.weight": [config["vocab_size"], hidden]}
    for number in range(config["n_layers"]):
        prefix = f"model.transformer.blocks.{number}."
        tensors |= {
            prefix + "attn_norm.weight": [hidden], prefix + "ff_norm.weight": [hidden],
            prefix + "q_proj.weight": [hidden, hidden], prefix + "k_proj.weight": [keys, hidden],
            prefix + "v_proj.weight": [keys, hidden], prefix + "attn_out.weight": [hidden, hidden],
            prefix + "ff_proj.weight": [width, hidden], prefix + "up_proj.weight": [width, hidden],
            prefix + "ff_out.weight": [hidden, width],
        }
    return tensors | {
        "model.transformer.ln_f.weight": [hidden], "model.transformer.ff_out.weight": [config["vocab_size"], hidden]}


def llada_experts(config):
    hidden = config["hidden_size"]
    return model(config, lambda number: attention(config, norms=True) | experts(
        "mlp.experts.", hidden, config["expert_intermediate_size"], config["num_experts"]) | {
            "mlp.gate.weight": [config["num_experts"], hidden]})


def dream(config):
    return model(config, lambda number: attention(config, biases=True) | network(
        "mlp.", config["hidden_size"], config["intermediate_size"]))


def small_thinker(config):
    hidden, width, count = config["hidden_size"], config["moe_ffn_hidden_size"], config["moe_num_primary_experts"]

    def layer(number):
        tensors = attention(config) | {"block_sparse_moe.primary_router.weight": [count, hidden]}
        for expert in range(count):
            prefix = f"block_sparse_moe.experts.{expert}."
            tensors |= {prefix + "gate.weight": [width, hidden], prefix + "up.weight": [width, hidden],
                        prefix + "down.weight": [hidden, width]}
        return tensors
    return model(config, layer)


def grove(config):
    hidden, count = config["hidden_size"], config["num_experts"]
    return model(config, lambda number: attention(config, norms=True) | {"mlp.gate.weight": [count, hidden]} | experts(
        "mlp.experts.", hidden, config["moe_intermediate_size"], count) | experts(
            "mlp.chunk_experts.", hidden, config["head_dim"], count // 2))


def mimo(config):
    hidden, head, value = config["hidden_size"], config["head_dim"], config["v_head_dim"]
    heads = config["num_attention_heads"]

    def layer(number):
        predicts = number >= config["num_hidden_layers"]
        slides = predicts or config["hybrid_layer_pattern"][number]
        keys = config["swa_num_key_value_heads" if slides else "num_key_value_heads"]
        tensors = {"self_attn.o_proj.weight": [hidden, heads * value]}
        if config.get("fused"):
            tensors["self_attn.qkv_proj.weight"] = [heads * head + keys * (head + value), hidden]
        else:
            tensors |= {
                "self_attn.q_proj.weight": [heads * head, hidden], "self_attn.k_proj.weight": [keys * head, hidden],
                "self_attn.v_proj.weight": [keys * value, hidden]}
        if slides:
            tensors["self_attn.attention_sink_bias"] = [heads]
        if predicts or not config["moe_layer_freq"][number]:
            return tensors | network("mlp.", hidden, config["intermediate_size"])
        count = config["n_routed_experts"]
        return tensors | experts("mlp.experts.", hidden, config["moe_intermediate_size"], count) | {
            "mlp.gate.weight": [count, hidden], "mlp.gate.e_score_correction_bias": [count]}
    tensors = model(config, layer)
    for number in range(3):
        prefix = f"model.mtp.layers.{number}."
        parts = layer(config["num_hidden_layers"]) | {f"{name}.weight": [hidden] for name in [
            "input_layernorm", "post_attention_layernorm", "enorm", "hnorm", "final_layernorm"]}
        tensors |= {prefix + name: shape for name, shape in parts.items()} | {prefix + "eh_proj.weight": [hidden, 2 * hidden]}
    return tensors


def step(config):
    hidden = config["hidden_size"]
    other, further = config["attention_other_setting"], config.get("num_nextn_predict_layers", 0)
    sparse = [int(layer) for layer in config["moe_layers_enum"].split(",")]

    def layer(number):
        slides = config["layer_types"][number:number + 1] == ["sliding_attention"]
        own = other if slides else config
        heads, keys = own["num_attention_heads"], own["num_attention_groups"]
        tensors = attention(config | {"num_attention_heads": heads, "num_key_value_heads": keys}, norms=True) | {
            "self_attn.g_proj.weight": [heads, hidden]}
        if number not in sparse:
            return tensors | network("mlp.", hidden, config["intermediate_size"])
        count, width = config["moe_num_experts"], config["moe_intermediate_size"]
        return tensors | network("share_expert.", hidden, config["share_expert_dim"]) | {
            "moe.gate.weight": [count, hidden], "moe.router_bias": [count], "moe.gate_proj.weight": [count, width, hidden],
            "moe.up_proj.weight": [count, width, hidden], "moe.down_proj.weight": [count, hidden, width]}
    tensors = model(config | {"num_hidden_layers": config["num_hidden_layers"] + further}, layer)
    for number in range(config["num_hidden_layers"], config["num_hidden_layers"] + further):
        prefix = f"model.layers.{number}."
        tensors |= {prefix + "enorm.weight": [hidden], prefix + "hnorm.weight": [hidden],
                    prefix + "eh_proj.weight": [hidden, 2 * hidden],
                    prefix + "transformer.shared_head.norm.weight": [hidden],
                    prefix + "transformer.shared_head.output.weight": [config["vocab_size"], hidden]}
    return tensors


def minimax(config):
    hidden, width, count = config["hidden_size"], config["intermediate_size"], config["num_local_experts"]
    sparse = config["sparse_attention_config"]

    def layer(number):
        tensors = attention(config, norms=True)
        if sparse["sparse_attention_freq"][number]:
            size = sparse["sparse_index_dim"]
            tensors |= {
                "self_attn.index_q_proj.weight": [sparse["sparse_num_index_heads"] * size, hidden],
                "self_attn.index_k_proj.weight": [size, hidden],
                "self_attn.index_q_norm.weight": [size], "self_attn.index_k_norm.weight": [size]}
        if not config["moe_layer_freq"][number]:
            return tensors | network("mlp.", hidden, config["dense_intermediate_size"])
        tensors |= network("block_sparse_moe.shared_experts.", hidden, width * config["n_shared_experts"]) | {
            "block_sparse_moe.gate.weight": [count, hidden], "block_sparse_moe.e_score_correction_bias": [count]}
        for expert in range(count):
            prefix = f"block_sparse_moe.experts.{expert}."
            tensors |= {prefix + "w1.weight": [width, hidden], prefix + "w2.weight": [hidden, width],
                        prefix + "w3.weight": [width, hidden]}
        return tensors
    return model(config, layer)


def small_norms(tensors):
    """Norms that are stored as the difference from 1."""
    return {name: tensor - 1 if name.endswith("norm.weight") else tensor for name, tensor in tensors.items()}
