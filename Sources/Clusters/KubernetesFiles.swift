import Deployment
import TensorCore

/// The Jobs that a campaign gives Kubernetes, one for each stage.
struct KubernetesFiles {
    let campaign: Campaign
    let job: ClusterJob
    /// What the job says of the cluster.
    let cluster: ClusterJob.Kubernetes
    /// The campaign's folder, absolute.
    let folder: String

    /// The files by their names in the folder.
    var files: [CampaignFile] {
        campaign.stages.map { stage in
            CampaignFile(
                KubernetesFiles.manifest(of: stage.name), YAMLText.document(manifest(stage)))
        } + [CampaignFile("submit.sh", submission)]
    }

    /// The name of a stage's manifest.
    static func manifest(of stage: String) -> String { "kubernetes/\(stage).yaml" }

    /// The name of a stage's Job: names of pods, made of it, have 63 letters at most.
    func name(of stage: Campaign.Stage) -> String {
        let name = "\(campaign.name.prefix(15))-\(stage.name)"
        guard name.utf8.count > 50 else { return name }
        // The number at the stage's start keeps names apart.
        return String(name.prefix(50)).split(separator: "-").joined(separator: "-")
    }

    private var labels: JSON {
        .members([
            ("app.kubernetes.io/name", .words(campaign.name)),
            ("app.kubernetes.io/component", "campaign"),
            ("app.kubernetes.io/managed-by", "ingot"),
        ])
    }

    private func manifest(_ stage: Campaign.Stage) -> JSON {
        let count = stage.tasks.count
        return .members([
            ("apiVersion", "batch/v1"), ("kind", "Job"),
            (
                "metadata",
                .members([
                    ("name", .words(name(of: stage))),
                    ("namespace", cluster.namespace.map { .words($0) }), ("labels", labels),
                ])
            ),
            (
                "spec",
                .members([
                    ("completionMode", "Indexed"), ("completions", .integer(count)),
                    ("parallelism", .integer(min(count, cluster.parallel ?? count))),
                    ("backoffLimitPerIndex", .integer(job.retries)),
                    // All the others go on when some have failed.
                    ("maxFailedIndexes", .integer(count)), ("podReplacementPolicy", "Failed"),
                    ("podFailurePolicy", .members([("rules", failureRules)])),
                    (
                        "template",
                        .members([
                            ("metadata", .members([("labels", labels)])), ("spec", pod(stage)),
                        ])
                    ),
                ])
            ),
        ])
    }

    /// A node that is drained is nobody's fault; usage and bad data stay what they are.
    private var failureRules: JSON {
        [
            .members([
                ("action", "Ignore"),
                (
                    "onPodConditions",
                    [.members([("type", "DisruptionTarget"), ("status", "True")])]
                ),
            ]),
            .members([
                ("action", "FailIndex"),
                (
                    "onExitCodes",
                    .members([
                        ("containerName", "task"), ("operator", "In"),
                        ("values", .array(TaskScript.finalCodes.map { .integer($0) })),
                    ])
                ),
            ]),
        ]
    }

    private func pod(_ stage: Campaign.Stage) -> JSON {
        let grant = stage.grant
        let resources: JSON = .members([
            ("cpu", .words("\(grant.cores)")),
            ("memory", .words("\((grant.memory + (1 << 20) - 1) >> 20)Mi")),
        ])
        let container: JSON = .members([
            ("name", "task"), ("image", .words(cluster.image)), ("imagePullPolicy", "IfNotPresent"),
            // The script takes the number of its task from the index that the Job gives.
            ("command", .words(["/bin/sh", "\(folder)/\(TaskScript.name)", stage.name])),
            ("resources", .members([("requests", resources), ("limits", resources)])),
            (
                "securityContext",
                .members([
                    ("allowPrivilegeEscalation", false), ("readOnlyRootFilesystem", true),
                    ("capabilities", .members([("drop", ["ALL"])])),
                ])
            ),
            (
                "volumeMounts",
                [
                    .members([("name", "data"), ("mountPath", .words(cluster.mount))]),
                    .members([("name", "tmp"), ("mountPath", "/tmp")]),
                ]
            ),
        ])
        let selector = cluster.nodeSelector.map { ($0.key, Optional(JSON.words($0.value))) }
        return .members([
            ("restartPolicy", "Never"), ("automountServiceAccountToken", false),
            ("enableServiceLinks", false), ("activeDeadlineSeconds", .integer(grant.seconds)),
            // A task that is told to end says so before it does.
            ("terminationGracePeriodSeconds", 60),
            ("nodeSelector", selector.isEmpty ? nil : .members(selector)),
            (
                "securityContext",
                .members([
                    ("runAsNonRoot", true), ("runAsUser", .integer(cluster.user)),
                    ("runAsGroup", .integer(cluster.user)), ("fsGroup", .integer(cluster.user)),
                    ("fsGroupChangePolicy", "OnRootMismatch"),
                    ("seccompProfile", .members([("type", "RuntimeDefault")])),
                ])
            ),
            ("containers", [container]),
            (
                "volumes",
                [
                    .members([
                        ("name", "data"),
                        (
                            "persistentVolumeClaim",
                            .members([("claimName", .words(cluster.claim))])
                        ),
                    ]),
                    .members([("name", "tmp"), ("emptyDir", .members([]))]),
                ]
            ),
        ])
    }

    /// Jobs know no order: one is created when the one before it has ended.
    private var submission: String {
        let stages = campaign.stages.map { "\(name(of: $0)) \($0.name) \($0.tasks.count)" }
        let namespace = cluster.namespace.map { " --namespace=\(ShellWords.quoted($0))" } ?? ""
        return """
            #!/bin/sh
            # Runs the stages one after the other: a Job is created when the one before it has ended, and
            # what has ended well before is left alone. It can be ended and started again at any time.
            set -eu
            cd \(ShellWords.quoted(folder))
            kube() { kubectl\(namespace) "$@" </dev/null; }
            # Complete, Failed, nothing where it still runs, Missing where there is no such Job.
            condition() {
              found=$(kube get job "$1" --ignore-not-found -o name) || return 0
              [ -n "$found" ] || { echo Missing; return; }
              kube get job "$1" \\
                -o 'jsonpath={range .status.conditions[?(@.status=="True")]}{.type}{"\\n"}{end}' \\
                | grep -E '^(Complete|Failed)$' | head -n 1 || true
            }
            while read -r job stage count; do
              [ -n "$job" ] || continue
              case $(condition "$job") in
              Complete) continue ;;
              Failed) kube delete job "$job" --wait ;;
              esac
              [ "$(condition "$job")" = Missing ] && kube create -f "kubernetes/$stage.yaml"
              echo "$stage: $count tasks" >&2
              while :; do
                case $(condition "$job") in
                Complete) break ;;
                Failed) echo "$stage: failed; ingot cluster status tells why" >&2; exit 1 ;;
                Missing) echo "$stage: the Job was deleted" >&2; exit 1 ;;
                esac
                sleep "${INGOT_POLL_SECONDS:-10}"
              done
            done <<STAGES
            \(stages.joined(separator: "\n"))
            STAGES

            """
    }
}
