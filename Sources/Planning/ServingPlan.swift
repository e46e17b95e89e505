import Quantization
import TensorCore

/// What serving a model takes, in one place: memory, devices, types, an engine, and the rough rules
/// beside the exact figures.
public struct ServingPlan: Sendable, Encodable {
    /// The version of the JSON.
    public let schemaVersion = 1
    /// The model's path.
    public let model: String
    /// What is at the path.
    public let kind: ModelAtPath.Kind
    /// `general.architecture`.
    public let architecture: String
    /// The type that is planned.
    public let type: String
    /// How the bytes of weights were found.
    public let weightsFrom: String
    /// How what is kept of texts was found.
    public let cacheFrom: CacheLayout.Origin
    /// What the layers keep, in words.
    public let layers: String
    /// The parameters.
    public let parameterCount: Int
    /// The parameters that a token is multiplied by.
    public let activeParameterCount: Double
    /// Bits of tensor data per parameter.
    public let bitsPerWeight: Double
    /// The context that the model was trained with.
    public let trainedContext: Int?
    /// The tokens of a slot.
    public let context: Int
    /// How many texts run at a time.
    public let slots: Int
    /// The same as options of `llama-server` and `ingot serve`, which count the tokens of all slots;
    /// of directories for GPU engines as options of vLLM, which counts those of one.
    public let serverOptions: [String]
    /// How keys are kept.
    public let cacheTypeK: String
    /// How values are kept.
    public let cacheTypeV: String
    /// The bytes of one more token of a text.
    public let cacheBytesPerToken: Int
    /// The memory.
    public let memory: MemoryNeed
    /// The memory of all slots by the context of each.
    public let memoryByContext: [ContextPoint]
    /// What users ask.
    public let load: ServingLoad
    /// The devices.
    public let devices: [DevicePlan]
    /// The types that were compared.
    public let types: [TypeChoice]
    /// For each device: the best of the types that fit.
    public let bestTypes: [Best]
    /// The device that the advice is for.
    public let adviceFor: String
    /// Which engine, and why.
    public let engines: EngineAdvice
    /// Rough rules, for the same device.
    public let rulesOfThumb: [RuleOfThumb]
    /// What works where the plan does not, in sentences.
    public let remedies: [String]
    /// What the user should know.
    public let notices: [String]

    /// The memory that a context takes.
    public struct ContextPoint: Sendable, Hashable, Encodable {
        /// The tokens of a slot.
        public let context: Int
        /// All bytes.
        public let total: Int
    }

    /// The best type for a device.
    public struct Best: Sendable, Hashable, Encodable {
        /// The device.
        public let device: String
        /// The type of GGUF; `nil` where none fits.
        public let type: String?
        /// The type of directories for GPU engines; `nil` where none fits, runs, or is compared.
        public let checkpointType: String?
    }

    /// Plans a model.
    ///
    /// - Parameters:
    ///   - typed: The model in the type that is planned.
    ///   - ladder: The types that are compared, with the divergences that a report has.
    ///   - devices: Where it could run, at least one.
    /// - Throws: `PlanningError`.
    public init(
        of place: ModelAtPath, _ typed: ModelAtPath.TypedModel, _ shape: ServingShape,
        load: ServingLoad, devices: [Device],
        ladder: [(typed: ModelAtPath.TypedModel, divergence: Double?)]
    ) throws(PlanningError) {
        let model = typed.model
        memory = try MemoryNeed(model, shape)
        var plans: [DevicePlan] = []
        for device in devices {
            plans.append(try DevicePlan(model, shape, on: device, load: load))
        }
        var types: [TypeChoice] = []
        for (typed, divergence) in ladder {
            var places: [DevicePlan] = []
            for device in devices {
                places.append(try DevicePlan(typed.model, shape, on: device, load: load))
            }
            types.append(TypeChoice(typed, plans: places, divergence: divergence))
        }
        let running = plans.filter { typed.checkpoint?.fault(on: $0.device) == nil }
        let advised = ServingPlan.advised(running.isEmpty ? plans : running)
        bestTypes = devices.indices.map { index in
            func best(isCheckpoint: Bool) -> String? {
                let own = types.filter { $0.isCheckpoint == isCheckpoint }
                return TypeChoice.best(of: own, onDevice: index)?.type
            }
            return Best(
                device: devices[index].name, type: best(isCheckpoint: false),
                checkpointType: best(isCheckpoint: true))
        }
        remedies =
            try plans.filter { !$0.fits }.isEmpty || plans.contains(where: \.fits)
            ? []
            : ServingPlan.remedies(plans, types, model, shape)
        engines = EngineAdvice(
            typed, place.kind, on: advised.device,
            users: max(shape.slots, load.requestsPerSecond == nil ? 0 : advised.load?.slots ?? 0))
        let nominal =
            typed.checkpoint?.nominalBits
            ?? Recipe.named(typed.type)?.defaultFormat?.bitsPerWeight ?? model.bitsPerWeight
        rulesOfThumb = RuleOfThumb.all(
            model, memory, advised, shape, load: load, nominalBits: nominal.rounded(.down))
        adviceFor = advised.device.name
        self.devices = plans
        self.types = types
        self.load = load
        self.model = place.path
        kind = place.kind
        architecture = model.architecture
        type = typed.type
        weightsFrom = typed.weightsFrom
        cacheFrom = model.cache.origin
        layers = model.cache.summary
        parameterCount = model.work.parameterCount
        activeParameterCount = model.work.activeParameterCount
        bitsPerWeight = model.bitsPerWeight
        trainedContext = model.trainedContext
        context = shape.context
        slots = shape.slots
        serverOptions =
            typed.checkpoint == nil ? shape.serverOptions : shape.checkpointServerOptions
        cacheTypeK = shape.keyFormat.name.lowercased()
        cacheTypeV = shape.valueFormat.name.lowercased()
        cacheBytesPerToken = try model.cache.tokenByteCount(shape)
        notices = place.notices + ServingPlan.notices(typed, shape) + load.notices
        memoryByContext = try ServingPlan.curve(model, shape)
    }

    /// The device that advice is for: the cheapest for the load, otherwise the cheapest of the fewest
    /// on which the model fits.
    private static func advised(_ plans: [DevicePlan]) -> DevicePlan {
        func price(_ plan: DevicePlan) -> Double? {
            plan.load.flatMap { $0.meetsLimits ? $0.pricePerMonth : nil }
        }
        if let cheapest = plans.filter({ price($0) != nil }).min(by: {
            (price($0) ?? .infinity) < (price($1) ?? .infinity)
        }) {
            return cheapest
        }
        return plans.filter(\.fits).min {
            ($0.count, $0.pricePerHour ?? .infinity, $0.device.memoryBytes)
                < ($1.count, $1.pricePerHour ?? .infinity, $1.device.memoryBytes)
        } ?? plans[0]
    }

    /// The memory by context, doubled from 256 to the longest of interest.
    private static func curve(
        _ model: PlannedModel, _ shape: ServingShape
    ) throws(PlanningError) -> [ContextPoint] {
        let longest = max(shape.context, model.trainedContext ?? 0, 4096)
        var points: [ContextPoint] = []
        var context = 256
        while context < longest * 2, context <= ServingShape.longestContext {
            let tokens = min(context, longest)
            // What cannot be counted cannot be drawn either.
            guard let need = try? MemoryNeed(model, shape.with(context: tokens)) else { break }
            points.append(ContextPoint(context: tokens, total: need.total))
            context *= 2
        }
        return points
    }

    private static func notices(
        _ typed: ModelAtPath.TypedModel, _ shape: ServingShape
    ) -> [String] {
        var notices: [String] = []
        if let trained = typed.model.trainedContext, trained > 0, shape.context > trained {
            notices.append(
                "\(shape.context) tokens are more than the \(trained) that the model was trained"
                    + " with")
        }
        if typed.model.cache.layers.allSatisfy({ $0.attention == nil && $0.stateLength == 0 }) {
            notices.append(
                "the model keeps nothing of texts: an encoder, of which only the time of prompts"
                    + " (TTFT) applies")
        }
        if typed.needsImportance {
            notices.append("\(typed.type) asks for an importance matrix or calibration")
        }
        if typed.checkpoint != nil {
            notices.append(
                "engines that page (vLLM, SGLang) take what is left of a device's memory for keys"
                    + " and values; the bytes here are those that texts fill, in 16 bits")
        }
        if typed.model.cache.origin == .keys {
            notices.append(
                "Ingot does not run \(typed.model.architecture): what its layers keep is read from"
                    + " general keys, and may be less in truth")
        }
        return notices
    }

    /// What works where the plan does not: less context, fewer slots, a smaller type, another device.
    private static func remedies(
        _ plans: [DevicePlan], _ types: [TypeChoice], _ model: PlannedModel, _ shape: ServingShape
    ) throws(PlanningError) -> [String] {
        var sentences: [String] = []
        for (index, plan) in plans.enumerated() {
            let name = plan.count > 1 ? "\(plan.count) × \(plan.device.name)" : plan.device.name
            if let context = plan.largestContext {
                sentences.append("\(name): a context of \(context) with the same slots")
            } else if let slots = plan.largestSlots {
                sentences.append("\(name): \(slots) slots with the same context")
            } else if let most = try DeviceRoom(model, plan.device, count: plan.count)
                .largestContext(shape.with(slots: 1))
            {
                sentences.append("\(name): a context of \(most) in one slot")
            }
            if let type = TypeChoice.best(of: types, onDevice: index) {
                let count = type.places[index].count
                sentences.append(
                    "\(count > 1 ? "\(count) × " : "")\(plan.device.name): type \(type.type)"
                        + " as asked")
            }
        }
        for device in HardwareTable.builtIn.devices
            .sorted(by: { $0.memoryBytes < $1.memoryBytes }) where device.kind != .cpu
        {
            let room = DeviceRoom(model, device, count: 1)
            guard try room.holds(shape) else { continue }
            sentences.append("the smallest single device that takes it as asked: \(device.name)")
            return sentences
        }
        let need = try MemoryNeed(model, shape).total
        sentences.append(
            "no single device of the table takes it as asked: \(need) bytes are needed")
        return sentences
    }
}
