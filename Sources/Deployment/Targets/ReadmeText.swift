import Reporting
import TensorCore

/// What to do with the files of a deployment: the commands in order.
struct ReadmeText {
    private let service: Service
    private let files: [Deployment.File]

    init(_ service: Service, files: [Deployment.File]) {
        self.service = service
        self.files = files
    }

    private var target: Deployment.Target { service.request.target }

    var text: String {
        let parts = [
            heading, block("Before", preparation + secrets), block("Start", start),
            block("Check", check), block("Stop", stop), memory, notes,
        ]
        return parts.filter { !$0.isEmpty }.joined(separator: "\n")
    }

    private var heading: String {
        let list = files.map { "`\($0.name)`" }.joined(separator: ", ")
        return """
            # \(service.name): \(service.engine.title), \(target.rawValue)

            \(list), written by ingot \(service.request.toolVersion): \(service.model.typeName) of
            \(NumberFormat.bytes(service.model.byteCount)), \(service.slotCount) texts at a time, \
            \(service.context) tokens each. Run the commands in this folder.

            """
    }

    private func block(_ title: String, _ commands: [String]) -> String {
        guard !commands.isEmpty else { return "" }
        return "## \(title)\n\n```sh\n\(commands.joined(separator: "\n"))\n```\n"
    }

    // MARK: Before

    private var preparation: [String] {
        var commands: [String] = []
        if service.isBuilt, target != .systemd {
            // The binary of `scripts/package` needs no libraries but the image's.
            commands.append("install -m 755 \"$(command -v ingot)\" ingot")
        }
        if let preparation = service.place.preparation { commands.append(preparation) }
        switch target {
        case .docker: commands.append("docker build --tag \(service.localImage) .")
        case .compose: if service.isBuilt { commands.append("docker compose build") }
        case .kubernetes:
            if service.isBuilt {
                commands += [
                    "docker build --tag \(service.localImage) .",
                    "# push it to a registry that the cluster reads, and name it in deployment.yaml",
                ]
            }
            commands += loading
        case .systemd: break
        }
        return commands
    }

    private var kubectl: String {
        "kubectl" + (service.request.namespace.map { " --namespace \($0)" } ?? "")
    }

    /// The model's way into its volume.
    private var loading: [String] {
        let kubernetes = KubernetesTarget(service)
        let name = kubernetes.loaderName
        var commands: [String] = []
        if let namespace = service.request.namespace {
            commands.append("kubectl create namespace \(namespace)")
        }
        commands += [
            "\(kubectl) apply -f model.yaml -f loader.yaml",
            "\(kubectl) wait --for=condition=Ready pod/\(name) --timeout=300s",
        ]
        let place = service.place
        if service.model.container == .gguf, service.model.weightFiles.count > 1 {
            commands += service.model.weightFiles.map {
                "\(kubectl) cp \(shellQuoted($0)) \(name):\(ModelPlace.folder)/"
                    + shellQuoted(Paths.name($0))
            }
        } else if service.engine == .ollama {
            commands += ["blobs", "manifests"].map {
                "\(kubectl) cp \(place.source)/\($0) \(name):\(ModelPlace.folder)/\($0)"
            }
        } else if service.model.hasLinkedFiles {
            // Links are kept, which kubectl cp leaves out.
            let parent = shellQuoted(String(place.source.dropLast(Paths.name(place.source).count)))
            commands.append(
                "tar -C \(parent) -cf - \(shellQuoted(Paths.name(place.source)))"
                    + " | \(kubectl) exec -i \(name) -- tar -C \(ModelPlace.folder) -xf -")
        } else {
            commands.append(
                "\(kubectl) cp \(shellQuoted(place.source)) \(name):\(shellQuoted(place.mount))")
        }
        return commands + ["\(kubectl) delete pod \(name)"]
    }

    /// A new key, where the engine knows any.
    private var secrets: [String] {
        let random = "openssl rand -hex 32"
        switch (target, service.profile.key) {
        case (_, .none): return []
        case (.kubernetes, .environment): return [created(prefix: "")]
        case (.kubernetes, .file(_, _, let prefix)): return [created(prefix: prefix)]
        case (.systemd, .environment(let name)):
            return [
                "sudo install -d -m 700 /etc/\(service.name)",
                "printf '\(name)=%s\\n' \"$(\(random))\""
                    + " | sudo tee /etc/\(service.name)/api-key.env > /dev/null",
                "sudo chmod 600 /etc/\(service.name)/api-key.env",
            ]
        case (.systemd, .file(_, let file, let prefix)):
            return [
                "sudo install -d -m 700 /etc/\(service.name)",
                "printf '\(prefix)%s\\n' \"$(\(random))\""
                    + " | sudo tee /etc/\(service.name)/\(file) > /dev/null",
                "sudo chmod 600 /etc/\(service.name)/\(file)",
            ]
        case (_, .environment(let name)):
            return [
                "mkdir -m 700 secrets",
                "printf '\(name)=%s\\n' \"$(\(random))\" > secrets/api-key.env",
            ]
        case (_, .file(_, let file, let prefix)):
            // The folder keeps others out; the container's user reads the file that is put into it.
            return [
                "mkdir -m 700 secrets",
                "printf '\(prefix)%s\\n' \"$(\(random))\" > secrets/\(file)",
                "chmod 444 secrets/\(file)",
            ]
        }
    }

    /// The command that makes a Secret, with the key in no argument.
    private func created(prefix: String) -> String {
        "printf '\(prefix)%s' \"$(openssl rand -hex 32)\" | \(kubectl) create secret generic"
            + " \(service.name) --from-file=api-key=/dev/stdin"
    }

    // MARK: Run

    private var start: [String] {
        switch target {
        case .docker:
            let parts = DockerTarget(service).runCommand
            return [parts.joined(separator: " \\\n  ")]
        case .compose: return ["docker compose up --detach --wait"]
        case .kubernetes:
            var commands = [
                "\(kubectl) apply -f deployment.yaml -f service.yaml",
                "\(kubectl) rollout status deployment/\(service.name)"
                    + " --timeout=\(service.startSeconds)s",
            ]
            if service.profile.metrics != nil {
                commands.append(
                    "\(kubectl) apply -f servicemonitor.yaml   # with the Prometheus operator")
            }
            return commands
        case .systemd:
            let unit = SystemdTarget.fileName(service)
            return [
                "sudo install -m 644 \(unit) /etc/systemd/system/",
                "sudo systemctl daemon-reload", "sudo systemctl enable --now \(unit)",
            ]
        }
    }

    private var check: [String] {
        // Under Kubernetes by a port that a plain user may listen at.
        let port = target == .kubernetes ? service.containerPort : service.port
        let address = "http://127.0.0.1:\(port)"
        var commands = ["curl --fail \(address)\(service.profile.health)"]
        if service.engine == .ollama {
            commands.append(
                "curl \(address)/api/generate -d '{\"model\": \"\(service.name)\"}'   # loads the model"
            )
        }
        switch target {
        case .docker: return commands + ["docker logs \(service.name)"]
        case .compose: return commands + ["docker compose logs"]
        case .kubernetes:
            return [
                "\(kubectl) port-forward service/\(service.name) \(port):\(service.port) &"
            ] + commands
        case .systemd: return commands + ["journalctl --unit \(service.name)"]
        }
    }

    private var stop: [String] {
        switch target {
        case .docker: return ["docker rm --force \(service.name)"]
        case .compose: return ["docker compose down"]
        case .kubernetes: return ["\(kubectl) delete -f deployment.yaml -f service.yaml"]
        case .systemd: return ["sudo systemctl disable --now \(service.name)"]
        }
    }

    // MARK: What to know

    private var memory: String {
        let demand = service.memory
        let place = service.gpuCount > 0 ? "of the GPUs" : "of the machine"
        return """
            ## Memory

            | what | bytes |
            |---|---|
            | weights | \(NumberFormat.bytes(demand.weights)) |
            | keys, values and states of \(service.slotCount) × \(service.context) tokens | \
            \(NumberFormat.bytes(demand.cache)) |
            | intermediate results | \(NumberFormat.bytes(demand.compute)) |
            | together, \(place) | \(NumberFormat.bytes(demand.device)) |
            | limit of the service in the machine's memory | \(NumberFormat.bytes(demand.host)) |

            """
    }

    private var notes: String {
        var lines: [String] = []
        switch service.profile.key {
        case .none:
            let reach =
                target == .kubernetes
                ? "whoever reaches the service in the cluster can use it"
                : "it listens on this machine alone"
            lines.append(
                "\(service.engine.title) knows no keys: \(reach). Put a proxy with keys in front.")
        case .environment, .file:
            lines.append(
                "Clients send the key as `Authorization: Bearer KEY`. It is \(keyPlace), in no argument"
                    + " and in none of these files.")
        }
        if service.profile.metrics == nil {
            lines.append("\(service.engine.title) has no metrics in Prometheus' format here.")
        }
        switch target {
        case .docker, .compose:
            lines.append(
                "The container's user is \(Service.userID): model and store have to be readable for"
                    + " all, and nothing is written but below /tmp and \(Service.cache).")
        case .kubernetes:
            lines.append(
                "The CPUs that are requested are a guess; the memory is not. With several replicas the"
                    + " volume has to be one that many nodes read (ReadWriteMany).")
        case .systemd:
            lines.append(
                "The program is expected at `\(program)`. The unit's user comes and goes with it: the"
                    + " model has to be readable for all.")
        }
        return "## To know\n\n" + lines.map { "- \($0)\n" }.joined()
    }

    private var keyPlace: String {
        switch target {
        case .docker, .compose: "in the folder `secrets`"
        case .kubernetes: "in the Secret `\(service.name)`"
        case .systemd: "in `/etc/\(service.name)`"
        }
    }

    private var program: String {
        service.request.executable ?? service.profile.hostCommand[0]
    }
}
