#!/usr/bin/env python3
"""Seeded adapters (LoRA of PEFT) for models of several families, with the options that matter.

    scripts/converter/adapters.py OUT_DIR [--peer LLAMA_CPP] [--vary SEED] [--cases COUNT] [NAME...]

writes for each case OUT_DIR/NAME/base and OUT_DIR/NAME/adapter (and OUT_DIR/NAME/merged: PEFT's merge_and_unload).
With --peer, a source tree of llama.cpp, both programs convert each in four types, and a row says whether the files are
equal. --vary takes others: COUNT (2) adapters for each base of adapter_variation, drawn by SEED, of which both programs
convert one type each; rows that one program refuses say so. It needs torch, transformers and peft; INGOT names another
binary than .build/release/ingot.
"""

import argparse
import contextlib
import copy
import io
import json
import multiprocessing
import os
import pathlib
import random
import runpy
import shutil
import subprocess
import sys

os.environ |= {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "error"}
sys.dont_write_bytecode = True

import peft
import torch
import transformers
from safetensors.torch import load_file, save_file

import adapter_variation

SMALL = dict(
    vocab_size=512,
    hidden_size=64,
    intermediate_size=96,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    max_position_embeddings=256,
)


def model(name, **more):
    config = getattr(transformers, name + "Config")(**{**SMALL, **more})
    kind = {"GPT2": "GPT2LMHeadModel", "Gemma3Text": "Gemma3ForCausalLM"}.get(name, name + "ForCausalLM")
    return getattr(transformers, kind)(config)


LINEAR = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]

# name: (model, options of LoraConfig, type of the adapter's tensors, what else is done)
CASES = {
    "llama": (("Llama", {}), dict(r=8, lora_alpha=16, target_modules=LINEAR), torch.float32, {}),
    "llama-bf16": (("Llama", {}), dict(r=4, lora_alpha=8, target_modules=LINEAR), torch.bfloat16, {}),
    "llama-f16": (("Llama", {}), dict(r=32, lora_alpha=8, target_modules=LINEAR), torch.float16, {}),
    "llama-regex": (
        ("Llama", {}),
        dict(r=8, lora_alpha=16, target_modules=r".*layers\.1\.self_attn\.(q|k)_proj"),
        torch.float32,
        {},
    ),
    "llama-all": (("Llama", {}), dict(r=8, lora_alpha=16, target_modules="all-linear"), torch.float32, {}),
    "llama-patterns": (
        ("Llama", {}),
        dict(
            r=8,
            lora_alpha=16,
            target_modules=LINEAR,
            rank_pattern={"q_proj": 4, r"layers\.1\.mlp\.up_proj": 16},
            alpha_pattern={"v_proj": 64},
        ),
        torch.float32,
        {},
    ),
    "llama-rslora": (
        ("Llama", {}),
        dict(r=16, lora_alpha=16, use_rslora=True, target_modules=LINEAR),
        torch.float32,
        {},
    ),
    "llama-embed": (
        ("Llama", {}),
        dict(r=8, lora_alpha=16, target_modules=["q_proj", "embed_tokens", "lm_head"]),
        torch.float32,
        {},
    ),
    "llama-saved": (
        ("Llama", {}),
        dict(r=8, lora_alpha=16, target_modules=["q_proj"], modules_to_save=["lm_head", "embed_tokens"]),
        torch.float32,
        {"refused": True},
    ),
    "llama-norms": (
        ("Llama", {}),
        dict(r=8, lora_alpha=16, target_modules=LINEAR),
        torch.float32,
        {"norms": True},
    ),
    "llama-dora": (
        ("Llama", {}),
        dict(r=8, lora_alpha=16, use_dora=True, target_modules=["q_proj"]),
        torch.float32,
        {"refused": True},
    ),
    "qwen2": (("Qwen2", {}), dict(r=8, lora_alpha=16, target_modules=LINEAR), torch.bfloat16, {}),
    "qwen3": (
        ("Qwen3", {"head_dim": 32}),
        dict(r=8, lora_alpha=16, target_modules=LINEAR),
        torch.bfloat16,
        {},
    ),
    "gemma2": (
        ("Gemma2", {"head_dim": 32, "query_pre_attn_scalar": 32}),
        dict(r=8, lora_alpha=16, target_modules=LINEAR),
        torch.bfloat16,
        {},
    ),
    "phi3": (
        ("Phi3", {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}),
        dict(r=8, lora_alpha=16, target_modules=["qkv_proj", "o_proj", "gate_up_proj", "down_proj"]),
        torch.float32,
        {},
    ),
    "gpt2": (
        ("GPT2", {"n_embd": 64, "n_layer": 2, "n_head": 4, "n_positions": 256}),
        dict(r=8, lora_alpha=16, target_modules=["c_attn", "c_fc", "c_proj"]),
        torch.float32,
        {"differs": True},
    ),
    "falcon-h1": (
        (
            "FalconH1",
            {
                "mamba_d_ssm": 64,
                "mamba_n_heads": 4,
                "mamba_d_head": 16,
                "mamba_d_state": 16,
                "head_dim": 16,
                "key_multiplier": 0.5,
            },
        ),
        dict(r=8, lora_alpha=16, target_modules=["q_proj", "k_proj", "up_proj", "gate_proj", "down_proj"]),
        torch.float32,
        {},
    ),
    "mixtral": (
        ("Mixtral", {"num_local_experts": 4}),
        dict(r=8, lora_alpha=16, target_modules=["q_proj", "k_proj", "v_proj"]),
        torch.float32,
        {"experts": ("block_sparse_moe.experts.{}.{}", ["w1", "w2", "w3"])},
    ),
    "qwen2moe": (
        ("Qwen2Moe", {"num_experts": 4, "moe_intermediate_size": 32, "shared_expert_intermediate_size": 32}),
        dict(r=8, lora_alpha=16, target_modules=["q_proj"]),
        torch.float32,
        {"experts": ("mlp.experts.{}.{}", ["gate_proj", "up_proj", "down_proj"])},
    ),
}


def tokenizer(folder, base):
    for name in ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"]:
        if (base / name).exists():
            shutil.copy(base / name, folder / name)


def experts(weights, pattern, names, config, width):
    """Changes to every expert by itself, as transformers 4 names them."""
    for layer in range(config.num_hidden_layers):
        for expert in range(
            config.num_local_experts if hasattr(config, "num_local_experts") else config.num_experts
        ):
            for name in names:
                down = name in ("w2", "down_proj")
                rows, columns = (config.hidden_size, width) if down else (width, config.hidden_size)
                stem = f"base_model.model.model.layers.{layer}." + pattern.format(expert, name)
                weights[stem + ".lora_A.weight"] = torch.randn(8, columns) * 0.02
                weights[stem + ".lora_B.weight"] = torch.randn(rows, 8) * 0.02


def make(out, name, case, seed):
    (kind, more), options, dtype, extra = case
    torch.manual_seed(seed)
    folder = out / name
    shutil.rmtree(folder, ignore_errors=True)
    base, adapter = folder / "base", folder / "adapter"
    network = model(kind, **more)
    network.save_pretrained(base)
    fixtures = pathlib.Path(__file__).resolve().parents[2] / "fixtures/conformance/convert/checkpoints/llama"
    tokenizer(base, fixtures)
    changed = peft.get_peft_model(copy.deepcopy(network), peft.LoraConfig(**options))
    with torch.no_grad():
        for key, value in changed.named_parameters():
            if "lora_" in key:
                value.copy_(torch.randn_like(value) * 0.05)
            elif "modules_to_save" in key:
                value.add_(torch.randn_like(value) * 0.05)
    changed.save_pretrained(adapter)
    config_path = adapter / "adapter_config.json"
    config = json.loads(config_path.read_text())
    config["base_model_name_or_path"] = str(base)
    config_path.write_text(json.dumps(config, indent=2, sort_keys=True))
    path = adapter / "adapter_model.safetensors"
    weights = {key: value.to(dtype) for key, value in load_file(path).items()}
    if extra.get("norms"):
        for layer in range(2):
            weights[f"base_model.model.model.layers.{layer}.input_layernorm.weight"] = torch.randn(64).to(
                dtype
            )
    if "experts" in extra:
        cfg = network.config
        experts(weights, *extra["experts"], cfg, getattr(cfg, "moe_intermediate_size", cfg.intermediate_size))
    save_file(weights, path, metadata={"format": "pt"})
    if not any(key in extra for key in ("norms", "experts")) and name in CASES:
        whole = peft.PeftModel.from_pretrained(copy.deepcopy(network), adapter).merge_and_unload()
        whole.save_pretrained(folder / "merged")
        tokenizer(folder / "merged", fixtures)


def converted(peer, base, adapter, outtype, path, pipe):
    """What the reference converter says when it fails, in a process of its own that has torch loaded."""
    output = io.StringIO()
    sys.argv = ["convert_lora_to_gguf.py", "--base", str(base), "--outtype", outtype, "--outfile", str(path), str(adapter)]
    try:
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
            runpy.run_path(str(peer / "convert_lora_to_gguf.py"), run_name="__main__")
        pipe.send(None)
    except (Exception, SystemExit) as error:
        pipe.send(f"{type(error).__name__}: {error} {(output.getvalue().strip() or ' ').splitlines()[-1]}"[:200])


def first_difference(files):
    """The first key or tensor in which two files differ."""
    import gguf

    readers = [gguf.GGUFReader(file) for file in files]
    for key in dict.fromkeys([*readers[0].fields, *readers[1].fields]):
        values = [str(reader.fields[key].contents()) if key in reader.fields else "none" for reader in readers]
        if values[0] != values[1]:
            return f"{key}: {values[0][:60]}, Ingot {values[1][:60]}"
    tensors = [[(tensor.name, tensor.tensor_type.name, list(tensor.shape)) for tensor in reader.tensors] for reader in readers]
    for one, other in zip(*tensors):
        if one != other:
            return f"{one}, Ingot {other}"
    for one, other in zip(readers[0].tensors, readers[1].tensors):
        if one.data.tobytes() != other.data.tobytes():
            return f"{one.name}: other values"
    return f"{len(tensors[0])} tensors, Ingot {len(tensors[1])}"


def compare(folder, peer, outtype):
    """What both programs make of an adapter: a word, and why."""
    root = pathlib.Path(__file__).resolve().parents[2]
    base, adapter = folder / "base", folder / "adapter"
    files = [folder / "peer.gguf", folder / "ingot.gguf"]
    for file in files:
        file.unlink(missing_ok=True)
    ingot = os.environ.get("INGOT", str(root / ".build/release/ingot"))
    done = subprocess.run(
        [ingot, "convert", str(adapter), "--base", str(base), "--outtype", outtype, "--outfile", str(files[1]), "-q"],
        capture_output=True, text=True, check=False)  # fmt: skip
    ours = None if done.returncode == 0 else (done.stderr.strip() or "no word").splitlines()[-1][:260]
    receiver, sender = multiprocessing.get_context("fork").Pipe(duplex=False)
    worker = multiprocessing.get_context("fork").Process(
        target=converted, args=(peer, base, adapter, outtype, files[0], sender))  # fmt: skip
    worker.start()
    sender.close()
    try:
        theirs = receiver.recv()
    except EOFError:
        theirs = "the process ended"
    worker.join()
    if ours and theirs:
        return "refused", f"by both; Ingot: {ours}; the other: {theirs}"
    if ours or theirs:
        return ("refused", f"by Ingot: {ours}") if ours else ("alone", f"the reference converter: {theirs}")
    if files[0].read_bytes() == files[1].read_bytes():
        return "equal", ""
    return "different", first_difference(files)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--peer", type=pathlib.Path)
    parser.add_argument("--vary", metavar="SEED")
    parser.add_argument("--cases", type=int, default=2)
    options = parser.parse_intermixed_args()
    cases = adapter_variation.cases(options.vary, options.cases) if options.vary else CASES
    types = ["f32", "f16", "bf16", "q8_0"]
    if options.peer:
        sys.path[:0] = [str(options.peer), str(options.peer / "gguf-py")]
        import conversion.base  # noqa: F401
    torch.set_num_threads(1)
    failed, counts = False, {}
    for number, (name, case) in enumerate(cases.items()):
        if options.names and not any(word in name for word in options.names):
            continue
        random.seed(name)
        try:
            make(options.out, name, case, 100 + number)
        except Exception as error:
            failed |= not options.vary
            print(f"{'failed':10}{name}  {type(error).__name__}: {str(error).strip()[:200]}", flush=True)
            continue
        extra = case[3]
        expected = "different" if "differs" in extra else "refused" if "refused" in extra else "equal"
        for outtype in [] if not options.peer else [random.choice(types)] if options.vary else types:
            verdict, why = compare(options.out / name, options.peer, outtype)
            counts[verdict] = counts.get(verdict, 0) + 1
            # Two families depart on purpose (docs/families.md).
            departs = name.startswith(("GPT2", "GraniteMoeHybrid"))
            failed |= verdict == "different" and not departs if options.vary else verdict != expected
            said = f"{case[1]} {case[2]}" if options.vary and verdict != "equal" else ""
            print(f"{verdict:10}{name} {outtype}  {why} {said}".rstrip(), flush=True)
        if options.vary:
            shutil.rmtree(options.out / name)
    print(", ".join(f"{count} {verdict}" for verdict, count in counts.items()))
    sys.exit(failed)


if __name__ == "__main__":
    main()
