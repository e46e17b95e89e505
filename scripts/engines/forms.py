"""Weights of quantized directories by the published definitions of their formats, in NumPy alone.

Sources: compressed-tensors' `compressors` and `quant_args.py`, GPTQModel's `nn_modules/qlinear`, AutoAWQ's
`utils/packing_utils.py`, DeepSeek-V3's `weight_dequant`, ModelOpt's `export/quant_utils.py`, the OCP Microscaling
specification 1.0. Nothing here is taken from Ingot: what it writes is judged by this.
"""
import json
import os
import struct

import numpy as np

# Bytes of an element.
WIDTHS = {"F64": 8, "I64": 8, "F32": 4, "I32": 4, "F16": 2, "BF16": 2, "F8_E4M3": 1, "I8": 1, "U8": 1, "BOOL": 1}
NUMPY = {"F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I8": "i1", "U8": "u1"}
E2M1 = np.array([0, 0.5, 1, 1.5, 2, 3, 4, 6, -0.0, -0.5, -1, -1.5, -2, -3, -4, -6], np.float32)
# The output that each nibble of an AWQ word holds, lowest bits first.
AWQ_ORDER = [0, 2, 4, 6, 1, 3, 5, 7]


def e4m3_values():
    """The 256 numbers of E4M3 without infinities; 0x7F and 0xFF are NaN."""
    codes = np.arange(256)
    exponent, mantissa = codes >> 3 & 15, codes & 7
    values = np.where(exponent == 0, mantissa / 8 * 2.0**-6, (1 + mantissa / 8) * 2.0 ** (exponent - 7.0))
    values[(codes & 127) == 127] = np.nan
    return np.where(codes >> 7, -values, values).astype(np.float32)


E4M3 = e4m3_values()


class Tensor:
    """A stored tensor: its type's name, shape, bytes, and the file that holds it."""

    def __init__(self, dtype, shape, data, file):
        self.dtype, self.shape, self.data, self.file = dtype, tuple(shape), data, file

    def numbers(self):
        """Values: integers as they are, floats in F32."""
        if self.dtype == "BF16":
            return (np.frombuffer(self.data, "<u2").astype(np.uint32) << 16).view(np.float32).reshape(self.shape)
        if self.dtype == "F8_E4M3":
            return E4M3[np.frombuffer(self.data, "u1")].reshape(self.shape)
        values = np.frombuffer(self.data, NUMPY[self.dtype]).reshape(self.shape)
        return values.astype(np.float32) if self.dtype == "F16" else values


def shards(folder):
    return sorted(name for name in os.listdir(folder) if name.endswith(".safetensors"))


def tensors(folder):
    """All tensors of a directory by name; a fault of a file's layout is a ValueError."""
    found = {}
    for name in shards(folder):
        with open(os.path.join(folder, name), "rb") as file:
            contents = file.read()
        length = struct.unpack("<Q", contents[:8])[0]
        header, data = json.loads(contents[8 : 8 + length]), contents[8 + length :]
        if header.pop("__metadata__", {}).get("format") != "pt":
            raise ValueError(f"{name}: the metadata lack format: pt, which transformers asks for")
        end = 0
        for key, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
            start, stop = entry["data_offsets"]
            count = int(np.prod(entry["shape"], dtype=np.int64)) * WIDTHS[entry["dtype"]]
            if start != end or stop - start != count:
                raise ValueError(f"{name}: {key} is at {start} to {stop}, expected {end} to {end + count}")
            if key in found:
                raise ValueError(f"{key} is in two files")
            found[key], end = Tensor(entry["dtype"], entry["shape"], data[start:stop], name), stop
        if end != len(data) or length % 8:
            raise ValueError(f"{name}: {len(data)} bytes of data, {end} used; a header of {length} bytes")
    return found


def stream(words, bits, count):
    """Unsigned codes from rows of 32-bit words, low bits first; codes may cross words."""
    bytes_ = np.ascontiguousarray(words).astype("<i4").view(np.uint8).reshape(words.shape[0], -1)
    digits = np.unpackbits(bytes_, axis=1, bitorder="little")[:, : count * bits]
    return digits.reshape(words.shape[0], count, bits).astype(np.int32) @ (1 << np.arange(bits)).astype(np.int32)


def spread(scales, shape):
    """Scales as large as the matrix: one for each row, group of a row, block of 128 × 128, or for all."""
    rows, columns = shape
    if scales.size == 1:
        return np.broadcast_to(scales.reshape(1, 1), shape)
    step = (-(-rows // scales.shape[0]), -(-columns // scales.shape[1]))
    if scales.shape[0] not in (1, rows):
        step = (128, 128)
    return np.repeat(np.repeat(scales, step[0], 0), step[1], 1)[:rows, :columns]


def nibbles(packed):
    """Two E2M1 numbers to a byte, the even column in the lower half."""
    return E2M1[np.stack([packed & 15, packed >> 4], -1).reshape(packed.shape[0], -1)]


def exponents(codes):
    return np.exp2(codes.astype(np.float32) - 127)


def compressed_tensors(parts, configuration):
    group = configuration["config_groups"]["group_0"]
    weights, form = group["weights"], group["format"]
    scale = parts["weight_scale"].numbers()
    if form == "pack-quantized":
        bits, shape = weights["num_bits"], tuple(parts["weight_shape"].numbers())
        codes = stream(parts["weight_packed"].numbers(), bits, shape[1]) - (1 << bits - 1)
        if weights["symmetric"]:
            return codes * spread(scale, shape), spread(scale, shape)
        zeros = stream(parts["weight_zero_point"].numbers().T, bits, shape[0]).T - (1 << bits - 1)
        return (codes - spread(zeros, shape)) * spread(scale, shape), spread(scale, shape)
    if form in ("int-quantized", "float-quantized"):
        codes = parts["weight"].numbers()
        return codes * spread(scale, codes.shape), spread(scale, codes.shape)
    if form == "nvfp4-pack-quantized":
        codes = nibbles(parts["weight_packed"].numbers())
        scale = spread(scale / parts["weight_global_scale"].numbers(), codes.shape)
        return codes * scale, scale
    codes = nibbles(parts["weight_packed"].numbers()) if form == "mxfp4-pack-quantized" else parts["weight"].numbers()
    scale = spread(exponents(scale), codes.shape)
    return codes * scale, scale


def gptq(parts, configuration):
    bits = configuration["bits"]
    words, zeros, scale = (parts[name].numbers() for name in ("qweight", "qzeros", "scales"))
    group = parts["g_idx"].numbers()
    codes = stream(words.T, bits, len(group))
    offset = 1 if configuration["checkpoint_format"] == "gptq" else 0
    zeros = (stream(zeros, bits, words.shape[1]) + offset) & ((1 << bits) - 1)
    scale = scale.T[:, group]
    return (codes - zeros.T[:, group]) * scale, scale


def awq(parts, configuration):
    words, zeros, scale = (parts[name].numbers() for name in ("qweight", "qzeros", "scales"))

    def outputs(packed):
        codes = stream(packed, 4, packed.shape[1] * 8).reshape(packed.shape[0], -1, 8)
        return codes[:, :, np.argsort(AWQ_ORDER)].reshape(packed.shape[0], -1).T
    codes = outputs(words)
    size = configuration["group_size"] if configuration["group_size"] > 0 else codes.shape[1]
    scale = np.repeat(scale.T, size, 1)
    return (codes - np.repeat(outputs(zeros), size, 1)) * scale, scale


def deepseek(parts, _):
    codes = parts["weight"].numbers()
    scale = spread(parts["weight_scale_inv"].numbers(), codes.shape)
    return codes * scale, scale


def modelopt(parts, configuration):
    scale = parts["weight_scale"].numbers()
    if configuration["quant_algo"] == "NVFP4":
        codes = nibbles(parts["weight"].numbers())
        scale = spread(scale * parts["weight_scale_2"].numbers(), codes.shape)
    else:
        codes = parts["weight"].numbers()
        scale = spread(scale, codes.shape)
    return codes * scale, scale


DECODERS = {
    "compressed-tensors": compressed_tensors, "gptq": gptq, "awq": awq, "fp8": deepseek, "modelopt": modelopt,
}


def decode(parts, configuration):
    """The matrix `[outputs, inputs]` of a module's tensors, and the scale of each value."""
    return DECODERS[configuration["quant_method"]](parts, configuration)
