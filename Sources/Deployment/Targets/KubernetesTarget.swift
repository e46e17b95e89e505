import TensorCore

/// Manifests for Kubernetes: the server, its address, its model's volume, what loads that, and what
/// tells Prometheus of it.
struct KubernetesTarget {
    let service: Service

    init(_ service: Service) { self.service = service }

    var files: [Deployment.File] {
        var files = service.isBuilt ? DockerTarget(service).files : []
        func add(_ name: String, _ object: JSON) {
            files.append(.init(name: name, text: YAMLText.document(object)))
        }
        add("deployment.yaml", deployment)
        add("service.yaml", address)
        add("model.yaml", volume)
        add("loader.yaml", loader)
        if let metrics = service.profile.metrics { add("servicemonitor.yaml", monitor(metrics)) }
        return files
    }

    /// The claim of the model's volume.
    var claim: String { "\(service.name)-model" }
    /// The pod that puts the model into it.
    var loaderName: String { "\(service.name)-loader" }

    private func metadata(_ name: String) -> JSON {
        .members([
            ("name", .words(name)), ("namespace", service.request.namespace.map { .words($0) }),
            ("labels", labels),
        ])
    }

    private var labels: JSON {
        .members([
            ("app.kubernetes.io/name", .words(service.name)),
            ("app.kubernetes.io/component", "model-server"),
            ("app.kubernetes.io/managed-by", "ingot"),
        ])
    }

    private var selector: JSON { .members([("app.kubernetes.io/name", .words(service.name))]) }

    /// How a new version takes an old one's place: a volume for one node, and devices of which there
    /// is none to spare, have to be let go first.
    private var strategy: JSON {
        if service.request.replicaCount == 1 { return .members([("type", "Recreate")]) }
        let steps: JSON = .members([("maxSurge", 0), ("maxUnavailable", 1)])
        return .members([
            ("type", "RollingUpdate"), ("rollingUpdate", service.gpuCount > 0 ? steps : nil),
        ])
    }

    private var deployment: JSON {
        return .members([
            ("apiVersion", "apps/v1"), ("kind", "Deployment"), ("metadata", metadata(service.name)),
            (
                "spec",
                .members([
                    ("replicas", .integer(service.request.replicaCount)), ("strategy", strategy),
                    ("selector", .members([("matchLabels", selector)])),
                    (
                        "template",
                        .members([("metadata", .members([("labels", labels)])), ("spec", pod)])
                    ),
                ])
            ),
        ])
    }

    private var pod: JSON {
        var volumes: [JSON] = [
            .members([
                ("name", "model"),
                (
                    "persistentVolumeClaim",
                    .members([("claimName", .words(claim)), ("readOnly", true)])
                ),
            ]),
            .members([("name", "tmp"), ("emptyDir", .members([]))]),
            .members([("name", "cache"), ("emptyDir", .members([]))]),
        ]
        if service.profile.isPython {
            volumes.append(
                .members([
                    ("name", "shared-memory"),
                    (
                        "emptyDir",
                        .members([
                            ("medium", "Memory"),
                            ("sizeLimit", .words("\(max(1, service.gpuCount))Gi")),
                        ])
                    ),
                ]))
        }
        if case .file(_, let name, _) = service.profile.key {
            volumes.append(
                .members([
                    ("name", "api-key"),
                    (
                        "secret",
                        .members([
                            ("secretName", .words(service.name)), ("defaultMode", .integer(0o440)),
                            (
                                "items",
                                [.members([("key", "api-key"), ("path", .words(name))])]
                            ),
                        ])
                    ),
                ]))
        }
        return .members([
            // Names of services do not become variables, which engines read: VLLM_PORT.
            ("enableServiceLinks", false), ("automountServiceAccountToken", false),
            ("terminationGracePeriodSeconds", 60), ("securityContext", podSecurity),
            ("tolerations", service.gpuCount > 0 ? tolerations : nil),
            ("containers", [container]), ("volumes", .array(volumes)),
        ])
    }

    /// Nodes with GPUs are kept for what asks for them.
    private var tolerations: JSON {
        [
            .members([
                ("key", "nvidia.com/gpu"), ("operator", "Exists"), ("effect", "NoSchedule"),
            ])
        ]
    }

    private var podSecurity: JSON {
        .members([
            ("runAsNonRoot", true), ("runAsUser", .integer(Service.userID)),
            ("runAsGroup", .integer(Service.userID)), ("fsGroup", .integer(Service.userID)),
            ("fsGroupChangePolicy", "OnRootMismatch"),
            ("seccompProfile", .members([("type", "RuntimeDefault")])),
        ])
    }

    private var security: JSON {
        .members([
            ("allowPrivilegeEscalation", false), ("readOnlyRootFilesystem", true),
            ("capabilities", .members([("drop", ["ALL"])])),
        ])
    }

    private var container: JSON {
        let settings = service.containerSettings
        var variables: [JSON] = service.profile.environment(settings).map {
            .members([("name", .words($0.name)), ("value", words($0.value))])
        }
        if case .environment(let name) = service.profile.key {
            let source: JSON = .members([("name", .words(service.name)), ("key", "api-key")])
            variables.append(
                .members([
                    ("name", .words(name)), ("valueFrom", .members([("secretKeyRef", source)])),
                ]))
        }
        return .members([
            ("name", "server"),
            ("image", .words(service.isBuilt ? service.localImage : service.image)),
            ("imagePullPolicy", "IfNotPresent"),
            ("command", .array(service.profile.command.map(words))),
            ("args", .array(service.profile.arguments(settings).map(words))),
            ("env", variables.isEmpty ? nil : .array(variables)),
            (
                "ports",
                [
                    .members([
                        ("name", "http"), ("containerPort", .integer(service.containerPort)),
                        ("protocol", "TCP"),
                    ])
                ]
            ),
            ("resources", resources), ("securityContext", security),
            ("startupProbe", probe(period: 10, failures: (service.startSeconds + 9) / 10)),
            // A long step of the model may hold an answer up; only one that hangs is restarted.
            ("livenessProbe", probe(period: 20, failures: 6)),
            ("readinessProbe", probe(period: 10, failures: 3)), ("volumeMounts", mounts),
        ])
    }

    private func probe(period: Int, failures: Int) -> JSON {
        .members([
            (
                "httpGet",
                .members([("path", .words(service.profile.health)), ("port", "http")])
            ), ("periodSeconds", .integer(period)), ("timeoutSeconds", 5),
            ("failureThreshold", .integer(failures)),
        ])
    }

    private var resources: JSON {
        let memory = JSON.words("\(service.memory.host >> 20)Mi")
        let gpus = service.gpuCount > 0 ? JSON.words("\(service.gpuCount)") : nil
        return .members([
            ("requests", .members([("cpu", .words("4")), ("memory", memory)])),
            ("limits", .members([("memory", memory), ("nvidia.com/gpu", gpus)])),
        ])
    }

    private var mounts: JSON {
        var mounts: [JSON] = [
            .members([
                ("name", "model"), ("mountPath", .words(ModelPlace.folder)), ("readOnly", true),
            ]), .members([("name", "tmp"), ("mountPath", "/tmp")]),
            .members([("name", "cache"), ("mountPath", .words(Service.cache))]),
        ]
        if service.profile.isPython {
            mounts.append(.members([("name", "shared-memory"), ("mountPath", "/dev/shm")]))
        }
        if case .file = service.profile.key {
            mounts.append(
                .members([
                    ("name", "api-key"), ("mountPath", .words(Service.keyFolder)),
                    ("readOnly", true),
                ]))
        }
        return .array(mounts)
    }

    private var address: JSON {
        let port: JSON = .members([
            ("name", "http"), ("port", .integer(service.port)), ("targetPort", "http"),
            ("protocol", "TCP"),
        ])
        return .members([
            ("apiVersion", "v1"), ("kind", "Service"), ("metadata", metadata(service.name)),
            (
                "spec",
                .members([("type", "ClusterIP"), ("selector", selector), ("ports", [port])])
            ),
        ])
    }

    /// A word in which Kubernetes replaces nothing.
    private func words(_ text: String) -> JSON { .words(text.replacing("$(", with: "$$(")) }
}

extension KubernetesTarget {
    /// Room for the model and a tenth.
    fileprivate var volume: JSON {
        let mode = service.request.replicaCount > 1 ? "ReadWriteMany" : "ReadWriteOnce"
        let size = max(1, (service.model.byteCount / 10 * 11 + (1 << 30) - 1) >> 30)
        return .members([
            ("apiVersion", "v1"), ("kind", "PersistentVolumeClaim"), ("metadata", metadata(claim)),
            (
                "spec",
                .members([
                    ("accessModes", [.words(mode)]),
                    (
                        "resources",
                        .members([
                            ("requests", .members([("storage", .words("\(size)Gi"))]))
                        ])
                    ),
                ])
            ),
        ])
    }

    /// A pod that waits until the model has been copied through it.
    fileprivate var loader: JSON {
        let container: JSON = .members([
            ("name", "loader"), ("image", "busybox:1.37.0"), ("command", ["sleep", "86400"]),
            ("securityContext", security),
            (
                "resources",
                .members([
                    ("requests", .members([("cpu", "100m"), ("memory", "64Mi")])),
                    ("limits", .members([("memory", "256Mi")])),
                ])
            ),
            (
                "volumeMounts",
                [.members([("name", "model"), ("mountPath", .words(ModelPlace.folder))])]
            ),
        ])
        let volume: JSON = .members([
            ("name", "model"),
            ("persistentVolumeClaim", .members([("claimName", .words(claim))])),
        ])
        return .members([
            ("apiVersion", "v1"), ("kind", "Pod"),
            (
                "metadata",
                .members([
                    ("name", .words(loaderName)),
                    ("namespace", service.request.namespace.map { .words($0) }),
                ])
            ),
            (
                "spec",
                .members([
                    ("restartPolicy", "Never"), ("automountServiceAccountToken", false),
                    ("enableServiceLinks", false), ("securityContext", podSecurity),
                    ("containers", [container]), ("volumes", [volume]),
                ])
            ),
        ])
    }

    fileprivate func monitor(_ metrics: EngineProfile.Metrics) -> JSON {
        let credentials: JSON = .members([("name", .words(service.name)), ("key", "api-key")])
        let authorization: JSON? =
            metrics.needsKey
            ? .members([("type", "Bearer"), ("credentials", credentials)]) : nil
        return .members([
            ("apiVersion", "monitoring.coreos.com/v1"), ("kind", "ServiceMonitor"),
            ("metadata", metadata(service.name)),
            (
                "spec",
                .members([
                    ("selector", .members([("matchLabels", selector)])),
                    (
                        "endpoints",
                        [
                            .members([
                                ("port", "http"), ("path", .words(metrics.path)),
                                ("interval", "15s"), ("authorization", authorization),
                            ])
                        ]
                    ),
                ])
            ),
        ])
    }
}
