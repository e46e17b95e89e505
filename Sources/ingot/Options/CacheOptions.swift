import ArgumentParser
import Inference

/// How the keys and values of a text are kept.
struct CacheOptions: ParsableArguments {
    @Option(
        name: [.customLong("ctk", withSingleDash: true), .customLong("cache-type-k")],
        help: ArgumentHelp(
            "How keys are kept: f32, f16 (the default) or q8_0.", valueName: "f32|f16|q8_0"),
        transform: CacheType.named)
    var cacheTypeK = CacheType.f16

    @Option(
        name: [.customLong("ctv", withSingleDash: true), .customLong("cache-type-v")],
        help: ArgumentHelp(
            "How values are kept: f32, f16 (the default) or q8_0.", valueName: "f32|f16|q8_0"),
        transform: CacheType.named)
    var cacheTypeV = CacheType.f16
}

extension CacheType {
    /// What an option's value names.
    static func named(_ name: String) throws -> CacheType {
        guard let type = CacheType(rawValue: name.lowercased()) else {
            throw ValidationError("'\(name)' found, expected f32, f16 or q8_0")
        }
        return type
    }
}
