#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif
import Parts
import TensorCore

/// Reads what tasks have left behind.
struct StatusReader {
    private let folder: CampaignFolder
    /// The time by the clock of the file system that holds the folder: those of nodes may differ.
    private let now: Int

    /// Seconds without a sign of life after which a task is silent.
    static let silence = 120
    /// The most seconds that a task is believed to have taken.
    private static let longest = 1e9
    /// The most bytes of a list of tasks.
    private static let listLimit = 1 << 30

    init(folder: CampaignFolder) throws {
        self.folder = folder
        let probe = "\(folder.path)/state/.clock.\(getpid())"
        // Where nothing can be written the clock of this machine has to do.
        if (try? OutputFile.write([], to: probe)) != nil, let file = try? SourceFile(path: probe) {
            now = file.modified
            unsafe unlink(probe)
        } else {
            now = time(nil)
        }
    }

    /// Sources that are not as they were.
    func changedSources() throws -> [String] {
        let lists = try Directory.names(in: folder.path + "/sources").filter {
            $0.hasSuffix(".txt")
        }
        var changes: Set<String> = []
        for list in lists {
            let bytes = try InputFile.contents(
                path: "\(folder.path)/sources/\(list)", limit: StatusReader.listLimit)
            for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
                guard let file = SourceFile(line: line), let change = file.change else { continue }
                changes.insert("\(file.path) \(change)")
            }
        }
        return changes.sorted()
    }

    /// The tasks of a stage.
    func stage(_ record: CampaignRecord.Stage) throws -> CampaignStatus.Stage {
        let path = "\(folder.path)/stages/\(record.name).tasks"
        let bytes = try InputFile.contents(path: path, limit: StatusReader.listLimit)
        let lines = String(decoding: bytes, as: UTF8.self).split(
            separator: "\n", omittingEmptySubsequences: true)
        var states: [CampaignStatus.State] = []
        var remarks: [CampaignStatus.Remark] = []
        var seconds: [Double] = []
        // Outputs that are there make all of their parts needless.
        var finals: [Substring: Bool] = [:]
        for (index, line) in lines.enumerated() {
            let words = line.split(separator: "\t", maxSplits: 2, omittingEmptySubsequences: false)
            guard words.count == 3 else {
                throw ClusterError(
                    file: path, place: "line \(index + 1)",
                    problem: "no two tabs found, expected OUTPUT, FINAL and COMMAND")
            }
            let isFinal =
                finals[words[1]] ?? (FileIdentity(path: String(words[1])) != nil)
            finals[words[1]] = isFinal
            let task = Task(stage: record.name, number: index + 1, output: String(words[0]))
            let (state, remark) = state(of: task, isFinal: isFinal, seconds: &seconds)
            states.append(state)
            if let remark { remarks.append(remark) }
        }
        let mean = seconds.isEmpty ? nil : seconds.reduce(0, +) / Double(seconds.count)
        return CampaignStatus.Stage(
            name: record.name, kind: record.kind, after: record.after, states: states,
            remarks: remarks, taskSeconds: mean ?? record.seconds)
    }

    private struct Task {
        let stage: String
        let number: Int
        let output: String

        func path(_ folder: CampaignFolder, _ kind: String) -> String {
            "\(folder.path)/state/\(stage)/\(number).\(kind)"
        }
    }

    private func state(
        of task: Task, isFinal: Bool, seconds: inout [Double]
    ) -> (CampaignStatus.State, CampaignStatus.Remark?) {
        func remark(
            _ state: CampaignStatus.State, _ host: String, _ reason: String
        ) -> (CampaignStatus.State, CampaignStatus.Remark?) {
            (
                state,
                CampaignStatus.Remark(
                    number: task.number, state: state, host: host, reason: reason)
            )
        }
        let isPart = task.output.hasSuffix(".manifest.json")
        if isFinal {
            if let own = record(task, "done")?["seconds"]?.double, own > 0 {
                seconds.append(min(own, StatusReader.longest))
            }
            return (.done, nil)
        }
        if isPart, FileIdentity(path: task.output) != nil {
            switch FoundPart(manifest: task.output) {
            case .complete(let own):
                seconds.append(min(max(own, 0), StatusReader.longest))
                return (.done, nil)
            case .damaged(let reason): return remark(.failed, "", reason)
            }
        }
        if let file = try? SourceFile(path: task.path(folder, "running")) {
            let host = record(task, "running")?["host"]?.text ?? ""
            guard now - file.modified > StatusReader.silence else { return (.running, nil) }
            return remark(.silent, host, "not heard of for \(now - file.modified) s")
        }
        if let record = record(task, "failed") {
            let again = record["again"]?.boolean == true
            return remark(
                again ? .retrying : .failed, record["host"]?.text ?? "",
                "exit code \(record["exit"]?.integer ?? -1): \(lastWords(of: task))")
        }
        return (.waiting, nil)
    }

    private func record(_ task: Task, _ kind: String) -> JSON? {
        let path = task.path(folder, kind)
        guard FileIdentity(path: path) != nil else { return nil }
        return try? JSON.parse(path: path, byteLimit: 1 << 16)
    }

    /// The last line that says something in what a task said.
    private func lastWords(of task: Task) -> String {
        let path = "\(folder.path)/logs/\(task.stage)-\(task.number).log"
        guard let file = try? InputFile(path: path) else { return "nothing was said" }
        let count = min(file.byteCount, 4096)
        guard let tail = try? file.read(at: file.byteCount - count, count: count) else {
            return "nothing was said"
        }
        let lines = String(decoding: tail, as: UTF8.self).split { $0.isNewline || $0 == "\r" }
        // What the script says of the try stands behind the command's own words, and so does advice.
        let others = ["--- ", "Usage: ", "  See ", "       "]
        let said = lines.last { line in
            !line.contains(": queued again") && !others.contains { line.hasPrefix($0) }
        }
        let text = said.map(String.init) ?? "nothing was said"
        return String(text.unicodeScalars.filter { $0.value >= 0x20 }.map(Character.init))
    }
}

/// A part that was found beside its manifest.
enum FoundPart {
    /// It is there as its manifest says, and took so many seconds.
    case complete(seconds: Double)
    /// It is not, and why.
    case damaged(String)

    /// Reads a manifest and looks at the lengths of the files that it names; digests are compared when
    /// parts are joined.
    init(manifest path: String) {
        let manifest: PartManifest
        do { manifest = try PartManifest(path: path) } catch {
            self = .damaged("\(error)")
            return
        }
        let folder = path.lastIndex(of: "/").map { path[...$0] } ?? ""
        for file in manifest.files {
            let found = try? SourceFile(path: folder + file.name)
            guard found?.byteCount == file.byteCount else {
                let length = found.map { "has \($0.byteCount) bytes" } ?? "is not there"
                self = .damaged(
                    "\(folder)\(file.name) \(length), its manifest says \(file.byteCount)")
                return
            }
        }
        self = .complete(seconds: manifest.seconds)
    }
}
