extension HardwareTable {
    /// The devices that are known without a file.
    ///
    /// Memory, bandwidth and operations per second are those of the makers' data sheets; prices are
    /// list prices for one device on demand, and change: a table of one's own has today's.
    public static let builtIn = HardwareTable(devices: [
        gpu("T4", 16, 320, 65, capability: 7.5, price: (0.5904, modal)),
        gpu("RTX 3060 12GB", 12, 360, 51, capability: 8.6, count: 4),
        gpu("RTX 3090", 24, 936, 71, capability: 8.6, count: 4, price: (0.684, runpod)),
        gpu("RTX 4090", 24, 1008, 165, capability: 8.9, count: 4, price: (1.116, runpod)),
        gpu("RTX 5090", 32, 1792, 210, capability: 12.0, count: 4),
        gpu("L4", 24, 300, 121, capability: 8.9, price: (0.7992, modal)),
        gpu("A10", 24, 600, 125, capability: 8.6, price: (0.86, lambda)),
        gpu("A100 40GB", 40, 1555, 312, capability: 8.0, price: (1.48, lambda)),
        gpu("A100 80GB", 80, 2039, 312, capability: 8.0, price: (2.4984, modal)),
        gpu("L40S", 48, 864, 362, capability: 8.9, price: (1.9512, modal)),
        gpu("H100", 80, 3350, 989, capability: 9.0, price: (3.78, lambda)),
        gpu("H200", 141, 4800, 989, capability: 9.0, price: (5.58, runpod)),
        gpu("B200", 180, 8000, 2250, capability: 10.0, price: (8.64, runpod)),
        Device(
            "MI300X", .amd, memoryBytes: 192 << 30, bandwidth: 5.3e12, flops: 1307e12,
            hasFP8: true, source: "AMD, data sheet of the Instinct MI300X"),
        mac("M2", 24, 100, 7.1), mac("M2 Max", 96, 400, 27), mac("M2 Ultra", 192, 800, 54),
        mac("M3 Max", 128, 400, 28), mac("M3 Ultra", 512, 819, 57),
        mac("M4", 32, 120, 9.2), mac("M4 Pro", 64, 273, 18), mac("M4 Max", 128, 546, 34),
        server("CPU 2 × DDR4-3200", 64, channels: 2, megatransfers: 3200, tera: 1),
        server("CPU 8 × DDR4-3200", 256, channels: 8, megatransfers: 3200, tera: 3),
        server("CPU 8 × DDR5-4800", 512, channels: 8, megatransfers: 4800, tera: 6),
        server("CPU 12 × DDR5-4800", 768, channels: 12, megatransfers: 4800, tera: 9),
    ])

    private static let modal = "Modal, 2026-05-07"
    private static let lambda = "Lambda, 2026-05-07"
    private static let runpod = "RunPod, serverless per second, 2026"

    private static func gpu(
        _ name: String, _ gibibytes: Int, _ gigabytesPerSecond: Double, _ tera: Double,
        capability: Double, count: Int = 8, price: (perHour: Double, source: String)? = nil
    ) -> Device {
        Device(
            name, .nvidia, memoryBytes: gibibytes << 30, bandwidth: gigabytesPerSecond * 1e9,
            flops: tera * 1e12, maximumCount: count, hasFP8: capability >= 8.9,
            computeCapability: capability, pricePerHour: price?.perHour,
            priceSource: price?.source, source: "NVIDIA, data sheet of the \(name)")
    }

    /// A Mac with the most memory that it comes with; its GPU's F32 operations.
    private static func mac(
        _ name: String, _ gibibytes: Int, _ gigabytesPerSecond: Double, _ tera: Double
    ) -> Device {
        Device(
            name, .apple, memoryBytes: gibibytes << 30, bandwidth: gigabytesPerSecond * 1e9,
            flops: tera * 1e12,
            source: "Apple, technical specifications; FLOP/s of its GPU, about")
    }

    /// A machine with memory of eight bytes a channel and transfer.
    private static func server(
        _ name: String, _ gibibytes: Int, channels: Int, megatransfers: Int, tera: Double
    ) -> Device {
        Device(
            name, .cpu, memoryBytes: gibibytes << 30,
            bandwidth: Double(channels * megatransfers * 8) * 1e6, flops: tera * 1e12,
            source: "channels × transfers × 8 bytes; FLOP/s of usual core counts")
    }
}
