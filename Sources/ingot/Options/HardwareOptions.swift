import ArgumentParser
import Foundation
import Planning
import Reporting
import TensorCore

/// Which devices a plan is made for.
struct HardwareOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            """
            A device of the table, such as "RTX 4090" or H100; "this" for this machine, whose memory's \
            bandwidth is measured; or a JSON file that replaces the table. May be given again. \
            (default: all of the table)
            """, valueName: "name|file"))
    var hardware: [String] = []

    @Flag(help: "List the devices with their figures, sources and prices, and plan nothing.")
    var listHardware = false

    /// The devices that are asked for.
    ///
    /// A file stands for its devices, and is the table of the names beside it.
    func devices() throws -> [Device] {
        let files = hardware.filter(HardwareOptions.isFile)
        let names = hardware.filter { !HardwareOptions.isFile($0) }
        let own = try files.flatMap { try HardwareTable(path: $0).devices }
        let table = own.isEmpty ? HardwareTable.builtIn : HardwareTable(devices: own)
        guard !names.isEmpty else { return table.devices }
        return try names.map { name in
            ["this", "local"].contains(name.lowercased())
                ? HardwareOptions.thisMachine() : try table.device(named: name)
        }
    }

    private static func isFile(_ word: String) -> Bool {
        word.lowercased().hasSuffix(".json") || word.contains("/")
    }

    /// This machine: its memory, and the bandwidth that all its threads together measure.
    private static func thisMachine() -> Device {
        let process = ProcessInfo.processInfo
        let threads = process.activeProcessorCount
        let memory = Int(clamping: process.physicalMemory)
        let bandwidth = MemoryBandwidth.measure(
            pool: WorkerPool(threadCount: threads),
            byteCount: min(1 << 29, max(1 << 26, memory / 16)))
        return Device(
            "this machine", .cpu, memoryBytes: memory, bandwidth: bandwidth,
            flops: Double(threads) * 80e9,
            source: "bandwidth measured with \(threads) threads; 80 GFLOP/s a thread assumed")
    }
}

/// A device as `--list-hardware` shows it: in the keys of a table's file.
struct DeviceListing: Encodable {
    let name: String
    let kind: Device.Kind
    let memoryGiB: Double
    let reservedGiB: Double
    let bandwidthGBps: Double
    let fp16TFLOPS: Double
    let fp8: Bool
    let computeCapability: Double?
    let maximumCount: Int
    let bandwidthEfficiency: Double
    let computeEfficiency: Double
    let pricePerHour: Double?
    let priceSource: String?
    let source: String?

    init(_ device: Device) {
        name = device.name
        kind = device.kind
        memoryGiB = Double(device.memoryBytes) / Double(1 << 30)
        reservedGiB = Double(device.reservedBytes) / Double(1 << 30)
        bandwidthGBps = device.bandwidth / 1e9
        fp16TFLOPS = device.flops / 1e12
        fp8 = device.hasFP8
        computeCapability = device.computeCapability
        maximumCount = device.maximumCount
        bandwidthEfficiency = device.bandwidthEfficiency
        computeEfficiency = device.computeEfficiency
        pricePerHour = device.pricePerHour
        priceSource = device.priceSource
        source = device.source
    }

    static func lines(_ devices: [DeviceListing]) -> [String] {
        var table = TextTable(
            rightAligned: [false, false, true, true, true, true, false, false])
        table.add(
            "device", "kind", "GiB", "GB/s", "TFLOP/s", "$/hour", "price of", "figures of")
        for device in devices {
            table.add(
                device.name, device.kind.rawValue, NumberFormat.fixed(device.memoryGiB, 1),
                NumberFormat.fixed(device.bandwidthGBps, 1),
                NumberFormat.fixed(device.fp16TFLOPS, 2),
                device.pricePerHour.map { NumberFormat.fixed($0, 2) } ?? "",
                device.priceSource ?? "", device.source ?? "")
        }
        return table.lines
    }
}
