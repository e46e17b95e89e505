"""Perplexities of a text by Ingot, transformers, llama-perplexity, or a model of `references`; each raises RuntimeError."""

import json
import math
import os
import re
import subprocess

# Tokens of a window, and windows.
CONTEXT, WINDOWS = 128, 3


def last_line(text):
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:400] if lines else "no reason given"


def of_tool(tool, path, text):
    """Ingot's, of a GGUF file."""
    result = subprocess.run(
        [tool, "perplexity", path, "-f", text, "-c", str(CONTEXT), "--chunks", str(WINDOWS), "--json"],
        capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise RuntimeError(last_line(result.stderr))
    return json.loads(result.stdout)["perplexity"]


def tokens_of(tool, path, text):
    """Ingot's tokens of a text, and the token that stands in front of every window, or `None`."""
    import gguf
    result = subprocess.run([tool, "tokenize", path, "-f", text, "--ids"], capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise RuntimeError(last_line(result.stderr))
    tokens = json.loads(result.stdout)
    reader = gguf.GGUFReader(path)
    begins, first = (reader.get_field(f"tokenizer.ggml.{name}") for name in ["add_bos_token", "bos_token_id"])
    begins = begins.contents() if begins else first and tokens[0] == first.contents()
    return tokens, tokens[0] if begins else None


def of_transformers(name, directory, text, tokens, first):
    """That of a class of transformers, of a directory.

    Its tokenizer must agree where there is a tokenizer.json; it leaves the space in front of a text out for some classes
    that have pieces only.
    """
    import torch
    import transformers
    kind = getattr(transformers, name)
    model = kind.from_pretrained(directory, dtype=torch.float32, attn_implementation="eager").eval()
    if os.path.exists(os.path.join(directory, "tokenizer.json")):
        with open(text, encoding="utf-8") as file:
            theirs = transformers.AutoTokenizer.from_pretrained(directory).encode(file.read())
        if theirs != tokens:
            place = next((place for place, pair in enumerate(zip(theirs, tokens)) if pair[0] != pair[1]), "the end")
            raise RuntimeError(f"transformers has other tokens from {place} on")
    # Layers that take others' keys find them in the cache.
    cached = bool(getattr(model.config.get_text_config(), "num_kv_shared_layers", 0))
    return of_logits(lambda window: model(torch.tensor([window]), use_cache=cached).logits[0], tokens, first)


def of_logits(logits, tokens, first):
    """That of a function from tokens to logits; `first` stands in front of every window unless it is `None`."""
    import torch
    total = count = 0
    for start in range(0, CONTEXT * WINDOWS, CONTEXT):
        window = tokens[start:start + CONTEXT]
        if first is not None:
            window[0] = first
        with torch.no_grad():
            log = torch.log_softmax(logits(window).double(), -1)
        for place in range(CONTEXT // 2, CONTEXT - 1):
            total -= float(log[place, window[place + 1]])
            count += 1
    return math.exp(total / count)


def of_peer(program, path, text):
    """llama-perplexity's, of a GGUF file."""
    if not program:
        raise RuntimeError("no llama-perplexity to compare with")
    output = ""
    # It may end before it has shown all windows.
    for _ in range(5):
        try:
            result = subprocess.run(
                [program, "-m", path, "-f", text, "-c", str(CONTEXT), "-b", str(CONTEXT), "--chunks", str(WINDOWS), "-t", "2",
                 "-fa", "off", "-ctk", "f32", "-ctv", "f32", "--no-warmup"], capture_output=True, text=True, errors="replace",
                check=False, timeout=60)
        except subprocess.TimeoutExpired:
            raise RuntimeError("llama-perplexity does not come back") from None
        output = result.stdout + result.stderr
        found = re.findall(rf"\[{WINDOWS}\]([0-9.]+)", output)
        if found:
            return float(found[-1])
    raise RuntimeError(f"llama-perplexity: {last_line(output)}")


def of_reference(kind, path, tokens, first):
    """That of a model of `references`, of a GGUF file."""
    return of_logits(kind(path).logits, tokens, first)
