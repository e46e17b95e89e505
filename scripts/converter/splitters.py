"""Definitions of pre-tokenizers as published models have them, and the names that readers have for the same rules."""

CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
REST = r"\s*[\r\n]+|\s+(?!\S)|\s+"
UPPER, LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
START = r"[^\r\n\p{L}\p{N}]?"


def cl100k(digits):
    return rf"{CONTRACTIONS}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|{digits}| ?[^\s\p{{L}}\p{{N}}]+[\r\n]*|{REST}"


def o200k(endings, digits):
    return (rf"{START}{UPPER}*{LOWER}+{endings}|{START}{UPPER}+{LOWER}*{endings}|{digits}"
            rf"| ?[^\s\p{{L}}\p{{N}}]+[\r\n/]*|{REST}")


def split(pattern):
    return {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}


def level(regex):
    return {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": regex}


def sequence(*steps):
    return {"type": "Sequence", "pretokenizers": list(steps)}


NFC = {"type": "NFC"}
DEEPSEEK = (
    r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*"""
    rf"|{REST}")
# Names that have the same rules; then normalizer and pre-tokenizer.
DEFINITIONS = [
    ({"llama-bpe", "dbrx", "smaug-bpe", "chatglm-bpe", "glm4", "falcon3", "falcon-h1", "lfm2", "midm-2.0", "pixtral"}, None,
     sequence(split(cl100k(r"\p{N}{1,3}")), level(False))),
    ({"qwen2", "stablelm2", "hunyuan", "megrez", "grok-2"}, NFC, sequence(split(cl100k(r"\p{N}")), level(False))),
    ({"qwen35"}, NFC, sequence(split(
        rf"{CONTRACTIONS}|[^\r\n\p{{L}}\p{{N}}]?[\p{{L}}\p{{M}}]+|\p{{N}}| ?[^\s\p{{L}}\p{{M}}\p{{N}}]+[\r\n]*|{REST}"),
        level(False))),
    ({"gpt-2", "phi-2", "exaone4", "jais", "trillion", "granite-docling", "roberta-bpe"}, None, level(True)),
    ({"smollm", "starcoder", "refact", "codeshell", "minerva-7b", "exaone"}, None,
     sequence({"type": "Digits", "individual_digits": True}, level(True))),
    ({"command-r"}, NFC, sequence({"type": "Digits", "individual_digits": True}, level(True))),
    ({"olmo", "mpt"}, NFC, level(True)),
    ({"gpt-4o", "kanana2", "minimax-m2", "llama4"}, None, sequence(split(o200k(f"{CONTRACTIONS}?", r"\p{N}{1,3}")), level(False))),
    ({"tekken"}, None, sequence(split(o200k("", r"\p{N}")), level(False))),
    ({"deepseek-v3", "hunyuan-dense"}, None,
     sequence(split(r"\p{N}{1,3}"), split("[一-龥぀-ゟ゠-ヿ]+"), split(DEEPSEEK), level(False))),
]


def names(tokenizer):
    """The names of the rules that a tokenizer has as it is."""
    for names, _, definition in DEFINITIONS:
        if tokenizer["pre_tokenizer"] == definition:
            return names
    return set()
