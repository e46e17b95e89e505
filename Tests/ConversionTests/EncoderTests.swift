import Conversion
import Foundation
import GGUF
import TensorCore
import TestSupport
import Testing
import Tokenization

/// Encoders, whose tokenizers are unigram models.
@Suite struct EncoderTests {
    private static let tokenizer =
        #"{"added_tokens":[{"id":1,"content":"<unk>","special":true}],"normalizer":{"type":"Precompiled","precompiled_charsmap":"BAAAAAAAAAAA"},"pre_tokenizer":{"type":"Metaspace","replacement":"▁","prepend_scheme":"always"},"model":{"type":"Unigram","unk_id":1,"vocab":[["</s>",0],["<unk>",0],["▁",-2],["a",-3]]}}"#

    private static func t5(gated: Bool) -> SyntheticModel {
        var tensors: [(name: String, shape: [Int])] = [
            ("shared.weight", [4, 8]),
            ("encoder.final_layer_norm.weight", [8]), ("decoder.final_layer_norm.weight", [8]),
        ]
        for (side, layers, count) in [("encoder", 2, 2), ("decoder", 3, 1)] {
            for block in 0..<count {
                let prefix = "\(side).block.\(block).layer."
                for layer in 0..<layers {
                    tensors.append(("\(prefix)\(layer).layer_norm.weight", [8]))
                    let module = layer == 0 ? "SelfAttention" : "EncDecAttention"
                    guard layer < layers - 1 else { continue }
                    tensors += ["q", "k", "v"].map {
                        ("\(prefix)\(layer).\(module).\($0).weight", [12, 8])
                    }
                    tensors.append(("\(prefix)\(layer).\(module).o.weight", [8, 12]))
                }
                if block == 0 {
                    tensors.append(
                        ("\(prefix)0.SelfAttention.relative_attention_bias.weight", [32, 2]))
                }
                let network = "\(prefix)\(layers - 1).DenseReluDense."
                tensors += (gated ? ["wi_0", "wi_1"] : ["wi"]).map {
                    ("\(network)\($0).weight", [10, 8])
                }
                tensors.append(("\(network)wo.weight", [8, 10]))
            }
        }
        return SyntheticModel(
            config: [
                "architectures": ["T5ForConditionalGeneration"], "vocab_size": 4, "d_model": 8,
                "d_kv": 6, "d_ff": 10, "num_heads": 2, "num_layers": 2, "num_decoder_layers": 1,
                "decoder_start_token_id": 0, "feed_forward_proj": gated ? "gated-gelu" : "relu",
            ], tensors: tensors)
    }

    @Test(arguments: [false, true])
    func t5HasTwoSides(gated: Bool) throws {
        try EncoderTests.t5(gated: gated).with { folder in
            try Checkpoints.replace("tokenizer.json", in: folder, EncoderTests.tokenizer)
            let source = try ConversionSource(directory: folder)
            let names = source.tensors.map(\.name)
            #expect(names.count == (gated ? 37 : 34))
            for name in [
                "token_embd", "enc.blk.1.attn_q", "dec.blk.0.cross_attn_o", "dec.output_norm",
                "enc.blk.0.attn_rel_b", "dec.blk.0.ffn_norm", "enc.blk.1.ffn_up",
            ] { #expect(names.contains(name + ".weight"), "\(name)") }
            #expect(names.contains("dec.blk.0.ffn_gate.weight") == gated)
            #expect(source.metadata["t5.decoder_block_count"] == .uint32(1))
            #expect(source.metadata["t5.attention.key_length"] == .uint32(6))
        }
        var model = EncoderTests.t5(gated: gated)
        model.tensors.removeAll { $0.name.contains("decoder.block.0.layer.1.EncDecAttention.q") }
        #expect(try model.refusal() is ConversionError)
    }

    /// What a reader needs to make the same tokens stands in the file, in the peer's order.
    @Test func normalizationIsWritten() throws {
        try EncoderTests.t5(gated: false).with { folder in
            try Checkpoints.replace("tokenizer.json", in: folder, EncoderTests.tokenizer)
            let metadata = try ConversionSource(directory: folder).metadata
            let keys = metadata.entries.map(\.key).filter { $0.hasPrefix("tokenizer.ggml.") }
            #expect(
                keys.prefix(8).elementsEqual(
                    [
                        "model", "pre", "tokens", "scores", "token_type", "add_space_prefix",
                        "remove_extra_whitespaces", "precompiled_charsmap",
                    ].map { "tokenizer.ggml.\($0)" }))
            #expect(
                metadata["tokenizer.ggml.precompiled_charsmap"]
                    == .uint8s([4, 0, 0, 0, 0, 0, 0, 0, 0]))
            let read = try Vocabulary(metadata: metadata)
            #expect(read.precompiledCharsmap == [4, 0, 0, 0, 0, 0, 0, 0, 0])
        }
    }

    /// Readers would end a text of such a vocabulary with EOS: decoders say that they do not.
    @Test func decodersSayWhatStandsAtTheEnds() throws {
        let model = SyntheticModel(
            config: SyntheticModel.config("LlamaForCausalLM"), tensors: TinyModel.tensors)
        try model.with { folder in
            try Checkpoints.replace("tokenizer.json", in: folder, EncoderTests.tokenizer)
            // tokenizer.json adds nothing, so a token with the part is not added either.
            for config in ["{}", #"{"bos_token":"<unk>"}"#] {
                try Checkpoints.replace("tokenizer_config.json", in: folder, config)
                let metadata = try ConversionSource(directory: folder).metadata
                #expect(metadata["tokenizer.ggml.model"]?.text == "t5")
                #expect(metadata["tokenizer.ggml.add_bos_token"] == .bool(false))
                #expect(metadata["tokenizer.ggml.add_eos_token"] == .bool(false))
            }
        }
    }
}
