"""Other checkpoints of the same classes: sizes, options, spellings and tokenizers that a seed draws."""

import copy
import dataclasses
import importlib
import random

import disguises
from checkpoints import TOKENS, Case
from variations import projectors

MODULES = ["dense", "gemmas", "experts", "latent", "recurrent"]
# Options that a class has a value for which changes no shape that another option decides.
USUAL = (
    "layer_norm_eps", "layer_norm_epsilon", "norm_eps", "norm_epsilon", "max_position_embeddings",
    "routed_scaling_factor", "first_k_dense_replace", "n_shared_experts", "num_shared_experts",
    "attention_bias", "tie_word_embeddings", "logit_scale", "rope_parameters", "final_logit_softcapping",
)


class Draw(random.Random):
    """The numbers of one case."""

    def __init__(self, *words):
        super().__init__(" ".join(map(str, words)))

    def one(self, *choices):
        return self.choice(choices)

    def chance(self, part=0.5):
        return self.random() < part

    def maybe(self, part=0.5, **entries):
        """The entries, or nothing."""
        return entries if self.chance(part) else {}

    def heads(self, most=8):
        """Query and key heads, and the size of one."""
        keys = self.one(1, 2, 2, 3, 4)
        return keys * self.choice([n for n in [1, 2, 3, 4] if n * keys <= most]), keys, self.one(8, 16, 16, 24, 32)

    def decoder(self, head_dim=True, rope=(), partial=(), most=8, tied=(False, True)):
        """What nearly every class takes. `rope` names kinds of scaling, `partial` parts of heads that turn.

        `head_dim` says whether the class has heads of a size of their own.
        """
        heads, keys, head = self.heads(most)
        hidden = heads * head
        sized = head_dim and self.chance(0.6)
        if sized:
            hidden = heads * self.choice([n for n in [8, 12, 16, 20, 32] if 32 <= n * heads <= 192] or [32])
        values = {
            "vocab_size": TOKENS + self.one(0, 0, 1, 8, 64), "hidden_size": hidden, "num_hidden_layers": self.one(2, 3, 4, 5),
            "intermediate_size": self.one(40, 72, 96, 136, 200), "num_attention_heads": heads, "num_key_value_heads": keys,
            "max_position_embeddings": self.one(256, 256, 2048, 131072), "rms_norm_eps": self.one(1e-5, 1e-6, 3e-6, 1e-4),
            "tie_word_embeddings": self.choice(tied),
        } | self.ends()
        if sized:
            values["head_dim"] = head
        part = self.choice(partial) if partial else None
        values["rope_parameters"] = self.rope(rope, head, part, values["max_position_embeddings"])
        return values

    def ends(self):
        """Tokens at the ends of texts, some of them not told."""
        values = {"bos_token_id": 509, "eos_token_id": 510, "pad_token_id": self.one(None, 510, 0)}
        if self.chance(0.2):
            values["bos_token_id"] = None
        return values

    def rope(self, kinds, head, part, longest):
        kind = self.choice(["default", *kinds, *kinds])
        values = {"rope_type": kind, "rope_theta": self.one(10000.0, 10000, 500000.0, 1000000, 23456.0)}
        if part is not None:
            values["partial_rotary_factor"] = part
        if kind in ("linear", "dynamic"):
            values["factor"] = self.one(2.0, 4.0, 8)
        if kind == "yarn":
            values |= {"factor": self.one(2.0, 4.0, 40), "original_max_position_embeddings": self.one(64, 128)}
            values |= self.maybe(0.4, beta_fast=self.one(32, 32.0, 24.0), beta_slow=self.one(1, 1.0, 2.0))
            values |= self.maybe(0.3, attention_factor=self.one(1.0, 1.25))
        if kind == "llama3":
            values |= {
                "factor": self.one(8.0, 32.0, 4), "low_freq_factor": self.one(1.0, 1), "high_freq_factor": self.one(4.0, 2.0),
                "original_max_position_embeddings": self.one(32, 64, 128)}
        if kind == "longrope":
            turned = int(head * (part or 1.0)) // 2
            values |= {
                "short_factor": [round(1 + self.random(), 3) for _ in range(turned)],
                "long_factor": [round(1 + 8 * self.random(), 3) for _ in range(turned)],
                "original_max_position_embeddings": self.one(64, 128, longest)}
        return values

    def windows(self, layers, window="sliding_attention", whole="full_attention", last=None):
        """Kinds of layers in any order."""
        kinds = [self.one(window, whole) for _ in range(layers)]
        if last:
            kinds[-1] = last
        return kinds

    def experts(self, count="num_experts", groups=False):
        """Routed experts under the usual names."""
        number = self.one(3, 4, 6, 8, 12)
        values = {
            count: number, "num_experts_per_tok": self.randint(1, min(4, number)),
            "moe_intermediate_size": self.one(24, 40, 56, 72), "norm_topk_prob": self.one(True, False)}
        if groups:
            number = self.one(4, 8, 12)
            parts = self.one(1, 1, 2)
            # llama.cpp does not load a model all of whose groups are used.
            used = self.randint(1, max(1, parts - 1))
            values |= {count: number, "n_group": parts, "topk_group": used,
                       "num_experts_per_tok": self.randint(1, min(4, number * used // parts))}
        return values


def cases(tables, seed, count):
    """`count` drawn cases of every class that has a rule, and every case of the tables in other spellings."""
    drawn = []
    fields = {field.name for field in dataclasses.fields(Case)} - {"name", "label", "config"}
    for module in MODULES:
        for name, rule in importlib.import_module(f"variations.{module}").FAMILIES.items():
            for number in range(count):
                draw = Draw(seed, name, number)
                values = {"dtype": draw.one("bfloat16", "float16", "float32"), "seed": draw.randrange(10 ** 6)} | rule(draw)
                own = {key: value for key, value in values.items() if key in fields}
                config = {key: value for key, value in values.items() if key not in fields}
                if "tokenizer" not in own:
                    # transformers gives Qwen's tokenizers a token that the other one does not have.
                    own["tokenizer"] = "qwen3" if "Qwen" in name else draw.one("llama", "qwen3")
                ends = several_ends(draw, config, own)
                # Some options are the class's own.
                config = {key: value for key, value in config.items() if key not in USUAL or draw.chance(0.8)}
                case = Case(name, f"drawn {seed}.{number}", config, **own)
                case.disguise = disguises.Disguise(Draw(seed, name, number, "spelling"), config_too=True, ends=ends)
                drawn.append(case)
    for case in tables:
        draw = Draw(seed, case.title)
        if "--mmproj" in case.options:
            make = projectors.varied(case, draw)
            drawn += [dataclasses.replace(case, label=f"{case.label}, drawn {seed}", make=make)] if make else []
            continue
        if case.make or case.target:
            continue
        drawn.append(dataclasses.replace(
            case, label=f"{case.label}, respelled {seed}", config=resized(case, draw),
            # Tokenizers that a case writes itself are made of its seed.
            seed=case.seed if callable(case.files) else draw.randrange(10 ** 6),
            disguise=disguises.Disguise(draw, config_too=case.shapes is None and not case.edit)))
    return drawn


def several_ends(draw, config, own):
    """Ends of texts: several where readers know all of them by their texts."""
    if config.get("eos_token_id") != 510:
        return None
    if "tokens" in own or not draw.chance(0.4):
        return [510]
    ends = [510, 509]
    if own["tokenizer"] == "llama":
        own["tokens"] = {"<|im_start|>": "<|end_of_text|>"}
        ends = [511, 510]
    if draw.chance():
        config["eos_token_id"] = ends
    return ends


def resized(case, draw):
    """The configuration with other sizes, where the shapes of tensors are made of it."""
    if not case.shapes or case.shapes.__name__ == "<lambda>":
        return case.config
    config = copy.deepcopy(case.config)
    part = config.get("text_config", config)
    choices = {
        "rms_norm_eps": (1e-5, 1e-6, 3e-6), "rope_theta": (1e4, 5e5), "intermediate_size": (72, 96, 160),
        "moe_intermediate_size": (24, 40, 56), "kv_lora_rank": (16, 32, 48), "max_position_embeddings": (256, 4096),
        "routed_scaling_factor": (1.0, 2.5),
    }
    for key, values in choices.items():
        if isinstance(part.get(key), (int, float)) and draw.chance():
            part[key] = draw.choice(values)
    if part.get("hidden_size", 128) < 128 and draw.chance():
        part["hidden_size"] *= 2
    return config
