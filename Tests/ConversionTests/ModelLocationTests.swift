import Conversion
import Foundation
import TensorCore
import TestSupport
import Testing

/// Where a model is and what it is called there.
@Suite struct ModelLocationTests {
    private static let commit = "0123456789abcdef0123456789abcdef01234567"

    /// A repository in the hub's cache: links to blobs.
    private func withCache<Result>(
        _ repository: String = "models--acme--Tiny-1B-Instruct",
        snapshots: [String] = [commit], main: String? = commit,
        _ body: (String) throws -> Result
    ) throws -> Result {
        try Fixtures.withTemporaryFolder { parent in
            let folder = "\(parent)/\(repository)"
            let source = "\(Fixtures.conformance)/convert/checkpoints/llama"
            for part in ["blobs", "refs"] { try Directory.create("\(folder)/\(part)") }
            if let main { try OutputFile.write(Array(main.utf8), to: "\(folder)/refs/main") }
            for snapshot in snapshots {
                try Directory.create("\(folder)/snapshots/\(snapshot)")
                for file in try FileManager.default.contentsOfDirectory(atPath: source) {
                    if !Fixtures.exists("\(folder)/blobs/h_\(file)") {
                        try FileManager.default.copyItem(
                            atPath: "\(source)/\(file)", toPath: "\(folder)/blobs/h_\(file)")
                    }
                    try FileManager.default.createSymbolicLink(
                        atPath: "\(folder)/snapshots/\(snapshot)/\(file)",
                        withDestinationPath: "../../blobs/h_\(file)")
                }
            }
            return try body(folder)
        }
    }

    @Test func aSnapshotIsCalledAfterItsRepository() throws {
        try withCache { folder in
            for end in ["", "/", "/."] {
                let source = try ConversionSource(
                    directory: "\(folder)/snapshots/\(ModelLocationTests.commit)\(end)")
                #expect(source.metadata["general.name"]?.text == "Tiny 1B Instruct")
                #expect(source.metadata["general.organization"]?.text == "Acme")
                #expect(source.metadata["general.basename"]?.text == "Tiny")
                #expect(!source.notices.contains { $0.contains("snapshot") })
            }
        }
    }

    @Test func anOwnerMayBeMissingAndANameMayHoldDashes() throws {
        for (repository, name, owner) in [
            ("models--gpt2", "Gpt2", nil), ("models--a--B--c", "B C", "A"),
        ] {
            try withCache(repository) { folder in
                let metadata = try ConversionSource(directory: folder).metadata
                #expect(metadata["general.name"]?.text == name)
                #expect(metadata["general.organization"]?.text == owner)
            }
        }
    }

    @Test func theRepositorysFolderStandsForItsMainSnapshot() throws {
        let other = String(ModelLocationTests.commit.reversed())
        try withCache(snapshots: [other, ModelLocationTests.commit]) { folder in
            let source = try ConversionSource(directory: folder)
            #expect(source.path.hasSuffix("/snapshots/" + ModelLocationTests.commit))
            #expect(source.metadata["general.name"]?.text == "Tiny 1B Instruct")
            #expect(source.notices.contains { $0.contains(ModelLocationTests.commit) })
        }
        try withCache(main: nil) { folder in
            let source = try ConversionSource(directory: folder + "/")
            #expect(!source.tensors.isEmpty)
        }
    }

    @Test func aModelHasANameBeforeItIsRead() throws {
        try withCache { folder in
            for path in [folder, "\(folder)/snapshots/\(ModelLocationTests.commit)"] {
                let name = try HuggingFaceDirectory.name(ofModelAt: path)
                #expect(name == "Tiny-1B-Instruct")
            }
        }
    }

    @Test func severalSnapshotsWithoutMainAreNamed() throws {
        let other = String(ModelLocationTests.commit.reversed())
        try withCache(snapshots: [other, ModelLocationTests.commit], main: nil) { folder in
            let error = #expect(throws: ConversionError.self) {
                try ConversionSource(directory: folder)
            }
            #expect(
                error?.kind == .notAModel(.models([ModelLocationTests.commit, other].sorted())))
        }
        try withCache(snapshots: []) { folder in
            try Directory.create(folder + "/snapshots")
            #expect(throws: ConversionError.self) { try ConversionSource(directory: folder) }
        }
    }

    @Test func theFolderOfSnapshotsNamesThem() throws {
        try withCache { folder in
            for above in ["\(folder)/snapshots", "\(folder)/.."] {
                let error = #expect(throws: ConversionError.self) {
                    try ConversionSource(directory: above)
                }
                guard case .notAModel(.models(let names))? = error?.kind else {
                    Issue.record("\(String(describing: error))")
                    continue
                }
                #expect(names.count == 1)
            }
        }
    }

    @Test func aLinkToABlobThatIsGoneIsNamed() throws {
        for file in ["config.json", "tokenizer_config.json", "tokenizer.json"] {
            try withCache { folder in
                try FileManager.default.removeItem(atPath: "\(folder)/blobs/h_\(file)")
                let error = #expect(throws: FileError.self) {
                    try ConversionSource(directory: folder)
                }
                #expect(error?.kind == .brokenLink(to: "../../blobs/h_\(file)"))
                #expect(error?.path.hasSuffix(file) == true)
            }
        }
    }

    @Test func theDotsOfModelScopesNamesComeBack() throws {
        try Checkpoints.with(name: "Qwen3___5-0___6B") { folder in
            let metadata = try ConversionSource(directory: folder).metadata
            #expect(metadata["general.name"]?.text == "Qwen3.5 0.6B")
        }
    }

    @Test func aFileInsideTheDirectoryNamesTheDirectory() throws {
        try Checkpoints.with { folder in
            for file in ["config.json", "model.safetensors"] {
                let error = #expect(throws: ConversionError.self) {
                    try ConversionSource(directory: "\(folder)/\(file)")
                }
                #expect(error?.kind == .notAModel(.file))
                #expect(error?.remedy == "Name the directory that holds it: \(folder).")
            }
        }
        let bare = ConversionError(.notAModel(.file), path: "config.json")
        #expect(bare.remedy == "Name the directory that holds it: ..")
    }

    @Test func aNameOnTheHubIsNotFetched() {
        let error = #expect(throws: ConversionError.self) {
            try ConversionSource(directory: "acme/Tiny-1B")
        }
        #expect(error?.remedy?.contains("hf download acme/Tiny-1B") == true)
        #expect(throws: FileError.self) { try ConversionSource(directory: "/nonexistent/a") }
    }

    @Test(arguments: [
        ("params.json", ConversionError.NotAModel.originalFormat),
        ("model_index.json", .diffusers), ("m-F16.gguf", .onlyGGUF(["m-F16.gguf"])),
    ])
    func directoriesOfAnotherKindAreNamed(
        _ file: String, _ kind: ConversionError.NotAModel
    ) throws {
        try Fixtures.withTemporaryFolder { folder in
            try OutputFile.write(Array("{}".utf8), to: "\(folder)/\(file)")
            let error = #expect(throws: ConversionError.self) {
                try ConversionSource(directory: folder)
            }
            #expect(error?.kind == .notAModel(kind))
        }
    }
}
