import Deployment
import TensorCore

/// The stages of a campaign as its folder lists them.
struct CampaignRecord {
    /// A stage.
    struct Stage {
        var name: String
        var kind: String
        var model: String
        var after: [String]
        /// Seconds that a task probably takes.
        var seconds: Double
    }

    /// The campaign's name.
    let name: String
    let engine: CampaignFolder.Engine
    let output: String
    let stages: [Stage]

    init(_ campaign: Campaign, engine: CampaignFolder.Engine) {
        (name, self.engine, output) = (campaign.name, engine, campaign.output)
        stages = campaign.stages.map {
            Stage(
                name: $0.name, kind: $0.kind.rawValue, model: $0.model, after: $0.after,
                seconds: $0.seconds)
        }
    }

    /// Reads the record.
    ///
    /// - Throws: `ClusterError`, `JSONError`, `FileError`.
    init(folder: CampaignFolder) throws {
        let path = folder.recordPath
        guard FileIdentity(path: path) != nil else {
            throw ClusterError(
                file: folder.path, problem: "no campaign found, expected campaign.json in it",
                remedy: "ingot cluster slurm JOB.yaml -o FOLDER writes one.",
                exitCode: .inputOutput)
        }
        let json = try JSON.parse(path: path)
        func fault(_ key: String) -> ClusterError {
            ClusterError(file: path, place: key, problem: "not as it was written")
        }
        guard json["ingot-campaign"]?.integer == 1, let name = json["name"]?.text,
            let engine = json["engine"]?.text.flatMap(CampaignFolder.Engine.init),
            let output = json["output"]?.text, let list = json["stages"]?.array
        else { throw fault("ingot-campaign") }
        (self.name, self.engine, self.output) = (name, engine, output)
        stages = try list.map { stage in
            guard let name = stage["name"]?.text, !name.contains("/"),
                let kind = stage["kind"]?.text, let model = stage["model"]?.text,
                let seconds = stage["seconds"]?.double, let after = stage["after"]?.array
            else { throw fault("stages") }
            return Stage(
                name: name, kind: kind, model: model, after: after.compactMap(\.text),
                seconds: max(0, seconds))
        }
    }

    /// The record, with the digests of the files that were written.
    func json(digests: [(String, String)]) -> JSON {
        .members([
            ("ingot-campaign", 1), ("name", .words(name)), ("engine", .words(engine.rawValue)),
            ("output", .words(output)),
            (
                "stages",
                .array(
                    stages.map { stage in
                        .members([
                            ("name", .words(stage.name)), ("kind", .words(stage.kind)),
                            ("model", .words(stage.model)), ("after", .words(stage.after)),
                            ("seconds", .real(stage.seconds.rounded())),
                        ])
                    })
            ), ("files", .members(digests.map { ($0, .words($1)) })),
        ])
    }
}
