"""Small tokenizers of the kinds that have no fixture: RWKV's list of byte strings, PLaMo's pieces, WordPiece, Gemma 4's."""

import json
import os


def rwkv(folder):
    """The world tokenizer's file: 256 bytes, then some words, line by line as Python writes them."""
    words = [bytes([byte]) for byte in range(256)]
    words += [word.encode() for word in [
        "\n\n", "\r\n", "  ", " the", "the", " of", "ing", " a", "é", "日本", "本", "don't", '"', "it's \"", " \\n", "\t\t",
        "он", "\u00a0", " und", "ation"]]
    words += [b"\xe6\x97", b"\xf0\x9f\x98"]
    lines = []
    for number, word in enumerate(dict.fromkeys(words), 1):
        try:
            text = repr(word.decode())
        except UnicodeDecodeError:
            text = repr(word)
        lines.append(f"{number} {text} {len(word)}\n")
    with open(os.path.join(folder, "rwkv_vocab_v20230424.txt"), "w", encoding="utf-8") as file:
        file.writelines(lines)


def plamo(folder):
    """PLaMo's `tokenizer.jsonl`: pieces with scores and kinds, then the 256 bytes."""
    rows = [[f"<|plamo:{name}|>", 0.0, "UNKNOWN" if name == "unk" else "CONTROL"]
            for name in ["unk", "bos", "eos", "pad", "op"]]
    rows += [["<|plamo:eot|>", -1.0, "NORMAL"]]
    rows += [[f"<0x{byte:02X}>", 0.0, "BYTE"] for byte in range(256)]
    pieces = [chr(code) for code in range(32, 127)]
    pieces += ["\n", " the", "the", "he", " of", "ing", " a", "and", "é", "日本", "日", "本", "東京", "tion", " in", "th",
               "東京都", "京都"]
    rows += [[piece, -3.0 - 0.37 * place, "NORMAL"] for place, piece in enumerate(pieces)]
    with open(os.path.join(folder, "tokenizer.jsonl"), "w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps([*row, len(row[0]), 0, 0, 0], ensure_ascii=False) + "\n")
    names = {f"{name}_token": f"<|plamo:{name}|>" for name in ["bos", "eos", "pad", "unk"]}
    with open(os.path.join(folder, "tokenizer_config.json"), "w", encoding="utf-8") as file:
        json.dump({"tokenizer_class": "Plamo3Tokenizer", "sep_token": None} | names, file)


def wordpiece(folder):
    """BERT's tokenizer with single letters and some endings."""
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    letters = [chr(code) for code in range(33, 127) if not chr(code).isupper()]
    tokens = special + letters + ["##" + letter for letter in letters if letter.isalnum()] + [
        "the", "##ing", "of", "and", "##ed", "##er"]
    tokens += [f"[unused{number}]" for number in range(512 - len(tokens))]
    added = [{"id": number, "content": text, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
              "special": True} for number, text in enumerate(special)]
    pair = [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
            {"SpecialToken": {"id": "[SEP]", "type_id": 0}}]
    tokenizer = {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": added,
        "normalizer": {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None,
                       "lowercase": True},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {
            "type": "TemplateProcessing", "single": pair,
            "pair": [*pair, {"Sequence": {"id": "B", "type_id": 1}}, {"SpecialToken": {"id": "[SEP]", "type_id": 1}}],
            "special_tokens": {text: {"id": text, "ids": [tokens.index(text)], "tokens": [text]}
                               for text in ["[CLS]", "[SEP]"]}},
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                  "max_input_chars_per_word": 100, "vocab": {text: number for number, text in enumerate(tokens)}}}
    with open(os.path.join(folder, "tokenizer.json"), "w", encoding="utf-8") as file:
        json.dump(tokenizer, file, ensure_ascii=False)
    with open(os.path.join(folder, "tokenizer_config.json"), "w", encoding="utf-8") as file:
        json.dump({"tokenizer_class": "BertTokenizer", "do_lower_case": True, "cls_token": "[CLS]", "sep_token": "[SEP]",
                   "pad_token": "[PAD]", "unk_token": "[UNK]", "mask_token": "[MASK]"}, file)


def gemma4(folder):
    """Pieces with merges and bytes in tokenizer.json, a space as a visible letter, as Gemma 4 has them."""
    special = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", "<|turn>", "<turn|>", "<|channel>"]
    tokens = special + [f"<0x{byte:02X}>" for byte in range(256)] + ["▁"] + [chr(code) for code in range(33, 127)] + ["\n"]
    merges = []
    for pair in ["t h", "th e", "▁ the", "i n", "in g", "▁ a", "e r", "o n", "▁ o", "▁o f", "a n", "an d", "▁ and", "▁ ▁", "e d",
                 "o r", "\n \n", "▁ w", "▁ s", "e n", "r e", "a t", "▁ in"]:
        left, right = pair.split(" ")
        merges.append([left, right])
        tokens.append(left + right)
    added = [{"id": number, "content": text, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
              "special": True} for number, text in enumerate(special)]
    tokenizer = {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": added,
        "normalizer": {"type": "Replace", "pattern": {"String": " "}, "content": "▁"},
        "pre_tokenizer": {"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious", "invert": False},
        "post_processor": {
            "type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<bos>", "type_id": 0}},
                                                     {"Sequence": {"id": "A", "type_id": 0}}],
            "pair": [{"SpecialToken": {"id": "<bos>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
                     {"SpecialToken": {"id": "<bos>", "type_id": 1}}, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {"<bos>": {"id": "<bos>", "ids": [2], "tokens": ["<bos>"]}}},
        "decoder": {"type": "Sequence", "decoders": [
            {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"}]},
        "model": {"type": "BPE", "dropout": None, "unk_token": "<unk>", "continuing_subword_prefix": None,
                  "end_of_word_suffix": None, "fuse_unk": True, "byte_fallback": True, "ignore_merges": False,
                  "vocab": {text: number for number, text in enumerate(tokens)}, "merges": merges}}
    with open(os.path.join(folder, "tokenizer.json"), "w", encoding="utf-8") as file:
        json.dump(tokenizer, file, ensure_ascii=False)
    with open(os.path.join(folder, "tokenizer_config.json"), "w", encoding="utf-8") as file:
        json.dump({"tokenizer_class": "GemmaTokenizer", "bos_token": "<bos>", "eos_token": "<eos>", "pad_token": "<pad>",
                   "unk_token": "<unk>", "mask_token": "<mask>"}, file)
