/// A device that a model can run on: an accelerator with memory of its own, or a whole machine.
public struct Device: Sendable, Hashable, Encodable {
    /// What kind of device it is, which decides what runs on it.
    public enum Kind: String, Sendable, Hashable, CaseIterable, Encodable {
        /// An NVIDIA GPU.
        case nvidia
        /// An AMD GPU.
        case amd
        /// A Mac: one memory for everything.
        case apple
        /// Processor cores and main memory.
        case cpu
    }

    /// The name by which users ask for it.
    public var name: String
    /// What kind of device it is.
    public var kind: Kind
    /// Its memory in bytes.
    public var memoryBytes: Int
    /// What the driver, the system and the engine's code keep of it, in bytes.
    public var reservedBytes: Int
    /// What its memory gives at best, in bytes per second.
    public var bandwidth: Double
    /// Multiplications and additions of F16 numbers per second at best, without sparsity.
    public var flops: Double
    /// The part of `bandwidth` that decoding reaches.
    public var bandwidthEfficiency: Double
    /// The part of `flops` that prompts reach.
    public var computeEfficiency: Double
    /// How many of them can share a model.
    public var maximumCount: Int
    /// Whether it multiplies 8-bit floats.
    public var hasFP8: Bool
    /// NVIDIA's compute capability, which decides what kernels run; `nil` of others, or where it is
    /// not known.
    public var computeCapability: Double?
    /// What an hour costs, in US dollars; `nil` where it is not rented, or not known.
    public var pricePerHour: Double?
    /// Who asks that price, and when.
    public var priceSource: String?
    /// Where the other figures are from.
    public var source: String?

    /// Describes a device; efficiencies and what is reserved as usual for its kind.
    public init(
        _ name: String, _ kind: Kind, memoryBytes: Int, bandwidth: Double, flops: Double,
        reservedBytes: Int? = nil, maximumCount: Int? = nil, hasFP8: Bool = false,
        computeCapability: Double? = nil, pricePerHour: Double? = nil,
        priceSource: String? = nil, source: String? = nil
    ) {
        self.name = name
        self.kind = kind
        self.memoryBytes = memoryBytes
        self.bandwidth = bandwidth
        self.flops = flops
        let usual = Device.usual(kind)
        bandwidthEfficiency = usual.bandwidth
        computeEfficiency = usual.compute
        self.reservedBytes = reservedBytes ?? Device.usualReserve(kind, memoryBytes)
        self.maximumCount = maximumCount ?? (kind == .nvidia || kind == .amd ? 8 : 1)
        self.hasFP8 = hasFP8
        self.computeCapability = computeCapability
        self.pricePerHour = pricePerHour
        self.priceSource = priceSource
        self.source = source
    }

    /// What engines reach of a kind's figures.
    static func usual(_ kind: Kind) -> (bandwidth: Double, compute: Double) {
        switch kind {
        case .nvidia: (0.75, 0.5)
        case .amd: (0.65, 0.4)
        case .apple: (0.75, 0.6)
        case .cpu: (0.75, 0.4)
        }
    }

    /// A gibibyte of a GPU; a quarter of a Mac, which lets a GPU have no more; 2 GiB of a machine.
    static func usualReserve(_ kind: Kind, _ memoryBytes: Int) -> Int {
        switch kind {
        case .nvidia, .amd: min(1 << 30, memoryBytes / 8)
        case .apple: memoryBytes / 4
        case .cpu: min(2 << 30, memoryBytes / 4)
        }
    }

    /// The bytes that a model can have.
    public var usableBytes: Int { max(0, memoryBytes - reservedBytes) }

    /// What of the speed of several devices is left when they share a model.
    static let sharingEfficiency = 0.8

    /// Bytes per second that decoding reaches with `count` devices.
    func reachedBandwidth(count: Int) -> Double {
        bandwidth * bandwidthEfficiency * Device.scale(count)
    }

    /// Operations per second that prompts reach with `count` devices.
    func reachedFlops(count: Int) -> Double { flops * computeEfficiency * Device.scale(count) }

    private static func scale(_ count: Int) -> Double {
        count > 1 ? Double(count) * sharingEfficiency : 1
    }

    /// The numbers of devices that may share a model with `headCount` query heads: powers of two by
    /// which the heads can be shared out.
    func counts(headCount: Int) -> [Int] {
        var counts: [Int] = []
        var count = 1
        while count <= maximumCount {
            if headCount == 0 || headCount % count == 0 { counts.append(count) }
            count *= 2
        }
        return counts
    }
}
