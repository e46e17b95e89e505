import Foundation
import Safetensors
import TensorCore
import TestSupport
import Testing

/// Which files are the model's weights where several could be; transformers 5 is the witness.
@Suite struct WeightFilesTests {
    private static let index = "model.safetensors.index.json"

    /// Opens a folder of shards with one tensor each, called after the file unless said otherwise.
    private func open(
        _ files: [String], indexed: [String: String]? = nil, named: String? = nil,
        empty: [String] = []
    ) throws -> Checkpoint {
        try Fixtures.withTemporaryFolder { folder in
            for file in files {
                try CheckpointTests.writeShard(["in \(file)"], to: folder + "/" + file)
            }
            if let indexed { try CheckpointTests.writeIndex(indexed, in: folder) }
            for file in empty { try OutputFile.write([0x80], to: folder + "/" + file) }
            return try Checkpoint(directory: folder, named: named)
        }
    }

    private func names(_ checkpoint: Checkpoint) -> [String] {
        checkpoint.shards.map { $0.file.path.split(separator: "/").last.map(String.init) ?? "" }
    }

    private func fault(
        _ files: [String], indexed: [String: String]? = nil, named: String? = nil,
        empty: [String] = []
    ) throws -> SafetensorsError {
        try #require(
            #expect(throws: SafetensorsError.self) {
                try open(files, indexed: indexed, named: named, empty: empty)
            })
    }

    @Test func theSingleFileIsTakenBeforeAnIndexAndOldShards() throws {
        let old = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
        let map = Dictionary(uniqueKeysWithValues: old.map { ("in \($0)", $0) })
        let checkpoint = try open(["model.safetensors"] + old, indexed: map)
        #expect(names(checkpoint) == ["model.safetensors"])
        #expect(checkpoint.warnings.count == 1)
        for name in ["model.safetensors;", old[0], "left aside"] {
            #expect(checkpoint.warnings.first?.contains(name) == true, "\(name)")
        }
        // An index of files that are gone is left over too.
        let gone = try open(["model.safetensors"], indexed: map)
        #expect(names(gone) == ["model.safetensors"])
        let only = try open(
            ["model.safetensors"], indexed: ["in model.safetensors": "model.safetensors"])
        #expect(only.warnings.isEmpty)
    }

    @Test(arguments: [
        "model.fp16.safetensors", "model-00001-of-00001.safetensors", "consolidated.safetensors",
        "consolidated-00001-of-00002.safetensors", "diffusion_pytorch_model.safetensors",
        "pytorch_model.bin", "pytorch_model-00001-of-00002.bin", "consolidated.00.pth",
        "other.safetensors",
    ])
    func whatLiesBesideTheSingleFileIsNamed(_ other: String) throws {
        let checkpoint = try open(["model.safetensors"], empty: [other])
        #expect(names(checkpoint) == ["model.safetensors"])
        #expect(checkpoint.warnings.count == 1)
        #expect(checkpoint.warnings.first?.contains(other) == true)
    }

    @Test(arguments: ["training_args.bin", "optimizer.pt", "rng_state.pth", "scheduler.pt"])
    func theStateOfATrainingRunIsNoWeights(_ other: String) throws {
        #expect(try open(["model.safetensors"], empty: [other]).warnings.isEmpty)
        #expect(try fault([], empty: [other]).kind == .noWeights)
    }

    @Test func anAdapterBesideWeightsIsNotApplied() throws {
        for adapter in ["adapter_model.safetensors", "adapter_model.bin", "adapters.safetensors"] {
            let checkpoint = try open(["model.safetensors"], empty: [adapter])
            #expect(checkpoint.warnings.contains { $0.contains("\(adapter) is not applied") })
        }
    }

    @Test func anIndexChoosesAmongShards() throws {
        let new = "model-00001-of-00001.safetensors"
        let checkpoint = try open(
            [new, "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"],
            indexed: ["in \(new)": new])
        #expect(names(checkpoint) == [new])
        #expect(checkpoint.warnings.first?.contains("model-00002-of-00002") == true)
    }

    @Test func anIndexOfOtherShardsIsRefused() throws {
        let found = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
        let error = try fault(found, indexed: ["a": "model-00001-of-00003.safetensors"])
        #expect(
            error.kind
                == .weightFiles(
                    .staleIndex(missing: "model-00001-of-00003.safetensors", others: found)))
        #expect(error.place == WeightFilesTests.index)
        #expect(error.remedy?.contains("Remove the index") == true)
    }

    @Test(arguments: [
        [
            "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors",
            "model-00001-of-00003.safetensors", "model-00002-of-00003.safetensors",
            "model-00003-of-00003.safetensors",
        ],
        ["model.fp16.safetensors", "model.bf16.safetensors"],
        ["model-00001-of-00001.safetensors", "model.fp16.safetensors"],
        ["model-00001-of-00001.safetensors", "model.fp16-00001-of-00001.safetensors"],
        ["model-00001-of-00001.safetensors", "model-00001-of-00001.fp16.safetensors"],
    ])
    func severalSetsWithoutAnIndexAreRefused(_ files: [String]) throws {
        let error = try fault(files)
        guard case .weightFiles(.severalSets(let sets)) = error.kind else {
            Issue.record("\(error)")
            return
        }
        #expect(sets.count == 2)
        #expect(error.remedy?.contains("Remove all but") == true)
    }

    @Test func theOnlyVariantIsTakenAndNamed() throws {
        let checkpoint = try open(["model.fp16.safetensors"])
        #expect(names(checkpoint) == ["model.fp16.safetensors"])
        #expect(checkpoint.warnings.first?.contains("variant fp16") == true)
    }

    @Test func theConfigurationMayNameTheFile() throws {
        let checkpoint = try open(
            ["model.safetensors", "mine.safetensors"], named: "mine.safetensors")
        #expect(names(checkpoint) == ["mine.safetensors"])
        #expect(checkpoint.warnings.first?.contains("model.safetensors left aside") == true)
        #expect(
            try fault(["model.safetensors"], named: "../mine.safetensors").kind
                == .unsafeShardName("../mine.safetensors"))
    }

    @Test(arguments: [
        ("consolidated.safetensors", WeightFilesFault.Foreign.mistral, "Mistral"),
        ("diffusion_pytorch_model.fp16.safetensors", .diffusion, "diffusion"),
        ("lora.safetensors", .otherName, "rename"), ("m-Q4_K_M.gguf", .gguf, "quantize"),
        ("weights.npz", .mlx, "MLX"), ("tf_model.h5", .framework, "safetensors"),
        ("flax_model.msgpack", .framework, "safetensors"),
        ("model.safetensors.incomplete", .unfinished, "download"),
        ("model-00001-of-00002.safetensors.crdownload", .unfinished, "download"),
        ("zero_to_fp32.py", .deepSpeed, "DeepSpeed"),
    ])
    func weightsThatAreNotReadAreNamed(
        _ file: String, _ foreign: WeightFilesFault.Foreign, _ word: String
    ) throws {
        let error = try fault([], empty: [file])
        #expect(error.kind == .weightFiles(.foreign(foreign, [file])))
        #expect(error.description.contains(file))
        #expect(error.description.contains(word))
    }

    @Test func whatTheHubsClientHasNotFetchedIsFound() throws {
        try Fixtures.withTemporaryFolder { folder in
            let cache = folder + "/.cache/huggingface/download"
            try Directory.create(cache)
            try OutputFile.write([0], to: cache + "/abc.incomplete")
            let error = #expect(throws: SafetensorsError.self) {
                try Checkpoint(directory: folder)
            }
            #expect(error?.kind == .weightFiles(.foreign(.unfinished, ["abc.incomplete"])))
        }
    }

    @Test func aFileOfFinalSizeThatIsStillFetchedIsRefused() throws {
        let error = try fault(["model.safetensors"], empty: ["model.safetensors.aria2"])
        #expect(error.kind == .weightFiles(.unfinished(by: "model.safetensors.aria2")))
    }

    @Test func anAdapterAloneIsNamedBesideTheStateOfItsTraining() throws {
        try Fixtures.withTemporaryFolder { folder in
            try OutputFile.write([0], to: folder + "/optimizer.pt")
            try OutputFile.write([0], to: folder + "/adapter_model.safetensors")
            try OutputFile.write(
                Array(#"{"base_model_name_or_path":"a/b"}"#.utf8),
                to: folder + "/adapter_config.json")
            let error = #expect(throws: SafetensorsError.self) {
                try Checkpoint(directory: folder)
            }
            #expect(error?.kind == .adapterOnly(base: "a/b"))
        }
    }
}
