import TensorCore

/// A compose file.
struct ComposeTarget {
    let service: Service

    init(_ service: Service) { self.service = service }

    var files: [Deployment.File] {
        let file = Deployment.File(name: "compose.yaml", text: YAMLText.document(document))
        return service.isBuilt ? DockerTarget(service).files + [file] : [file]
    }

    private var document: JSON {
        var secrets: JSON?
        if case .file(_, let name, _) = service.profile.key {
            secrets = .members([("api-key", .members([("file", words("./secrets/\(name)"))]))])
        }
        return .members([
            ("name", words(service.name)),
            ("services", .members([(service.name, container)])), ("secrets", secrets),
        ])
    }

    private var container: JSON {
        let settings = service.containerSettings
        let variables = service.profile.environment(settings).map { ($0.name, words($0.value)) }
        let mounts: JSON = [
            .members([
                ("type", "bind"), ("source", words(service.place.source)),
                ("target", words(service.place.mount)), ("read_only", true),
                ("bind", .members([("create_host_path", false)])),
            ])
        ]
        var keyFiles: JSON?
        var keySecrets: JSON?
        switch service.profile.key {
        case .environment: keyFiles = ["./secrets/api-key.env"]
        case .file(_, let name, _):
            keySecrets = [
                .members([
                    ("source", "api-key"), ("target", words("\(Service.keyFolder)/\(name)")),
                ])
            ]
        case .none: break
        }
        return .members([
            ("build", service.isBuilt ? "." : nil),
            ("image", words(service.isBuilt ? service.localImage : service.image)),
            ("entrypoint", .array(service.profile.command.map(words))),
            ("command", .array(service.profile.arguments(settings).map(words))),
            ("environment", variables.isEmpty ? nil : .members(variables)),
            ("env_file", keyFiles), ("secrets", keySecrets),
            ("user", words("\(Service.userID):\(Service.userID)")), ("read_only", true),
            ("tmpfs", ["/tmp", words("\(Service.cache):exec,mode=1777")]), ("cap_drop", ["ALL"]),
            ("security_opt", ["no-new-privileges:true"]), ("init", true),
            ("ports", [words(service.published)]), ("volumes", mounts),
            ("shm_size", service.profile.isPython ? words("\(max(1, service.gpuCount))g") : nil),
            ("healthcheck", health), ("deploy", .members([("resources", resources)])),
            ("restart", "unless-stopped"), ("stop_grace_period", "60s"),
        ])
    }

    private var health: JSON {
        .members([
            ("test", .array((["CMD"] + service.healthCommand).map(words))), ("interval", "30s"),
            ("timeout", "5s"), ("retries", 3), ("start_period", words("\(service.startSeconds)s")),
        ])
    }

    private var resources: JSON {
        let devices: JSON = [
            .members([
                ("driver", "nvidia"), ("count", .integer(service.gpuCount)),
                ("capabilities", ["gpu"]),
            ])
        ]
        return .members([
            ("limits", .members([("memory", words("\(service.memory.host >> 20)M"))])),
            ("reservations", service.gpuCount > 0 ? .members([("devices", devices)]) : nil),
        ])
    }

    /// A text in which compose replaces nothing.
    private func words(_ text: String) -> JSON { .words(text.replacing("$", with: "$$")) }
}
