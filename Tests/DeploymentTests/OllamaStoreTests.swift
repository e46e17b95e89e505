import Crypto
import Deployment
import Foundation
import Modelfiles
import TensorCore
import TestSupport
import Testing

@Suite struct OllamaStoreTests {
    @Test func laysOutWhatOllamaReads() throws {
        try TinyModel.withFile([("general.license", .string("mit"))]) { path in
            let facts = try ModelFacts(path: path)
            var request = Modelfile.Request(from: path)
            request.system = "Be terse."
            request.template = "{{ .Prompt }}"
            let modelfile = try Modelfile(facts, request)
            let folder = (path as NSString).deletingLastPathComponent + "/store"
            let store = OllamaStore(path: folder)
            let result = try store.add(facts, modelfile, as: OllamaName("tiny:f16"))
            #expect(result.manifest == "\(folder)/manifests/registry.ollama.ai/library/tiny/f16")

            let manifest = try JSON.parse(path: result.manifest)
            #expect(manifest["schemaVersion"]?.integer == 2)
            #expect(
                manifest["mediaType"]
                    == "application/vnd.docker.distribution.manifest.v2+json")
            let layers = try #require(manifest["layers"]?.array)
            let types = layers.compactMap { $0["mediaType"]?.text }
            #expect(
                types
                    == ["model", "template", "system", "license", "params"].map {
                        "application/vnd.ollama.image.\($0)"
                    })
            // Every blob is there, as long as it says, under its digest.
            var contents: [String: [UInt8]] = [:]
            for layer in layers + [try #require(manifest["config"])] {
                let digest = try #require(layer["digest"]?.text)
                let name = digest.replacing(":", with: "-")
                let bytes = try InputFile.contents(path: "\(folder)/blobs/\(name)")
                #expect(bytes.count == layer["size"]?.integer)
                let found = SHA256.hash(data: bytes).map { String(format: "%02x", $0) }.joined()
                #expect(digest == "sha256:\(found)")
                contents[try #require(layer["mediaType"]?.text)] = bytes
            }
            #expect(contents["application/vnd.ollama.image.system"] == Array("Be terse.".utf8))
            #expect(
                try contents["application/vnd.ollama.image.model"]
                    == InputFile.contents(path: path))
            let parameters = try JSON.parse(
                try #require(contents["application/vnd.ollama.image.params"]))
            #expect(parameters["num_ctx"]?.integer == 1024)
            #expect(parameters["stop"] == ["<|end_of_text|>"])
            let configuration = try JSON.parse(
                try #require(contents["application/vnd.docker.container.image.v1+json"]))
            #expect(configuration["model_format"] == "gguf")
            #expect(configuration["model_family"] == "llama")
            #expect(configuration["file_type"] == "F16")
            #expect(
                configuration["rootfs"]?["diff_ids"]?.array?.count == layers.count)

            // A second name shares the blobs; nothing unfinished is left.
            let again = try store.add(facts, modelfile, as: OllamaName("me/tiny"))
            #expect(again.manner == .present && again.layers == result.layers)
            let names = try Directory.names(in: "\(folder)/blobs").filter {
                !$0.hasPrefix("sha256-")
            }
            #expect(names == [".", ".."])
        }
    }

    @Test func aModelIsNotTakenTwiceOnTheDisk() throws {
        try Fixtures.withTemporaryFolder { folder in
            try OutputFile.write([1, 2, 3], to: "\(folder)/a")
            let manner = try FileCopy.place("\(folder)/a", at: "\(folder)/b")
            #expect([.clone, .link].contains(manner))
            #expect(try InputFile.contents(path: "\(folder)/b") == [1, 2, 3])
            // A link's file, not the link.
            try FileManager.default.createSymbolicLink(
                atPath: "\(folder)/c", withDestinationPath: "a")
            _ = try FileCopy.place("\(folder)/c", at: "\(folder)/d")
            #expect(Directory.target(ofLink: "\(folder)/d") == nil)
            #expect(try InputFile.contents(path: "\(folder)/d") == [1, 2, 3])
            #expect(try FileCopy.place("\(folder)/a", at: "\(folder)/d") == .present)
            #expect(throws: FileError.self) {
                try FileCopy.place("\(folder)/none", at: "\(folder)/e")
            }
        }
    }

    @Test func namesAreOllamas() throws {
        #expect(try OllamaName("a").description == "a:latest")
        #expect(try OllamaName("me/a:q4").description == "me/a:q4")
        let whole = try OllamaName("hub.example.com:5000/me/a.b:q4_K_M")
        #expect(whole.host == "hub.example.com:5000" && whole.namespace == "me")
        for text in [
            "", ":", "a:", "../a", "a/../b", "a/b/c/d", "/a", "a b", "me/..:x", "a:../b", ".a",
            "a/.b", "é", String(repeating: "a", count: 81),
        ] {
            #expect(throws: DeploymentError.self, "\(text)") { try OllamaName(text) }
        }
    }

    @Test func directoriesAndPartsAreRefused() throws {
        let facts = try ModelFacts(path: Fixtures.path("tiny-llama"))
        let error = #expect(throws: DeploymentError.self) {
            try OllamaStore(path: "/nowhere").add(
                facts, Modelfile([.from("x")]), as: OllamaName("a"))
        }
        #expect(error?.remedy?.contains("ingot quantize") == true)
    }
}
