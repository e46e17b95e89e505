import Clusters
import Reporting

/// How far a campaign is, in lines.
enum ClusterListing {
    /// The most tasks of a stage that something is said of.
    private static let remarkLimit = 5

    static func lines(of status: CampaignStatus) -> [String] {
        let headings = ["stage", "done", "running", "to retry", "failed", "waiting"]
        var table = TextTable(
            columns: headings.enumerated().map { index, heading in
                .init(heading: heading, alignment: index == 0 ? .left : .right)
            }, rows: [])
        for stage in status.stages {
            table.add(row: [
                stage.name, "\(stage.count(.done))/\(stage.states.count)",
                "\(stage.count(.running))", "\(stage.count(.retrying) + stage.count(.silent))",
                "\(stage.count(.failed))", "\(stage.count(.waiting))",
            ])
        }
        var lines = table.lines
        for stage in status.stages {
            for remark in stage.remarks.prefix(remarkLimit) {
                let host = remark.host.isEmpty ? "" : " on \(remark.host)"
                lines.append(
                    "\(stage.name) \(remark.number): \(remark.state.rawValue)\(host): \(remark.reason)"
                )
            }
            if stage.remarks.count > remarkLimit {
                lines.append(
                    "\(stage.name): \(stage.remarks.count - remarkLimit) more like these")
            }
        }
        lines += status.changedSources.map { "a source is not as it was: \($0)" }
        lines.append(
            status.isComplete
                ? "everything is done"
                : "about \(NumberFormat.duration(status.secondsLeft)) left")
        return lines
    }

    /// What a job takes, in lines.
    static func lines(of estimate: ClusterEstimate) -> [String] {
        let headings = [
            "stage", "tasks", "read", "written", "memory", "core hours", "time", "load", "balance",
            "limit",
        ]
        var table = TextTable(
            columns: headings.enumerated().map { index, heading in
                .init(
                    heading: heading,
                    alignment: index == 0 || index == headings.count - 1 ? .left : .right)
            }, rows: [])
        for stage in estimate.stages {
            table.add(row: [
                stage.name, "\(stage.tasks)", NumberFormat.bytes(Int(stage.read)),
                NumberFormat.bytes(Int(stage.written)), NumberFormat.bytes(stage.memory),
                NumberFormat.fixed(stage.processorHours, 1), NumberFormat.duration(stage.seconds),
                NumberFormat.bytes(Int(stage.load)) + "/s", NumberFormat.fixed(stage.balance, 3),
                stage.limit.rawValue,
            ])
        }
        let nodes = NumberFormat.counted(estimate.cluster.nodes, "node")
        return [
            "\(nodes) of \(estimate.cluster.cores) cores:"
                + " \(NumberFormat.duration(estimate.seconds))"
        ] + table.lines + [""]
    }
}
