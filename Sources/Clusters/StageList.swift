import Quantization
import TensorCore

/// The stages of one model.
struct StageList {
    private(set) var stages: [Campaign.Stage] = []
    private let source: PlannedSource
    private let job: ClusterJob
    private let costs: StageCosts
    private let first: Int

    /// - Parameter first: How many stages stand before these.
    init(_ source: PlannedSource, job: ClusterJob, first: Int) throws {
        (self.source, self.job, self.first) = (source, job, first)
        costs = try StageCosts(source, job: job)
        let commands = TaskCommands(source, job: job)
        if source.isConverted {
            try add(.convert, [commands.convert], needs: [], after: [])
        }
        let base = commands.base
        let converted = stages.last.map { [$0.name] } ?? []
        var (ready, needs) = (converted, source.isConverted ? [base] : [])
        if job.importance != nil {
            try add(.imatrix, [commands.imatrix], needs: needs, after: ready)
            (ready, needs) = ([stages[stages.count - 1].name], needs + [commands.imatrixPath])
        }
        if job.calibration != nil {
            try add(.calibrate, [commands.calibrate], needs: needs, after: ready)
            (ready, needs) = ([stages[stages.count - 1].name], needs + [commands.inputsMark])
        }
        try add(
            .quantize, source.levels.map { commands.quantize($0.recipe) }, needs: needs,
            after: ready)
        if job.report != nil {
            let made = source.levels.map { commands.path(of: $0.recipe) }
            try add(
                .report, [commands.report], needs: (source.isConverted ? [base] : []) + made,
                after: [stages[stages.count - 1].name])
        }
    }

    /// Adds the stage of a kind, and where it is divided the one that joins.
    private mutating func add(
        _ kind: StageKind, _ works: [TaskCommands.Work], needs: [String], after: [String]
    ) throws {
        let count = StageKind.divisible.contains(kind) ? job.partCount(kind) : 1
        let tasks = works.enumerated().flatMap { index, work in
            count == 1
                ? [work.whole(cores: cores(kind))]
                : (1...count).map { work.part($0, of: count, cores: cores(kind)) }
        }
        append(
            kind, tasks, needs: needs, after: after,
            cost: try costs.cost(of: kind, parts: count, cores: cores(kind)))
        guard count > 1 else { return }
        append(
            .join, works.map { $0.join(count, cores: cores(.join), keepsParts: job.keepsParts) },
            joining: kind,
            needs: [],
            after: [stages[stages.count - 1].name],
            cost: costs.join(of: kind, parts: count, cores: cores(.join)))
    }

    private mutating func append(
        _ kind: StageKind, _ tasks: [Campaign.Task], joining: StageKind? = nil, needs: [String],
        after: [String], cost: StageCosts.Cost
    ) {
        let number = first + stages.count + 1
        let digits = String("00\(number)".suffix(max(2, "\(number)".count)))
        let words = [digits, source.model.name, joining?.rawValue, kind.rawValue]
        stages.append(
            Campaign.Stage(
                name: words.compactMap { $0 }.joined(separator: "-"), kind: kind,
                model: source.model.name, after: after, needs: needs, tasks: tasks,
                grant: grant(kind, cost), seconds: cost.seconds))
    }

    private func cores(_ kind: StageKind) -> Int {
        job.resources[kind]?.cores ?? job.usualResources.cores ?? (kind == .join ? 2 : 8)
    }

    /// What a task gets: what it probably takes, with a margin, unless the job says otherwise.
    private func grant(_ kind: StageKind, _ cost: StageCosts.Cost) -> Campaign.Grant {
        let (own, usual) = (job.resources[kind], job.usualResources)
        return Campaign.Grant(
            cores: cores(kind),
            memory: own?.memory ?? usual.memory ?? StageCosts.withMargin(memory: cost.memory),
            seconds: own?.seconds ?? usual.seconds ?? StageCosts.withMargin(seconds: cost.seconds))
    }
}
