public import Quantization
import TensorCore

/// What a server is to hold: how many texts at a time, how long each may be, and how their keys and
/// values are kept.
public struct ServingShape: Sendable, Hashable {
    /// The tokens of a text, prompt and answer together.
    public let context: Int
    /// How many texts run at a time.
    public let slots: Int
    /// How keys are kept.
    public let keyFormat: Format
    /// How values are kept.
    public let valueFormat: Format
    /// Whether all slots share one cache of `context · slots` tokens (llama.cpp's `--kv-unified`).
    public let isUnified: Bool
    /// The most tokens that are computed at once (llama.cpp's `--ubatch-size`).
    public let microBatch: Int

    /// The longest context that is believed: 2³⁰ tokens.
    public static let longestContext = 1 << 30
    /// The most slots that are believed.
    public static let mostSlots = 1 << 16
    /// The formats that llama.cpp keeps keys and values in.
    public static let cacheFormats: [Format] = [
        .F32, .F16, .BF16, .Q8_0, .Q4_0, .Q4_1, .IQ4_NL, .Q5_0, .Q5_1,
    ]

    /// Describes what a server is to hold.
    ///
    /// - Throws: `PlanningError` when a number is out of range, or a format is none of
    ///   `cacheFormats`.
    public init(
        context: Int, slots: Int = 1, keyFormat: Format = .F16, valueFormat: Format = .F16,
        isUnified: Bool = false, microBatch: Int = 512
    ) throws(PlanningError) {
        func check(
            _ value: Int, _ largest: Int, _ place: String
        ) throws(PlanningError) {
            guard value >= 1, value <= largest else {
                throw PlanningError(
                    .outOfRange(found: "\(value)", expected: "1 to \(largest)"), place: place)
            }
        }
        try check(context, ServingShape.longestContext, "context")
        try check(slots, ServingShape.mostSlots, "slots")
        try check(microBatch, ServingShape.mostSlots, "micro-batch")
        for format in [keyFormat, valueFormat] where !ServingShape.cacheFormats.contains(format) {
            throw PlanningError(
                .cacheFormat(
                    found: format.name,
                    expected: "one of "
                        + ServingShape.cacheFormats.map { $0.name.lowercased() }
                        .joined(separator: ", ")))
        }
        self.context = context
        self.slots = slots
        self.keyFormat = keyFormat
        self.valueFormat = valueFormat
        self.isUnified = isUnified
        self.microBatch = microBatch
    }

    /// The same with another context or another number of slots.
    public func with(context: Int? = nil, slots: Int? = nil) throws(PlanningError) -> ServingShape {
        try ServingShape(
            context: context ?? self.context, slots: slots ?? self.slots, keyFormat: keyFormat,
            valueFormat: valueFormat, isUnified: isUnified, microBatch: microBatch)
    }

    /// The shape as options of `llama-server` and `ingot serve`.
    var serverOptions: [String] {
        var options = ["--ctx-size", "\(context * slots)", "--parallel", "\(slots)"]
        if isUnified { options.append("--kv-unified") }
        if keyFormat != .F16 { options += ["--cache-type-k", keyFormat.name.lowercased()] }
        if valueFormat != .F16 { options += ["--cache-type-v", valueFormat.name.lowercased()] }
        if microBatch != 512 { options += ["--ubatch-size", "\(microBatch)"] }
        return options
    }

    /// The shape as options of `vllm serve`.
    var checkpointServerOptions: [String] {
        ["--max-model-len", "\(context)", "--max-num-seqs", "\(slots)"]
    }

    /// Contexts are whole multiples of this many tokens.
    static let padding = 256

    /// The caches beside each other: one for each slot, or one for all.
    var streamCount: Int { isUnified ? 1 : slots }

    /// The tokens that one cache has room for; with limits as above it cannot overflow.
    var cells: Int { ServingShape.padded(isUnified ? context * slots : context) }

    /// The tokens that the cache of layers with a sliding window has room for.
    func cells(window: Int) -> Int {
        let seen = window.multipliedReportingOverflow(by: isUnified ? slots : 1)
        guard !seen.overflow, let wanted = seen.partialValue.adding(checked: microBatch) else {
            return cells
        }
        return ServingShape.padded(min(cells, wanted))
    }

    private static func padded(_ count: Int) -> Int {
        count.aligned(to: padding) ?? count
    }
}
