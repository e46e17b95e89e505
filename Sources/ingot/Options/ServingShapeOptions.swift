import ArgumentParser
import Planning
import Quantization

/// How many texts a server is to run, how long each, and how their keys and values are kept.
struct ServingShapeOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            """
            Tokens of each slot, prompt and answer together (servers' --ctx-size counts all slots). \
            (default: 4096, or less where the model was trained with less)
            """, valueName: "tokens"))
    var context: Int?

    @Option(
        name: [
            .customLong("slots"), .customLong("parallel"),
            .customLong("np", withSingleDash: true),
        ],
        help: ArgumentHelp("How many texts run at a time.", valueName: "count"))
    var slots = 1

    @Option(
        name: [.customLong("ctk", withSingleDash: true), .customLong("cache-type-k")],
        help: ArgumentHelp(
            "How keys are kept: f32, f16, bf16, q8_0, q4_0, q4_1, iq4_nl, q5_0 or q5_1.",
            valueName: "type"),
        transform: ServingShapeOptions.format)
    var cacheTypeK = Format.F16

    @Option(
        name: [.customLong("ctv", withSingleDash: true), .customLong("cache-type-v")],
        help: ArgumentHelp("How values are kept, the same types.", valueName: "type"),
        transform: ServingShapeOptions.format)
    var cacheTypeV = Format.F16

    @Flag(help: "One cache for all slots, of context × slots tokens, as llama-server's option.")
    var kvUnified = false

    @Option(
        name: [.customLong("ub", withSingleDash: true), .customLong("ubatch-size")],
        help: ArgumentHelp("The most tokens computed at once.", valueName: "count"))
    var microBatch = 512

    private static func format(_ name: String) throws -> Format {
        let formats = ServingShape.cacheFormats
        guard let format = formats.first(where: { $0.name.lowercased() == name.lowercased() })
        else {
            let names = formats.map { $0.name.lowercased() }.joined(separator: ", ")
            throw ValidationError("'\(name)' found, expected one of \(names)")
        }
        return format
    }

    /// - Parameter trainedContext: What the model was trained with.
    func shape(trainedContext: Int?) throws -> ServingShape {
        let usual = min(4096, trainedContext.flatMap { $0 > 0 ? $0 : nil } ?? 4096)
        return try ServingShape(
            context: context ?? usual, slots: slots, keyFormat: cacheTypeK,
            valueFormat: cacheTypeV, isUnified: kvUnified, microBatch: microBatch)
    }
}

/// What users will ask, and how quickly it must be answered.
struct ServingLoadOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Requests per second: how many replicas they take, at what price.",
            valueName: "rate"))
    var qps: Double?

    @Option(
        help: ArgumentHelp("Tokens of a prompt. (default: 512)", valueName: "tokens"))
    var input: Int?

    @Option(
        help: ArgumentHelp("Tokens of an answer. (default: 256)", valueName: "tokens"))
    var output: Int?

    @Option(
        help: ArgumentHelp("The most seconds until the first token.", valueName: "seconds"))
    var sloTtft: Double?

    @Option(
        help: ArgumentHelp("The most seconds from token to token.", valueName: "seconds"))
    var sloTpot: Double?

    func load() throws -> ServingLoad {
        try ServingLoad(
            requestsPerSecond: qps, inputTokens: input ?? 512, outputTokens: output ?? 256,
            timeToFirstToken: sloTtft, timePerOutputToken: sloTpot)
    }
}
