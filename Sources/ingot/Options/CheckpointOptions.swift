import ArgumentParser
import Checkpoints
import Reporting

/// What `quantize` can be told about directories for GPU engines.
struct CheckpointOptions: ParsableArguments {
    @Flag(
        help: """
            List the types of directories for GPU engines: for whom, for what, on which GPU; with a \
            model, how large it would be in each and which are refused.
            """)
    var listTypes = false

    @Option(
        help: ArgumentHelp(
            "For a directory for GPU engines: inputs that share a scale (default: the type's).",
            valueName: "32|64|128|channel"))
    var groupSize: String?

    @Option(
        help: ArgumentHelp(
            """
            For a directory for GPU engines: leave layers alone whose name matches (as --tensor-type \
            does); may be repeated.
            """, valueName: "regex"))
    var ignore: [String] = []

    @Option(
        help: ArgumentHelp(
            "For a directory for GPU engines: store scales of the KV cache in 8-bit floats.",
            valueName: "fp8"))
    var kvCache: String?

    @Option(
        help: ArgumentHelp(
            "For a directory for GPU engines: the most that one file of weights holds (default: 5G).",
            valueName: "size"))
    var maxShardSize: String?

    /// The options that are given, for a command that writes GGUF files.
    var given: [String] {
        [
            (groupSize != nil, "--group-size"), (!ignore.isEmpty, "--ignore"),
            (kvCache != nil, "--kv-cache"), (maxShardSize != nil, "--max-shard-size"),
        ].filter(\.0).map(\.1)
    }

    /// The bytes of a shard.
    func shardByteCount() throws -> Int {
        let text = maxShardSize ?? "5G"
        guard let count = ByteSize.parseDecimal(text), count > 0 else {
            throw ValidationError(
                "--max-shard-size is \(text), expected a number and M or G: 5G")
        }
        return count
    }

    /// What the plan is told.
    func plan(scope: WeightGrid.Scope?, allowsRequantization: Bool) throws
        -> CheckpointPlan.Options
    {
        var options = CheckpointPlan.Options()
        options.scope = scope
        if let groupSize {
            guard let own = CheckpointForm.scope(groupSize) else {
                throw ValidationError(
                    "--group-size is \(groupSize), expected \(CheckpointForm.groupSizes)")
            }
            options.scope = own
        }
        if let kvCache {
            guard kvCache.lowercased() == "fp8" else {
                throw ValidationError("--kv-cache is \(kvCache), expected fp8")
            }
            options.hasCacheScales = true
        }
        options.ignored = ignore
        options.allowsRequantization = allowsRequantization
        return options
    }
}
