import Conversion
import Foundation
import Safetensors
import TensorCore
import TestSupport
import Testing

/// A directory of random weights in BF16, with the tokenizer of a fixture.
struct RandomModel {
    private static let tokenizer = Fixtures.path("conformance/convert/checkpoints/qwen3")
    private var config: [String: Any]
    private(set) var tensors: [(name: String, shape: [Int])]

    init(_ config: [String: Any], _ tensors: [(name: String, shape: [Int])]) {
        self.config = config
        self.tensors = tensors
    }

    /// One block of attention and four experts of 128 inputs and outputs.
    static func mixture(columns: Int = 128) -> RandomModel {
        let block = "model.layers.0."
        var tensors: [(name: String, shape: [Int])] = [
            ("model.embed_tokens.weight", [512, columns]), ("lm_head.weight", [512, columns]),
            ("model.norm.weight", [columns]), (block + "input_layernorm.weight", [columns]),
            (block + "post_attention_layernorm.weight", [columns]),
            (block + "self_attn.q_proj.weight", [256, columns]),
            (block + "self_attn.k_proj.weight", [128, columns]),
            (block + "self_attn.v_proj.weight", [128, columns]),
            (block + "self_attn.o_proj.weight", [columns, 256]),
            (block + "self_attn.q_norm.weight", [128]), (block + "self_attn.k_norm.weight", [128]),
            (block + "mlp.gate.weight", [4, columns]),
        ]
        for expert in 0..<4 {
            for (name, shape) in [
                ("gate_proj", [128, columns]), ("up_proj", [128, columns]),
                ("down_proj", [columns, 128]),
            ] { tensors.append((block + "mlp.experts.\(expert).\(name).weight", shape)) }
        }
        return RandomModel(
            [
                "architectures": ["Qwen3MoeForCausalLM"], "model_type": "qwen3_moe",
                "dtype": "bfloat16", "hidden_size": columns, "intermediate_size": 256,
                "moe_intermediate_size": 128, "num_experts": 4, "num_experts_per_tok": 2,
                "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 1,
                "head_dim": 128, "rms_norm_eps": 1e-6, "rope_theta": 10000.0,
                "max_position_embeddings": 512, "vocab_size": 512, "bos_token_id": 509,
                "eos_token_id": 510, "norm_topk_prob": true, "decoder_sparse_step": 1,
                "mlp_only_layers": [Int](), "hidden_act": "silu", "tie_word_embeddings": false,
            ], tensors)
    }

    /// The same block with one network.
    static var dense: RandomModel {
        var model = mixture()
        model.config["architectures"] = ["Qwen3ForCausalLM"]
        model.config["model_type"] = "qwen3"
        model.tensors.removeAll { $0.name.contains(".mlp.") }
        let block = "model.layers.0.mlp."
        model.tensors += [
            (block + "gate_proj.weight", [256, 128]), (block + "up_proj.weight", [256, 128]),
            (block + "down_proj.weight", [128, 256]),
        ]
        return model
    }

    /// A block of GPT-2, whose matrices stand inputs by outputs.
    static var gpt2: RandomModel {
        let block = "transformer.h.0."
        var tensors: [(name: String, shape: [Int])] = [
            ("transformer.wte.weight", [512, 64]), ("transformer.wpe.weight", [128, 64]),
            ("transformer.ln_f.weight", [64]), ("transformer.ln_f.bias", [64]),
        ]
        for (name, shape) in [
            ("attn.c_attn", [64, 192]), ("attn.c_proj", [64, 64]), ("mlp.c_fc", [64, 256]),
            ("mlp.c_proj", [256, 64]), ("ln_1", [64]), ("ln_2", [64]),
        ] {
            tensors.append((block + name + ".weight", shape))
            tensors.append((block + name + ".bias", [shape[shape.count - 1]]))
        }
        return RandomModel(
            [
                "architectures": ["GPT2LMHeadModel"], "model_type": "gpt2", "dtype": "bfloat16",
                "n_embd": 64, "n_head": 2, "n_layer": 1, "n_ctx": 128, "n_positions": 128,
                "vocab_size": 512, "layer_norm_epsilon": 1e-5, "bos_token_id": 509,
                "eos_token_id": 510, "activation_function": "gelu_new",
            ], tensors)
    }

    /// The same with one more tensor.
    func with(_ name: String, _ shape: [Int]) -> RandomModel {
        var copy = self
        copy.tensors.append((name, shape))
        return copy
    }

    /// Makes an element of a tensor in BF16 NaN.
    static func spoil(_ tensor: String, at element: Int, in file: String) throws {
        let stored = try #require(
            try SafetensorsFile(path: file).tensors.first { $0.name == tensor })
        var data = try Data(contentsOf: URL(filePath: file))
        let place = stored.offset + 2 * element
        data.replaceSubrange(place..<place + 2, with: [0xC0, 0x7F])
        try data.write(to: URL(filePath: file))
    }

    /// Writes the directory; vectors are around one.
    func write(to folder: String) throws {
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true)
        for name in ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"] {
            try FileManager.default.copyItem(
                atPath: RandomModel.tokenizer + "/" + name, toPath: folder + "/" + name)
        }
        try JSONSerialization.data(withJSONObject: config)
            .write(to: URL(filePath: folder + "/config.json"))
        let writer = try SafetensorsWriter(
            path: folder + "/model.safetensors",
            tensors: tensors.map {
                .init(name: $0.name, dataType: .BF16, shape: try #require(Shape($0.shape)))
            })
        var random = SeededRandom(seed: 14)
        for (number, tensor) in tensors.enumerated() {
            let count = tensor.shape.reduce(1, *)
            let isVector = tensor.shape.count == 1
            let values = (0..<count).map { _ in
                HalfFloat.bf16(from: isVector ? 1 + random.normal() / 8 : random.normal() / 16)
                    .littleEndian
            }
            try values.withUnsafeBytes { try writer.write($0, tensor: number) }
        }
        try writer.finish()
    }
}

/// The tensors of a directory, as they are stored and with codes undone.
struct StoredDirectory {
    let path: String

    /// A tensor as it is stored; `nil` where there is none.
    func stored(_ name: String) throws -> StoredTensor? {
        try SafetensorsFile(path: path + "/model.safetensors").tensors.first { $0.name == name }
    }

    /// The names of what is stored.
    func names() throws -> Set<String> {
        Set(try SafetensorsFile(path: path + "/model.safetensors").tensors.map(\.name))
    }

    /// The elements of a stored tensor.
    func elements(_ name: String) throws -> [Float] {
        let file = try SafetensorsFile(path: path + "/model.safetensors")
        let tensor = try #require(file.tensors.first { $0.name == name }, "\(name)")
        var values = [Float](repeating: 0, count: tensor.shape.elementCount)
        try values.withUnsafeMutableBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return }
            try file.readElements(
                0..<buffer.count, of: tensor, into: base, scratch: ScratchBuffer())
        }
        return values
    }

    /// What the configuration says otherwise than the tensors.
    func warnings() throws -> [String] {
        let folder = try HuggingFaceDirectory(path: path)
        return try Checkpoint(directory: path)
            .modelTensors(quantization: folder.quantization()).warnings
    }

    /// The weights of a module, codes undone.
    func weights(_ module: String) throws -> [Float] {
        let folder = try HuggingFaceDirectory(path: path)
        let model = try Checkpoint(directory: path)
            .modelTensors(quantization: folder.quantization())
        let tensor = try #require(model.tensors.first { $0.name == module + ".weight" })
        var values = [Float](repeating: 0, count: tensor.shape.elementCount)
        try values.withUnsafeMutableBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return }
            try tensor.readElements(0..<buffer.count, into: base, scratch: ScratchBuffer())
        }
        return values
    }

    /// `quantization_config`.
    func quantization() throws -> JSON {
        try #require(try JSON.parse(path: path + "/config.json")["quantization_config"])
    }

    /// The root mean square of a difference over that of `expected`.
    static func distance(_ values: [Float], _ expected: [Float]) -> Float {
        let error = zip(values, expected).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
        return (error / expected.reduce(0) { $0 + $1 * $1 }).squareRoot()
    }
}
