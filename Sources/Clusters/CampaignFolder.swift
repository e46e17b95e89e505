import Crypto
import TensorCore

/// A campaign's folder: plain text that an administrator can read and change.
///
/// `campaign.json` lists the stages and the digests of all files as they were written, so that what
/// was changed by hand is told from what is only old.
public struct CampaignFolder: Sendable {
    /// What runs the tasks.
    public enum Engine: String, CaseIterable, Sendable {
        case slurm, kubernetes
    }

    /// Its absolute path.
    public let path: String

    /// Names a folder, whether or not it is there.
    public init(path: String) { self.path = Folder.absolute(path) }

    /// The record's path.
    var recordPath: String { "\(path)/campaign.json" }

    /// Writes the files of a campaign, or those that are out of date.
    ///
    /// - Returns: What was kept as an administrator has changed it.
    /// - Throws: `ClusterError` when sources have changed, when a file was changed by hand and the job
    ///   now asks for another, and when something else is in the folder; `FileError`.
    public func write(
        _ campaign: Campaign, job: ClusterJob, engine: Engine
    ) throws -> [String] {
        try check(campaign, job: job, engine: engine)
        let files = try files(of: campaign, job: job, engine: engine)
        let earlier = try digests()
        if earlier == nil { try OutputDirectory.check(path: path) }
        let (changed, kept) = try compare(files, with: earlier ?? [:])
        for folder in [
            "", "/stages", "/sources", "/state", "/logs", "/\(engine.rawValue)",
        ] { try Directory.create(path + folder) }
        for file in changed {
            try OutputFile.write(Array(file.text.utf8), to: "\(path)/\(file.name)")
        }
        let record = CampaignRecord(campaign, engine: engine)
        try OutputFile.write(
            record.json(digests: files.map { ($0.name, CampaignFolder.digest($0.text)) }).written(),
            to: recordPath)
        return kept
    }

    private func check(_ campaign: Campaign, job: ClusterJob, engine: Engine) throws {
        let paths = [path, job.output]
        for path in paths + job.models.map(\.path) + job.texts
        where path.contains(where: { $0 == "\t" || $0.isNewline }) {
            throw ClusterError(file: path, problem: "a path with a tab or a line break found")
        }
        if engine == .kubernetes, let mount = job.kubernetes?.mount {
            for path in paths + job.models.map(\.path) + job.texts
            where !path.hasPrefix(mount + "/") {
                throw ClusterError(
                    file: job.file, place: "kubernetes.mount",
                    problem: "\(path) found, expected a path below \(mount), which pods see",
                    remedy: "Put it on the shared volume, which is mounted at the same place here.")
            }
        }
        if engine == .kubernetes, job.kubernetes == nil {
            throw ClusterError(
                file: job.file, problem: "the key kubernetes is missing",
                remedy: "It has image, claim and mount; docs/clusters.md describes them.")
        }
        for (model, files) in campaign.sources {
            guard let listed = try? InputFile.contents(path: "\(path)/sources/\(model).txt") else {
                continue
            }
            let before = String(decoding: listed, as: UTF8.self).split(separator: "\n")
                .compactMap { SourceFile(line: $0) }
            let now = Set(files.map(\.path))
            for file in before where now.contains(file.path) {
                guard let change = file.change else { continue }
                throw ClusterError(
                    file: file.path, problem: "\(change) since \(path) was written",
                    remedy:
                        "Put it back (touch -d @\(file.modified) if it is the same), or write the"
                        + " job to another folder with another output.")
            }
        }
    }

    private func files(
        of campaign: Campaign, job: ClusterJob, engine: Engine
    ) throws -> [CampaignFile] {
        var files = [CampaignFile(TaskScript.name, TaskScript.text(retries: job.retries))]
        for stage in campaign.stages {
            let lines = stage.tasks.map { "\($0.output)\t\($0.final)\t\($0.command)\n" }
            files.append(CampaignFile("stages/\(stage.name).tasks", lines.joined()))
            files.append(CampaignFile("stages/\(stage.name).model", stage.model + "\n"))
            files.append(
                CampaignFile("stages/\(stage.name).needs", stage.needs.map { $0 + "\n" }.joined()))
        }
        for (model, sources) in campaign.sources {
            files.append(
                CampaignFile("sources/\(model).txt", sources.map { $0.line + "\n" }.joined()))
        }
        switch engine {
        case .slurm: files += SlurmFiles(campaign: campaign, job: job, folder: path).files
        case .kubernetes:
            if let cluster = job.kubernetes {
                files +=
                    KubernetesFiles(
                        campaign: campaign, job: job, cluster: cluster, folder: path
                    ).files
            }
        }
        files.append(
            CampaignFile("README.md", CampaignReadme(campaign, engine: engine, folder: path).text))
        return files
    }

    /// The digests of the files as they were written; `nil` where there is no campaign yet.
    private func digests() throws -> [String: String]? {
        guard FileIdentity(path: recordPath) != nil else { return nil }
        let json = try JSON.parse(path: recordPath)
        var digests: [String: String] = [:]
        for member in json["files"]?.members ?? [] {
            digests[member.key.description] = member.value.text
        }
        return digests
    }

    /// The files to write, and those that stay as somebody has changed them.
    private func compare(
        _ files: [CampaignFile], with earlier: [String: String]
    ) throws -> (changed: [CampaignFile], kept: [String]) {
        var (changed, kept): ([CampaignFile], [String]) = ([], [])
        for file in files {
            let found = try? InputFile.contents(path: "\(path)/\(file.name)")
            guard let found else {
                changed.append(file)
                continue
            }
            if found.elementsEqual(file.text.utf8) { continue }
            let written = earlier[file.name]
            if written == CampaignFolder.digest(String(decoding: found, as: UTF8.self)) {
                changed.append(file)
            } else if written == CampaignFolder.digest(file.text) {
                kept.append(file.name)
            } else {
                throw ClusterError(
                    file: "\(path)/\(file.name)",
                    problem: "was changed by hand, and the job now asks for something else",
                    remedy: "Move it away to have it written anew.")
            }
        }
        return (changed, kept)
    }

    private static func digest(_ text: String) -> String {
        var digits = ""
        for byte in SHA256.hash(data: Array(text.utf8)) {
            digits += (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }
        return digits
    }
}
