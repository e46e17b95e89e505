import Checkpoints
import Foundation
import Safetensors
import TensorCore
import TestSupport
import Testing

/// What is refused before any work, each with the tensor, the rule and the way out.
@Suite struct RefusalTests {
    private func fault(
        _ source: RandomModel, _ name: String, ignoring ignored: [String] = []
    ) throws -> CheckpointError? {
        try Fixtures.withTemporaryFolder { folder in
            try source.write(to: folder + "/m")
            let found = try #require(CheckpointForm.named(name))
            var options = CheckpointPlan.Options()
            options.scope = found.scope
            options.ignored = ignored
            let model = try CheckpointModel(directory: folder + "/m")
            do {
                _ = try CheckpointPlan(model, form: found.form, options: options)
                return nil
            } catch let error as CheckpointError {
                #expect(error.remedy != nil)
                return error
            }
        }
    }

    @Test func rowsThatAreNoWholeGroups() throws {
        let source = RandomModel.mixture(columns: 96)
        let error = try fault(source, "W4A16")
        #expect(error?.place == "model.layers.0.mlp.experts.0.gate_proj.weight")
        #expect(error?.kind == .rows(columns: 96, group: 128, form: "W4A16"))
        #expect(try fault(source, "W4A16_G64")?.problem.contains("64") == true)
        #expect(try fault(source, "W4A16_G32") == nil)
        #expect(try fault(source, "W4A16_CHANNEL") == nil)
        #expect(try fault(source, "FP8_DYNAMIC") == nil)
    }

    @Test func filesThatTheSystemDoesNotGive() throws {
        try Fixtures.withTemporaryFolder { folder in
            let manager = FileManager.default
            let model = folder + "/m"
            try manager.copyItem(atPath: Fixtures.path("tiny-llama"), toPath: model)
            try manager.createDirectory(
                atPath: model + "/original", withIntermediateDirectories: false)
            try manager.createSymbolicLink(
                atPath: model + "/picture.png", withDestinationPath: "nowhere")
            // Folders, and links to what is not there, are left out.
            #expect(throws: Never.self) { try CheckpointModel(directory: model) }
            try manager.createSymbolicLink(
                atPath: model + "/preprocessor.txt", withDestinationPath: "preprocessor.txt")
            let error = #expect(throws: FileError.self) { try CheckpointModel(directory: model) }
            #expect(error?.file == model + "/preprocessor.txt")
        }
    }

    @Test func layersThatEnginesPutTogether() throws {
        let source = RandomModel.mixture()
        let error = try fault(source, "W4A16", ignoring: ["k_proj"])
        #expect(error?.place == "model.layers.0.self_attn.k_proj.weight")
        #expect(error?.problem.contains("self_attn.") == true)
        #expect(error?.exitCode == .usage)
        #expect(try fault(source, "W4A16", ignoring: ["(q|k|v)_proj"]) == nil)
        #expect(try fault(source, "W4A16", ignoring: ["o_proj"]) == nil)
    }

    /// Patterns are searched for in the names of layers and of their tensors; one that is in none is
    /// told.
    @Test func patternsThatOccurNowhereAreTold() throws {
        try Fixtures.withTemporaryFolder { folder in
            try RandomModel.dense.write(to: folder + "/m")
            let form = try #require(CheckpointForm.named("W8A8")?.form)
            var options = CheckpointPlan.Options()
            options.ignored = ["o_proj$", "o_proj.weight$", "lm_head", "re:.*o_proj", "moe"]
            let plan = try CheckpointPlan(
                CheckpointModel(directory: folder + "/m"), form: form, options: options)
            #expect(plan.unmatchedPatterns == ["re:.*o_proj", "moe"])
            #expect(plan.ignored.contains("model.layers.0.self_attn.o_proj"))
        }
    }

    @Test func scalesOfTheCacheWithoutATextOrAPlace() throws {
        try Fixtures.withTemporaryFolder { folder in
            try RandomModel.dense.write(to: folder + "/m")
            let model = try CheckpointModel(directory: folder + "/m")
            var options = CheckpointPlan.Options()
            options.hasCacheScales = true
            let plan = try CheckpointPlan(
                model, form: #require(CheckpointForm.named("W8A8")?.form), options: options)
            #expect(CheckpointError.needsText(of: plan).kind == .cacheNeedsText)
            let form = try #require(CheckpointForm.named("FP8_DEEPSEEK")?.form)
            let error = #expect(throws: CheckpointError.self) {
                try CheckpointPlan(model, form: form, options: options)
            }
            #expect(error?.kind == .noPlaceForCacheScales(form: "FP8_DEEPSEEK"))
            #expect(error?.exitCode == .usage)
        }
    }

    /// What is copied is looked at as what is rounded is.
    @Test(arguments: ["model.norm.weight", "model.layers.0.mlp.up_proj.weight"])
    func valuesThatAreNoNumbers(_ tensor: String) throws {
        try Fixtures.withTemporaryFolder { folder in
            let file = folder + "/m/model.safetensors"
            try RandomModel.dense.write(to: folder + "/m")
            try RandomModel.spoil(tensor, at: 5, in: file)
            let form = try #require(CheckpointForm.named("FP8_DYNAMIC")?.form)
            let plan = try CheckpointPlan(CheckpointModel(directory: folder + "/m"), form: form)
            let error = #expect(throws: CheckpointError.self) {
                try CheckpointWriter.write(plan, to: folder + "/out")
            }
            #expect(error?.kind == .notFinite(row: 0, column: 5))
            #expect(error?.place == tensor)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["m"])
        }
    }

    @Test func matricesThatStandInputsByOutputs() throws {
        let error = try fault(.gpt2, "W8A8")
        #expect(error?.kind == .transposed)
        #expect(error?.place == "transformer.h.0.attn.c_attn.weight")
    }

    @Test(arguments: [
        ("W4A16_G48", "W4A16_G48 asks for groups of 48, W4A16 has 32, 64, 128 or channel"),
        ("awq_g16", "awq_g16 asks for groups of 16, AWQ has 32, 64, 128 or channel"),
        (
            "FP8_DYNAMIC_G32",
            "FP8_DYNAMIC_G32 asks for a size of groups, which FP8_DYNAMIC has not; give FP8_DYNAMIC"
        ),
    ])
    func sizesOfGroupsThatAFormHasNot(_ name: String, _ expected: String) {
        #expect(CheckpointForm.groupFault(in: name) == expected)
    }

    @Test(arguments: ["W4A16", "W4A16_G32", "Q4_K_M", "W4A16_ACT", "out_g12", "W4A16_ASYM"])
    func namesWithoutSuchASize(_ name: String) {
        #expect(CheckpointForm.groupFault(in: name) == nil)
    }

    @Test func directoriesThatAreThere() throws {
        try Fixtures.withTemporaryFolder { folder in
            try OutputDirectory.check(path: folder + "/new/")
            try OutputDirectory.check(path: folder)
            try Data("mine".utf8).write(to: URL(filePath: folder + "/notes.txt"))
            #expect(throws: FileError.self) { try OutputDirectory.check(path: folder + "/") }
            #expect(throws: FileError.self) {
                try OutputDirectory.check(path: folder + "/notes.txt")
            }
        }
    }

    /// Towers for pictures stay as they are, and lists name them as engines may call them.
    @Test(arguments: [
        ("W4A16", "ignore", "re:(^|.*\\.)visual\\..*"),
        ("FP8_DEEPSEEK", "modules_to_not_convert", "visual"),
        ("AWQ", "modules_to_not_convert", "visual"),
    ])
    func towersAreListed(_ name: String, _ key: String, _ pattern: String) throws {
        try Fixtures.withTemporaryFolder { folder in
            let layer = "model.visual.blocks.0.attn.qkv"
            try RandomModel.mixture().with(layer + ".weight", [96, 32]).write(to: folder + "/m")
            let form = try #require(CheckpointForm.named(name)?.form)
            let plan = try CheckpointPlan(CheckpointModel(directory: folder + "/m"), form: form)
            #expect(plan.ignored.contains(layer))
            _ = try CheckpointWriter.write(plan, to: folder + "/out")
            let out = StoredDirectory(path: folder + "/out")
            #expect(try out.stored(layer + ".weight")?.dataType == .BF16)
            let listed = try out.quantization()[key]?.array?.compactMap(\.text)
            #expect(listed?.contains(layer) == true)
            #expect(listed?.contains(pattern) == true)
            #expect(listed?.filter { $0.contains("layers") } == ["model.layers.0.mlp.gate"])
        }
    }
}
