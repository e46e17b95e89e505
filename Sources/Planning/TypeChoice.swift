/// A type of the ladder on a device.
public struct TypeChoice: Sendable, Hashable, Encodable {
    /// The type.
    public let type: String
    /// The bytes of weights.
    public let weights: Int
    /// Bits of tensor data per parameter.
    public let bitsPerWeight: Double
    /// The mean KL divergence from the base, where a report has the type.
    public let divergence: Double?
    /// Whether it asks for an importance matrix or calibration.
    public let needsImportance: Bool
    /// By device: whether it fits as asked, on how many, and the longest context with the slots.
    public let places: [Place]

    /// How a type fits on a device.
    public struct Place: Sendable, Hashable, Encodable {
        /// The device.
        public let device: String
        /// Whether it fits as asked.
        public let fits: Bool
        /// How many devices it takes, or the most that may share it.
        public let count: Int
        /// The longest context with the slots asked for.
        public let largestContext: Int?
        /// Tokens per second of one text.
        public let tokensPerSecond: Double?
    }

    /// A type with its plans.
    ///
    /// - Parameter divergence: The mean KL divergence that a report measured.
    public init(
        _ typed: ModelAtPath.TypedModel, plans: [DevicePlan], divergence: Double?
    ) {
        type = typed.type
        weights = typed.model.work.byteCount
        bitsPerWeight = typed.model.bitsPerWeight
        self.divergence = divergence
        needsImportance = typed.needsImportance
        places = plans.map {
            Place(
                device: $0.device.name, fits: $0.fits, count: $0.count,
                largestContext: $0.largestContext, tokensPerSecond: $0.singleTokensPerSecond)
        }
    }

    /// The best type for device number `index`: of those that fit on the fewest devices, the one of
    /// least divergence where all that fit are measured, otherwise of most bits.
    public static func best(of ladder: [TypeChoice], onDevice index: Int) -> TypeChoice? {
        let fitting = ladder.filter { $0.places[index].fits }
        guard let fewest = fitting.map({ $0.places[index].count }).min() else { return nil }
        let candidates = fitting.filter { $0.places[index].count == fewest }
        let measured = candidates.filter { $0.divergence != nil }
        if !measured.isEmpty {
            return measured.min { ($0.divergence ?? .infinity) < ($1.divergence ?? .infinity) }
        }
        return candidates.max { $0.weights < $1.weights }
    }
}

extension PlannedModel {
    /// Bits of tensor data per parameter.
    public var bitsPerWeight: Double {
        8 * Double(work.byteCount) / Double(max(1, work.parameterCount))
    }
}
