"""The same model in other words: spellings of config.json and of a tokenizer's files that mean what they meant."""

import copy
import json
import os

import splitters

TEMPLATE = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\\n' + m['content'] + '<|im_end|>\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}")
# Keys that say nothing of the model.
LEFTOVERS = {
    "_name_or_path": "/mnt/training/out/checkpoint-1200", "transformers_version": "4.46.3", "auto_map": None, "use_cache": True,
    "initializer_range": 0.02, "attention_dropout": 0.0, "unsloth_version": "2025.1.5",
}
# What says which class there is.
NAMES = ("architectures", "model_type", "text_config", "vision_config", "audio_config")


class Disguise:
    """Changes of a directory that a draw decides."""

    def __init__(self, draw, config_too, ends=None):
        # `ends` are the ends of texts that settings of generation list.
        self.draw, self.config_too, self.ends = draw, config_too, ends
        # Names that readers have for the pre-tokenizer's rules.
        self.splitters = set()
        # What was done, for people who look for a difference.
        self.done = []

    def apply(self, folder, tokenizer):
        if self.config_too:
            self.respell(os.path.join(folder, "config.json"), folder)
        if tokenizer in ("llama", "qwen3"):
            self.tokenizer(folder)
        self.generation(folder)

    # config.json

    def respell(self, path, folder):
        """Changes words one after another, and takes back what the configuration's class reads as something else."""
        with open(path, encoding="utf-8") as file:
            config = json.load(file)
        meaning = read(folder)
        for change in self.draw.sample(CHANGES, self.draw.randint(2, len(CHANGES))):
            tried = json.loads(json.dumps(config))
            parts = [tried, *(value for key, value in tried.items() if key.endswith("text_config"))]
            change(self.draw, parts[-1] if self.draw.chance(0.8) else parts[0], meaning)
            save(tried, path)
            if meaning is not None and read(folder) == meaning and tried != config:
                config = tried
                self.done.append(change.__name__)
        save(config, path)

    # The tokenizer's files

    def tokenizer(self, folder):
        path = os.path.join(folder, "tokenizer.json")
        with open(path, encoding="utf-8") as file:
            tokenizer = json.load(file)
        with open(os.path.join(folder, "tokenizer_config.json"), encoding="utf-8") as file:
            settings = json.load(file)
        draw = self.draw
        self.splitters = splitters.names(tokenizer)
        if draw.chance(0.4):
            self.splitters, normalizer, definition = draw.choice(splitters.DEFINITIONS)
            tokenizer |= {"normalizer": normalizer, "pre_tokenizer": copy.deepcopy(definition)}
            self.done.append(f"split as {min(self.splitters)}")
        if draw.chance():
            merges = tokenizer["model"]["merges"]
            pairs = isinstance(merges[0], list)
            tokenizer["model"]["merges"] = [" ".join(pair) if pairs else pair.split(" ") for pair in merges]
            self.done.append("merges")
        if draw.chance(0.4):
            self.invert(tokenizer)
        if draw.chance(0.3):
            self.post_processor(tokenizer, settings)
        self.names(folder, tokenizer, settings)
        self.template(folder, settings)
        save(tokenizer, path, ascii=draw.chance(0.3))
        save(settings, os.path.join(folder, "tokenizer_config.json"))

    def invert(self, tokenizer):
        """A pattern whose matches are kept because the rest is removed, as older tokenizers have it."""
        steps = tokenizer["pre_tokenizer"].get("pretokenizers", [])
        if sum(step["type"] == "Split" for step in steps) != 1:
            return
        for step in steps:
            if step["type"] == "Split":
                step.update(behavior="Removed", invert=True)
                self.done.append("inverted pattern")

    def post_processor(self, tokenizer, settings):
        step = tokenizer["post_processor"]
        level = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": False, "use_regex": True}
        if step and step["type"] == "TemplateProcessing":
            tokenizer["post_processor"] = {"type": "Sequence", "processors": [level, step]}
        elif step is None:
            tokenizer["post_processor"] = level
        self.done.append("post-processor")

    def names(self, folder, tokenizer, settings):
        """Special tokens as objects, listed, not told, or told elsewhere."""
        draw = self.draw
        if draw.chance(0.3):
            for key in [key for key in settings if key.endswith("_token") and isinstance(settings[key], str)]:
                settings[key] = {
                    "__type": "AddedToken", "content": settings[key], "lstrip": False, "normalized": False, "rstrip": False,
                    "single_word": False, "special": True}
            self.done.append("tokens as objects")
        if draw.chance(0.3):
            settings.pop("pad_token", None)
            path = os.path.join(folder, "special_tokens_map.json")
            if os.path.exists(path):
                with open(path, encoding="utf-8") as file:
                    listed = json.load(file)
                listed.pop("pad_token", None)
                save(listed, path)
            self.done.append("no pad_token")
        if draw.chance(0.4):
            settings["added_tokens_decoder"] = {
                str(token["id"]): {key: value for key, value in token.items() if key != "id"}
                for token in tokenizer["added_tokens"]}
            self.done.append("added_tokens_decoder")
        if draw.chance(0.5):
            path = os.path.join(folder, "special_tokens_map.json")
            if os.path.exists(path):
                os.remove(path)
                self.done.append("no special_tokens_map.json")

    def template(self, folder, settings):
        draw = self.draw
        kind = draw.one("as it was", "as it was", "jinja", "jinja and more", "json", "list", "none")
        if kind != "as it was":
            settings.pop("chat_template", None)
            self.done.append(f"template: {kind}")
        if kind.startswith("jinja"):
            write(os.path.join(folder, "chat_template.jinja"), TEMPLATE)
        if kind == "jinja and more":
            os.makedirs(os.path.join(folder, "additional_chat_templates"), exist_ok=True)
            write(os.path.join(folder, "additional_chat_templates", "rag.jinja"), "{{ documents }}" + TEMPLATE)
        if kind == "json":
            save({"chat_template": TEMPLATE}, os.path.join(folder, "chat_template.json"))
        if kind == "list":
            settings["chat_template"] = [
                {"name": "default", "template": TEMPLATE}, {"name": "tool_use", "template": "{{ tools }}" + TEMPLATE}]

    def generation(self, folder):
        """Settings of generation, several end tokens among them."""
        if self.draw.chance(0.6) and self.ends:
            save({"do_sample": True, "temperature": 0.6, "top_p": 0.95, "top_k": 20, "eos_token_id": self.ends,
                  "transformers_version": "4.51.0"}, os.path.join(folder, "generation_config.json"))
            self.done.append("generation_config.json")


def read(folder):
    """What the configuration's class makes of config.json, or `None` where there is no class."""
    import transformers
    try:
        values = transformers.AutoConfig.from_pretrained(folder).to_dict()
    except Exception:
        return None
    return strip(values)


def strip(values, inner=False):
    """Without the keys that say nothing of the model, or what the class has read of them already."""
    if isinstance(values, dict):
        read = () if inner else ("rope_theta", "rope_scaling", "rope_local_base_freq", "torch_dtype")
        return {key: strip(value, inner or key == "rope_parameters") for key, value in values.items()
                if key not in (*LEFTOVERS, *read) and not str(key).startswith("_")}
    return [strip(value, inner) for value in values] if isinstance(values, (list, tuple)) else values


def old_dtype(draw, config, meaning):
    if "dtype" in config:
        config["torch_dtype"] = config.pop("dtype")


def both_dtypes(draw, config, meaning):
    if "dtype" in config:
        config["torch_dtype"] = config["dtype"]


def no_dtype(draw, config, meaning):
    config.pop("dtype", None)


def old_rope(draw, config, meaning):
    """`rope_theta` and `rope_scaling`, whose kind may be called `type`."""
    rotary = config.pop("rope_parameters", None)
    if not rotary or "rope_theta" not in rotary:
        return
    config["rope_theta"] = rotary.pop("rope_theta")
    if "partial_rotary_factor" in rotary:
        config["partial_rotary_factor"] = rotary.pop("partial_rotary_factor")
    if rotary.get("rope_type", "default") == "default":
        if draw.chance():
            config["rope_scaling"] = None
        return
    words = draw.one("rope_type", "type", "both")
    if words != "rope_type":
        rotary["type"] = rotary["rope_type"]
    if words == "type":
        rotary.pop("rope_type")
    config["rope_scaling"] = rotary


def both_ropes(draw, config, meaning):
    if "rope_theta" in (config.get("rope_parameters") or {}):
        config["rope_theta"] = config["rope_parameters"]["rope_theta"]


def null_rope_scaling(draw, config, meaning):
    config.setdefault("rope_scaling", None)


def old_local_rope(draw, config, meaning):
    """Gemma 3's and others' two bases under their older names."""
    rotary = config.get("rope_parameters") or {}
    if {"full_attention", "sliding_attention"} <= rotary.keys():
        del config["rope_parameters"]
        whole, near = dict(rotary["full_attention"]), rotary["sliding_attention"]
        config["rope_theta"], config["rope_local_base_freq"] = whole.pop("rope_theta"), near["rope_theta"]
        if whole.get("rope_type", "default") != "default":
            config["rope_scaling"] = whole


def kind(config):
    """The configuration's class, or `None`."""
    import transformers
    return transformers.CONFIG_MAPPING.get(config.get("model_type"))


def absent(draw, config, meaning):
    """Keys left out whose values are the class's own."""
    if not kind(config):
        return
    usual = kind(config)().to_dict()
    for key in [key for key in config if key in usual and config[key] == usual[key] and key not in NAMES]:
        if draw.chance(0.8):
            del config[key]


def aliases(draw, config, meaning):
    """Keys by the other names that the class has for them."""
    for other, key in (kind(config).attribute_map if kind(config) else {}).items():
        if key in config and other not in config:
            config[other] = config.pop(key)


def one_absent(draw, config, meaning):
    del config[draw.choice([key for key in config if key not in NAMES])]


def null(draw, config, meaning):
    """A key given as null."""
    config[draw.one("head_dim", "num_key_value_heads", "layer_types", "sliding_window", "pad_token_id", "rope_parameters")] = None


def null_head_dim(draw, config, meaning):
    config["head_dim"] = None


def no_layer_types(draw, config, meaning):
    config.pop("layer_types", None)


def leftovers(draw, config, meaning):
    for key in draw.sample(sorted(LEFTOVERS), 3):
        config.setdefault(key, LEFTOVERS[key])


def reordered(draw, config, meaning):
    keys = list(config)
    draw.shuffle(keys)
    for key in keys:
        config[key] = config.pop(key)


def whole_numbers(draw, config, meaning):
    """Numbers as 10000 that were 10000.0, and the other way."""
    for part in [config, config.get("rope_parameters"), config.get("rope_scaling")]:
        for key, value in (part or {}).items():
            if isinstance(value, float) and value == int(value) and draw.chance():
                part[key] = int(value)


CHANGES = [old_dtype, both_dtypes, no_dtype, old_rope, both_ropes, null_rope_scaling, old_local_rope, absent, one_absent, null,
           null_head_dim, no_layer_types, leftovers, reordered, whole_numbers, one_absent, null, absent, aliases]


def save(value, path, ascii=False):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(value, file, ensure_ascii=ascii, indent=1)


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
