"""Faults that writers of quantized weights make, put into a copy of a directory without any package.

Each takes a folder and says whether it had anything to break.
"""
import json
import os
import struct


def shards(folder):
    return [os.path.join(folder, name) for name in sorted(os.listdir(folder)) if name.endswith(".safetensors")]


def read(path):
    with open(path, "rb") as file:
        length = struct.unpack("<Q", file.read(8))[0]
        return json.loads(file.read(length)), bytearray(file.read())


def write(path, header, data):
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def change(folder, wanted, edit):
    """Edits the bytes of every tensor that is wanted, by name and dtype."""
    found = False
    for path in shards(folder):
        header, data = read(path)
        for name, entry in header.items():
            if name != "__metadata__" and wanted(name, entry):
                start, end = entry["data_offsets"]
                data[start:end] = edit(data[start:end], entry)
                found = True
        write(path, header, data)
    return found


def swapped_nibbles(folder):
    table = bytes((byte & 15) << 4 | byte >> 4 for byte in range(256))
    is_packed = lambda name, entry: name.endswith(("weight_packed", "qweight")) or (  # noqa: E731
        name.endswith(".weight") and entry["dtype"] == "U8")
    return change(folder, is_packed, lambda data, entry: data.translate(table))


def shifted_zero_points(folder):
    return change(
        folder, lambda name, entry: name.endswith(("qzeros", "weight_zero_point")),
        lambda data, entry: bytes((byte + 0x11) & 255 for byte in data))


def inverse_global_scale(folder):
    def invert(data, entry):
        values = struct.unpack(f"<{len(data) // 4}f", data)
        return struct.pack(f"<{len(values)}f", *(1 / value if value else 0 for value in values))
    return change(
        folder, lambda name, entry: name.endswith(("weight_global_scale", "weight_scale_2")), invert)


def missing_scale(folder):
    """Takes out the last scale of a weight, and closes the gap."""
    for path in shards(folder):
        header, data = read(path)
        names = [name for name in header if name.endswith(("weight_scale", "weight_scale_inv", ".scales"))]
        if not names:
            continue
        start, end = header.pop(names[-1])["data_offsets"]
        for name, entry in header.items():
            if name != "__metadata__" and entry["data_offsets"][0] >= end:
                entry["data_offsets"] = [offset - (end - start) for offset in entry["data_offsets"]]
        write(path, header, data[:start] + data[end:])
        index = os.path.join(folder, "model.safetensors.index.json")
        if os.path.exists(index):
            with open(index) as file:
                listing = json.load(file)
            listing["weight_map"].pop(names[-1], None)
            with open(index, "w") as file:
                json.dump(listing, file)
        return True
    return False


def wrong_ignore(folder):
    """Leaves out what is not quantized, and names what is."""
    path = os.path.join(folder, "config.json")
    with open(path) as file:
        config = json.load(file)
    quantization = config["quantization_config"]
    key = next((key for key in ("ignore", "modules_to_not_convert") if key in quantization), None)
    if key is None:
        return False
    quantization[key] = ["model.layers.0.self_attn.q_proj"]
    with open(path, "w") as file:
        json.dump(config, file)
    own = os.path.join(folder, "hf_quant_config.json")
    if os.path.exists(own):
        with open(own) as file:
            listing = json.load(file)
        listing["quantization"]["exclude_modules"] = quantization[key]
        with open(own, "w") as file:
            json.dump(listing, file)
    return True


FAULTS = {
    "swapped-nibbles": swapped_nibbles, "shifted-zeros": shifted_zero_points,
    "inverse-scale": inverse_global_scale, "missing-scale": missing_scale, "wrong-ignore": wrong_ignore,
}
