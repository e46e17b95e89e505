import Conversion
import Foundation
import GGUF
import TensorCore
import Testing

extension FamilyExportTests {
    /// Families whose layers differ from each other, and what their configurations say.
    static let newest: [(name: String, config: [String: any Sendable])] = [
        (
            "Bamba",
            [
                "attn_layer_indices": [1], "mamba_n_heads": 4, "mamba_n_groups": 2,
                "mamba_d_state": 3, "mamba_d_conv": 3, "mamba_d_head": 8,
                "rope_parameters": [
                    "rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 0.5,
                ] as [String: any Sendable],
            ]
        ),
        (
            "Gemma3n",
            [
                "num_kv_shared_layers": 1, "laurel_rank": 3, "hidden_size_per_layer_input": 4,
                "vocab_size_per_layer_input": 512, "sliding_window": 8,
                "activation_sparsity_pattern": [0.95, 0.5, 0.0, 0.0],
                "rope_parameters": [
                    "full_attention": ["rope_type": "default", "rope_theta": 1e6],
                    "sliding_attention": ["rope_type": "default", "rope_theta": 1e4],
                ] as [String: [String: any Sendable]],
            ]
        ),
        (
            "HunyuanV4",
            [
                "num_key_value_heads": 4, "n_group": 1, "topk_group": 1, "index_n_heads": 2,
                "index_head_dim": 4,
                "index_topk": 8, "mlp_layer_types": ["dense", "sparse", "sparse", "sparse"],
                "indexer_types": ["full", "shared", "full", "shared"], "swiglu_limit": 7.5,
            ]
        ),
        (
            "Laguna",
            [
                "num_experts": 4, "shared_expert_intermediate_size": 10, "sliding_window": 8,
                "num_attention_heads_per_layer": [4, 6, 6, 6], "gating": "per-element",
                "layer_types": ["full_attention"]
                    + [String](repeating: "sliding_attention", count: 3),
                "mlp_layer_types": ["dense", "sparse", "sparse", "sparse"],
                "rope_parameters": [
                    "full_attention": [
                        "rope_type": "default", "rope_theta": 1e6, "partial_rotary_factor": 0.5,
                    ], "sliding_attention": ["rope_type": "default", "rope_theta": 1e4],
                ] as [String: [String: any Sendable]],
            ]
        ),
        (
            "MiMo2",
            [
                "v_head_dim": 3, "head_dim": 6, "n_shared_experts": 0, "sliding_window": 8,
                "scoring_func": "sigmoid",
                "layer_types": [
                    "full_attention", "sliding_attention", "sliding_attention", "full_attention",
                ], "mlp_layer_types": ["dense", "sparse", "sparse", "sparse"],
                "attention_value_scale": 0.5,
                "rope_parameters": [
                    "full_attention": [
                        "rope_type": "default", "rope_theta": 1e6, "partial_rotary_factor": 0.334,
                    ],
                    "sliding_attention": [
                        "rope_type": "default", "rope_theta": 1e4, "partial_rotary_factor": 0.334,
                    ],
                ] as [String: [String: any Sendable]],
            ]
        ),
    ]

    /// Gemma 4, whose tokenizer is a `tokenizer.json` of SentencePiece's pieces.
    @Test(
        arguments: [
            [
                "num_kv_shared_layers": 2, "use_double_wide_mlp": true,
                "hidden_size_per_layer_input": 4,
            ],
            ["attention_k_eq_v": true, "num_global_key_value_heads": 1],
            [
                "per_layer_config": ["3": ["head_dim": 8, "num_key_value_heads": 1]],
                "final_logit_softcapping": 30.0,
            ],
            ["enable_moe_block": true, "num_experts": 4, "top_k_experts": 2],
        ] as [[String: any Sendable]])
    func gemma4ComesBack(_ more: [String: any Sendable]) throws {
        let base: [String: any Sendable] = [
            "vocab_size": 12, "vocab_size_per_layer_input": 12, "global_head_dim": 8,
            "hidden_size_per_layer_input": 0, "sliding_window": 8, "tie_word_embeddings": true,
            "layer_types": [
                "sliding_attention", "full_attention", "sliding_attention", "full_attention",
            ],
            "rope_parameters": [
                "full_attention": [
                    "rope_type": "proportional", "rope_theta": 1e6, "partial_rotary_factor": 0.25,
                ], "sliding_attention": ["rope_type": "default", "rope_theta": 1e4],
            ] as [String: [String: any Sendable]],
        ]
        try FamilyExportTests.model("Gemma4", base.merging(more) { $1 }).with { folder in
            try Checkpoints.replace("tokenizer.json", in: folder, Self.pieces)
            try Checkpoints.replace(
                "tokenizer_config.json", in: folder,
                #"{"bos_token":"<bos>","eos_token":"<eos>","unk_token":"<unk>"}"#)
            for name in ["special_tokens_map.json", "generation_config.json"] {
                try Checkpoints.replace(name, in: folder, "{}")
            }
            let options = ConversionSource.Options(outputType: .f32)
            let (first, second) = ("\(folder)/first.gguf", "\(folder)/second.gguf")
            let exported = "\(folder)/exported/model"
            try FileManager.default.createDirectory(
                atPath: "\(folder)/exported", withIntermediateDirectories: true)
            try write(ConversionSource(directory: folder, options: options), to: first)
            _ = try ExportedCheckpoint(GGUFFile(path: first)).write(to: exported)
            try write(ConversionSource(directory: exported, options: options), to: second)
            #expect(
                try Data(contentsOf: URL(filePath: first))
                    == Data(contentsOf: URL(filePath: second)))
            let tokenizer = try JSON.parse(path: exported + "/tokenizer.json")
            #expect(tokenizer["model"]?["merges"]?.array?.count == 2)
            #expect(tokenizer["model"]?["byte_fallback"]?.boolean == true)
            // What the base vocabulary lacks is added behind it.
            #expect(tokenizer["model"]?["vocab"]?["<new>"] == nil)
            #expect(tokenizer["model"]?["vocab"]?["<|channel>"] != nil)
        }
    }

    private static let pieces = """
        {"added_tokens":[{"id":0,"content":"<pad>","special":true,"normalized":false},
        {"id":1,"content":"<eos>","special":true,"normalized":false},
        {"id":2,"content":"<bos>","special":true,"normalized":false},
        {"id":3,"content":"<unk>","special":true,"normalized":false},
        {"id":9,"content":"<|channel>","special":true,"normalized":false},
        {"id":10,"content":"<new>","special":false,"normalized":false}],
        "normalizer":{"type":"Replace","pattern":{"String":" "},"content":"▁"},
        "pre_tokenizer":{"type":"Split","pattern":{"String":" "},"behavior":"MergedWithPrevious","invert":false},
        "post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<bos>","type_id":0}},
        {"Sequence":{"id":"A","type_id":0}}],"pair":[{"SpecialToken":{"id":"<bos>","type_id":0}},
        {"Sequence":{"id":"A","type_id":0}},{"SpecialToken":{"id":"<bos>","type_id":1}},{"Sequence":{"id":"B","type_id":1}}],
        "special_tokens":{"<bos>":{"id":"<bos>","ids":[2],"tokens":["<bos>"]}}},
        "model":{"type":"BPE","unk_token":"<unk>","fuse_unk":true,"byte_fallback":true,
        "vocab":{"<pad>":0,"<eos>":1,"<bos>":2,"<unk>":3,"<0x0A>":4,"▁":5,"a":6,"▁a":7,"aa":8,"<|channel>":9},
        "merges":[["▁","a"],["a","a"]]}}
        """
}
