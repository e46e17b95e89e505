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
    /// The engines that read it, of a type of directories for GPU engines; absent of GGUF's.
    public let engines: [String]?
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
        /// Why nothing runs the type there; absent where something does.
        public let obstacle: String?
        /// Bits, what the device computes in, and what is usual, for types of directories.
        let preference: [Double]

        private enum CodingKeys: String, CodingKey {
            case device, fits, count, largestContext, tokensPerSecond, obstacle
        }

        /// Whether it can be served as asked.
        var isServed: Bool { fits && obstacle == nil }
    }

    /// Whether it is a type of directories.
    var isCheckpoint: Bool { engines != nil }

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
        engines = typed.checkpoint?.engines
        places = plans.map {
            Place(
                device: $0.device.name, fits: $0.fits, count: $0.count,
                largestContext: $0.largestContext, tokensPerSecond: $0.singleTokensPerSecond,
                obstacle: typed.checkpoint?.fault(on: $0.device),
                preference: typed.checkpoint?.preference(on: $0.device) ?? [])
        }
    }

    /// The best type for device number `index`: of those that fit on the fewest devices, the one of
    /// least divergence where any that fit are measured, otherwise of most bits, and of directories
    /// of as many bits the one that the device computes in.
    public static func best(of ladder: [TypeChoice], onDevice index: Int) -> TypeChoice? {
        let fitting = ladder.filter { $0.places[index].isServed }
        guard let fewest = fitting.map({ $0.places[index].count }).min() else { return nil }
        let candidates = fitting.filter { $0.places[index].count == fewest }
        let measured = candidates.filter { $0.divergence != nil }
        if !measured.isEmpty {
            return measured.min { ($0.divergence ?? .infinity) < ($1.divergence ?? .infinity) }
        }
        return candidates.max {
            let (one, other) = ($0.places[index].preference, $1.places[index].preference)
            return one == other
                ? $0.weights < $1.weights : one.lexicographicallyPrecedes(other)
        }
    }
}

extension PlannedModel {
    /// Bits of tensor data per parameter.
    public var bitsPerWeight: Double {
        8 * Double(work.byteCount) / Double(max(1, work.parameterCount))
    }
}
