import Foundation
import Planning
import TensorCore
import TestSupport
import Testing

/// The table of devices, built in and the user's own.
struct HardwareTableTests {
    private func table(_ text: String) throws -> HardwareTable {
        try Fixtures.withTemporaryFolder { folder in
            let path = folder + "/hardware.json"
            try text.write(toFile: path, atomically: true, encoding: .utf8)
            return try HardwareTable(path: path)
        }
    }

    private let whole = """
        {"devices": [{"name": "Mine", "kind": "amd", "memoryGiB": 16, "bandwidthGBps": 512,
        "fp16TFLOPS": 50, "reservedGiB": 0.5, "maximumCount": 2, "pricePerHour": 0.25,
        "bandwidthEfficiency": 0.8, "fp8": true, "source": "measured"}]}
        """

    @Test func aTableIsRead() throws {
        let device = try table(whole).device(named: "mine")
        #expect(device.kind == .amd && device.memoryBytes == 16 << 30)
        #expect(device.usableBytes == (16 << 30) - (1 << 29))
        #expect(device.bandwidth == 512e9 && device.flops == 50e12)
        #expect(device.maximumCount == 2 && device.pricePerHour == 0.25 && device.hasFP8)
        #expect(device.bandwidthEfficiency == 0.8 && device.computeEfficiency == 0.4)
    }

    @Test(arguments: [
        (#""memoryGiB": 16"#, #""memoryGiB": -16"#, "devices[0].memoryGiB"),
        (#""memoryGiB": 16"#, #""memoryGiB": 1e300"#, "devices[0].memoryGiB"),
        (#""memoryGiB": 16"#, #""memoryGiB": "16""#, "devices[0].memoryGiB"),
        (#""memoryGiB": 16,"#, "", "devices[0].memoryGiB"),
        (#""kind": "amd""#, #""kind": "abacus""#, "devices[0].kind"),
        (#""fp8": true"#, #""fp8": 1"#, "devices[0].fp8"),
        (#""maximumCount": 2"#, #""maximumCount": 0"#, "devices[0].maximumCount"),
        (#""bandwidthGBps""#, #""bandwith""#, "devices[0].bandwith"),
        (#""name": "Mine""#, #""name": """#, "devices[0].name"),
        (#"{"devices": ["#, #"{"machines": ["#, "devices"),
    ])
    func wrongValuesAreNamedByPlace(_ part: String, _ other: String, _ place: String) throws {
        let text = whole.replacingOccurrences(of: part, with: other)
        try #require(text != whole)
        #expect {
            try table(text)
        } throws: { error in
            (error as? PlanningError)?.place == place
        }
    }

    @Test func namesAreFoundAsPeopleWriteThem() throws {
        let table = HardwareTable.builtIn
        #expect(try table.device(named: "rtx4090").name == "RTX 4090")
        #expect(try table.device(named: "NVIDIA GeForce RTX-4090").name == "RTX 4090")
        #expect(try table.device(named: "a100 80gb").name == "A100 80GB")
        #expect {
            try table.device(named: "a100")
        } throws: { error in
            guard case .unknownDevice(_, let nearest)? = (error as? PlanningError)?.kind else {
                return false
            }
            return nearest == ["A100 40GB", "A100 80GB"]
        }
        #expect(throws: PlanningError.self) { try table.device(named: "") }
    }

    @Test func everyDeviceOfTheTableMakesSense() {
        let devices = HardwareTable.builtIn.devices
        #expect(Set(devices.map(\.name)).count == devices.count)
        for device in devices {
            #expect(device.usableBytes > 0 && device.bandwidth > 1e9 && device.flops > 1e11)
            #expect(device.source != nil)
            #expect((device.pricePerHour == nil) == (device.priceSource == nil))
        }
    }
}
