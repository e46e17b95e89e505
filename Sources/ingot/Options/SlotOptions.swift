import Architectures
import ArgumentParser
import Evaluation
import Inference
import Reporting
import Serving
import TensorCore

/// How many texts a server runs at a time, and how long each may be.
struct SlotOptions: ParsableArguments {
    @Option(
        name: [.customShort("c"), .customLong("ctx-size"), .customLong("context")],
        help: ArgumentHelp(
            "Tokens of all slots together; 0 for what the model was trained with in each. (default:"
                + " 4096 for each slot, or less where the model has less)", valueName: "tokens"))
    var context: Int?

    @Option(
        name: [.customLong("parallel"), .customLong("np", withSingleDash: true)],
        help: ArgumentHelp("Slots: how many texts run at a time.", valueName: "count"))
    var parallel = 4

    @Option(
        help: ArgumentHelp(
            "How many requests may wait for a slot; more are answered with 503.",
            valueName: "count"))
    var maxQueue = 256

    @Option(
        name: [.customLong("cache-type-k"), .customLong("ctk", withSingleDash: true)],
        help: ArgumentHelp("How keys are kept.", valueName: "f32|f16|q8_0"),
        transform: SlotOptions.cacheType)
    var cacheTypeK = CacheType.f16

    @Option(
        name: [.customLong("cache-type-v"), .customLong("ctv", withSingleDash: true)],
        help: ArgumentHelp("How values are kept.", valueName: "f32|f16|q8_0"),
        transform: SlotOptions.cacheType)
    var cacheTypeV = CacheType.f16

    @Option(
        help: ArgumentHelp(
            "What linear layers take in: q8 rounded as engines do, f32 as it is.",
            valueName: "f32|q8"), transform: Activations.named)
    var activations = Activations.q8

    private static func cacheType(_ name: String) throws -> CacheType {
        guard let type = CacheType(rawValue: name.lowercased()) else {
            throw ValidationError("'\(name)' found, expected f32, f16 or q8_0")
        }
        return type
    }

    mutating func validate() throws {
        guard (1...256).contains(parallel) else {
            throw ValidationError("--parallel is \(parallel), expected 1 to 256")
        }
        guard (1...65536).contains(maxQueue) else {
            throw ValidationError("--max-queue is \(maxQueue), expected 1 to 65536")
        }
        if let context, context < 0 || (context > 0 && context < 16 * parallel) {
            throw ValidationError(
                "--ctx-size is \(context), expected at least 16 for each of \(parallel) slots, or 0"
            )
        }
    }

    /// - Parameter usualContext: The tokens of a slot where no option tells them.
    func settings(for model: Model, usualContext: Int?) -> Engine.Settings {
        let trained = max(1, model.contextLength)
        let capacity =
            context.map { $0 == 0 ? trained : $0 / parallel } ?? usualContext
            ?? min(4096, trained)
        if capacity > trained {
            Terminal.warning(
                EvaluationWarning.contextBeyondTraining(
                    contextLength: capacity, trained: trained, model: model.path
                ).description)
        }
        var settings = Engine.Settings(
            slotCount: parallel, slotCapacity: capacity, queueLimit: maxQueue)
        settings.activations = activations
        (settings.cacheTypeK, settings.cacheTypeV) = (cacheTypeK, cacheTypeV)
        return settings
    }

    /// What there is room for.
    func note(_ engine: Engine, _ model: Model) -> String {
        let capacity = engine.settings.slotCapacity
        if model.description.seesAhead {
            return "\(Paths.name(model.path)) is ready: embeddings of texts of up to "
                + NumberFormat.counted(capacity, "token")
        }
        return "\(Paths.name(model.path)) is ready: \(NumberFormat.counted(parallel, "slot")), each"
            + " with room for \(NumberFormat.counted(capacity, "token")) of prompt and answer"
            + " (\(capacity * parallel) in all, \(NumberFormat.bytes(engine.cacheByteCount)))"
    }
}
