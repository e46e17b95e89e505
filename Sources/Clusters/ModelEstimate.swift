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
    /// What is written of each level.
    private let plans: [Plan]
    private(set) var stages: [ClusterEstimate.Stage] = []

    /// - Parameter plans: What is written of each level; see `plans(of:job:)`.
    init(
        _ source: PlannedSource, plans: [Plan], job: ClusterJob,
        cluster: ClusterEstimate.Cluster
    ) {
        (self.source, self.plans, self.job, self.cluster) = (source, plans, job, cluster)
        costs = StageCosts(source, job: job)
    }

    /// What is written of each level.
    static func plans(of source: PlannedSource, job: ClusterJob) throws -> [Plan] {
        var options = QuantizeOptions(allowsRequantization: true)
        if job.calibration != nil || job.importance != nil {
            options.calibrated = Set(source.source.tensors.map(\.name))
        }
        return try source.levels.map { level in
            try Plan.quantize(
                source.source, recipe: level.recipe, options: options,
                outputPath: "/\(level.recipe.name).gguf")
        }
    }

    /// A task: seconds of all of a node's processors, and bytes.
    private struct Task {
        var seconds: Double
        var bytes: Double
    }

    /// Adds the stages of the job.
    mutating func addAll() {
        if source.isConverted { add(.convert) }
        if job.importance != nil { add(.imatrix) }
        if job.calibration != nil { add(.calibrate) }
        addLevels()
        if job.report != nil { add(.report) }
    }

    /// The parts that the job says, or as many as give every node work.
    private func partCount(_ kind: StageKind, outputs: Int = 1, most: Int = .max) -> Int {
        guard StageKind.divisible.contains(kind) else { return 1 }
        if let count = job.parts[kind] { return count }
        // Several parts for each node, so that one that ends late is a small one.
        let wanted = outputs > 1 ? (4 * cluster.nodes + outputs - 1) / outputs : cluster.nodes
        return max(1, min(wanted, most, PartNumber.countLimit))
    }

    private mutating func add(_ kind: StageKind) {
        // Further parts would only read the weights more often.
        let batches =
            kind == .report || kind == .imatrix
            ? costs.batchCount(kind, cores: cluster.cores) : Int.max
        let count = partCount(kind, most: batches)
        let cost = costs.cost(of: kind, parts: count, cores: cluster.cores)
        let task = Task(
            seconds: cost.processorSeconds / Double(count) / Double(cluster.cores),
            bytes: (cost.read + cost.written) / Double(count))
        append(kind.rawValue, cost, Array(repeating: task, count: count), balance: 1)
        if count > 1 { addJoin(kind, parts: count) }
    }

    /// Levels, divided as `ingot quantize --part` divides them.
    private mutating func addLevels() {
        let levels = costs.levels(cores: cluster.cores)
        // Error feedback takes blocks as wholes.
        let blocks = job.calibration == nil ? Int.max : max(1, costs.blockCount)
        let count = partCount(.quantize, outputs: levels.count, most: blocks)
        var sum = StageCosts.Cost()
        var tasks: [Task] = []
        var balance = 1.0
        for (plan, cost) in zip(plans, levels) {
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
            calibrationTokenCount: job.calibration == nil ? nil : Int(costs.calibrationTokens)
        ).costs
    }

    private mutating func addJoin(_ kind: StageKind, parts: Int) {
        let cost = costs.join(of: kind, parts: parts, cores: cluster.cores)
        // One after the other, bytes are checked and copied by some processors of a node.
        let written = kind == .quantize ? costs.levelBytes : [cost.written]
        let tasks = written.map { Task(seconds: $0 * 1.5e-9 / 2, bytes: 2 * $0) }
        append("\(kind.rawValue)-join", cost, tasks, balance: 1)
    }

    private mutating func append(
        _ name: String, _ cost: StageCosts.Cost, _ tasks: [Task], balance: Double
    ) {
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
        let limit: ClusterEstimate.Limit =
            shared > seconds
            ? .shared
            : tasks.count < cluster.nodes ? .tasks : computing > moving ? .processors : .nodes
        stages.append(
            ClusterEstimate.Stage(
                name: "\(source.model.name)-\(name)", tasks: tasks.count, read: cost.read,
                written: cost.written, memory: cost.memory,
                processorHours: cost.processorSeconds / 3600, seconds: max(seconds, shared),
                balance: balance, limit: limit))
    }
}
