import TensorCore

/// What a device makes of a model: whether it fits, how much of it, how fast, at what price.
public struct DevicePlan: Sendable, Encodable {
    /// The device.
    public let device: Device
    /// How many share the model; the smallest number on which it fits, or the most that may.
    public let count: Int
    /// Whether the model fits with the context and slots asked for.
    public let fits: Bool
    /// The bytes that each device needs, and has.
    public let neededBytes: Int
    /// The bytes that a device has for a model.
    public let usableBytes: Int
    /// The longest context with the slots asked for; `nil` where not even the shortest fits.
    public let largestContext: Int?
    /// The most slots with the context asked for.
    public let largestSlots: Int?
    /// Tokens per second of one text, of `context` tokens or the load's.
    public let singleTokensPerSecond: Double?
    /// Tokens per second of all slots together.
    public let tokensPerSecond: Double?
    /// Seconds until the first token, without waiting.
    public let timeToFirstToken: Double?
    /// Seconds from token to token with all slots running.
    public let timePerOutputToken: Double?
    /// What an hour of these devices costs.
    public let pricePerHour: Double?
    /// What a month (730 hours) of these devices costs.
    public let pricePerMonth: Double?
    /// What a million tokens of answers cost when all slots are always busy.
    public let pricePerMillionTokens: Double?
    /// What the load takes; `nil` without one, or where the model does not fit.
    public let load: LoadPlan?

    /// Hours of a month.
    public static let hoursOfMonth = 730.0

    /// Plans a model on a device.
    ///
    /// - Throws: `PlanningError` as `MemoryNeed`.
    /// - Complexity: O(layers · log(context)).
    public init(
        _ model: PlannedModel, _ shape: ServingShape, on device: Device, load: ServingLoad
    ) throws(PlanningError) {
        let counts = device.counts(headCount: model.headCount)
        var chosen = counts.last ?? 1
        var room = DeviceRoom(model, device, count: chosen)
        for count in counts {
            let smaller = DeviceRoom(model, device, count: count)
            if try smaller.holds(shape) {
                (chosen, room) = (count, smaller)
                break
            }
        }
        self.device = device
        count = chosen
        usableBytes = device.usableBytes
        neededBytes = try room.neededBytes(shape)
        fits = neededBytes <= device.usableBytes
        largestContext = try room.largestContext(shape)
        largestSlots = try room.largestSlots(shape)
        pricePerHour = device.pricePerHour.map { $0 * Double(chosen) }
        pricePerMonth = pricePerHour.map { $0 * DevicePlan.hoursOfMonth }
        guard fits else {
            singleTokensPerSecond = nil
            tokensPerSecond = nil
            timeToFirstToken = nil
            timePerOutputToken = nil
            pricePerMillionTokens = nil
            self.load = nil
            return
        }
        let speed = DeviceSpeed(model: model, shape: shape, device: device, count: chosen)
        let length = min(shape.context, load.meanTokens)
        let step = try speed.stepSeconds(batch: shape.slots, length: length)
        singleTokensPerSecond = 1 / (try speed.stepSeconds(batch: 1, length: length))
        tokensPerSecond = Double(shape.slots) / step
        timePerOutputToken = step
        timeToFirstToken = speed.promptSeconds(length: min(shape.context, load.inputTokens))
        pricePerMillionTokens = pricePerHour.map {
            $0 / 3600 * step / Double(shape.slots) * 1e6
        }
        self.load = try LoadPlan(speed, room, load)
    }
}

/// How much of a model's serving fits on a number of devices.
struct DeviceRoom {
    let model: PlannedModel
    let device: Device
    let count: Int

    init(_ model: PlannedModel, _ device: Device, count: Int) {
        self.model = model
        self.device = device
        self.count = count
    }

    /// The bytes that each of the devices needs: its part of weights, cache and states, and what a
    /// step computes with.
    func neededBytes(_ shape: ServingShape) throws(PlanningError) -> Int {
        let need = try MemoryNeed(model, shape)
        let cache = try model.cache.cacheByteCount(shape, deviceCount: count)
        let shared = [need.weights, need.states].reduce(cache) {
            $0 + $1.dividedRoundingUp(by: count)
        }
        guard let total = shared.adding(checked: need.compute) else {
            throw PlanningError(.tooLarge)
        }
        return total
    }

    /// Whether a shape fits; one whose bytes cannot be counted does not.
    func holds(_ shape: ServingShape) throws(PlanningError) -> Bool {
        do throws(PlanningError) {
            return try neededBytes(shape) <= device.usableBytes
        } catch {
            if case .tooLarge = error.kind { return false }
            throw error
        }
    }

    /// The longest context that fits with the slots of a shape, a multiple of 256 and not above what
    /// the model was trained with.
    func largestContext(_ shape: ServingShape) throws(PlanningError) -> Int? {
        let limit =
            model.trainedContext.flatMap { $0 > 0 ? $0 : nil }
            ?? ServingShape.longestContext
        let steps = max(1, min(limit, ServingShape.longestContext) / ServingShape.padding)
        let most = try DeviceRoom.largest(steps) { steps throws(PlanningError) in
            try holds(shape.with(context: steps * ServingShape.padding))
        }
        return most.map { min($0 * ServingShape.padding, max(limit, 1)) }
    }

    /// The most slots that fit with the context of a shape.
    func largestSlots(_ shape: ServingShape) throws(PlanningError) -> Int? {
        try DeviceRoom.largest(ServingShape.mostSlots) { slots throws(PlanningError) in
            try holds(shape.with(slots: slots))
        }
    }

    /// The largest of `1...limit` that holds; what holds for one holds for all below it.
    static func largest(
        _ limit: Int, holds: (Int) throws(PlanningError) -> Bool
    ) throws(PlanningError) -> Int? {
        guard try holds(1) else { return nil }
        var (low, high) = (1, limit + 1)
        while high - low > 1 {
            let middle = low + (high - low) / 2
            if try holds(middle) { low = middle } else { high = middle }
        }
        return low
    }
}
