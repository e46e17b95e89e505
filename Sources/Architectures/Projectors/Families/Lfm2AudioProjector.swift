import TensorCore

extension ProjectorFamily {
    /// LFM2 Audio: a conformer of FastConformer's kind, and an adapter.
    public static let lfm2Audio = ProjectorFamily(
        name: "Lfm2Audio", classes: ["Lfm2AudioForConditionalGeneration"],
        audio: .init(
            "encoder",
            defaults: [
                .replacement("hidden_size", by: "d_model"),
                .replacement("intermediate_size", by: "d_model"),
                .replacement("num_attention_heads", by: "n_heads"),
            ]),
        keys: [
            .type("lfm2a"), .sound("num_mel_bins", "feat_in", of: \.audio),
            .value("clip.audio.attention.layer_norm_epsilon") { _ in .float32(1e-5) },
        ],
        prefixes: ["conformer.", "audio_adapter.", "audio_embedding."],
        tensors: [
            .init("conformer.pre_encode.conv.{xid}.weight", "a.conv1d.{xid}.weight"),
            .init(
                "conformer.pre_encode.conv.{xid}.bias", "a.conv1d.{xid}.bias",
                .shaped { $0 + [1, 1] }), .init("conformer.pre_encode.out", "a.pre_encode.out"),
            .init(
                "conformer.layers.{bid}.conv.depthwise_conv.weight", "a.blk.{bid}.conv_dw.weight",
                .without(1, ofRank: 3)),
            .init(
                "conformer.layers.{bid}.conv.pointwise_conv{xid}.weight",
                "a.blk.{bid}.conv_pw{xid}.weight", .without(2, ofRank: 3)),
            .blocks(
                "conformer.layers.{bid}.", as: "a.blk.{bid}.",
                [
                    ("conv.depthwise_conv", "conv_dw"), ("conv.pointwise_conv1", "conv_pw1"),
                    ("conv.pointwise_conv2", "conv_pw2"), ("norm_conv", "norm_conv"),
                    ("norm_self_att", "ln1"), ("norm_out", "ln2"), ("self_attn.linear_q", "attn_q"),
                    ("self_attn.linear_k", "attn_k"), ("self_attn.linear_v", "attn_v"),
                    ("self_attn.linear_out", "attn_out"), ("self_attn.linear_pos", "linear_pos"),
                    ("self_attn.pos_bias_u", "pos_bias_u"), ("self_attn.pos_bias_v", "pos_bias_v"),
                    ("norm_feed_forward1", "ffn_norm"), ("feed_forward1.linear1", "ffn_up"),
                    ("feed_forward1.linear2", "ffn_down"), ("norm_feed_forward2", "ffn_norm_1"),
                    ("feed_forward2.linear1", "ffn_up_1"), ("feed_forward2.linear2", "ffn_down_1"),
                ]), .init("audio_adapter.model.{xid}", "mm.a.mlp.{xid}"),
            .init("audio_embedding.embedding", "a.position_embd"),
            .init("audio_embedding.embedding_norm", "a.position_embd_norm"),
            .init("audio_embedding.to_logits", "a.embd_to_logits"),
        ],
        formats: [.source(".conv", .f32), .source("_conv.weight", .f32)],
        batchNorms: [.init("conformer.layers.{bid}.conv.batch_norm", "a.blk.{bid}.conv_norm")])
}
