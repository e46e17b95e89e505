"""Names and shapes of the tensors of classes with several residual streams, and of what came with them."""

from layers import latent, model, network


def compressor(prefix, ratio, width, head, hidden):
    return {
        prefix + "ape": [ratio, width], prefix + "wkv.weight": [width, hidden], prefix + "wgate.weight": [width, hidden],
        prefix + "norm.weight": [head]}


def deepseek_block(config, prefix, ratio=0, by_token=False):
    hidden, head, heads, rank = (
        config["hidden_size"], config["head_dim"], config["num_attention_heads"], config["q_lora_rank"])
    width, streams, groups = config["moe_intermediate_size"], config["hc_mult"], config["o_groups"]
    rows, inner = streams * (2 + streams), config["o_lora_rank"]
    tensors = {
        "attn_norm.weight": [hidden], "ffn_norm.weight": [hidden], "attn.attn_sink": [heads],
        "attn.wq_a.weight": [rank, hidden], "attn.q_norm.weight": [rank], "attn.wq_b.weight": [heads * head, rank],
        "attn.wkv.weight": [head, hidden], "attn.kv_norm.weight": [head],
        "attn.wo_a.weight": [groups * inner, heads * head // groups], "attn.wo_b.weight": [hidden, groups * inner],
        "ffn.gate.weight": [config["n_routed_experts"], hidden],
    }
    if ratio:
        overlaps = 2 if ratio == 4 else 1
        tensors |= compressor("attn.compressor.", ratio, overlaps * head, head, hidden)
        if ratio == 4:
            index = config["index_head_dim"]
            tensors |= compressor("attn.indexer.compressor.", ratio, 2 * index, index, hidden)
            tensors |= {
                "attn.indexer.wq_b.weight": [config["index_n_heads"] * index, rank],
                "attn.indexer.weights_proj.weight": [config["index_n_heads"], hidden]}
    if by_token:
        tensors["ffn.gate.tid2eid"] = [config["vocab_size"], config["num_experts_per_tok"]]
    tensors["ffn.gate.bias"] = [config["n_routed_experts"]]
    for part in ["attn", "ffn"]:
        tensors |= {f"hc_{part}_fn": [rows, streams * hidden], f"hc_{part}_base": [rows], f"hc_{part}_scale": [3]}
    shared = width * config["n_shared_experts"]
    for expert, inner in [*((f"experts.{number}", width) for number in range(config["n_routed_experts"])),
                          ("shared_experts", shared)]:
        tensors |= {f"ffn.{expert}.w1.weight": [inner, hidden], f"ffn.{expert}.w2.weight": [hidden, inner],
                    f"ffn.{expert}.w3.weight": [inner, hidden]}
    return {prefix + name: shape for name, shape in tensors.items()}


def stream_head(config, prefix=""):
    streams = config["hc_mult"]
    return {f"{prefix}hc_head_fn": [streams, streams * config["hidden_size"]], f"{prefix}hc_head_base": [streams],
            f"{prefix}hc_head_scale": [1]}


def deepseek(config):
    hidden = config["hidden_size"]
    tensors = {"embed.weight": [config["vocab_size"], hidden], "norm.weight": [hidden],
               "head.weight": [config["vocab_size"], hidden]} | stream_head(config)
    for number in range(config["num_hidden_layers"]):
        tensors |= deepseek_block(
            config, f"layers.{number}.", config["compress_ratios"][number], number < config["num_hash_layers"])
    if config.get("num_nextn_predict_layers"):
        tensors |= deepseek_block(config, "mtp.0.") | {"mtp.0.enorm.weight": [hidden]}
    return tensors


def deepseek_dspark(config):
    """The draft beside a model of which one layer is there too."""
    hidden, last = config["hidden_size"], config["stages"] - 1
    tensors = {"embed.weight": [config["vocab_size"], hidden], "layers.0.attn_norm.weight": [hidden]}
    for stage in range(config["stages"]):
        tensors |= deepseek_block(config, f"mtp.{stage}.")
    return tensors | stream_head(config, f"mtp.{last}.") | {
        f"mtp.{last}.norm.weight": [hidden], "mtp.0.main_norm.weight": [hidden],
        "mtp.0.main_proj.weight": [hidden, hidden * len(config["dspark_target_layer_ids"])],
        f"mtp.{last}.markov_head.markov_w1.weight": [config["vocab_size"], 16],
        f"mtp.{last}.markov_head.markov_w2.weight": [config["vocab_size"], 16],
        f"mtp.{last}.confidence_head.proj.weight": [1, hidden + 16]}


def fours(tensor, torch, generator, exponents=(121, 124)):
    """Codes and exponents of MXFP4 in the shape of a matrix."""
    rows, columns = tensor.shape
    codes = torch.randint(0, 256, (rows, columns // 2), generator=generator, dtype=torch.uint8)
    return codes, torch.randint(*exponents, (rows, columns // 32), generator=generator, dtype=torch.uint8)


def deepseek_packed(tensors):
    """Experts of four bits, most other matrices of eight, the rest as published."""
    import torch

    generator = torch.Generator().manual_seed(5)
    eights = ("wq_a.weight", "wq_b.weight", "wkv.weight", "wo_a.weight", "wo_b.weight", "main_proj.weight")
    packed = {}
    for name, tensor in tensors.items():
        if ".ffn.experts." in name:
            codes, exponents = fours(tensor, torch, generator)
            packed[name] = codes.view(torch.int8)
            packed[name.removesuffix("weight") + "scale"] = exponents.view(torch.float8_e8m0fnu)
        elif ".shared_experts." in name or name.endswith(eights) and "compressor" not in name:
            rows, columns = tensor.shape
            exponents = torch.randint(
                124, 128, (-(-rows // 128), -(-columns // 128)), generator=generator, dtype=torch.uint8)
            scale = torch.exp2(exponents.float() - 127).repeat_interleave(128, 0)[:rows]
            packed[name] = (tensor.float() / scale.repeat_interleave(128, 1)[:, :columns]).to(torch.float8_e4m3fn)
            packed[name.removesuffix("weight") + "scale"] = exponents.view(torch.float8_e8m0fnu)
        elif name.endswith("tid2eid"):
            packed[name] = choices(tensor.shape, torch, generator)
        else:
            isExact = tensor.ndim == 1 or "hc_" in name or name.endswith("ape")
            packed[name] = tensor.float() if isExact else tensor
    return packed


def choices(shape, torch, generator, count=4):
    """Experts of every token, none of them twice."""
    return torch.stack([torch.randperm(count, generator=generator)[:shape[1]] for _ in range(shape[0])])


def deepseek_plain(tensors):
    import torch

    generator = torch.Generator().manual_seed(5)
    return {published(name): choices(tensor.shape, torch, generator) if name.endswith("tid2eid") else tensor
            for name, tensor in tensors.items()}


def published(name):
    """A tensor's name as the published checkpoints have it; transformers saves some under others."""
    return name.removeprefix("model.").replace("embed_tokens.", "embed.").replace("hc_head.hc_", "hc_head_").replace(
        ".attn.norm.", ".attn.kv_norm.")


def kimi(config):
    config = config.get("text_config", config)
    hidden, width, count = config["hidden_size"], config["moe_intermediate_size"], config["num_experts"]
    linear, inner = config["linear_attn_config"], config.get("routed_expert_hidden_size") or config["hidden_size"]
    heads, head, kernel = linear["num_heads"], linear["head_dim"], linear["short_conv_kernel_size"]

    def layer(number):
        if number + 1 in linear["full_attn_layers"]:
            tensors = latent(config) | {
                "self_attn.g_proj.weight": [config["num_attention_heads"] * config["v_head_dim"], hidden]}
        else:
            tensors = {f"self_attn.{role}_proj.weight": [heads * head, hidden] for role in "qkvg"}
            tensors |= {f"self_attn.{role}_conv1d.weight": [heads * head, 1, kernel] for role in "qkv"}
            tensors |= {
                "self_attn.f_a_proj.weight": [head, hidden], "self_attn.f_b_proj.weight": [heads * head, head],
                "self_attn.b_proj.weight": [heads, hidden], "self_attn.A_log": [heads],
                "self_attn.dt_bias": [heads * head], "self_attn.o_norm.weight": [head],
                "self_attn.o_proj.weight": [hidden, heads * head]}
        for part in ["self_attention", "mlp"]:
            tensors |= {f"{part}_res_norm.weight": [hidden], f"{part}_res_proj.weight": [1, hidden]}
        if number < config["first_k_dense_replace"]:
            return tensors | network("mlp.", hidden, config["intermediate_size"])
        prefix = "block_sparse_moe."
        tensors |= network(prefix + "shared_experts.", hidden, width * config["num_shared_experts"])
        tensors |= {prefix + "gate.weight": [count, hidden], prefix + "gate.e_score_correction_bias": [count]}
        for expert in range(count):
            tensors |= {f"{prefix}experts.{expert}.w1.weight": [width, inner], f"{prefix}experts.{expert}.w2.weight": [inner, width],
                        f"{prefix}experts.{expert}.w3.weight": [width, inner]}
        if inner != hidden:
            tensors |= {prefix + "routed_expert_down_proj.weight": [inner, hidden],
                        prefix + "routed_expert_up_proj.weight": [hidden, inner],
                        prefix + "routed_expert_norm.weight": [inner]}
        return tensors
    tensors = model(config, layer) | {
        "model.output_attn_res_norm.weight": [hidden], "model.output_attn_res_proj.weight": [1, hidden]}
    return {"language_model." + name: shape for name, shape in tensors.items()} | {"mm_projector.0.weight": [8, 8]}


def kimi_packed(tensors):
    import torch

    generator = torch.Generator().manual_seed(5)
    packed = {}
    for name, tensor in tensors.items():
        if ".block_sparse_moe.experts." in name:
            packed[name + "_packed"], packed[name + "_scale"] = fours(tensor, torch, generator)
        else:
            packed[name] = tensor
    return packed


def puzzle(config):
    hidden, inner, latent_size = (
        config["hidden_size"], config["mamba_num_heads"] * config["mamba_head_dim"], config["moe_latent_size"])
    groups, heads, head = config["n_groups"], config["num_attention_heads"], config["head_dim"]
    channels, keys, shared = (
        inner + 2 * groups * config["ssm_state_size"], config["num_key_value_heads"],
        config["moe_shared_expert_intermediate_size"])
    root, bias = config["root"], config["bias_name"]
    tensors = {root + "embeddings.weight": [config["vocab_size"], hidden], root + "norm_f.weight": [hidden],
               "lm_head.weight": [config["vocab_size"], hidden], "mtp.layers.0.enorm.weight": [hidden]}
    for number, block in enumerate(config["block_configs"]):
        prefix = f"{root}layers.{number}."
        tensors[prefix + "norm.weight"] = [hidden]
        prefix += "mixer."
        if block["block_type"] == "mamba":
            tensors |= {
                prefix + "in_proj.weight": [inner + channels + config["mamba_num_heads"], hidden],
                prefix + "conv1d.weight": [channels, 1, config["conv_kernel"]], prefix + "conv1d.bias": [channels],
                prefix + "dt_bias": [config["mamba_num_heads"]], prefix + "A_log": [config["mamba_num_heads"]],
                prefix + "D": [config["mamba_num_heads"]], prefix + "norm.weight": [inner],
                prefix + "out_proj.weight": [hidden, inner]}
        elif block["block_type"] == "attention":
            tensors |= {
                prefix + "q_proj.weight": [heads * head, hidden], prefix + "k_proj.weight": [keys * head, hidden],
                prefix + "v_proj.weight": [keys * head, hidden], prefix + "o_proj.weight": [hidden, heads * head]}
        else:
            width = block["moe_intermediate_size"]
            tensors |= {
                prefix + "gate.weight": [config["n_routed_experts"], hidden], prefix + bias: [config["n_routed_experts"]],
                prefix + "fc1_latent_proj.weight": [latent_size, hidden],
                prefix + "fc2_latent_proj.weight": [hidden, latent_size],
                prefix + "shared_experts.up_proj.weight": [shared, hidden],
                prefix + "shared_experts.down_proj.weight": [hidden, shared]}
            for expert in range(config["n_routed_experts"]):
                tensors |= {f"{prefix}experts.{expert}.up_proj.weight": [width, latent_size],
                            f"{prefix}experts.{expert}.down_proj.weight": [latent_size, width]}
    return tensors


def mend_types():
    """The reference converter looks for the published name of a kind of layers; transformers gives it another."""
    import conversion.base

    load = conversion.base.ModelBase.load_hparams

    def published(*arguments):
        config = load(*arguments)
        for part in [config, config.get("text_config") or {}]:
            if "layer_types" in part:
                part["layer_types"] = [
                    "full_attention" if kind == "indexed_attention" else kind for kind in part["layer_types"]]
        return config
    conversion.base.ModelBase.load_hparams = staticmethod(published)
