import ArgumentParser
import Conversion

/// What `convert` can be told about a directory with an adapter (LoRA).
struct AdapterOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            """
            For an adapter: the directory of the model that it was trained on (default: what \
            adapter_config.json names, where it is here or in the hub's cache).
            """, valueName: "directory"))
    var base: String?

    @Option(
        help: ArgumentHelp(
            "For an adapter: that model's id on the hub, looked for in the hub's cache.",
            valueName: "owner/name"))
    var baseModelID: String?

    @Flag(help: "For an adapter: write the model with the adapter merged in.")
    var merge = false

    @Flag(
        help: """
            For an adapter: multiply scales that readers do not know of (rsLoRA, alpha_pattern) into \
            its factors.
            """)
    var foldScales = false

    mutating func validate() throws {
        if base != nil, baseModelID != nil {
            throw ValidationError("--base and --base-model-id name one model; give one of them")
        }
        if merge, foldScales {
            throw ValidationError("--fold-scales is for an adapter's file; --merge scales exactly")
        }
    }

    /// Whether the directory is to be taken for an adapter's.
    func isAdapter(_ directory: String) -> Bool {
        base != nil || baseModelID != nil || merge || foldScales
            || AdapterDirectory.isAdapter(directory)
    }

    /// The directory of the model that an adapter changes.
    func base(of adapter: AdapterDirectory) throws -> String {
        try adapter.base(base, id: baseModelID)
    }
}
