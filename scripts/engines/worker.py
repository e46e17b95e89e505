"""What one engine computes, in its own environment; called by scripts/compare-engines.

worker.py logits DIR OUT.pt      logits of fixed tokens in F32
worker.py compare A.pt B.pt      root mean square of the difference over that of B
worker.py weights DIR PLAIN      largest relative difference of weights, ModelOpt's tensors against plain ones
worker.py decompress DIR PLAIN   the same with compressed-tensors' own decompressors, layer by layer
worker.py vllm DIR LOGITS.pt     mean difference of the tokens' log-probabilities
"""
import json
import os
import sys

sys.dont_write_bytecode = True
TOKENS = 48


def answer(**values):
    print("answer " + json.dumps(values), flush=True)


def tokens(folder):
    """The same numbers for every engine: spread over the vocabulary, without its control tokens."""
    with open(os.path.join(folder, "config.json")) as file:
        config = json.load(file)
    count = config.get("vocab_size") or config["text_config"]["vocab_size"]
    return [count // 4 + (index * 7919) % (count // 2) for index in range(TOKENS)]


def logits(folder, output):
    import torch
    import transformers
    transformers.logging.set_verbosity_error()
    with open(os.path.join(folder, "config.json")) as file:
        config = json.load(file)
    is_quantized = "quantization_config" in config
    options = {"dtype": "auto" if is_quantized else torch.float32, "device_map": "cpu"}
    if is_quantized and has_experts(config) and config["quantization_config"]["quant_method"] == "compressed-tensors":
        # Experts are read undone, or not at all.
        options["quantization_config"] = transformers.CompressedTensorsConfig(dequantize=True)
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, **options).eval()
    for module in model.modules():
        # The weights are compared: what goes into layers stays as it is, as in the plain model.
        scheme = getattr(module, "quantization_scheme", None)
        if scheme is not None:
            scheme.input_activations = None
    with torch.no_grad():
        result = model(torch.tensor([tokens(folder)])).logits[0].float()
    torch.save(result, output)
    answer(finite=bool(torch.isfinite(result).all()))


def has_experts(config):
    config = config.get("text_config", config)
    return any(config.get(key) for key in ("num_experts", "num_local_experts", "n_routed_experts"))


def compare(first, second):
    import torch
    a, b = torch.load(first), torch.load(second)
    # The last logits of some engines belong to rows that only fill up the matrix.
    count = min(a.shape[-1], b.shape[-1])
    difference = (a[:, :count] - b[:, :count]).pow(2).mean().sqrt() / b[:, :count].pow(2).mean().sqrt()
    answer(difference=float(difference))


def tensors(folder):
    from safetensors import safe_open
    result = {}
    for name in sorted(os.listdir(folder)):
        if name.endswith(".safetensors"):
            with safe_open(os.path.join(folder, name), "pt") as file:
                for key in file.keys():
                    result[key] = file.get_tensor(key)
    return result


def weights(folder, plain):
    import torch
    from modelopt.torch.quantization.qtensor import NVFP4QTensor
    stored, expected = tensors(folder), tensors(plain)
    worst, count = 0.0, 0
    for name, value in stored.items():
        scale = stored.get(name + "_scale")
        if not name.endswith(".weight") or scale is None:
            continue
        if value.dtype == torch.uint8:
            shape = torch.Size([value.shape[0], value.shape[1] * 2])
            decoded = NVFP4QTensor(shape, torch.float32, value).dequantize(
                scale=scale, double_scale=stored[name + "_scale_2"], block_sizes={-1: 16}, dtype=torch.float32)
        else:
            decoded = value.float() * scale.float()
        mine = expected[name].float()
        worst = max(worst, float(((decoded - mine).abs() / decoded.abs().clamp(min=1e-30)).max()))
        count += 1
    if count == 0:
        raise SystemExit("no weight has a scale")
    answer(difference=worst, weights=count)


def decompress(folder, plain):
    from compressed_tensors.compressors import BaseCompressor
    from compressed_tensors.quantization import QuantizationConfig
    with open(os.path.join(folder, "config.json")) as file:
        config = QuantizationConfig.model_validate(json.load(file)["quantization_config"])
    scheme = next(iter(config.config_groups.values()))
    decoder = BaseCompressor.get_value_from_registry(scheme.format or config.format)
    stored, expected = tensors(folder), tensors(plain)
    layers = {}
    for name, value in stored.items():
        layer, _, part = name.rpartition(".")
        layers.setdefault(layer, {})[part] = value
    worst, count = 0.0, 0
    for layer, parts in layers.items():
        if "weight_scale" not in parts:
            continue
        decoded = decoder.decompress(parts, scheme)["weight"].float()
        mine = expected[layer + ".weight"].float()
        # Differences of codes near zero are rounding in BF16: the tensor's own size counts.
        worst = max(worst, float((decoded - mine).abs().max() / mine.abs().max()))
        count += 1
    if count == 0:
        raise SystemExit("no weight has a scale")
    answer(difference=worst, weights=count)


def vllm(folder, expected):
    import torch
    from vllm import LLM, SamplingParams
    ids = tokens(folder)
    # Of the machine's memory, others take a share too: a quarter is enough for so few tokens.
    engine = LLM(folder, max_model_len=128, max_num_seqs=1, enforce_eager=True, skip_tokenizer_init=True,
                 gpu_memory_utilization=0.25)
    output = engine.generate(
        [{"prompt_token_ids": ids}],
        SamplingParams(max_tokens=1, prompt_logprobs=1, temperature=0, detokenize=False), use_tqdm=False)[0]
    found = torch.tensor([output.prompt_logprobs[place][ids[place]].logprob for place in range(1, len(ids))])
    all_logits = torch.log_softmax(torch.load(expected), -1)
    other = torch.stack([all_logits[place - 1, ids[place]] for place in range(1, len(ids))])
    answer(difference=float((found - other).abs().mean()))


if __name__ == "__main__":
    {"logits": logits, "compare": compare, "weights": weights, "decompress": decompress, "vllm": vllm}[sys.argv[1]](*sys.argv[2:])
