"""Names and shapes of tensors that many classes have, for those that transformers lacks."""


def latent(config):
    """The tensors of a layer's latent attention, in DeepSeek's words."""
    hidden, heads, prefix = config["hidden_size"], config["num_attention_heads"], "self_attn."
    nope, rope = config["qk_nope_head_dim"], config["qk_rope_head_dim"]
    queries = [heads * (nope + rope), hidden]
    tensors = {
        prefix + "kv_a_proj_with_mqa.weight": [config["kv_lora_rank"] + rope, hidden],
        prefix + "kv_a_layernorm.weight": [config["kv_lora_rank"]],
        prefix + "kv_b_proj.weight": [heads * (nope + config["v_head_dim"]), config["kv_lora_rank"]],
        prefix + "o_proj.weight": [hidden, heads * config["v_head_dim"]],
    }
    if config.get("q_lora_rank"):
        tensors |= {
            prefix + "q_a_proj.weight": [config["q_lora_rank"], hidden],
            prefix + "q_a_layernorm.weight": [config["q_lora_rank"]],
            prefix + "q_b_proj.weight": [queries[0], config["q_lora_rank"]],
        }
    else:
        tensors[prefix + "q_proj.weight"] = queries
    return tensors


def attention(config, prefix="self_attn.", norms=False, biases=False):
    """The tensors of a layer's attention from separate projections."""
    hidden, head = config["hidden_size"], config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"]
    queries, keys = config["num_attention_heads"] * head, config["num_key_value_heads"] * head
    tensors = {
        prefix + "q_proj.weight": [queries, hidden], prefix + "k_proj.weight": [keys, hidden],
        prefix + "v_proj.weight": [keys, hidden], prefix + "o_proj.weight": [hidden, queries],
    }
    if norms:
        tensors |= {prefix + "q_norm.weight": [head], prefix + "k_norm.weight": [head]}
    if biases:
        tensors |= {f"{prefix}{name}_proj.bias": [size] for name, size in [("q", queries), ("k", keys), ("v", keys)]}
    return tensors


def network(prefix, hidden, width):
    """The tensors of a gated network."""
    return {
        f"{prefix}gate_proj.weight": [width, hidden], f"{prefix}up_proj.weight": [width, hidden],
        f"{prefix}down_proj.weight": [hidden, width],
    }


def experts(prefix, hidden, width, count):
    """The same for each expert."""
    tensors = {}
    for expert in range(count):
        tensors |= network(f"{prefix}{expert}.", hidden, width)
    return tensors


def model(config, layer, prefix="model.", head="lm_head.weight"):
    """A decoder whose layers have what `layer` says of their number, and two norms."""
    hidden = config["hidden_size"]
    tensors = {f"{prefix}embed_tokens.weight": [config["vocab_size"], hidden]}
    for number in range(config["num_hidden_layers"]):
        parts = {"input_layernorm.weight": [hidden], "post_attention_layernorm.weight": [hidden]} | layer(number)
        tensors |= {f"{prefix}layers.{number}.{name}": shape for name, shape in parts.items()}
    tensors[f"{prefix}norm.weight"] = [hidden]
    if not config.get("tie_word_embeddings"):
        tensors[head] = [config["vocab_size"], hidden]
    return tensors


def predictor(config, names, layer):
    """A layer that predicts further tokens under `mtp.`."""
    hidden = config["hidden_size"]
    tensors = {
        "mtp.fc.weight": [hidden, 2 * hidden], "mtp.norm.weight": [hidden],
        "mtp.pre_fc_norm_embedding.weight": [hidden], "mtp.pre_fc_norm_hidden.weight": [hidden],
    }
    return tensors | {f"mtp.layers.0.{name}": shape for name, shape in (names | layer).items()}
