"""Vocabularies that are made of others: XLM-R's pieces as `tokenizer.json`, and tiktoken's files."""

import base64
import json
import os
import tempfile


ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TEXT = os.path.join(ROOT, "fixtures", "text", "calibration.txt")
BYTE_LEVEL = os.path.join(ROOT, "fixtures", "conformance", "convert", "checkpoints", "llama", "tokenizer.json")
# The pieces of the trained model, XLM-R's four tokens in front for its three, and the mask.
PIECES = 301
NAMES = {"bos": "<s>", "eos": "</s>", "cls": "<s>", "sep": "</s>", "pad": "<pad>", "unk": "<unk>", "mask": "<mask>"}


def xlm(folder):
    """XLM-R's tokenizer with pieces of the fixtures' text, pooled by the mean."""
    import sentencepiece
    from sentencepiece import sentencepiece_model_pb2

    with tempfile.TemporaryDirectory() as place:
        sentencepiece.SentencePieceTrainer.train(
            input=TEXT, model_prefix=f"{place}/pieces", model_type="unigram", vocab_size=PIECES - 2, unk_id=0, bos_id=1,
            eos_id=2, pad_id=-1, minloglevel=2, input_sentence_size=1000, shuffle_input_sentence=False, num_threads=1)
        model = sentencepiece_model_pb2.ModelProto()
        with open(f"{place}/pieces.model", "rb") as file:
            model.ParseFromString(file.read())
    first = ["<s>", "<pad>", "</s>", "<unk>"]
    pieces = [[text, 0.0] for text in first] + [[p.piece, p.score] for p in model.pieces[3:]] + [["<mask>", 0.0]]
    added = [{"id": number, "content": text, "single_word": False, "lstrip": text == "<mask>", "rstrip": False,
              "normalized": False, "special": True} for number, text in [*enumerate(first), (len(pieces) - 1, "<mask>")]]
    begin, end = ({"SpecialToken": {"id": text, "type_id": 0}} for text in ["<s>", "</s>"])
    one, other = ({"Sequence": {"id": name, "type_id": 0}} for name in "AB")
    space = {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always", "split": True}
    tokenizer = {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": added,
        "normalizer": {"type": "Precompiled", "precompiled_charsmap": base64.b64encode(
            model.normalizer_spec.precompiled_charsmap).decode()},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, space]},
        "post_processor": {
            "type": "TemplateProcessing", "single": [begin, one, end], "pair": [begin, one, end, end, other, end],
            "special_tokens": {text: {"id": text, "ids": [number], "tokens": [text]} for number, text in [(0, "<s>"), (2, "</s>")]}},
        "decoder": space, "model": {"type": "Unigram", "unk_id": 3, "vocab": pieces, "byte_fallback": False}}
    save(folder, "tokenizer.json", tokenizer)
    save(folder, "tokenizer_config.json", {f"{role}_token": text for role, text in NAMES.items()} | {
        "tokenizer_class": "XLMRobertaTokenizer", "clean_up_tokenization_spaces": True, "add_prefix_space": True})
    os.makedirs(os.path.join(folder, "1_Pooling"))
    save(folder, os.path.join("1_Pooling", "config.json"), {"pooling_mode_mean_tokens": True})
    save(folder, "modules.json", [
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}])


def ranks():
    """The byte strings of a byte-level tokenizer, and their ranks."""
    from transformers.convert_slow_tokenizer import bytes_to_unicode

    letters = {letter: byte for byte, letter in bytes_to_unicode().items()}
    with open(BYTE_LEVEL, encoding="utf-8") as file:
        merges = json.load(file)["model"]["merges"]
    found = {bytes([byte]): byte for byte in range(256)}
    for merge in merges:
        parts = merge if isinstance(merge, list) else merge.split(" ")
        found.setdefault(bytes(letters[letter] for part in parts for letter in part), len(found))
    return found


# The special tokens of the classes that read tiktoken's files.
EXTRAS = [f"<|extra_{number}|>" for number in range(205)]
SPECIAL = {
    "qwen.tiktoken": ["<|endoftext|>", "<|im_start|>", "<|im_end|>", *EXTRAS],
    "hy.tiktoken": ["<|endoftext|>", "<|startoftext|>", "<|bos|>", "<|eos|>", "<|pad|>", *EXTRAS],
}
# What Kimi's tokenizer_config.json names behind its own tokens, the rest of 256 being reserved.
KIMI = ["[BOS]", "[EOS]", "<|im_end|>", "<|im_user|>", "<|tool_call_begin|>", "[UNK]", "[PAD]"]


def special(name):
    count = len(ranks())
    return SPECIAL.get(name) or KIMI + [f"<|reserved_token_{count + number}|>" for number in range(len(KIMI), 256)]


def tiktoken(name):
    """A function that writes the file of this name."""

    def write(folder):
        found = ranks()
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.writelines(f"{base64.b64encode(text).decode()} {rank}\n" for text, rank in found.items())
        config = {"tokenizer_class": "QWenTokenizer"}
        if name == "hy.tiktoken":
            config = {"tokenizer_class": "HYTokenizer", "eos_token": "<|eos|>", "pad_token": "<|pad|>"}
        elif name == "tiktoken.model":
            config = {"tokenizer_class": "TikTokenTokenizer", "bos_token": "[BOS]", "eos_token": "[EOS]",
                      "pad_token": "[PAD]", "unk_token": "[UNK]", "added_tokens_decoder": {
                          str(len(found) + number): {"content": text, "special": True} for number, text in enumerate(KIMI)}}
        save(folder, "tokenizer_config.json", config)

    return write


def tokenizer_of(name, size, pre):
    """Has the reference converter find what the class of the model's own code has, which is not here."""

    class Tokenizer:
        pass

    def mend():
        import conversion.base
        import transformers

        tokenizer, found = Tokenizer(), ranks()
        tokenizer.mergeable_ranks = found
        tokenizer.special_tokens = {text: len(found) + number for number, text in enumerate(special(name))}
        tokenizer.model = Tokenizer()
        tokenizer.model._mergeable_ranks = found
        tokenizer.vocab_size = size
        tokenizer.get_vocab = lambda: tokenizer.special_tokens
        transformers.AutoTokenizer.from_pretrained = staticmethod(lambda *_, **__: tokenizer)
        conversion.base.TextModel.get_vocab_base_pre = lambda *_: pre
        if name == "tiktoken.model":
            # There is no tokenizer.json, which the converter finds by an error.
            def missing(_):
                raise FileNotFoundError
            conversion.base.TextModel._set_vocab_gpt2 = missing

    return mend


def save(folder, name, value):
    with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
        json.dump(value, file, ensure_ascii=False)
