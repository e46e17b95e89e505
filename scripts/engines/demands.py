"""What engines demand of a quantized directory: tensors of each type, and what the configuration says.

Written from the readers of vLLM 0.32, transformers 5.24, compressed-tensors 0.20, GPTQModel 7.7 and ModelOpt 0.47.
"""
import fnmatch
import re

# Inside the blocks of a language model, and what in them is no linear layer that is quantized.
LAYER = re.compile(r"(^|\.)layers\.\d+\.")
TOWER = re.compile(r"(^|\.)(visual|vision_tower|vision_model|audio_tower|multi_modal_projector)\.")
# Routers, and what vLLM builds without quantization: what picks the keys of sparse attention, and what stands around a
# block that predicts further tokens.
ROUTER = re.compile(
    r"(\.mlp\.gate|\.block_sparse_moe\.gate|\.feed_forward\.router|\.shared_expert_gate|\.eh_proj|\.embed_tokens"
    r"|\.shared_head\.head|\.indexer\.\w+)$")
EMBEDDING = re.compile(r"(^|\.)(embed_tokens|embed_positions|position_embedding|class_embedding|patch_embed\w*)$")
# What engines stack: one scale of the matrix for all of a set.
FUSED = [
    ["q_proj", "k_proj", "v_proj"], ["gate_proj", "up_proj"], ["w1", "w3"], ["q_a_proj", "kv_a_proj_with_mqa"],
    ["in_proj_qkv", "in_proj_z"], ["in_proj_b", "in_proj_a"]]
# The tensors that make engines multiply all of a stack by one number.
GLOBAL = ["weight_global_scale", "input_global_scale", "weight_scale_2", "input_scale"]


def weights(bits, kind, strategy, group=None, symmetric=True, **more):
    return {"num_bits": bits, "type": kind, "symmetric": symmetric, "strategy": strategy, "group_size": group,
            "dynamic": False} | more


def inputs(bits, kind, strategy, dynamic, group=None, **more):
    return {"num_bits": bits, "type": kind, "symmetric": True, "strategy": strategy, "group_size": group,
            "dynamic": dynamic} | more


MX = {"scale_dtype": "torch.uint8"}
NV = {"scale_dtype": "torch.float8_e4m3fn"}
PACK, INT, FLOAT = "pack-quantized", "int-quantized", "float-quantized"
NVFP4, MXFP4 = "nvfp4-pack-quantized", "mxfp4-pack-quantized"
# Of compressed-tensors: format, what is said of weights (group 0: the size that was asked for), and of inputs.
COMPRESSED = {
    "W4A16": (PACK, weights(4, "int", "group", 0), None),
    "W4A16_ASYM": (PACK, weights(4, "int", "group", 0, False, zp_dtype="torch.int8"), None),
    "W8A16": (PACK, weights(8, "int", "group", 0), None),
    "W8A8": (INT, weights(8, "int", "channel"), inputs(8, "int", "token", True)),
    "W8A8_STATIC": (INT, weights(8, "int", "channel"), inputs(8, "int", "tensor", False)),
    "FP8_DYNAMIC": (FLOAT, weights(8, "float", "channel"), inputs(8, "float", "token", True)),
    "FP8": (FLOAT, weights(8, "float", "tensor"), inputs(8, "float", "tensor", False)),
    "FP8_BLOCK": (FLOAT, weights(8, "float", "block", block_structure=[128, 128]),
                  inputs(8, "float", "group", True, 128)),
    "NVFP4A16": (NVFP4, weights(4, "float", "tensor_group", 16, **NV), None),
    "NVFP4": (NVFP4, weights(4, "float", "tensor_group", 16, **NV), inputs(4, "float", "tensor_group", "local", 16, **NV)),
    "MXFP4A16": (MXFP4, weights(4, "float", "group", 32, **MX), None),
    "MXFP4": (MXFP4, weights(4, "float", "group", 32, **MX), inputs(4, "float", "group", True, 32, **MX)),
    "MXFP8": ("mxfp8-quantized", weights(8, "float", "group", 32, **MX), inputs(8, "float", "group", True, 32, **MX)),
}
GROUPED = ["W4A16", "W4A16_ASYM", "W8A16", "GPTQ", "GPTQ_8BIT", "AWQ"]
NEEDS_TEXT = ["W8A8_STATIC", "FP8", "NVFP4", "MODELOPT_FP8", "MODELOPT_NVFP4"]
# Types in which vLLM takes no experts.
NO_EXPERTS = ["W4A16_ASYM", "W8A8_STATIC"]
# Root mean square of the errors of normal values, over theirs: to nearest a little more than half of this.
ERRORS = {4: 0.25, 8: 0.045}


def bits(name):
    return 8 if "8" in name.replace("W4A8", "") else 4


def layout(name, rows, columns, group, scale):
    """The tensors of a matrix: type and shape by suffix. `scale` is the type of the model's weights."""
    size = columns if group == "channel" else group
    groups = columns // size if size else 1
    blocks = (-(-rows // 128), -(-columns // 128))
    one = {"input_scale": (scale, (1,))}
    integers = {
        "weight_packed": ("I32", (rows, -(-columns * bits(name) // 32))), "weight_scale": (scale, (rows, groups)),
        "weight_shape": ("I64", (2,))}
    table = {
        "W4A16": integers, "W8A16": integers,
        "W4A16_ASYM": integers | {"weight_zero_point": ("I32", (-(-rows * 4 // 32), groups))},
        "GPTQ": {"qweight": ("I32", (columns // 8, rows)), "qzeros": ("I32", (groups, rows // 8)),
                 "scales": ("F16", (groups, rows)), "g_idx": ("I32", (columns,))},
        "GPTQ_8BIT": {"qweight": ("I32", (columns // 4, rows)), "qzeros": ("I32", (groups, rows // 4)),
                      "scales": ("F16", (groups, rows)), "g_idx": ("I32", (columns,))},
        "AWQ": {"qweight": ("I32", (columns, rows // 8)), "qzeros": ("I32", (groups, rows // 8)),
                "scales": ("F16", (groups, rows))},
        "W8A8": {"weight": ("I8", (rows, columns)), "weight_scale": (scale, (rows, 1))},
        "FP8_DYNAMIC": {"weight": ("F8_E4M3", (rows, columns)), "weight_scale": (scale, (rows, 1))},
        "FP8": {"weight": ("F8_E4M3", (rows, columns)), "weight_scale": (scale, (1,))} | one,
        "FP8_BLOCK": {"weight": ("F8_E4M3", (rows, columns)), "weight_scale": (scale, blocks)},
        "FP8_DEEPSEEK": {"weight": ("F8_E4M3", (rows, columns)), "weight_scale_inv": ("F32", blocks)},
        "NVFP4A16": {"weight_packed": ("U8", (rows, columns // 2)), "weight_scale": ("F8_E4M3", (rows, columns // 16)),
                     "weight_global_scale": ("F32", (1,))},
        "MXFP4": {"weight_packed": ("U8", (rows, columns // 2)), "weight_scale": ("U8", (rows, columns // 32))},
        "MXFP8": {"weight": ("F8_E4M3", (rows, columns)), "weight_scale": ("U8", (rows, columns // 32))},
        "MODELOPT_FP8": {"weight": ("F8_E4M3", (rows, columns)), "weight_scale": ("F32", ()), "input_scale": ("F32", ())},
        "MODELOPT_NVFP4": {"weight": ("U8", (rows, columns // 2)), "weight_scale": ("F8_E4M3", (rows, columns // 16)),
                           "weight_scale_2": ("F32", ()), "input_scale": ("F32", ())},
    }
    table["W8A8_STATIC"] = table["W8A8"] | one
    table["NVFP4"] = table["NVFP4A16"] | {"input_global_scale": ("F32", (1,))}
    table["MXFP4A16"] = table["MXFP4"]
    return table[name]


def fits(name, rows, columns, group):
    """Whether a matrix has a place in a type; what else the type is refused for is told elsewhere."""
    size = {"NVFP4A16": 16, "NVFP4": 16, "MODELOPT_NVFP4": 16, "MXFP4": 32, "MXFP4A16": 32, "MXFP8": 32}.get(name)
    size = size or (group if name in GROUPED and group != "channel" else 1)
    step = {"GPTQ": 32, "GPTQ_8BIT": 32, "AWQ": 8, "W4A16_ASYM": 8}.get(name, 1)
    return columns % size == 0 and rows % step == 0 and (not name.startswith("GPTQ") or columns % 32 == 0)


def configuration_faults(name, config, group, has_cache_scales):
    """What an engine would misread in `quantization_config`."""
    found, wanted = config["quantization_config"], {}
    if name in COMPRESSED:
        form, weight, activation = COMPRESSED[name]
        weight = dict(weight)
        if weight["group_size"] == 0:
            weight |= {"group_size": group} if group != "channel" else {"group_size": None, "strategy": "channel"}
        own = found.get("config_groups", {}).get("group_0", {})
        wanted = {"quant_method": "compressed-tensors", "format": form, "quantization_status": "compressed"}
        yield from differences("weights", own.get("weights"), weight)
        yield from differences("input_activations", own.get("input_activations"), activation)
        yield from differences("group_0", own, {"targets": ["Linear"], "format": form, "output_activations": None})
        scheme = {"num_bits": 8, "type": "float", "strategy": "tensor", "symmetric": True, "dynamic": False}
        yield from differences("kv_cache_scheme", found.get("kv_cache_scheme"), scheme if has_cache_scales else None)
    elif name.startswith("GPTQ"):
        wanted = {"quant_method": "gptq", "bits": bits(name), "group_size": -1 if group == "channel" else group,
                  "desc_act": False, "sym": True, "lm_head": False, "checkpoint_format": "gptq"}
    elif name == "AWQ":
        wanted = {"quant_method": "awq", "bits": 4, "group_size": -1 if group == "channel" else group,
                  "zero_point": True, "version": "gemm"}
    elif name == "FP8_DEEPSEEK":
        wanted = {"quant_method": "fp8", "activation_scheme": "dynamic", "weight_block_size": [128, 128]}
    else:
        wanted = {"quant_method": "modelopt", "quant_algo": name.removeprefix("MODELOPT_")}
    yield from differences("quantization_config", found, wanted)


def differences(place, found, wanted):
    if wanted is None or found is None:
        if found != wanted:
            yield f"{place} is {found}, expected {wanted}"
        return
    for key, value in wanted.items():
        if found.get(key) != value:
            yield f"{place}.{key} is {found.get(key)!r}, expected {value!r}"


def is_left(module, config):
    """Whether an engine leaves a module alone by the configuration's list."""
    method = config["quant_method"]
    if method == "compressed-tensors":
        return any(entry == module or entry.startswith("re:") and re.match(entry[3:], module) for entry in config["ignore"])
    if method == "gptq":
        return module == "lm_head" or any(
            key.startswith("-:") and re.match(key[2:], module) for key in config.get("dynamic", {}))
    if method == "awq":
        return any(entry in module for entry in config["modules_to_not_convert"])
    if method == "fp8":
        return any(entry == module or module.startswith(entry + ".") for entry in config["modules_to_not_convert"])
    return any(fnmatch.fnmatchcase(module, entry) for entry in config["ignore"])
