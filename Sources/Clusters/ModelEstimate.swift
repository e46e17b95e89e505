import GGUF
import Parts
import Pipeline
import Quantization

/// The stages of one model on a cluster.
struct ModelEstimate {
    private let source: PlannedSource
    private let job: ClusterJob
    private let cluster: ClusterEstimate.Cluster
    private let costs: StageCosts
    /// What each level takes.
    private let levels: [StageCosts.Cost]
    private(set) var stages: [ClusterEstimate.Stage] = []

    /// - Parameter levels: What each level takes on the cluster's nodes; see `StageCosts.levels`.
    init(
        _ source: PlannedSource, costs: StageCosts, levels: [StageCosts.Cost], job: ClusterJob,
        cluster: ClusterEstimate.Cluster
    ) {
        (self.source, self.job, self.cluster) = (source, job, cluster)
        (self.costs, self.levels) = (costs, levels)
    }

    /// A task: seconds of all of a node's processors, and bytes.
    private struct Task {
        var seconds: Double
        var bytes: Double
    }

    /// Adds the stages of the job.
    ///
    /// - Throws: `InferenceError` where they run a model that cannot be run.
    mutating func addAll() throws {
        if source.isConverted { try add(.convert) }
        if job.importance != nil { try add(.imatrix) }
        if job.calibration != nil { try add(.calibrate) }
        addLevels()
        if job.report != nil { try add(.report) }
    }

    /// The parts of levels: as the job says, or several tasks for each node, so that one that ends
    /// late is a small one.
    private func levelPartCount(_ levels: Int) -> Int {
        if let count = job.parts[.quantize] { return count }
        // Error feedback takes blocks as wholes.
        let most = job.calibration == nil ? PartNumber.countLimit : max(1, costs.blockCount)
        return max(1, min((4 * cluster.nodes + levels - 1) / max(1, levels), most))
    }

    private mutating func add(_ kind: StageKind) throws {
        let made = try counts(kind).map { count -> (cost: StageCosts.Cost, tasks: [Task]) in
            let cost = try costs.cost(of: kind, parts: count, cores: cluster.cores)
            let task = Task(
                seconds: cost.processorSeconds / Double(count) / Double(cluster.cores),
                bytes: (cost.read + cost.written) / Double(count))
            return (cost, Array(repeating: task, count: count))
        }
        let best = made.min {
            time(of: $0.tasks, $0.cost).seconds < time(of: $1.tasks, $1.cost).seconds
        }
        guard let best else { return }
        append(kind.rawValue, best.cost, best.tasks, balance: 1)
        if best.tasks.count > 1 { addJoin(kind, parts: best.tasks.count) }
    }

    /// The numbers of parts that a stage is tried with: more of them compute less each, and read the
    /// weights more often where a text is divided.
    private func counts(_ kind: StageKind) -> [Int] {
        guard StageKind.divisible.contains(kind) else { return [1] }
        if let count = job.parts[kind] { return [count] }
        let most = min(cluster.nodes, kind == .convert ? .max : costs.windowCount(kind))
        var counts = [1]
        while let last = counts.last, last * 2 <= most { counts.append(last * 2) }
        return counts
    }

    /// Levels, divided as `ingot quantize --part` divides them.
    private mutating func addLevels() {
        let count = levelPartCount(levels.count)
        var sum = StageCosts.Cost()
        var tasks: [Task] = []
        var balance = 1.0
        for (plan, cost) in zip(source.levels.map(\.plan), levels) {
            sum.processorSeconds += cost.processorSeconds
            sum.read += cost.read
            sum.written += cost.written
            sum.memory = max(sum.memory, cost.memory)
            let shares = shares(of: plan, parts: count)
            balance = max(balance, (shares.max() ?? 0) * Double(count))
            tasks += shares.map { share in
                Task(
                    seconds: cost.processorSeconds * share / Double(cluster.cores),
                    bytes: (cost.read + cost.written) * share)
            }
        }
        append(StageKind.quantize.rawValue, sum, tasks, balance: balance)
        if count > 1 { addJoin(.quantize, parts: count) }
    }

    /// What each part of a level costs, as a share of all, by the planner of parts.
    private func shares(of plan: Plan, parts: Int) -> [Double] {
        PlanParts(
            [plan], count: parts,
            calibrationTokenCount: costs.calibrationTokens
        ).costs
    }

    private mutating func addJoin(_ kind: StageKind, parts: Int) {
        let cost = costs.join(of: kind, parts: parts, cores: cluster.cores)
        // One after the other, bytes are checked and copied by some processors of a node.
        let written = kind == .quantize ? costs.levelBytes : [cost.written]
        let tasks = written.map { Task(seconds: $0 * 1.5e-9 / 2, bytes: 2 * $0) }
        append("\(kind.rawValue)-join", cost, tasks, balance: 1)
    }

    /// How long tasks take, and what limits them.
    private func time(
        of tasks: [Task], _ cost: StageCosts.Cost
    ) -> (seconds: Double, limit: ClusterEstimate.Limit) {
        // The node that is free first takes the next task.
        var nodes = [Double](repeating: 0, count: max(1, min(cluster.nodes, tasks.count)))
        var (computing, moving) = (0.0, 0.0)
        for task in tasks {
            let link = task.bytes / cluster.nodeBandwidth
            let node = nodes.indices.min { nodes[$0] < nodes[$1] } ?? 0
            nodes[node] += CostModel.startSeconds + max(task.seconds, link)
            computing += task.seconds
            moving += link
        }
        let seconds = nodes.max() ?? 0
        let shared = (cost.read + cost.written) / cluster.sharedBandwidth
        if shared > seconds { return (shared, .shared) }
        return (seconds, computing > moving ? .processors : .nodes)
    }

    private mutating func append(
        _ name: String, _ cost: StageCosts.Cost, _ tasks: [Task], balance: Double
    ) {
        let (seconds, limit) = time(of: tasks, cost)
        stages.append(
            ClusterEstimate.Stage(
                name: "\(source.model.name)-\(name)", tasks: tasks.count, read: cost.read,
                written: cost.written, memory: cost.memory,
                processorHours: cost.processorSeconds / 3600, seconds: seconds,
                balance: balance, limit: limit))
    }
}
