"""Models that neither transformers has a class for nor the other programs run, computed from a file in F64."""


def tensors(reader, torch):
    """All tensors of a GGUF file with plain values."""
    import numpy
    found = {}
    for tensor in reader.tensors:
        data = tensor.data
        if tensor.tensor_type.name == "BF16":
            data = (data.view(numpy.uint16).astype(numpy.uint32) << 16).view(numpy.float32)
        shape = tuple(int(size) for size in reversed(tensor.shape))
        found[tensor.name] = torch.from_numpy(data.astype(numpy.float64).reshape(shape))
    return found


class Plamo2:
    """PLaMo 2: attention, and a state space with one decay for each head, between norms on both sides."""

    def __init__(self, path):
        import gguf
        import torch
        self.torch = torch
        reader = gguf.GGUFReader(path)
        self.weights = tensors(reader, torch)
        keys = {name.removeprefix("plamo2."): field.contents() for name, field in reader.fields.items()}
        self.epsilon, self.base = keys["attention.layer_norm_rms_epsilon"], keys["rope.freq_base"]
        self.head, self.heads = keys["attention.key_length"], keys["attention.head_count"]
        self.key_heads, self.blocks = keys["attention.head_count_kv"], keys["block_count"]
        self.states, self.kernel = keys["ssm.state_size"], keys["ssm.conv_kernel"]
        self.scans, self.inner = keys["ssm.time_step_rank"], keys["ssm.inner_size"]

    def weight(self, block, name):
        name = f"blk.{block}.{name}"
        return self.weights[name] if name in self.weights else self.weights[name + ".weight"]

    def linear(self, values, block, name):
        return values @ self.weight(block, name + ".weight").T

    def norm(self, values, weight):
        return values * self.torch.rsqrt((values * values).mean(-1, keepdim=True) + self.epsilon) * weight

    def turned(self, values):
        """Rotation of rows of heads, whose halves are pairs."""
        torch, half = self.torch, self.head // 2
        speeds = self.base ** (-torch.arange(0, self.head, 2, dtype=torch.float64) / self.head)
        angles = torch.outer(torch.arange(len(values), dtype=torch.float64), speeds)
        angles = torch.cat([angles, angles], -1)[:, None]
        other = torch.cat([-values[..., half:], values[..., :half]], -1)
        return values * angles.cos() + other * angles.sin()

    def attention(self, values, block):
        torch, rows = self.torch, len(values)
        heads, keys = self.heads[block], self.key_heads[block]
        parts = self.linear(values, block, "attn_qkv").split([heads * self.head, keys * self.head, keys * self.head], -1)
        query, key, value = (
            part.reshape(rows, number, self.head) for part, number in zip(parts, [heads, keys, keys]))
        query = self.turned(self.norm(query, self.weight(block, "attn_q_norm.weight")))
        key = self.turned(self.norm(key, self.weight(block, "attn_k_norm.weight")))
        key, value = (part.repeat_interleave(heads // keys, 1) for part in [key, value])
        scores = torch.einsum("qhd,khd->hqk", query, key) / self.head ** 0.5
        later = torch.triu(torch.ones(rows, rows, dtype=torch.bool), 1)
        shares = scores.masked_fill(later, -torch.inf).softmax(-1)
        return self.linear(torch.einsum("hqk,khd->qhd", shares, value).reshape(rows, -1), block, "attn_output")

    def scan(self, values, block):
        torch, rows = self.torch, len(values)
        size = self.inner // self.scans
        gate, inner = self.linear(values, block, "ssm_in").view(rows, self.scans, 2 * size).split(size, -1)
        inner, kernel = inner.reshape(rows, self.inner), self.weight(block, "ssm_conv1d.weight").view(self.inner, self.kernel)
        padded = torch.cat([torch.zeros(self.kernel - 1, self.inner, dtype=torch.float64), inner])
        inner = torch.nn.functional.silu(sum(padded[place:place + rows] * kernel[:, place] for place in range(self.kernel)))
        step = self.weight(block, "ssm_dt.weight")
        write, read, times = self.linear(inner, block, "ssm_x").split([self.states, self.states, step.shape[1]], -1)
        write, read, times = (
            self.norm(part, self.weight(block, f"ssm_{name}_norm"))
            for part, name in [(write, "b"), (read, "c"), (times, "dt")])
        times = torch.nn.functional.softplus(times @ step.T + self.weight(block, "ssm_dt.bias"))
        decay, direct = self.weight(block, "ssm_a").view(-1), self.weight(block, "ssm_d").view(-1)
        inner = inner.view(rows, self.scans, size)
        state, outputs = torch.zeros(self.scans, size, self.states, dtype=torch.float64), []
        for row in range(rows):
            added = (times[row][:, None] * inner[row])[..., None] * write[row]
            state = state * torch.exp(times[row] * decay)[:, None, None] + added
            outputs.append(state @ read[row] + direct[:, None] * inner[row])
        gated = torch.stack(outputs) * torch.nn.functional.silu(gate)
        return self.linear(gated.reshape(rows, self.inner), block, "ssm_out")

    def logits(self, tokens):
        """The logits behind every token."""
        values = self.weights["token_embd.weight"][tokens]
        for block in range(self.blocks):
            inner = self.norm(values, self.weight(block, "attn_norm.weight"))
            inner = self.attention(inner, block) if self.key_heads[block] else self.scan(inner, block)
            values = values + self.norm(inner, self.weight(block, "post_attention_norm"))
            inner = self.norm(values, self.weight(block, "ffn_norm.weight"))
            gate, up = self.linear(inner, block, "ffn_up").chunk(2, -1)
            inner = self.linear(self.torch.nn.functional.silu(gate) * up, block, "ffn_down")
            values = values + self.norm(inner, self.weight(block, "post_ffw_norm"))
        output = self.weights.get("output.weight", self.weights["token_embd.weight"])
        return self.norm(values, self.weights["output_norm.weight"]) @ output.T
