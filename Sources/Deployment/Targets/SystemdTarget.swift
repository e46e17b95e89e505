import TensorCore

/// A unit of systemd that runs an engine which is installed on the machine.
struct SystemdTarget {
    let service: Service
    private let command: [String]

    init(_ service: Service) throws(DeploymentError) {
        self.service = service
        var words = service.profile.hostCommand
        if let executable = service.request.executable {
            guard executable.hasPrefix("/"), !executable.contains(where: \.isNewline) else {
                throw Service.fault(
                    "--executable is \(executable), expected a whole path", nil)
            }
            words[0] = executable
        }
        command = words
        guard !isHome || !service.place.unitPath.contains(":") else {
            throw DeploymentError(
                file: service.model.path,
                problem: "has a colon in its path, which stands between paths in a unit",
                remedy: "Give it another name, or put it outside of homes.")
        }
    }

    /// Whether the model is where a unit sees nothing unless it is told.
    private var isHome: Bool {
        ["/home/", "/root/", "/run/user/"].contains { service.place.host.hasPrefix($0) }
    }

    /// The unit's file.
    static func fileName(_ service: Service) -> String { "\(service.name).service" }

    var files: [Deployment.File] {
        [.init(name: Self.fileName(service), text: unit)]
    }

    private var settings: EngineSettings {
        // Without keys it is reached from this machine alone.
        let host = service.profile.key == .none ? "127.0.0.1" : "0.0.0.0"
        var keyFile: String?
        if case .file(_, let name, _) = service.profile.key { keyFile = "%d/\(name)" }
        return service.settings(
            model: service.place.host, host: host, port: service.port, keyFile: keyFile,
            cache: "/var/cache/\(service.name)")
    }

    private var unit: String {
        let settings = settings
        // What systemd replaces itself is not escaped.
        let arguments = service.profile.arguments(settings).map {
            $0 == settings.keyFile ? $0 : Self.word($0, isArgument: true)
        }
        let line = (command.map { Self.word($0) } + arguments).joined(separator: " ")
        var lines = [
            "[Unit]",
            "Description=\(Self.escaped(service.name)): a model served by \(service.engine.title)",
            "Wants=network-online.target", "After=network-online.target", "", "[Service]",
            "Type=exec", "ExecStart=\(line)",
        ]
        lines += service.profile.environment(settings).map {
            "Environment=\(Self.word("\($0.name)=\($0.value)"))"
        }
        let folder = "/etc/\(service.name)"
        switch service.profile.key {
        case .environment: lines.append("EnvironmentFile=\(folder)/api-key.env")
        case .file(_, let name, _): lines.append("LoadCredential=\(name):\(folder)/\(name)")
        case .none: break
        }
        lines += [
            "WorkingDirectory=/var/cache/\(service.name)", "CacheDirectory=\(service.name)",
            "Restart=on-failure", "RestartSec=5", "TimeoutStopSec=60",
            "MemoryMax=\(service.memory.host >> 20)M", "", "# A user who exists while it runs.",
            "DynamicUser=yes", "UMask=0077",
        ]
        return (lines + confinement + ["", "[Install]", "WantedBy=multi-user.target", ""])
            .joined(separator: "\n")
    }

    /// What it may not do.
    private var confinement: [String] {
        let path = Self.word(service.place.unitPath)
        var lines =
            isHome
            ? ["ProtectHome=tmpfs", "BindReadOnlyPaths=\(path)"]
            : ["ProtectHome=yes", "ReadOnlyPaths=\(path)"]
        lines += [
            "ProtectSystem=strict", "PrivateTmp=yes", "NoNewPrivileges=yes",
            "ProtectKernelTunables=yes", "ProtectKernelModules=yes", "ProtectKernelLogs=yes",
            "ProtectControlGroups=yes", "ProtectClock=yes", "ProtectHostname=yes",
            "ProtectProc=invisible", "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK",
            "RestrictNamespaces=yes", "RestrictRealtime=yes", "RestrictSUIDSGID=yes",
            "LockPersonality=yes", "RemoveIPC=yes", "SystemCallArchitectures=native",
            "SystemCallFilter=@system-service", "SystemCallErrorNumber=EPERM",
        ]
        if service.gpuCount > 0 {
            lines += [
                "DevicePolicy=closed", "DeviceAllow=char-nvidia-frontend rw",
                "DeviceAllow=char-nvidia rw", "DeviceAllow=char-nvidia-uvm rw",
                "DeviceAllow=char-nvidia-caps rw",
            ]
        } else {
            lines.append("PrivateDevices=yes")
        }
        // Kernels that are compiled at run time are memory written first and run then.
        if !service.profile.isPython, service.gpuCount == 0 {
            lines.append("MemoryDenyWriteExecute=yes")
        }
        let rights = service.port < 1024 ? "CAP_NET_BIND_SERVICE" : ""
        lines.append("CapabilityBoundingSet=\(rights)")
        lines.append("AmbientCapabilities=\(rights)")
        return lines
    }

    /// A word of a list, or an argument of a command line, in which systemd replaces nothing.
    static func word(_ text: String, isArgument: Bool = false) -> String {
        let isPlain =
            !text.isEmpty
            && text.utf8.allSatisfy {
                (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0)
                    || "-_./:=,@+".utf8.contains($0)
            }
        let whole = escaped(text)
        // Variables are put into arguments alone.
        return isPlain ? text : "\"\(isArgument ? whole.replacing("$", with: "$$") : whole)\""
    }

    private static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": result += "\\\(scalar)"
            case "%": result += "%%"
            case "\n": result += "\\n"
            case "\t": result += "\\t"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}

extension ModelPlace {
    /// What a unit has to see: the model, all parts of one in several files, links' targets too.
    var unitPath: String { source }
}
