"""Model files changed in a value, a key or a tensor's description, and what commands make of them."""
import os, random, signal, struct, subprocess

SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
TEXT, ARRAY = 8, 9
NUMBERS = [0, 1, 2, 3, 5, 7, 8, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100, 127, 128, 255, 256, 1000, 4096, 65535, 65536,
           2**31 - 1, 2**31, 2**32 - 2, 2**32 - 1, 2**40, 2**63, 2**64 - 1]
FLOATS = [0.0, -0.0, -1.0, 0.5, 2.0, 1e-30, 1e30, float("inf"), float("nan")]
WORDS = [b"", b"none", b"linear", b"yarn", b"longrope", b"llama3", b"x" * 300]
TYPES = [0, 1, 2, 8, 12, 14, 24, 26, 30, 39, 200]
# What is changed seldom: most readers look at it only as a whole.
LISTS = (b"tokenizer.ggml.tokens", b"tokenizer.ggml.merges", b"general.architecture")
COMMANDS = [
    ["perplexity", "-m", "@", "-f", "%", "-c", "16", "--chunks", "1", "-t", "1", "-q"],
    ["verify", "@"], ["plan", "@"], ["quantize", "@", "@.out", "Q4_K_M", "-q", "--dry-run"],
    ["quantize", "@", "@.folder/", "W4A16", "-q", "--dry-run"],
]
# Exit codes of Ingot's own: done, gates missed, usage, data, no such file, fault within, system.
ORDERLY = {0, 1, 64, 65, 66, 69, 70, 74}


def text(data, at):
    (count,) = struct.unpack_from("<Q", data, at)
    return data[at + 8: at + 8 + count], at + 8 + count


def value(data, at, kind):
    if kind == TEXT:
        return text(data, at)
    if kind == ARRAY:
        element, count = struct.unpack_from("<IQ", data, at)
        at, found = at + 12, []
        for _ in range(count):
            item, at = value(data, at, element)
            found.append(item)
        return (element, found), at
    return data[at: at + SIZES[kind]], at + SIZES[kind]


def parse(data):
    """Entries `[key, type, value]`, tensors `[name, dimensions, type, offset]`, and the bytes behind them."""
    tensor_count, entry_count = struct.unpack_from("<QQ", data, 8)
    at, entries, tensors = 24, [], []
    for _ in range(entry_count):
        key, at = text(data, at)
        (kind,) = struct.unpack_from("<I", data, at)
        found, at = value(data, at + 4, kind)
        entries.append([key, kind, found])
    for _ in range(tensor_count):
        name, at = text(data, at)
        (rank,) = struct.unpack_from("<I", data, at)
        dimensions = list(struct.unpack_from(f"<{rank}Q", data, at + 4))
        kind, offset = struct.unpack_from("<IQ", data, at + 4 + 8 * rank)
        at += 16 + 8 * rank
        tensors.append([name, dimensions, kind, offset])
    return entries, tensors, data[(at + 31) // 32 * 32:]


def written(kind, found):
    if kind == TEXT:
        return struct.pack("<Q", len(found)) + found
    if kind == ARRAY:
        return struct.pack("<IQ", found[0], len(found[1])) + b"".join(written(found[0], item) for item in found[1])
    return found


def file(entries, tensors, data):
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(entries))
    for key, kind, found in entries:
        head += written(TEXT, key) + struct.pack("<I", kind) + written(kind, found)
    for name, dimensions, kind, offset in tensors:
        head += written(TEXT, name) + struct.pack(f"<I{len(dimensions)}Q", len(dimensions), *dimensions)
        head += struct.pack("<IQ", kind, offset)
    return head + b"\0" * (-len(head) % 32) + data


def number(chance, kind):
    if kind == 6:
        return struct.pack("<f", chance.choice(FLOATS))
    if kind == 12:
        return struct.pack("<d", chance.choice(FLOATS))
    if kind == 7:
        return bytes([chance.randrange(2)])
    return (chance.choice(NUMBERS) % (1 << 8 * SIZES[kind])).to_bytes(SIZES[kind], "little")


def change_entry(chance, entry):
    kind, found = entry[1:]
    what = chance.random()
    if kind == TEXT:
        entry[2] = chance.choice(WORDS)
    elif kind == ARRAY:
        element, items = found[0], list(found[1])
        if what < 0.3 or not items:
            items = []
        elif what < 0.6:
            items[chance.randrange(len(items))] = b"" if element == TEXT else number(chance, element)
        else:
            items = items[: chance.randrange(len(items))] if what < 0.8 else items + items[:3]
        entry[2] = (element, items)
    elif what < 0.7:
        entry[2] = number(chance, kind)
    elif what < 0.85:
        entry[1] = chance.choice(list(SIZES))
        entry[2] = number(chance, entry[1])
    elif what < 0.95:
        entry[1:] = [ARRAY, (kind, [found] * chance.choice([0, 1, 2, 3, 8]))]
    else:
        entry[0] = b"other." + entry[0]


def change_tensor(chance, tensors):
    tensor = chance.choice(tensors)
    dimensions = tensor[1]
    what = chance.random()
    if what < 0.3:
        dimensions[chance.randrange(len(dimensions))] = chance.choice(NUMBERS)
    elif what < 0.45:
        dimensions.reverse()
    elif what < 0.65:
        tensor[1] = dimensions[:-1] or [1] if what < 0.55 else dimensions + [chance.choice([1, 2, 3])]
    elif what < 0.8:
        tensor[2] = chance.choice(TYPES)
    elif what < 0.85:
        tensor[3] = chance.choice(NUMBERS)
    else:
        tensor[0] = b"other." + tensor[0] if what < 0.93 else chance.choice(tensors)[0].replace(b"blk.0", b"blk.1")


def change(chance, entries, tensors):
    plain = [entry for entry in entries if not entry[0].startswith(LISTS)] or entries
    sizes = [entry for entry in plain if not entry[0].startswith((b"tokenizer", b"general"))] or plain
    for _ in range(chance.choice([1, 1, 1, 2, 3])):
        if tensors and chance.random() < 0.3:
            change_tensor(chance, tensors)
        else:
            change_entry(chance, chance.choice(sizes if chance.random() < 0.8 else plain))


def run(bench, files, count, seed):
    """Changes each file `count` times and runs every command; 1 when one ended otherwise than it should."""
    folder, bad, ends = bench.new_folder(), 0, {}
    for path in files:
        with open(path, "rb") as stream:
            entries, tensors, data = parse(stream.read())
        for turn in range(seed, seed + count):
            chance = random.Random(f"{os.path.basename(path)} {turn}")
            own = [list(entry) for entry in entries], [[name, list(d), kind, at] for name, d, kind, at in tensors]
            change(chance, *own)
            changed = f"{folder}/changed.gguf"
            with open(changed, "wb") as stream:
                stream.write(file(*own, data))
            for command in COMMANDS:
                arguments = [a.replace("@", changed).replace("%", f"{bench.inputs}/e.txt") for a in command]
                try:
                    done = subprocess.run([bench.binary, *arguments], stdin=subprocess.DEVNULL, capture_output=True,
                                          timeout=60, text=True, errors="replace")
                    code, words = done.returncode, done.stderr.strip()[-200:]
                except subprocess.TimeoutExpired:
                    code, words = "no end", ""
                ends[code] = ends.get(code, 0) + 1
                if code not in ORDERLY:
                    bad += 1
                    name = f"signal {signal.Signals(-code).name}" if isinstance(code, int) and code < 0 else code
                    print(f"  {path}, change {turn}: {command[0]}: {name}: {words}", flush=True)
    told = ", ".join(f"{count} with {code}" for code, count in sorted(ends.items(), key=str))
    print(f"{count} changes of {len(files)} files, {sum(ends.values())} runs ended: {told}; {bad} wrong (seed {seed})")
    return 1 if bad else 0
