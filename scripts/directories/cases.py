"""Directories as people have them: what is done to a checkpoint, and how it must come out.

`expect` is `read` (as transformers reads it), `refused`, or `either`; `says` are words of the output.
Without `weights` transformers' perplexity is not asked for; where transformers cannot read a directory that
can be read all the same, `readable` is false.
"""

import json
import os
import shutil

CASES = []


def case(base, expect="read", says=(), **more):
    def add(damage):
        CASES.append(dict(name=damage.__name__.replace("_", "-"), base=base, expect=expect, says=list(says),
                          damage=damage, **more))
        return damage
    return add


def load(folder, name):
    with open(os.path.join(folder, name), encoding="utf-8") as file:
        return json.load(file)


def dump(folder, name, value):
    with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
        json.dump(value, file, indent=1, ensure_ascii=False)


def edit(folder, name, remove=(), **values):
    value = load(folder, name) if os.path.exists(os.path.join(folder, name)) else {}
    value.update(values)
    for key in remove:
        value.pop(key, None)
    dump(folder, name, value)


def write(folder, name, content):
    with open(os.path.join(folder, name), "wb") as file:
        file.write(content if isinstance(content, bytes) else content.encode())


def delete(folder, *names):
    for name in names:
        if os.path.exists(os.path.join(folder, name)):
            os.remove(os.path.join(folder, name))


def tensors(folder):
    from safetensors.torch import load_file
    return load_file(os.path.join(folder, "model.safetensors"))


def save(folder, values, name="model.safetensors"):
    from safetensors.torch import save_file
    values = {key: value.clone().contiguous() for key, value in values.items()}
    save_file(values, os.path.join(folder, name), metadata={"format": "pt"})


def rename(folder, change):
    save(folder, {change(key): value for key, value in tensors(folder).items()})


def noise(values, seed=1):
    import torch
    generator = torch.Generator().manual_seed(seed)
    return {key: (value.float() + 0.05 * torch.randn(value.shape, generator=generator)).to(value.dtype)
            for key, value in values.items()}


def grow(folder, count):
    import torch
    values = tensors(folder)
    for key in ("model.embed_tokens.weight", "lm_head.weight"):
        if key in values:
            values[key] = torch.cat([values[key], values[key][:count] * 1.01])
    save(folder, values)
    edit(folder, "config.json", vocab_size=values["model.embed_tokens.weight"].shape[0])


def token(content, special=True, **flags):
    return dict(content=content, lstrip=False, normalized=False, rstrip=False, single_word=False,
                special=special, **flags)


def tokenizer(folder):
    from transformers import AutoTokenizer
    return AutoTokenizer.from_pretrained(folder)


# Tokenizers

@case("llama")
def added_tokens_in_a_file_of_their_own(folder):
    grow(folder, 3)
    dump(folder, "added_tokens.json", {"<|tool|>": 512, "<note>": 513, "<end note>": 514})


@case("qwen2")
def added_tokens_decoder_alone(folder):
    grow(folder, 2)
    decoder = {str(entry.pop("id")): entry for entry in load(folder, "tokenizer.json")["added_tokens"]}
    decoder.update({"512": token("<|tool|>"), "513": token("<note>", special=False)})
    edit(folder, "tokenizer_config.json", added_tokens_decoder=decoder)


@case("llama-spm")
def base_sentencepiece_beside_a_fine_tune(folder):
    model = open(os.path.join(folder, "tokenizer.model"), "rb").read()
    tuned = tokenizer(folder)
    tuned.add_special_tokens({"additional_special_tokens": ["<|im_start|>", "<|im_end|>"]})
    tuned.add_tokens(["<think>"])
    tuned.save_pretrained(folder)
    write(folder, "tokenizer.model", model)
    grow(folder, 3)


@case("mistral")
def sentencepiece_saved_as_json_only(folder):
    tuned = tokenizer(folder)
    delete(folder, "tokenizer.model")
    tuned.save_pretrained(folder)


@case("gemma2", expect="either")
def gemma_saved_as_json_only(folder):
    tuned = tokenizer(folder)
    delete(folder, "tokenizer.model")
    tuned.save_pretrained(folder)


@case("llama")
def end_token_changed_by_a_fine_tune(folder):
    """The chat tune ends turns with another token than config.json says."""
    vocabulary = load(folder, "tokenizer.json")
    names = {entry["content"]: entry["id"] for entry in vocabulary["added_tokens"]}
    other = [name for name in names if name != load(folder, "tokenizer_config.json")["eos_token"]][0]
    edit(folder, "tokenizer_config.json", eos_token=other)


@case("gptneox")
def names_only_in_the_special_tokens_map(folder):
    named = {key: value for key, value in load(folder, "tokenizer_config.json").items() if key.endswith("_token")}
    edit(folder, "tokenizer_config.json", remove=list(named))
    if named:
        dump(folder, "special_tokens_map.json", named)


@case("llama")
def no_tokenizer_config(folder):
    delete(folder, "tokenizer_config.json")


@case("llama")
def no_special_tokens_map_and_no_generation_config(folder):
    delete(folder, "special_tokens_map.json", "generation_config.json")


@case("llama")
def post_processor_removed_flag_kept(folder):
    vocabulary = load(folder, "tokenizer.json")
    vocabulary["post_processor"] = None
    dump(folder, "tokenizer.json", vocabulary)
    edit(folder, "tokenizer_config.json", add_bos_token=True)


@case("smollm3")
def extra_special_tokens_as_an_object(folder):
    vocabulary = load(folder, "tokenizer.json")
    plain = [name for name, number in vocabulary["model"]["vocab"].items() if number in (300, 301)]
    edit(folder, "tokenizer_config.json", extra_special_tokens={"image_token": plain[0], "audio_token": plain[1]})


@case("llama", expect="either")
def the_same_token_added_twice(folder):
    vocabulary = load(folder, "tokenizer.json")
    for number in (512, 513):
        vocabulary["added_tokens"].append(dict(token("<extra>", special=False), id=number))
    dump(folder, "tokenizer.json", vocabulary)
    grow(folder, 2)


@case("llama", expect="either")
def added_tokens_beyond_the_embeddings(folder):
    vocabulary = load(folder, "tokenizer.json")
    vocabulary["added_tokens"].append(dict(token("<beyond>"), id=512))
    dump(folder, "tokenizer.json", vocabulary)


@case("phi3")
def sentencepiece_without_a_space_in_front(folder):
    from sentencepiece import sentencepiece_model_pb2 as protobuf
    model = protobuf.ModelProto()
    model.ParseFromString(open(os.path.join(folder, "tokenizer.model"), "rb").read())
    model.normalizer_spec.add_dummy_prefix = False
    write(folder, "tokenizer.model", model.SerializeToString())


@case("llama")
def end_tokens_in_a_list(folder):
    edit(folder, "generation_config.json", eos_token_id=[510, 511])
    edit(folder, "config.json", eos_token_id=[510, 511])


@case("llama", expect="either")
def special_ids_that_no_token_has(folder):
    edit(folder, "config.json", pad_token_id=-1, bos_token_id=128000)


@case("qwen2", expect="either", says=["lower"])
def tokenizer_with_lower_case(folder):
    vocabulary = load(folder, "tokenizer.json")
    steps = [vocabulary["normalizer"]] if vocabulary["normalizer"] else []
    vocabulary["normalizer"] = {"type": "Sequence", "normalizers": steps + [{"type": "Lowercase"}]}
    dump(folder, "tokenizer.json", vocabulary)


# Chat templates

@case("llama")
def template_file_beside_an_older_template(folder):
    edit(folder, "tokenizer_config.json", chat_template="OLD {{ messages }}")
    write(folder, "chat_template.jinja", "NEW {{ messages }}")


@case("llama")
def template_with_crlf(folder):
    write(folder, "chat_template.jinja", "{% for m in messages %}\r\n{{ m.content }}\r\n{% endfor %}\r\n")


@case("qwen2")
def templates_in_a_list(folder):
    edit(folder, "tokenizer_config.json", chat_template=[
        {"name": "tool_use", "template": "TOOLS {{ tools }}"}, {"name": "default", "template": "MAIN {{ messages }}"}])


@case("llama", expect="either")
def template_in_latin_1(folder):
    write(folder, "chat_template.jinja", "Réponse: {{ messages }}".encode("latin-1"))


# Weights

@case("llama", expect="either")
def old_shards_and_index_beside_new_weights(folder):
    old = noise(tensors(folder))
    names = sorted(old)
    half = len(names) // 2
    parts = {"model-00001-of-00002.safetensors": names[:half], "model-00002-of-00002.safetensors": names[half:]}
    for part, keys in parts.items():
        save(folder, {key: old[key] for key in keys}, part)
    dump(folder, "model.safetensors.index.json", {
        "metadata": {}, "weight_map": {key: part for part, keys in parts.items() for key in keys}})


@case("llama", expect="either")
def shards_beside_an_old_single_file_and_no_index(folder):
    new = noise(tensors(folder))
    names = sorted(new)
    save(folder, {key: new[key] for key in names[:9]}, "model-00001-of-00002.safetensors")
    save(folder, {key: new[key] for key in names[9:]}, "model-00002-of-00002.safetensors")


@case("llama", expect="either")
def two_sets_of_shards(folder):
    values = tensors(folder)
    names = sorted(values)
    for count, seed in ((2, 3), (3, 4)):
        new = noise(values, seed)
        for part in range(count):
            keys = names[part::count]
            save(folder, {key: new[key] for key in keys}, f"model-{part + 1:05}-of-{count:05}.safetensors")
    delete(folder, "model.safetensors")


@case("llama")
def half_precision_variant_beside_the_weights(folder):
    save(folder, {key: value.half() for key, value in noise(tensors(folder)).items()}, "model.fp16.safetensors")


@case("mistral")
def consolidated_weights_beside_shards(folder):
    save(folder, noise(tensors(folder)), "consolidated.safetensors")
    dump(folder, "params.json", {"dim": 256})


@case("llama", expect="refused", says=["git lfs"])
def pointer_in_place_of_the_weights(folder):
    write(folder, "model.safetensors", "version https://git-lfs.github.com/spec/v1\noid sha256:%064d\nsize 12345\n" % 0)


@case("llama", expect="refused", says=["git lfs"])
def pointer_in_place_of_the_tokenizer(folder):
    write(folder, "tokenizer.json", "version https://git-lfs.github.com/spec/v1\noid sha256:%064d\nsize 12345\n" % 0)


@case("llama", expect="refused")
def download_cut_off(folder):
    path = os.path.join(folder, "model.safetensors")
    os.truncate(path, os.path.getsize(path) - 1000)


@case("gemma")
def tied_with_an_equal_head(folder):
    values = tensors(folder)
    values["lm_head.weight"] = values["model.embed_tokens.weight"].clone()
    save(folder, values)


@case("gemma2", expect="either")
def tied_with_a_head_trained_apart(folder):
    values = tensors(folder)
    values["lm_head.weight"] = noise({"x": values["model.embed_tokens.weight"]})["x"]
    save(folder, values)
    edit(folder, "config.json", tie_word_embeddings=True)


@case("llama", expect="either", says=["lm_head"], weights=False)
def head_missing_and_not_tied(folder):
    values = tensors(folder)
    values.pop("lm_head.weight", None)
    save(folder, values)
    edit(folder, "config.json", tie_word_embeddings=False)


@case("llama", says=["quantiz"], weights=False)
def quantization_left_behind_by_a_merge(folder):
    edit(folder, "config.json", quantization_config={"quant_method": "bitsandbytes", "load_in_4bit": True})


@case("llama")
def mixed_types_and_old_buffers(folder):
    import torch
    values = tensors(folder)
    for number, key in enumerate(sorted(values)):
        values[key] = values[key].to((torch.bfloat16, torch.float32, torch.float16)[number % 3])
    values["model.layers.0.self_attn.rotary_emb.inv_freq"] = torch.ones(16)
    save(folder, values)


@case("llama", expect="refused", says=["nan"])
def weights_with_a_nan(folder):
    values = tensors(folder)
    values["model.layers.1.mlp.up_proj.weight"][3, 7] = float("nan")
    save(folder, values)


# Names

@case("qwen3")
def names_without_a_prefix(folder):
    values = tensors(folder)
    values.pop("lm_head.weight", None)
    save(folder, {key.removeprefix("model."): value for key, value in values.items()})
    edit(folder, "config.json", tie_word_embeddings=True)


@case("llama", weights=False)
def names_from_a_compiled_model(folder):
    """Transformers finds none of these names and goes on with random weights."""
    rename(folder, lambda name: "_orig_mod." + name)


def saved_again(folder):
    """As this version of transformers saves a checkpoint."""
    import torch
    from transformers import AutoModelForCausalLM
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16)
    delete(folder, "model.safetensors")
    model.save_pretrained(folder)


def in_memory(folder):
    """As the modules of this version of transformers are named."""
    import torch
    from transformers import AutoModelForCausalLM
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16)
    save(folder, dict(model.state_dict()))


for base in ("mixtral", "qwen3moe", "olmoe", "deepseek2", "gpt-oss"):
    CASES.append(dict(name=f"{base}-saved-again", base=base, expect="read", says=[], damage=saved_again))
    CASES.append(dict(name=f"{base}-names-of-modules", base=base, expect="either", says=[], damage=in_memory))


# Configurations

@case("llama")
def old_and_new_spelling_at_once(folder):
    edit(folder, "config.json", torch_dtype="float16", dtype="bfloat16", rope_theta=1234.0)


@case("llama", expect="either", says=["factor"])
def linear_scaling_without_a_factor(folder):
    edit(folder, "config.json", remove=("rope_parameters",), rope_theta=10000.0, rope_scaling={"type": "linear"})


@case("llama", expect="refused")
def vocabulary_size_that_the_weights_do_not_have(folder):
    edit(folder, "config.json", vocab_size=1024)


@case("llama", readable=False)
def configuration_with_a_byte_order_mark(folder):
    path = os.path.join(folder, "config.json")
    write(folder, "config.json", b"\xef\xbb\xbf" + open(path, "rb").read().replace(b"\n", b"\r\n"))


@case("llama")
def card_that_is_no_yaml(folder):
    write(folder, "README.md", "---\nlicense: &l mit\ntags: [*l, \n\t- x\n: :\n---\n# Model\n")


@case("llama")
def snapshot_in_the_cache_of_the_hub(folder):
    commit = "0123456789abcdef0123456789abcdef01234567"
    root = folder + "-cache/models--acme--Tiny-1B-Instruct"
    shutil.rmtree(folder + "-cache", ignore_errors=True)
    snapshot = f"{root}/snapshots/{commit}"
    os.makedirs(snapshot)
    os.makedirs(root + "/blobs")
    os.makedirs(root + "/refs")
    write(root, "refs/main", commit)
    for name in os.listdir(folder):
        shutil.move(os.path.join(folder, name), f"{root}/blobs/{name}.blob")
        os.symlink(f"../../blobs/{name}.blob", f"{snapshot}/{name}")
    return snapshot
