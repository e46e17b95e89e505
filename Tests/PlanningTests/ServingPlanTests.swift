import Foundation
import Planning
import Quantization
import Reporting
import TensorCore
import TestSupport
import Testing

#if canImport(FoundationXML)
    import FoundationXML
#endif

/// The whole plan, as it is shown.
struct ServingPlanTests {
    private func plan(
        devices: [String] = ["T4", "H100"], context: Int = 512, slots: Int = 2,
        load: ServingLoad? = nil, divergences: [String: Double] = [:]
    ) throws -> ServingPlan {
        let place = try ModelAtPath(path: Fixtures.path("tiny-llama"))
        let ladder = try ["Q8_0", "Q4_K_M", "IQ2_XS"].map { name in
            (
                typed: try place.quantized(to: Recipe.parse(name)),
                divergence: divergences[name]
            )
        }
        return try ServingPlan(
            of: place, place.asItIs(), ServingShape(context: context, slots: slots),
            load: load ?? ServingLoad(),
            devices: devices.map { try HardwareTable.builtIn.device(named: $0) },
            ladder: ladder)
    }

    @Test func theJSONHasItsKeys() throws {
        let text = try ReadableJSON.text(
            of: plan(load: ServingLoad(requestsPerSecond: 10, timePerOutputToken: 0.1)))
        let json = try JSON.parse(Array(text.utf8))
        for key in [
            "schemaVersion", "model", "kind", "architecture", "type", "weightsFrom", "cacheFrom",
            "layers", "parameterCount", "activeParameterCount", "bitsPerWeight", "trainedContext",
            "context", "slots", "serverOptions", "cacheTypeK", "cacheTypeV", "cacheBytesPerToken",
            "memory",
            "memoryByContext", "load", "devices", "types", "bestTypes", "adviceFor", "engines",
            "rulesOfThumb", "remedies", "notices",
        ] {
            #expect(json[key] != nil, "\(key)")
        }
        let memory = try #require(json["memory"])
        let parts = ["weights", "cache", "states", "compute"].compactMap { memory[$0]?.integer }
        #expect(parts.count == 4 && memory["total"]?.integer == parts.reduce(0, +))
        let device = try #require(json["devices"]?.array?.first)
        #expect(device["device"]?["name"]?.text == "T4" && device["fits"]?.boolean == true)
        #expect((device["load"]?["replicas"]?.integer ?? 0) >= 1)
    }

    @Test func theLargestTypeThatFitsIsTheBest() throws {
        #expect(try plan().bestTypes.map(\.type) == ["Q8_0", "Q8_0"])
        // A report says that another loses less.
        let measured = try plan(divergences: ["Q4_K_M": 0.01, "Q8_0": 0.02])
        #expect(measured.bestTypes.map(\.type) == ["Q4_K_M", "Q4_K_M"])
    }

    @Test func thePageIsWellFormedAndEscapes() throws {
        let page = try plan().htmlPage()
        #expect(page.contains("<svg") && page.contains("Memory against context"))
        #expect(!page.contains("<script"))
        let parser = XMLParser(
            data: Data(page.replacingOccurrences(of: "<!DOCTYPE html>", with: "").utf8))
        #expect(parser.parse(), "\(String(describing: parser.parserError))")
    }

    @Test func anImpossiblePlanSaysWhatWorks() throws {
        let plan = try plan(devices: ["T4"], context: 1 << 20, slots: 64)
        #expect(plan.devices.allSatisfy { !$0.fits })
        #expect(plan.remedies.contains { $0.contains("T4: ") })
        #expect(plan.notices.contains { $0.contains("trained") })
        #expect(plan.lines.contains { $0.hasPrefix("It fits nowhere") })
        #expect(try self.plan().remedies.isEmpty)
    }

    @Test func serviceLevelsOfNoLoadAreTold() throws {
        let levels = try plan(load: ServingLoad(timeToFirstToken: 0.5))
        #expect(levels.notices.contains { $0.contains("--qps") })
        let other = try plan(load: ServingLoad(timePerOutputToken: 0.5))
        #expect(other.notices.contains { $0.contains("--qps") })
        #expect(try !plan().notices.contains { $0.contains("--qps") })
        let load = try plan(load: ServingLoad(requestsPerSecond: 1, timeToFirstToken: 0.5))
        #expect(!load.notices.contains { $0.contains("--qps") })
    }

    @Test func anEncoderIsToldApart() throws {
        let path = Fixtures.path("encoders/bert")
        let place = try ModelAtPath(path: path)
        let plan = try ServingPlan(
            of: place, place.asItIs(), ServingShape(context: 128), load: ServingLoad(),
            devices: HardwareTable.builtIn.devices, ladder: [])
        #expect(plan.memory.cache == 0)
        #expect(plan.notices.contains { $0.contains("encoder") })
    }

    @Test func adviceIsForWhatTheModelKeeps() throws {
        // Nothing recurs in a Llama.
        let advice = try plan().engines
        #expect(!advice.choices.isEmpty)
        #expect(!advice.obstacles.contains { $0.reason.contains("recurrent") })
    }

    @Test func rulesOfThumbStandBesideExactFigures() throws {
        let rules = try plan(load: ServingLoad(requestsPerSecond: 10)).rulesOfThumb
        #expect(rules.count == 5)
        #expect(rules.allSatisfy { $0.rough > 0 && !$0.reason.isEmpty })
    }
}
