"""Encoders of pictures and sound, which both converters write with --mmproj."""

import functools
import json
import os

from checkpoints import FIXTURES, Case
from projector_classes import CASES as OF_CLASSES
from projector_shapes import SHAPES
from projector_shapes_more import SHAPES as MORE_SHAPES

OF_SHAPES = SHAPES | MORE_SHAPES

# Whose classes transformers calls otherwise than their checkpoints do.
SPELLINGS = {"LightOnOcrForConditionalGeneration": "LightOnOCRForConditionalGeneration"}
# Whose encoders transformers saves without a part of their names.
INNER = ("gemma3", "gemma3-wide", "lfm2vl")


def write(label, folder, drawn=None):
    """Writes a model that transformers has a class for; `drawn` makes other sizes of the table's."""
    import torch
    import transformers
    from safetensors.torch import load_file, save_file

    transformers.logging.disable_progress_bar()
    name, members, preprocessor = OF_CLASSES[label]
    torch.manual_seed(7)
    kind = getattr(transformers, name)
    if drawn:
        members, preprocessor = drawn(kind, members, preprocessor)
    model = kind(kind.config_class(**members)).to(torch.bfloat16)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn_like(parameter.float()) * 0.1)
        for path, buffer in model.named_buffers():
            if path.endswith("running_mean"):
                buffer.copy_(torch.randn_like(buffer.float()) * 0.1)
            elif path.endswith(("put_min", "put_max")):
                buffer.copy_(torch.rand_like(buffer.float()) * (8 if path.endswith("max") else -8))
            elif path.endswith(("running_var", "std_scale", "std_bias")):
                buffer.copy_(torch.rand_like(buffer.float()) + 0.5)
    model.save_pretrained(folder)
    if label in INNER:
        path = os.path.join(folder, "model.safetensors")
        tensors = {
            key.replace("vision_tower.", "vision_tower.vision_model."): value
            for key, value in load_file(path).items()}
        save_file(tensors, path, {"format": "pt"})
    with open(os.path.join(folder, "config.json")) as file:
        config = json.load(file)
    config["architectures"] = [SPELLINGS.get(name, name)]
    if label == "paddleocr":
        config["vision_config"]["architectures"] = ["PaddleOCRVisionModel"]
    with open(os.path.join(FIXTURES, "llama", "tokenizer.json"), encoding="utf-8") as file:
        tokenizer = json.load(file)
    tokenizer["added_tokens"].append({"id": 511, "content": "[IMG_BREAK]"})
    finish(folder, config, preprocessor)
    save(folder, "tokenizer.json", tokenizer)
    save(folder, "tokenizer_config.json", {})


def write_shapes(label, folder):
    """Writes a model that transformers lacks."""
    import torch
    from safetensors.torch import save_file

    name, shapes, config, preprocessor = OF_SHAPES[label]
    wanted = {}
    shapes(wanted)
    generator = torch.Generator().manual_seed(7)
    os.makedirs(folder)
    tensors = {
        key: (torch.randn(shape, generator=generator) * 0.1).to(torch.bfloat16) for key, shape in wanted.items()}
    for key in tensors:
        if key.endswith("running_var"):
            tensors[key] = tensors[key].abs() + 0.5
    save_file(tensors, os.path.join(folder, "model.safetensors"), {"format": "pt"})
    finish(folder, {"architectures": [name], **config}, preprocessor)


def finish(folder, config, preprocessor):
    save(folder, "config.json", config)
    if preprocessor:
        save(folder, "preprocessor_config.json", preprocessor)


def save(folder, name, value):
    with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
        json.dump(value, file)


def mend_positions():
    """Has the reference converter round each sine once: PyTorch's own differ between processors."""
    import conversion.qwenvl
    import numpy
    import torch

    def positions(model):
        half = model.hparams_audio["hidden_size"] // 2
        step = numpy.float32(numpy.log(10000.0) / (half - 1))
        scales = numpy.exp((-step * numpy.arange(half, dtype=numpy.float32)).astype(float)).astype(numpy.float32)
        angles = (numpy.arange(1500, dtype=numpy.float32)[:, None] * scales[None, :]).astype(float)
        table = numpy.concatenate([numpy.sin(angles), numpy.cos(angles)], axis=1).astype(numpy.float32)
        yield "audio_tower.embed_positions.weight", torch.from_numpy(table)

    conversion.qwenvl.Qwen25AudioModel.generate_extra_tensors = positions


def mend_names():
    """Has it find the encoder of pictures under the name that it gives it itself."""
    import conversion.qwen3vl

    mend_positions()
    original = conversion.qwen3vl.Qwen3VLVisionModel.modify_tensors

    def modify(model, data, name, block):
        yield from original(model, data, name.replace("model.visual.", "visual.", 1), block)

    conversion.qwen3vl.Qwen3VLVisionModel.modify_tensors = modify


def mend_roots():
    """Has it round square roots once, as IEEE 754 has them: those of PyTorch's libraries may be off by a bit."""
    import torch

    torch.sqrt = lambda values: values.double().sqrt().float()


def mend_softplus():
    """Has it round the softplus once."""
    import torch

    torch.nn.functional.softplus = lambda values: torch.log1p(torch.exp(values.double())).float()


MENDED = {
    "gemma4": mend_softplus, "granitespeech": mend_roots, "granitespeechplus": mend_roots, "lfm2audio": mend_roots,
    "qwen25omni": mend_positions, "qwen3asr": mend_positions, "qwen3omni": mend_names,
}


def case(label, name, make):
    return Case(
        SPELLINGS.get(name, name), label, {}, make=functools.partial(make, label), dtype="float16",
        tokenizer="llama-spm", run=None, mend=MENDED.get(label), options=("--mmproj",), peer_options=("--mmproj",))


CASES = [case(label, value[0], write) for label, value in OF_CLASSES.items()]
CASES += [case(label, value[0], write_shapes) for label, value in OF_SHAPES.items()]
