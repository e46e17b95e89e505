import Deployment
public import TensorCore

/// What a job takes on so many nodes: bytes, memory, processors, time, and what limits it.
///
/// The stages are divided as the job says, or else so that all nodes have work; the tasks of a stage are
/// given to nodes in their order, each to the node that is free first.
public struct ClusterEstimate: Sendable {
    /// The machines.
    public struct Cluster: Sendable {
        /// How many.
        public var nodes: Int
        /// Processors of each.
        public var cores: Int
        /// Bytes a second that one node reads and writes.
        public var nodeBandwidth: Double
        /// Bytes a second of the shared file system for all nodes.
        public var sharedBandwidth: Double

        /// Describes machines.
        public init(nodes: Int, cores: Int, nodeBandwidth: Double, sharedBandwidth: Double) {
            self.nodes = nodes
            self.cores = cores
            self.nodeBandwidth = nodeBandwidth
            self.sharedBandwidth = sharedBandwidth
        }
    }

    /// What makes a stage take as long as it does.
    public enum Limit: String, Sendable {
        /// Its tasks compute.
        case processors
        /// Its tasks read and write as fast as a node can.
        case nodes = "nodes' links"
        /// All tasks together read and write as fast as the file system can.
        case shared = "file system"
    }

    /// A stage of a model.
    public struct Stage: Sendable {
        /// `llama-quantize`.
        public let name: String
        /// How many tasks.
        public let tasks: Int
        /// Bytes, all tasks together.
        public let read, written: Double
        /// Bytes of a task.
        public let memory: Int
        /// Hours of processors, all tasks together.
        public let processorHours: Double
        /// Seconds from its start to its end.
        public let seconds: Double
        /// Bytes a second of the shared file system meanwhile.
        public var load: Double { (read + written) / seconds }
        /// The slowest part of an output against the mean of its parts.
        public let balance: Double
        /// What makes it take so long.
        public let limit: Limit
    }

    /// The machines.
    public let cluster: Cluster
    /// The stages in the order of the work.
    public let stages: [Stage]
    /// Seconds from the first stage's start to the last one's end, models one after the other.
    public var seconds: Double { stages.reduce(0) { $0 + $1.seconds } }

    /// Computes a job on each of some clusters.
    ///
    /// - Throws: Errors of the models and their types.
    public static func estimates(
        of job: ClusterJob, on clusters: [Cluster]
    ) throws -> [ClusterEstimate] {
        let cores = Set(clusters.map(\.cores))
        let models = try job.models.map { model in
            let source = try PlannedSource(model, job: job)
            let costs = try StageCosts(source, job: job)
            let levels = try cores.map { ($0, try costs.levels(cores: $0)) }
            return (source, costs, Dictionary(uniqueKeysWithValues: levels))
        }
        return try clusters.map { cluster in
            ClusterEstimate(
                cluster: cluster,
                stages: try models.flatMap { source, costs, levels in
                    var estimate = ModelEstimate(
                        source, costs: costs, levels: levels[cluster.cores] ?? [], job: job,
                        cluster: cluster)
                    try estimate.addAll()
                    return estimate.stages
                })
        }
    }

    /// The estimate as JSON.
    public var json: JSON {
        .members([
            ("nodes", .integer(cluster.nodes)), ("cores", .integer(cluster.cores)),
            ("seconds", .real(seconds.rounded())),
            (
                "stages",
                .array(
                    stages.map { stage in
                        .members([
                            ("name", .words(stage.name)), ("tasks", .integer(stage.tasks)),
                            ("read", .real(stage.read.rounded())),
                            ("written", .real(stage.written.rounded())),
                            ("memory", .integer(stage.memory)),
                            ("processorHours", .real(stage.processorHours)),
                            ("seconds", .real(stage.seconds.rounded())),
                            ("balance", .real(stage.balance)),
                            ("limit", .words(stage.limit.rawValue)),
                        ])
                    })
            ),
        ])
    }
}
