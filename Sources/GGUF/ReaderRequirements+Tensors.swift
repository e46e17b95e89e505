extension ReaderRequirements {
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

    private static let withOutputMatrix: Set<String> = [
        "apertus", "baichuan", "bailingmoe", "bailingmoe2", "codeshell", "dbrx", "dots1",
        "exaone-moe", "gpt-oss", "gptneox", "internlm2", "jais", "kimi-linear", "llada-moe",
        "mellum", "mimo2", "minimax-m2", "minimax-m3", "nemotron", "olmo2", "olmoe", "orion",
        "plamo", "qwen", "xverse",
        "phi2", "phimoe", "qwen2moe", "stablelm",
    ]

    /// Modules whose bias must be there.
    private static let withBias: [String: Set<String>] = [
        "gptneox": ["attn_qkv", "attn_output"], "pangu-embedded": ["attn_output"],
        "phi2": ["output"],
        "phimoe": ["output", "attn_output"],
        "starcoder2": ["attn_output", "ffn_up", "ffn_down"],
    ]

    /// The output matrix and the biases without which readers end.
    func tensorFaults() -> [ReaderFault] {
        guard isModel, !tensors.isEmpty else { return [] }
        let names = Set(tensors.map(\.name))
        var needed = names.filter { Self.needsBias(architecture, ofWeight: $0) }
            .map { String($0.dropLast("weight".count)) + "bias" }
        if Self.needsOutputMatrix(architecture) { needed.append("output.weight") }
        return needed.sorted().filter { !names.contains($0) }.map { name in
            fault(
                name, found: "no such tensor",
                expected: "one, without which readers of \(architecture) end",
                remedy: "Convert the model again.")
        }
    }
}
