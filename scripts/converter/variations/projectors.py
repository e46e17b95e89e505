"""Encoders of pictures and sound with other sizes."""

import copy
import functools

LAYERS = ("depth", "num_hidden_layers", "encoder_layers", "num_layers")
WIDTHS = ("intermediate_size", "encoder_ffn_dim")
HIDDEN = ("hidden_size", "embed_dim", "d_model", "hidden_dim")
HEADS = ("num_heads", "num_attention_heads", "encoder_attention_heads")
SECTIONS = ("vision_config", "audio_config", "encoder_config")


def varied(case, draw):
    """The case with sizes that a draw makes, or `None` where the shapes are written out."""
    from tables import projectors
    if case.make.func is not projectors.write:
        return None
    label = case.make.args[0]
    return functools.partial(projectors.write, label, drawn=functools.partial(members, draw))


def members(draw, kind, values, preprocessor):
    """Other members of a configuration, changed one after another as far as the class takes them."""
    values = copy.deepcopy(values)
    for section in SECTIONS:
        if isinstance(values.get(section), dict):
            for change in [layers, width, hidden, heads, epsilon, picture, mel]:
                tried = copy.deepcopy(values)
                if draw.chance(0.7) and change(draw, tried[section]) and builds(kind, tried):
                    values = tried
    if preprocessor and draw.chance():
        preprocessor = preprocessor | {"image_mean": [0.48, 0.46, 0.41], "image_std": [0.27, 0.26, 0.28]}
    return values, preprocessor


def builds(kind, values):
    import torch
    try:
        with torch.device("meta"):
            kind(kind.config_class(**copy.deepcopy(values)))
    except Exception:
        return False
    return True


def first(section, names):
    return next((name for name in names if isinstance(section.get(name), int)), None)


def layers(draw, section):
    name = first(section, LAYERS)
    if not name:
        return False
    least = max([place for value in section.values() if isinstance(value, list)
                 for place in value if isinstance(place, int)], default=0) + 1
    section[name] = max(least, 2, section[name] + draw.one(-1, 1, 2))
    return True


def width(draw, section):
    name = first(section, WIDTHS)
    if name:
        section[name] = draw.one(64, 112, 160)
    return bool(name)


def hidden(draw, section):
    name = first(section, HIDDEN)
    if name and "head_dim" not in section and "dim_head" not in section:
        section[name] *= 2
    return bool(name)


def heads(draw, section):
    name = first(section, HEADS)
    if name and "head_dim" not in section and "dim_head" not in section:
        section[name] = draw.one(2, 8)
    return bool(name)


def epsilon(draw, section):
    section[draw.one("layer_norm_eps", "rms_norm_eps")] = draw.one(1e-5, 2e-5, 1e-6)
    return True


def picture(draw, section):
    if "image_size" in section and "patch_size" in section:
        section["image_size"] = section["patch_size"] * draw.one(4, 6, 8)
    return "image_size" in section


def mel(draw, section):
    if "num_mel_bins" in section:
        section["num_mel_bins"] = draw.one(64, 80, 128)
    return "num_mel_bins" in section
