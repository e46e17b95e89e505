import Deployment
public import TensorCore

/// How far a campaign is, by the manifests and records on the shared file system.
public struct CampaignStatus: Sendable {
    /// What has become of a task.
    public enum State: String, Sendable {
        /// Its output is there.
        case done
        /// It has given a sign of life of late.
        case running
        /// It was running and has not been heard of.
        case silent
        /// It failed and is to be tried again.
        case retrying
        /// It failed for good.
        case failed
        /// Nothing is known of it.
        case waiting
    }

    /// A task that something is to be said of.
    public struct Remark: Sendable {
        /// Its number in its stage, from 1.
        public let number: Int
        /// What has become of it.
        public let state: State
        /// Where it ran.
        public let host: String
        /// Why, in its own last words.
        public let reason: String
    }

    /// A stage.
    public struct Stage: Sendable {
        /// Its name.
        public let name: String
        /// What it does.
        public let kind: String
        /// The names of the stages before it.
        public let after: [String]
        /// The state of each task.
        public let states: [State]
        /// Tasks that failed, are silent or are tried again.
        public let remarks: [Remark]
        /// Seconds of a task, measured where some are done.
        public let taskSeconds: Double

        /// How many tasks are in a state.
        public func count(_ state: State) -> Int { states.count { $0 == state } }
        /// The numbers of the tasks that are not done.
        public var missing: [Int] { states.indices.filter { states[$0] != .done }.map { $0 + 1 } }
    }

    /// The campaign's name.
    public let name: String
    /// What runs the tasks.
    public let engine: CampaignFolder.Engine
    /// The stages.
    public let stages: [Stage]
    /// Sources that are not as they were, in words.
    public let changedSources: [String]

    /// Whether everything is done.
    public var isComplete: Bool { stages.allSatisfy { $0.missing.isEmpty } }
    /// Whether something failed that is not tried again.
    public var hasFailed: Bool { stages.contains { $0.count(.failed) > 0 } }

    /// Seconds until the end: what is left of each stage, as many tasks at a time as now run or, of
    /// stages that have not begun, as of the one that has the most tasks running.
    public var secondsLeft: Double {
        let parallel = max(1, stages.map { $0.count(.running) }.max() ?? 1)
        return stages.reduce(0) { sum, stage in
            let left = stage.missing.count
            let rounds = (Double(left) / Double(max(1, min(left, parallel)))).rounded(.up)
            return sum + rounds * stage.taskSeconds
        }
    }

    /// Looks at a campaign.
    ///
    /// - Throws: `ClusterError`, `FileError`.
    /// - Complexity: O(tasks), a few small files each.
    public init(_ folder: CampaignFolder) throws {
        let record = try CampaignRecord(folder: folder)
        (name, engine) = (record.name, record.engine)
        let reader = try StatusReader(folder: folder)
        stages = try record.stages.map { try reader.stage($0) }
        changedSources = try reader.changedSources()
    }

    /// The status as JSON: states by stage, remarks, seconds left.
    public var json: JSON {
        let counted: [State] = [.done, .running, .silent, .retrying, .failed, .waiting]
        return .members([
            ("name", .words(name)), ("engine", .words(engine.rawValue)),
            ("complete", .bool(isComplete)), ("failed", .bool(hasFailed)),
            ("secondsLeft", .real(secondsLeft.rounded())),
            ("changedSources", .words(changedSources)),
            (
                "stages",
                .array(
                    stages.map { stage in
                        .members(
                            [("name", .words(stage.name)), ("tasks", .integer(stage.states.count))]
                                + counted.map { ($0.rawValue, .integer(stage.count($0))) }
                                + [
                                    ("taskSeconds", .real(stage.taskSeconds)),
                                    ("remarks", .array(stage.remarks.map(\.json))),
                                ])
                    })
            ),
        ])
    }
}

extension CampaignStatus.Remark {
    fileprivate var json: JSON {
        .members([
            ("task", .integer(number)), ("state", .words(state.rawValue)), ("host", .words(host)),
            ("reason", .words(reason)),
        ])
    }
}
