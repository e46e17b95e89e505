/// What a load takes of a kind of device.
public struct LoadPlan: Sendable, Encodable {
    /// The slots of a replica: the most that memory holds and the limits of time allow.
    public let slots: Int
    /// What kept it from more slots: `memory`, `time per output token` or `slots`.
    public let limitedBy: String
    /// Seconds until the first token, without waiting.
    public let timeToFirstToken: Double
    /// Seconds from token to token with all of these slots running.
    public let timePerOutputToken: Double
    /// Whether both are within the limits asked for.
    public let meetsLimits: Bool
    /// Requests per second that a replica answers.
    public let requestsPerSecond: Double
    /// Replicas for the load; `nil` where no requests per second are given.
    public let replicas: Int?
    /// Replicas if prompts took no time from other slots: requests per second times the seconds that
    /// each holds a slot, shared out over slots (Little's law).
    public let replicasBySlots: Int?
    /// What they cost in a month.
    public let pricePerMonth: Double?
    /// What a million tokens of answers cost at this load.
    public let pricePerMillionTokens: Double?

    /// Slots beyond this are not tried: engines schedule no more.
    static let mostSlots = 1024

    init?(
        _ speed: DeviceSpeed, _ room: DeviceRoom, _ load: ServingLoad
    ) throws(PlanningError) {
        guard
            load.requestsPerSecond != nil || load.timePerOutputToken != nil
                || load.timeToFirstToken != nil
        else { return nil }
        let shape = try speed.shape.with(context: max(speed.shape.context, load.tokens))
        let memory = try DeviceRoom.largest(LoadPlan.mostSlots) { slots throws(PlanningError) in
            try room.holds(shape.with(slots: slots))
        }
        guard let memory else { return nil }
        let limit = load.timePerOutputToken ?? .infinity
        let timed = try DeviceRoom.largest(memory) { slots throws(PlanningError) in
            try speed.stepSeconds(batch: slots, length: load.meanTokens) <= limit
        }
        slots = timed ?? 1
        limitedBy =
            slots < memory
            ? "time per output token" : memory < LoadPlan.mostSlots ? "memory" : "slots"
        timePerOutputToken = try speed.stepSeconds(batch: slots, length: load.meanTokens)
        timeToFirstToken = speed.promptSeconds(length: load.inputTokens)
        meetsLimits =
            timePerOutputToken <= limit
            && timeToFirstToken <= load.timeToFirstToken ?? .infinity
        let output = Double(load.outputTokens)
        // Prompts are computed one after another and hold up the steps of all slots meanwhile.
        requestsPerSecond = 1 / (timeToFirstToken + output * timePerOutputToken / Double(slots))
        let perSlot = Double(slots) / (timeToFirstToken + output * timePerOutputToken)
        guard let wanted = load.requestsPerSecond else {
            replicas = nil
            replicasBySlots = nil
            pricePerMonth = nil
            pricePerMillionTokens = nil
            return
        }
        let replicas = LoadPlan.roundedUp(wanted / requestsPerSecond)
        self.replicas = replicas
        replicasBySlots = LoadPlan.roundedUp(wanted / perSlot)
        let hourly = speed.device.pricePerHour.map {
            $0 * Double(speed.count) * Double(replicas)
        }
        pricePerMonth = hourly.map { $0 * DevicePlan.hoursOfMonth }
        pricePerMillionTokens = hourly.map { $0 / (3600 * wanted * output) * 1e6 }
    }

    private static func roundedUp(_ count: Double) -> Int {
        let whole = count.rounded(.up)
        return whole < 1e12 ? max(1, Int(whole)) : 1_000_000_000_000
    }
}
