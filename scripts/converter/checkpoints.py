"""Seeded random checkpoints: what a table of classes says, as a directory that both converters take."""

import dataclasses
import json
import os
import random
import shutil

import vocabularies

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FIXTURES = os.path.join(ROOT, "fixtures", "conformance", "convert", "checkpoints")
# The tokenizers under FIXTURES that cases may name, and what GGUF calls their pre-tokenizers.
TOKENIZERS = {"llama": "llama-bpe", "llama-spm": "default", "qwen3": "qwen2"}
# Tokenizers that no fixture has and a function of `vocabularies` writes.
WRITTEN = {"rwkv": vocabularies.rwkv, "plamo": vocabularies.plamo, "wordpiece": vocabularies.wordpiece, "gemma4": vocabularies.gemma4}
# Without a name, the case's own files are the tokenizer.
TOKENIZERS |= {"": "default", "rwkv": "default", "plamo": "default", "wordpiece": "bert-bge", "gemma4": "default"}
# The number of tokens that these tokenizers have.
TOKENS = 512

# What small decoders of nearly every class take.
DECODER = {
    "vocab_size": TOKENS, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 3, "num_attention_heads": 4,
    "num_key_value_heads": 2, "head_dim": 16, "max_position_embeddings": 256, "bos_token_id": 509, "eos_token_id": 510,
    "pad_token_id": 510, "tie_word_embeddings": False,
}


@dataclasses.dataclass
class Case:
    """A checkpoint of one class with one set of options."""

    # The name of the class, as `architectures` has it.
    name: str
    # The options, in a word.
    label: str
    # What the configuration's class takes; without a class in transformers all of config.json.
    config: dict
    # Without a class in transformers: the names and shapes of the tensors, made of the configuration.
    shapes: object = None
    # Tensors beside those of transformers' class, made of the configuration: names and shapes.
    further: object = None
    # Changes config.json once it has been written.
    edit: object = None
    # Changes the tensors' names and values: a function of a dictionary that returns one.
    rename: object = None
    # Further files: names and texts, or a function that writes them into the directory, a path.
    files: object = None
    # Whether there is an index of the one file of tensors.
    indexed: bool = False
    # Writes the directory, a path, by itself instead of all this.
    make: object = None
    # Mends the reference converter before it runs, where it ends in an error or computes what depends on the machine.
    mend: object = None
    # Whether config.json is written in the words of transformers 4.
    old: bool = False
    dtype: str = "bfloat16"
    tokenizer: str = "llama"
    # Tokens of the tokenizer's files that are called otherwise: old texts and new ones.
    tokens: dict = dataclasses.field(default_factory=dict)
    # Special tokens that follow the tokenizer's own; `vocab_size` must have room for them.
    further_tokens: tuple = ()
    # Whether the reference converter must be told that the tokenizer puts a token in front.
    begins: bool = False
    # What its perplexity is compared with: "transformers", "peer", a class of `references`, or None where it does not run.
    run: str = "transformers"
    # Changes words of config.json and of the tokenizer's files: a `disguises.Disguise`.
    disguise: object = None
    # The model that a draft is for: another case, whose directory both converters are told.
    target: object = None
    # Further options of the peer's converter, and of Ingot's.
    peer_options: tuple = ()
    options: tuple = ()
    seed: int = 7

    @property
    def title(self):
        return f"{self.name}: {self.label}"


def family(name, base, options, **members):
    """Cases of one class: each label's entry changes the base's configuration, `None` leaving a key out.

    Entries named as members of a case (`old`, `dtype`, `edit`, …) are those.
    """
    fields = {field.name for field in dataclasses.fields(Case)} - {"name", "label", "config"}
    cases = []
    for label, changes in options.items():
        changes = base | changes
        own = {key: value for key, value in changes.items() if key in fields}
        config = {key: value for key, value in changes.items() if key not in fields}
        config = {key: value for key, value in config.items() if value is not None}
        cases.append(Case(name, label, config, **(members | own)))
    return cases


def values(name, shape, torch, generator):
    """Random values of a size with which a model of random weights still tells tokens apart."""
    tensor = torch.randn(shape, generator=generator)
    if "norm" in name.lower() and len(shape) == 1 and not name.endswith("bias"):
        return 1 + 0.1 * tensor
    if len(shape) <= 1:
        return 0.1 * tensor
    return tensor * (1.2 / shape[-1] ** 0.5)


def write(case, folder):
    """Writes the case's directory."""
    if case.make:
        case.make(folder)
        return
    os.makedirs(folder)
    write_checkpoint(case, folder)
    write_tokenizer(case, folder)
    if case.disguise:
        case.disguise.apply(folder, case.tokenizer)


def write_checkpoint(case, folder):
    """Configuration, tensors and the case's own files."""
    import torch

    generator = torch.Generator().manual_seed(case.seed)
    random.seed(case.seed)
    torch.manual_seed(case.seed)
    dtype = getattr(torch, case.dtype)
    if case.shapes is None:
        write_model(case, folder, dtype, generator)
    else:
        tensors = {
            name: values(name, shape, torch, generator).to(dtype) for name, shape in case.shapes(case.config).items()}
        save(case, tensors, folder)
        with open(os.path.join(folder, "config.json"), "w") as file:
            json.dump({"architectures": [case.name]} | case.config, file, indent=1)
    finish_config(case, os.path.join(folder, "config.json"))
    if case.indexed:
        index = {name: "model.safetensors" for name in case.shapes(case.config)}
        with open(os.path.join(folder, "model.safetensors.index.json"), "w") as file:
            json.dump({"weight_map": index}, file)
    if callable(case.files):
        case.files(folder)
    elif case.files:
        for name, text in case.files.items():
            with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                file.write(text)


def write_tokenizer(case, folder):
    if not case.tokenizer:
        return
    if case.tokenizer in WRITTEN:
        WRITTEN[case.tokenizer](folder)
        return
    source = os.path.join(FIXTURES, case.tokenizer)
    for name in os.listdir(source):
        if name.startswith(("tokenizer", "special_tokens", "vocab", "merges")):
            shutil.copy(os.path.join(source, name), folder)
            os.chmod(os.path.join(folder, name), 0o644)
            if case.tokens and name.endswith(".json"):
                respell_tokens(os.path.join(folder, name), case.tokens)
    if case.further_tokens:
        add_tokens(os.path.join(folder, "tokenizer.json"), case.further_tokens)


def add_tokens(path, texts):
    with open(path, encoding="utf-8") as file:
        tokenizer = json.load(file)
    added = tokenizer["added_tokens"]
    for text in texts:
        added.append(dict(added[-1], id=added[-1]["id"] + 1, content=text))
    with open(path, "w", encoding="utf-8") as file:
        json.dump(tokenizer, file, ensure_ascii=False)


def respell_tokens(path, tokens):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    for old, new in tokens.items():
        text = text.replace(old, new)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def write_model(case, folder, dtype, generator):
    """A model of transformers' class with random weights, as its own code saves it."""
    import safetensors.torch
    import torch
    import transformers

    transformers.logging.disable_progress_bar()
    kind = getattr(transformers, case.name)
    config = kind.config_class(**case.config)
    if config.architectures is None:
        config.architectures = [case.name]
    model = kind(config)
    with torch.no_grad():
        for name, parameter in [*model.named_parameters(), *model.named_buffers()]:
            if parameter.is_floating_point() and "inv_freq" not in name and "rotary" not in name:
                parameter.copy_(values(name, tuple(parameter.shape), torch, generator))
    model.tie_weights()
    model.to(dtype).save_pretrained(folder)
    generation = os.path.join(folder, "generation_config.json")
    if os.path.exists(generation):
        os.remove(generation)
    if case.further or case.rename:
        path = os.path.join(folder, "model.safetensors")
        tensors = safetensors.torch.load_file(path)
        further = case.further(case.config) if case.further else {}
        for name, shape in further.items():
            tensors[name] = values(name, shape, torch, generator).to(dtype)
        save(case, tensors, folder)


def save(case, tensors, folder):
    import safetensors.torch
    if case.rename:
        tensors = case.rename(tensors)
    tensors = {name: tensor.contiguous().clone() for name, tensor in tensors.items()}
    safetensors.torch.save_file(tensors, os.path.join(folder, "model.safetensors"), {"format": "pt"})


def finish_config(case, path):
    with open(path) as file:
        config = json.load(file)
    if case.old:
        for part in [config, *(value for key, value in config.items() if key.endswith("text_config"))]:
            respell(part)
    if case.edit:
        case.edit(config)
    with open(path, "w") as file:
        json.dump(config, file, indent=1)


def respell(config):
    """The words of transformers 4: `torch_dtype`, `rope_theta` and `rope_scaling`."""
    if "dtype" in config:
        config["torch_dtype"] = config.pop("dtype")
    rotary = config.pop("rope_parameters", None)
    if rotary and "rope_theta" in rotary:
        config["rope_theta"] = rotary.pop("rope_theta")
        if "partial_rotary_factor" in rotary:
            config["partial_rotary_factor"] = rotary.pop("partial_rotary_factor")
        if rotary.get("rope_type", "default") == "default":
            config["rope_scaling"] = None
        else:
            config["rope_scaling"] = rotary
    elif rotary:
        config["rope_parameters"] = rotary
