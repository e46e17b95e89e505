import TensorCore

extension ProjectorFamily {
    /// CogVLM: EVA, whose output goes through a gated network of the projector.
    public static let cogVLM = ProjectorFamily(
        name: "CogVLM", classes: ["CogVLMForCausalLM"], vision: .init("vision_config"),
        keys: [.epsilon(or: 1e-6), .type("cogvlm")], prefixes: ["model.vision."],
        tensors: [
            .init("model.vision.patch_embedding.cls_embedding", "v.class_embd"),
            .init("model.vision.patch_embedding.proj", "v.patch_embd"),
            .init("model.vision.patch_embedding.position_embedding", "v.position_embd"),
            .blocks(
                "model.vision.transformer.layers.{bid}.",
                [
                    ("attention.query_key_value", "attn_qkv"), ("attention.dense", "attn_out"),
                    ("input_layernorm", "ln1"), ("post_attention_layernorm", "ln2"),
                    ("mlp.fc1", "ffn_up"), ("mlp.fc2", "ffn_down"),
                ]), .init("model.vision.linear_proj.linear_proj", "mm.model.fc"),
            .init("model.vision.linear_proj.norm1", "mm.post_fc_norm"),
            .init("model.vision.linear_proj.dense_h_to_4h", "mm.up"),
            .init("model.vision.linear_proj.dense_4h_to_h", "mm.down"),
            .init("model.vision.linear_proj.gate_proj", "mm.gate"),
            .init("model.vision.boi", "v.boi"), .init("model.vision.eoi", "v.eoi"),
        ])
}
