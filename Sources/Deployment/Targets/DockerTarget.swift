import TensorCore

/// A container file, and what it is built of.
struct DockerTarget {
    let service: Service

    init(_ service: Service) { self.service = service }

    var files: [Deployment.File] {
        [
            .init(name: "Dockerfile", text: service.isBuilt ? Self.built(service) : derived),
            .init(
                name: ".dockerignore",
                text: service.isBuilt ? "*\n!ingot\n" : "*\n"),
        ]
    }

    /// An image of the engine's makers with user, settings and command.
    private var derived: String {
        ([
            "FROM \(service.image)", "",
            "LABEL org.opencontainers.image.title=\(Self.constant(service.name))", "",
        ] + Self.settings(service) + [""]).joined(separator: "\n")
    }

    /// An image of this program.
    ///
    /// The BLAS library is what the server multiplies with where activations are not rounded.
    static func built(_ service: Service) -> String {
        ([
            "FROM debian:13.2-slim", "", "# hadolint ignore=DL3008",
            "RUN apt-get update \\",
            "    && apt-get install -y --no-install-recommends libopenblas0-pthread libzstd1 \\",
            "    && rm -rf /var/lib/apt/lists/*", "",
            "COPY --chmod=0755 ingot /usr/local/bin/ingot", "",
            "LABEL org.opencontainers.image.title=\(constant(service.name))", "",
        ] + settings(service) + [""]).joined(separator: "\n")
    }

    private static func settings(_ service: Service) -> [String] {
        let settings = service.containerSettings
        var lines: [String] = []
        let variables = service.profile.environment(settings)
        if !variables.isEmpty {
            let pairs = variables.map { "\($0.name)=\(constant($0.value))" }
            lines += ["ENV " + pairs.joined(separator: " \\\n    "), ""]
        }
        lines += [
            "USER \(Service.userID):\(Service.userID)", "EXPOSE \(service.containerPort)",
            "HEALTHCHECK --interval=30s --timeout=5s --start-period=\(service.startSeconds)s \\",
            "    CMD \(list(service.healthCommand))",
            "ENTRYPOINT \(list(service.profile.command))",
            "CMD \(list(service.profile.arguments(settings)))",
        ]
        return lines
    }

    /// Words in the form in which no shell sees them.
    private static func list(_ words: [String]) -> String {
        "["
            + words.map { String(decoding: JSON.words($0).writtenCompactly(), as: UTF8.self) }
            .joined(separator: ", ") + "]"
    }

    /// A value in quotes, in which nothing is replaced.
    private static func constant(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            if ["\"", "\\", "$"].contains(scalar) { result += "\\" }
            result.unicodeScalars.append(scalar)
        }
        return result + "\""
    }

    /// The command that runs the image, a word or two a line.
    var runCommand: [String] {
        let service = service
        var parts = [
            "docker run --detach --name \(service.name) --restart unless-stopped",
            "--read-only --tmpfs /tmp --tmpfs \(Service.cache):exec,mode=1777",
            "--cap-drop ALL --security-opt no-new-privileges --init",
            "--memory \(service.memory.host >> 20)m",
        ]
        if service.gpuCount > 0 { parts.append("--gpus \(service.gpuCount)") }
        if service.profile.isPython {
            parts.append("--shm-size \(max(1, service.gpuCount))g")
        }
        parts.append("--mount \(mount(service.place.source, service.place.mount))")
        switch service.profile.key {
        case .environment: parts.append("--env-file secrets/api-key.env")
        case .file(_, let name, _):
            parts.append("--mount \(mount("./secrets/\(name)", "\(Service.keyFolder)/\(name)"))")
        case .none: break
        }
        parts.append("--publish \(service.published)")
        parts.append(service.localImage)
        return parts
    }

    private func mount(_ source: String, _ destination: String) -> String {
        // Docker takes whole paths; names of this folder's own files are plain.
        if source.hasPrefix("./") {
            return "\"type=bind,src=$PWD/\(source.dropFirst(2)),dst=\(destination),readonly\""
        }
        func field(_ text: String) -> String {
            text.contains(where: { $0 == "," || $0 == "\"" })
                ? "\"\(text.replacing("\"", with: "\"\""))\"" : text
        }
        return shellQuoted(
            "type=bind,\(field("src=\(source)")),\(field("dst=\(destination)")),readonly")
    }
}

extension Service {
    /// The name of the image that the container file makes.
    var localImage: String { "\(name):\(request.toolVersion)" }

    /// The address and ports of a container's connection to the world: without keys on this machine
    /// alone.
    var published: String {
        (profile.key == .none ? "127.0.0.1:" : "") + "\(port):\(containerPort)"
    }
}
