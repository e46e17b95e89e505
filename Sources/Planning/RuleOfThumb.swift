/// A rough rule that people calculate with, beside the exact figure.
public struct RuleOfThumb: Sendable, Hashable, Encodable {
    /// The rule.
    public let rule: String
    /// What it says.
    public let rough: Double
    /// What this plan says; `nil` where there is nothing to compare with.
    public let exact: Double?
    /// What both count.
    public let unit: String
    /// Why they differ.
    public let reason: String

    /// The usual rules for a model on a device.
    ///
    /// - Parameter nominalBits: The bits that the type's name promises a weight.
    public static func all(
        _ model: PlannedModel, _ need: MemoryNeed, _ plan: DevicePlan, _ shape: ServingShape,
        load: ServingLoad, nominalBits: Double
    ) -> [RuleOfThumb] {
        let parameters = Double(model.work.parameterCount)
        let bytesEach = nominalBits / 8
        let weights = Double(need.weights)
        var rules = [
            RuleOfThumb(
                rule: "parameters × bytes × 1.2", rough: parameters * bytesEach * 1.2,
                exact: Double(need.weights + need.compute), unit: "bytes",
                reason: "\(Int(nominalBits)) bits are a weight's share without scales and without"
                    + " the tensors that keep more; a fifth on top stands for what a step computes"
                    + " with, which grows with the micro-batch and the vocabulary instead"),
            RuleOfThumb(
                rule: "the same with KV cache, × 1.4", rough: parameters * bytesEach * 1.4,
                exact: Double(need.total), unit: "bytes",
                reason: "the cache grows with context × slots (here \(shape.context) ×"
                    + " \(shape.slots)) and by how many keys and values layers keep"),
        ]
        if let speed = plan.singleTokensPerSecond {
            rules.append(
                RuleOfThumb(
                    rule: "tokens/s = bandwidth / size",
                    rough: plan.device.bandwidth * Double(plan.count) / max(1, weights),
                    exact: speed, unit: "tokens/s",
                    reason: RuleOfThumb.speedReason(model, plan)))
        }
        let memory = Double(plan.device.memoryBytes)
        rules.append(
            RuleOfThumb(
                rule: "devices = int(size × 1.4 / memory) + 1",
                rough: (parameters * bytesEach * 1.4 / max(1, memory)).rounded(.down) + 1,
                exact: plan.fits ? Double(plan.count) : nil, unit: "devices",
                reason: "one too many where it fits exactly, and it counts memory that the driver"
                    + " keeps; devices that share a model also share its heads, so their number is"
                    + " a power of two"))
        if let load = loadRule(plan, load) { rules.append(load) }
        return rules
    }

    private static func speedReason(_ model: PlannedModel, _ plan: DevicePlan) -> String {
        var reasons = [
            "\(Int((plan.device.bandwidthEfficiency * 100).rounded())) % of the bandwidth is reached",
            "the cache is read too",
        ]
        if model.work.readByteCount(batch: 1) < 0.95 * Double(model.work.byteCount) {
            reasons.append(
                model.work.expertCount > 1
                    ? "a token reads \(model.work.usedExpertCount) of \(model.work.expertCount)"
                        + " experts, and of the embeddings a row"
                    : "of the embeddings a token reads a row")
        }
        if plan.count > 1 { reasons.append("devices that share a model wait for each other") }
        return reasons.joined(separator: "; ")
    }

    /// Replicas by the speed of one text at a time.
    private static func loadRule(_ plan: DevicePlan, _ load: ServingLoad) -> RuleOfThumb? {
        guard let wanted = load.requestsPerSecond, let planned = plan.load,
            let replicas = planned.replicas, let speed = plan.singleTokensPerSecond
        else { return nil }
        return RuleOfThumb(
            rule: "replicas = requests/s × output / tokens/s of one text",
            rough: (wanted * Double(load.outputTokens) / speed).rounded(.up),
            exact: Double(replicas), unit: "replicas",
            reason: "a replica runs \(planned.slots) texts at a time, which read the weights"
                + " together; and prompts take time too")
    }
}
