/// A type of quantized Hugging Face directories, as far as engines and devices decide about it.
public struct CheckpointType: Sendable, Hashable {
    /// The engines that read it, as users call them: `vLLM`.
    public let engines: [String]
    /// NVIDIA's compute capability from which GPUs run it; `nil` where any does, or nobody says.
    public let leastCapability: Double?
    /// The capability from which they compute in it; below it weights are decoded first.
    public let fullCapability: Double?
    /// The kinds of devices on which some engine runs it.
    public let deviceKinds: Set<Device.Kind>
    /// The bits that the type's name promises a weight; `nil` where it promises none.
    public let nominalBits: Double?
    /// Its place among types of as many bits: a lower one is what users are advised to take.
    public let place: Int
    /// Whether the directory is there in this type, and not to be written yet.
    public let isStored: Bool

    /// Describes a type.
    public init(
        engines: [String], leastCapability: Double? = nil, fullCapability: Double? = nil,
        deviceKinds: Set<Device.Kind> = [.nvidia], nominalBits: Double? = nil,
        place: Int = 0, isStored: Bool = false
    ) {
        self.engines = engines
        self.leastCapability = leastCapability
        self.fullCapability = fullCapability
        self.deviceKinds = deviceKinds
        self.nominalBits = nominalBits
        self.place = place
        self.isStored = isStored
    }

    /// Whether an engine reads it.
    func isRead(by engine: String) -> Bool { engines.contains { $0.hasPrefix(engine) } }

    /// Why nothing runs it on a device; `nil` where something does.
    func fault(on device: Device) -> String? {
        guard deviceKinds.contains(device.kind) else {
            return "no engine serves it on a \(device.kind.words)"
        }
        if let has = device.computeCapability, let least = leastCapability, has < least {
            return "wants compute capability \(least), which \(device.name) (\(has)) has not"
        }
        return nil
    }

    /// Whether a device computes in it, and does not decode the weights first.
    func isNative(on device: Device) -> Bool {
        guard let full = fullCapability else { return true }
        if let has = device.computeCapability { return has >= full }
        // INT8 is everywhere, 8-bit floats are not.
        return full < 8.9 || (full < 10 && device.hasFP8)
    }

    /// By what the best of several types is chosen, the greater the better.
    func preference(on device: Device) -> [Double] {
        [nominalBits ?? 0, isNative(on: device) ? 1 : 0, -Double(place)]
    }
}

extension Device.Kind {
    /// The kind in a word.
    var words: String {
        switch self {
        case .nvidia, .amd: "GPU"
        case .apple: "Mac"
        case .cpu: "processor"
        }
    }
}
