import TensorCore

/// The devices that plans are made for.
public struct HardwareTable: Sendable {
    /// The devices, in the table's order.
    public let devices: [Device]

    /// A table of these devices.
    public init(devices: [Device]) { self.devices = devices }

    /// The device that a user means: case, spaces, hyphens and the maker's name do not matter.
    ///
    /// - Throws: `PlanningError` with the nearest names.
    public func device(named name: String) throws(PlanningError) -> Device {
        let wanted = HardwareTable.plain(name)
        if let device = devices.first(where: { HardwareTable.plain($0.name) == wanted }) {
            return device
        }
        let beginning = devices.filter {
            !wanted.isEmpty && HardwareTable.plain($0.name).hasPrefix(wanted)
        }
        if beginning.count == 1 { return beginning[0] }
        let nearest =
            beginning.isEmpty
            ? nearestDevices(to: wanted) : beginning.map(\.name)
        throw PlanningError(.unknownDevice(name: name, nearest: Array(nearest.prefix(4))))
    }

    private func nearestDevices(to wanted: String) -> [String] {
        devices.map(\.name).filter { name in
            let plain = HardwareTable.plain(name)
            return !wanted.isEmpty && (plain.contains(wanted) || wanted.contains(plain))
        }
    }

    private static func plain(_ name: String) -> String {
        var plain = name.lowercased().filter { $0.isLetter || $0.isNumber }
        for maker in ["nvidia", "geforce", "amd", "apple"] where plain.hasPrefix(maker) {
            plain = String(plain.dropFirst(maker.count))
        }
        return plain
    }

    /// Reads a table of the user's own.
    ///
    /// `{"devices": [{"name", "kind", "memoryGiB", "bandwidthGBps", "fp16TFLOPS"}]}`; docs/planning.md
    /// has all keys.
    ///
    /// - Throws: `FileError`, `JSONError`, `PlanningError` with the place of a wrong value.
    public init(path: String) throws {
        let json = try JSON.parse(path: path)
        guard let entries = json["devices"]?.array else {
            throw PlanningError(.missingKey, file: path, place: "devices")
        }
        guard (1...HardwareTable.mostDevices).contains(entries.count) else {
            throw PlanningError(
                .invalidValue(
                    found: "\(entries.count) devices",
                    expected: "1 to \(HardwareTable.mostDevices)"), file: path, place: "devices")
        }
        var devices: [Device] = []
        for (index, entry) in entries.enumerated() {
            devices.append(try DeviceEntry(entry, "devices[\(index)]", path).device())
        }
        self.init(devices: devices)
    }

    private static let mostDevices = 1000
}

/// A device of a user's table that is being read.
private struct DeviceEntry {
    let json: JSON
    let place: String
    let path: String

    init(_ json: JSON, _ place: String, _ path: String) throws(PlanningError) {
        guard json.members != nil else {
            throw PlanningError(
                .invalidValue(found: json.kindName, expected: "an object"), file: path,
                place: place)
        }
        self.json = json
        self.place = place
        self.path = path
        for member in json.members ?? [] where !DeviceEntry.keys.contains("\(member.key)") {
            throw PlanningError(
                .invalidValue(
                    found: "a key that no device has",
                    expected: "one of " + DeviceEntry.keys.joined(separator: ", ")), file: path,
                place: "\(place).\(member.key)")
        }
    }

    static let keys = [
        "name", "kind", "memoryGiB", "reservedGiB", "bandwidthGBps", "fp16TFLOPS", "fp8",
        "computeCapability", "maximumCount", "bandwidthEfficiency", "computeEfficiency",
        "pricePerHour", "priceSource",
        "source",
    ]

    func device() throws(PlanningError) -> Device {
        let kind = try text("kind") ?? "nvidia"
        guard let kind = Device.Kind(rawValue: kind) else {
            throw fault("kind", found: kind, expected: "nvidia, amd, apple or cpu")
        }
        guard let name = try text("name"), !name.isEmpty else { throw missing("name") }
        let gibibyte = Double(1 << 30)
        var device = Device(
            name, kind,
            memoryBytes: Int(try required("memoryGiB", in: 0.001...1_000_000) * gibibyte),
            bandwidth: try required("bandwidthGBps", in: 0.001...10_000_000) * 1e9,
            flops: try required("fp16TFLOPS", in: 0.000001...100_000_000) * 1e12,
            maximumCount: try number("maximumCount", in: 1...1024).map { Int($0) })
        if let reserved = try number("reservedGiB", in: 0...1_000_000) {
            device.reservedBytes = Int(reserved * gibibyte)
        }
        device.bandwidthEfficiency =
            try number("bandwidthEfficiency", in: 0.001...1) ?? device.bandwidthEfficiency
        device.computeEfficiency =
            try number("computeEfficiency", in: 0.001...1) ?? device.computeEfficiency
        if let flag = json["fp8"], !flag.isNull {
            guard let flag = flag.boolean else {
                throw fault("fp8", found: flag.kindName, expected: "true or false")
            }
            device.hasFP8 = flag
        }
        device.computeCapability = try number("computeCapability", in: 1...100)
        device.pricePerHour = try number("pricePerHour", in: 0...1_000_000)
        device.priceSource = try text("priceSource")
        device.source = try text("source")
        return device
    }

    private func missing(_ key: String) -> PlanningError {
        PlanningError(.missingKey, file: path, place: "\(place).\(key)")
    }

    private func fault(_ key: String, found: String, expected: String) -> PlanningError {
        PlanningError(
            .invalidValue(found: found, expected: expected), file: path, place: "\(place).\(key)")
    }

    private func text(_ key: String) throws(PlanningError) -> String? {
        guard let value = json[key], !value.isNull else { return nil }
        guard let text = value.text else {
            throw fault(key, found: value.kindName, expected: "a string")
        }
        return text
    }

    private func number(
        _ key: String, in range: ClosedRange<Double>
    ) throws(PlanningError) -> Double? {
        guard let value = json[key], !value.isNull else { return nil }
        let expected = "a number from \(range.lowerBound) to \(range.upperBound)"
        guard let number = value.double else {
            throw fault(key, found: value.kindName, expected: expected)
        }
        guard range.contains(number) else {
            throw fault(key, found: "\(number)", expected: expected)
        }
        return number
    }

    private func required(
        _ key: String, in range: ClosedRange<Double>
    ) throws(PlanningError) -> Double {
        guard let number = try number(key, in: range) else { throw missing(key) }
        return number
    }
}
