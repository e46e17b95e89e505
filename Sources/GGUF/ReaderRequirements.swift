public import TensorCore

/// What llama.cpp's loader asks of a file, beyond what the container says: without it the program
/// stops with an error or aborts.
public struct ReaderRequirements: Sendable {
    /// Why a file would not be loaded.
    public struct Fault: Sendable, Hashable {
        /// The metadata key or tensor.
        public let place: String
        /// What is there.
        public let found: String
        /// What a reader needs.
        public let expected: String
    }

    /// The most blocks that a reader has room for.
    public static let blockLimit = 512
    /// The most experts that a reader has room for.
    public static let expertLimit = 1024

    private let architecture: String
    private let metadata: Metadata
    private var faults: [Fault] = []

    /// Whether readers of an architecture take no embeddings in place of a missing `output.weight`.
    public static func needsOutputMatrix(_ architecture: String) -> Bool {
        withOutputMatrix.contains(architecture)
    }

    /// Whether readers of an architecture need a bias beside a weight, `blk.0.attn_output.weight`.
    public static func needsBias(_ architecture: String, ofWeight name: String) -> Bool {
        guard name.hasSuffix(".weight"), let modules = withBias[architecture] else { return false }
        let parts = name.split(separator: ".")
        return parts.count >= 2 && modules.contains(String(parts[parts.count - 2]))
    }

    /// Why a language model's file would not be loaded; nothing about architectures that are not
    /// known.
    ///
    /// - Parameter tensors: The names of the file's tensors.
    public static func faults(in metadata: Metadata, tensors: some Sequence<String>) -> [Fault] {
        guard let architecture = metadata["general.architecture"]?.text else { return [] }
        let tensors = Set(tensors)
        var check = ReaderRequirements(architecture: architecture, metadata: metadata)
        check.checkKeys()
        check.checkBlocks()
        check.checkExperts()
        check.checkRotation()
        var needed = tensors.filter { needsBias(architecture, ofWeight: $0) }
            .map { String($0.dropLast("weight".count)) + "bias" }
        if needsOutputMatrix(architecture) { needed.append("output.weight") }
        for name in needed.sorted() where !tensors.contains(name) {
            check.faults.append(.init(place: name, found: "no such tensor", expected: "one"))
        }
        return check.faults
    }

    private init(architecture: String, metadata: Metadata) {
        self.architecture = architecture
        self.metadata = metadata
    }

    private func value(_ key: String) -> MetadataValue? { metadata["\(architecture).\(key)"] }

    private mutating func require(
        _ key: String, _ holds: Bool, found: String, expected: String
    ) {
        guard !holds else { return }
        faults.append(.init(place: "\(architecture).\(key)", found: found, expected: expected))
    }

    private mutating func checkKeys() {
        var keys = ["context_length", "embedding_length", "block_count"]
        for (names, more) in ReaderRequirements.keys where names.contains(architecture) {
            keys += more
        }
        for key in keys where value(key) == nil {
            require(key, false, found: "no such key", expected: "one")
        }
        guard ReaderRequirements.withWindow.contains(architecture),
            let window = value("attention.sliding_window")?.integer
        else { return }
        require(
            "attention.sliding_window", window > 0, found: "\(window)",
            expected: "a positive number")
    }

    private mutating func checkBlocks() {
        guard let count = value("block_count")?.integer else { return }
        let limit = ReaderRequirements.blockLimit
        require(
            "block_count", (1...limit).contains(count), found: "\(count) blocks",
            expected: "1 to \(limit)")
    }

    private mutating func checkExperts() {
        let count = value("expert_count")?.integer ?? 0
        let limit = ReaderRequirements.expertLimit
        require(
            "expert_count", (0...limit).contains(count), found: "\(count) experts",
            expected: "at most \(limit)")
        let used = value("expert_used_count")
        let most = used?.integers?.max() ?? used?.integer ?? 0
        // Hunyuan's dense models have one expert, of which readers take no notice.
        if architecture == "hunyuan-dense", count <= 1 { return }
        require(
            "expert_used_count", count > 0 ? (1...max(1, count)).contains(most) : most == 0,
            found: "\(most) of \(count) experts",
            expected: count > 0 ? "1 to \(count)" : "0 without experts")
        let groups = value("expert_group_count")?.integer ?? 0
        require(
            "expert_group_count", groups == 0 || groups < count, found: "\(groups) groups",
            expected: "fewer than the \(count) experts")
        guard groups > 1, groups < count else { return }
        let usedGroups = value("expert_group_used_count")?.integer ?? 0
        require(
            "expert_group_count", count % groups == 0,
            found: "\(groups) groups of \(count) experts", expected: "groups of equal size")
        require(
            "expert_group_used_count", (1..<groups).contains(usedGroups), found: "\(usedGroups)",
            expected: "1 to \(groups - 1)")
    }

    private mutating func checkRotation() {
        let known = ["none", "linear", "yarn", "longrope"]
        if let type = value("rope.scaling.type")?.text {
            require(
                "rope.scaling.type", known.contains(type), found: "\"\(type)\"",
                expected: known.joined(separator: ", "))
        }
        guard ["llama", "falcon"].contains(architecture),
            let turning = value("rope.dimension_count")?.integer,
            let width = value("embedding_length")?.integer,
            let heads = value("attention.head_count")?.integer, heads > 0
        else { return }
        let length = value("attention.key_length")?.integer ?? width / heads
        require(
            "rope.dimension_count", turning == length, found: "\(turning)",
            expected: "the \(length) values of a head")
    }
}

extension ReaderRequirements {
    /// Architectures whose window must be one, once it is there.
    fileprivate static let withWindow: Set<String> = [
        "gpt-oss", "cohere2", "gemma2", "gemma4", "gemma-embedding",
    ]

    fileprivate static let withOutputMatrix: Set<String> = [
        "apertus", "dots1", "gptneox", "minimax-m2", "nemotron", "olmo2", "olmoe", "gpt-oss",
        "phi2", "phimoe", "qwen2moe", "stablelm",
    ]

    /// Modules whose bias must be there.
    fileprivate static let withBias: [String: Set<String>] = [
        "gptneox": ["attn_qkv", "attn_output"], "phi2": ["output"],
        "phimoe": ["output", "attn_output"],
        "starcoder2": ["attn_output", "ffn_up", "ffn_down"],
    ]

    private static let stateSpace: [String] = [
        "ssm.conv_kernel", "ssm.inner_size", "ssm.state_size", "ssm.time_step_rank",
    ]

    /// Keys beyond those of every model, by the architectures that need them.
    fileprivate static let keys: [(architectures: Set<String>, keys: [String])] = [
        (
            [
                "afmoe", "apertus", "arcee", "chatglm", "deepseek2", "dots1", "ernie4_5",
                "ernie4_5-moe", "exaone4", "falcon-h1", "gemma", "gemma2", "gemma3", "gemma4",
                "gemma-embedding", "glm4", "glm4moe", "gpt-oss", "granite", "granitehybrid",
                "granitemoe", "hunyuan-dense", "hunyuan-moe", "lfm2", "lfm2moe", "llama", "llama4",
                "mamba", "mamba2", "minimax-m2", "mistral3", "olmo2", "olmoe", "phi3", "phimoe",
                "qwen2", "qwen2moe", "qwen2vl", "qwen3", "qwen35", "qwen35moe", "qwen3moe",
                "qwen3next", "qwen3vl", "qwen3vlmoe", "seed_oss", "smollm3", "t5", "t5encoder",
            ], ["attention.layer_norm_rms_epsilon"]
        ),
        (
            [
                "bert", "bloom", "cohere2", "command-r", "falcon", "gpt2", "gptneox",
                "modern-bert", "mpt", "nemotron", "nemotron_h", "nemotron_h_moe", "nomic-bert",
                "olmo", "phi2", "stablelm", "starcoder", "starcoder2",
            ], ["attention.layer_norm_epsilon"]
        ),
        (["mamba", "mamba2", "qwen3next", "qwen35", "qwen35moe", "falcon-h1"], stateSpace),
        (["granitehybrid", "nemotron_h", "nemotron_h_moe"], stateSpace),
        (
            [
                "mamba2", "qwen3next", "qwen35", "qwen35moe", "falcon-h1", "granitehybrid",
                "nemotron_h", "nemotron_h_moe",
            ], ["ssm.group_count"]
        ),
        (
            [
                "afmoe", "deepseek2", "dots1", "ernie4_5-moe", "glm4moe", "gpt-oss", "hunyuan-moe",
                "lfm2moe", "llama4", "minimax-m2",
            ], ["expert_feed_forward_length"]
        ),
        (["afmoe", "deepseek2", "dots1", "glm4moe"], ["expert_shared_count"]),
        (["ernie4_5-moe", "llama4"], ["interleave_moe_layer_step"]),
        (["dots1", "lfm2moe", "minimax-m2"], ["expert_gating_func"]),
        (["lfm2", "lfm2moe"], ["shortconv.l_cache"]),
        (["deepseek2"], ["attention.kv_lora_rank"]),
        (
            ["gpt-oss", "cohere2", "gemma4", "gemma-embedding"], ["attention.sliding_window"]
        ),
        (["cohere2", "granite", "granitemoe"], ["logit_scale"]),
        (
            ["gemma4"],
            [
                "attention.sliding_window_pattern", "embedding_length_per_layer_input",
                "attention.key_length_swa", "attention.value_length_swa",
            ]
        ),
        (["gptneox"], ["use_parallel_residual"]),
        (
            ["qwen2vl", "qwen3vl", "qwen3vlmoe", "qwen35", "qwen35moe"], ["rope.dimension_sections"]
        ),
        (["t5", "t5encoder"], ["attention.relative_buckets_count"]),
        (["t5"], ["decoder_start_token_id"]),
    ]
}
