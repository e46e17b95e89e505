import Foundation
import Planning
import Quantization
import TestSupport
import Testing

/// Models of which only `config.json` is there, beside the same models with their weights.
struct ConfigurationTests {
    private static let checkpoints: [String] = {
        let folder = Fixtures.anyConformance + "/convert/checkpoints"
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.filter { Fixtures.exists("\(folder)/\($0)/config.json") }.sorted()
            .map { "\(folder)/\($0)" }
    }()

    @Test func thereAreCheckpoints() { #expect(!Self.checkpoints.isEmpty) }

    @Test(arguments: checkpoints)
    func aConfigurationPromisesTheBytesOfItsCheckpoint(_ directory: String) throws {
        let whole = try ModelAtPath(path: directory)
        let bare = try ModelAtPath(path: directory + "/config.json")
        #expect(whole.kind == .directory && bare.kind == .configuration)
        let shape = try ServingShape(context: 1024, slots: 2)
        for recipe in [Recipe.BF16, .Q4_K_M, .IQ2_XS] {
            let (known, planned) = (
                try whole.quantized(to: recipe), try bare.quantized(to: recipe)
            )
            #expect(planned.model.work == known.model.work, "\(recipe)")
            #expect(planned.needsImportance == known.needsImportance)
            #expect(
                try MemoryNeed(planned.model, shape) == MemoryNeed(known.model, shape),
                "\(recipe)")
        }
    }

    @Test func aDirectoryWithoutWeightsIsPlannedFromItsConfiguration() throws {
        let directory = try #require(Self.checkpoints.first)
        try Fixtures.withTemporaryFolder { folder in
            try FileManager.default.copyItem(
                atPath: directory + "/config.json", toPath: folder + "/config.json")
            let model = try ModelAtPath(path: folder)
            #expect(model.kind == .configuration)
            #expect(model.notices.contains { $0.hasPrefix("no weights are there") })
        }
    }

    @Test func typesAreTheSizesOfFiles() throws {
        // As `quantize` writes the tiny Llama, tensor data without header and padding.
        let model = try ModelAtPath(path: Fixtures.path("tiny-llama"))
        let typed = try model.quantized(to: .Q8_0)
        #expect(typed.model.bitsPerWeight > 8.49 && typed.model.bitsPerWeight < 8.7)
        #expect(try !model.quantized(to: .Q4_K_M).needsImportance)
        #expect(try model.quantized(to: .IQ1_S).needsImportance)
    }
}
