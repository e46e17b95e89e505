import Deployment
import Foundation
import TensorCore
import TestSupport
import Testing

@Suite struct DeploymentTests {
    private func request(
        _ engine: Engine, _ target: Deployment.Target, _ model: ModelFacts,
        _ change: (inout Deployment.Request) -> Void = { _ in }
    ) throws -> Deployment.Request {
        var request = Deployment.Request(
            model: model, engine: engine, target: target, toolVersion: "1.2.3")
        request.name = "tiny"
        change(&request)
        return request
    }

    /// A model that an engine takes.
    @discardableResult
    private func withModel<Result>(
        _ engine: Engine, _ body: (ModelFacts) throws -> Result
    ) throws -> Result {
        switch engine {
        case .ollama, .llamaCpp, .ingot: try TinyModel.withFile { try body(ModelFacts(path: $0)) }
        case .vllm, .tgi, .sglang, .tensorrtLLM:
            try body(ModelFacts(path: Fixtures.path("tiny-llama")))
        }
    }

    private func text(_ deployment: Deployment, _ name: String) throws -> String {
        try #require(deployment.files.first { $0.name == name }).text
    }

    static let files: [Deployment.Target: Set<String>] = [
        .docker: ["Dockerfile", ".dockerignore", "README.md"],
        .compose: ["compose.yaml", "README.md"],
        .kubernetes: [
            "deployment.yaml", "service.yaml", "model.yaml", "loader.yaml", "README.md",
        ],
        .systemd: ["tiny.service", "README.md"],
    ]

    @Test(arguments: Engine.allCases)
    func everyTargetHasItsFiles(engine: Engine) throws {
        try withModel(engine) { model in
            for target in Deployment.Target.allCases {
                let deployment = try Deployment(request(engine, target, model))
                let names = Set(deployment.files.map(\.name))
                #expect(try names.isSuperset(of: #require(Self.files[target])))
                let hasMetrics = ![.ollama, .tensorrtLLM].contains(engine)
                #expect(
                    names.contains("servicemonitor.yaml")
                        == (target == .kubernetes && hasMetrics))
                let all = deployment.files.filter { $0.name != "README.md" }.map(\.text).joined()
                #expect(all.contains("10001") || target == .systemd)
                #expect(!all.contains(":latest") && !all.contains("version:"))
                #expect(!all.contains("--api-key "), "a key in an argument")
                // What is written is what was asked for, and no unfinished folder stays.
                try Fixtures.withTemporaryFolder { folder in
                    try deployment.write(to: "\(folder)/new/out")
                    #expect(
                        try Set(Directory.names(in: "\(folder)/new/out")).subtracting([".", ".."])
                            == names)
                    #expect(throws: FileError.self) {
                        try deployment.write(to: "\(folder)/new/out/")
                    }
                }
            }
        }
    }

    @Test func keysAreNowhereButInSecrets() throws {
        try withModel(.llamaCpp) { model in
            let pods = try Deployment(request(.llamaCpp, .kubernetes, model))
            #expect(
                try text(pods, "deployment.yaml").contains(
                    """
                    - name: LLAMA_API_KEY
                                  valueFrom:
                                    secretKeyRef:
                                      name: tiny
                                      key: api-key
                    """))
            let run = try text(Deployment(request(.ingot, .docker, model)), "README.md")
            #expect(
                run.contains(
                    "\"type=bind,src=$PWD/secrets/api-key,dst=/run/keys/api-key,readonly\""))
            let unit = try Deployment(request(.ingot, .systemd, model))
            let lines = try text(unit, "tiny.service")
            #expect(lines.contains("LoadCredential=api-key:/etc/tiny/api-key\n"))
            #expect(lines.contains(" --api-key-file %d/api-key\n"))
            let compose = try Deployment(request(.ingot, .compose, model))
            #expect(try text(compose, "compose.yaml").contains("file: \"./secrets/api-key\""))
        }
    }

    @Test func limitsFollowContextAndSlots() throws {
        try withModel(.ingot) { model in
            func limit(_ context: Int, _ slots: Int) throws -> Int {
                let deployment = try Deployment(
                    request(.ingot, .systemd, model) {
                        $0.context = context
                        $0.slotCount = slots
                    })
                let match = try #require(
                    try text(deployment, "tiny.service").firstMatch(of: /MemoryMax=(\d+)M/))
                return try #require(Int(match.1))
            }
            let (small, wide, many) = (try limit(64, 1), try limit(65536, 4), try limit(65536, 8))
            #expect(small < wide && wide < many)
        }
    }

    @Test func whatOthersReplaceIsEscaped() throws {
        try TinyModel.withFile { path in
            try Fixtures.withTemporaryFolder { folder in
                let odd = "\(folder)/a $(b) ${C} 100% \"q\".gguf"
                try FileManager.default.copyItem(atPath: path, toPath: odd)
                let compose = try text(
                    Deployment(request(.llamaCpp, .compose, ModelFacts(path: odd))), "compose.yaml")
                #expect(compose.contains(#"a $$(b) $${C} 100% \"q\".gguf""#))
                let unit = try text(
                    Deployment(request(.llamaCpp, .systemd, ModelFacts(path: odd))), "tiny.service")
                #expect(unit.contains(#"a $$(b) $${C} 100%% \"q\".gguf" --alias"#))
                #expect(unit.contains(#"a $(b) ${C} 100%% \"q\".gguf"\#n"#))
                let readme = try text(
                    Deployment(request(.llamaCpp, .docker, ModelFacts(path: odd))), "README.md")
                #expect(readme.contains(#"a $(b) ${C} 100% ""q"".gguf"#))
                let line = "\(folder)/a\nb.gguf"
                try FileManager.default.copyItem(atPath: path, toPath: line)
                #expect(throws: DeploymentError.self) {
                    try Deployment(request(.llamaCpp, .systemd, ModelFacts(path: line)))
                }
            }
        }
    }

    @Test func namesAreMadeOfTheModels() throws {
        try TinyModel.withFile { path in
            try Fixtures.withTemporaryFolder { folder in
                for (file, name) in [
                    ("My Model-Q4_K_M.gguf", "my-model-q4-k-m"), ("7B.gguf", "model-7b"),
                    ("日本.gguf", "model"),
                ] {
                    let copy = "\(folder)/\(file)"
                    try FileManager.default.copyItem(atPath: path, toPath: copy)
                    let deployment = try Deployment(
                        request(.ingot, .systemd, ModelFacts(path: copy)) { $0.name = nil })
                    #expect(deployment.files[0].name == "\(name).service")
                }
            }
        }
    }

    @Test func numbersAndNamesThatAreNoneAreRefused() throws {
        try withModel(.llamaCpp) { model in
            let changes: [(Deployment.Target, (inout Deployment.Request) -> Void)] = [
                (.docker, { $0.port = 0 }), (.docker, { $0.port = 70000 }),
                (.docker, { $0.context = 0 }), (.docker, { $0.context = Int.max }),
                (.docker, { $0.slotCount = 0 }), (.docker, { $0.gpuCount = -1 }),
                (.docker, { $0.replicaCount = 2 }), (.compose, { $0.namespace = "a" }),
                (.kubernetes, { $0.namespace = "A b" }), (.docker, { $0.name = "-a" }),
                (.docker, { $0.name = "a\nUSER root" }), (.docker, { $0.image = "a b" }),
                (.docker, { $0.image = "a\nUSER root" }), (.systemd, { $0.executable = "ingot" }),
                (.docker, { $0.executable = "/bin/x" }), (.systemd, { $0.image = "a:1" }),
            ]
            for (target, change) in changes {
                #expect(throws: DeploymentError.self) {
                    try Deployment(request(.llamaCpp, target, model, change))
                }
            }
            #expect(throws: DeploymentError.self) {
                try Deployment(request(.ingot, .docker, model) { $0.gpuCount = 1 })
            }
            let open = try Deployment(
                request(.llamaCpp, .docker, model) { $0.image = "me/server" })
            #expect(open.warnings.count == 1)
        }
    }
}
