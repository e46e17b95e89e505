import Foundation
import TensorCore

/// Gives a campaign's tasks that are neither done nor queued to the engine.
public struct Submission {
    private let folder: CampaignFolder
    private let status: CampaignStatus

    /// Looks at what is missing.
    ///
    /// - Throws: `ClusterError` when a source has changed, and what `CampaignStatus` throws.
    public init(_ folder: CampaignFolder) throws {
        self.folder = folder
        status = try CampaignStatus(folder)
        if let change = status.changedSources.first {
            throw ClusterError(
                file: folder.path, problem: "a source is not as it was: \(change)",
                remedy: "Put it back, or write the job to another folder with another output.")
        }
    }

    /// Submits what is missing; under Kubernetes it returns when all has ended.
    ///
    /// - Returns: What was submitted, in sentences; none where nothing is missing.
    /// - Throws: `ClusterError` with what the engine's program said.
    public func run() throws -> [String] {
        guard !status.isComplete else { return [] }
        switch status.engine {
        case .slurm: return try submitToSlurm()
        case .kubernetes:
            let missing = status.stages.reduce(0) { $0 + $1.missing.count }
            try ClusterProgram.run(["sh", "\(folder.path)/submit.sh"])
            return ["\(missing) tasks were missing, and have been run"]
        }
    }

    // MARK: Slurm

    /// A line `STAGE JOB OFFSET` for each array that was submitted.
    private var journalPath: String { "\(folder.path)/state/submitted.txt" }

    private func submitToSlurm() throws -> [String] {
        var said: [String] = []
        let queue = try queue()
        // The arrays of each stage that still have tasks, and whether some are new.
        var waiting: [String: (jobs: [String], isNew: Bool)] = [:]
        for stage in status.stages {
            let queued = queue[stage.name] ?? [:]
            let jobs = Set(queued.values).sorted()
            let wanted = stage.missing.filter { queued[$0] == nil }
            let before = stage.after.flatMap { waiting[$0]?.jobs ?? [] }
            if wanted.isEmpty {
                let isNew = !jobs.isEmpty && stage.after.contains { waiting[$0]?.isNew == true }
                if isNew { try wait(jobs, for: before) }
                waiting[stage.name] = (jobs, isNew)
                continue
            }
            let made = try submit(stage, wanted, after: before)
            waiting[stage.name] = (jobs + made, true)
            said.append(
                "\(stage.name): \(wanted.count) of \(stage.states.count) tasks, job"
                    + " \(made.joined(separator: ", "))")
        }
        return said
    }

    private func submit(
        _ stage: CampaignStatus.Stage, _ numbers: [Int], after jobs: [String]
    ) throws -> [String] {
        let limit = SlurmFiles.arrayLimit
        let chunks = Dictionary(grouping: numbers) { ($0 - 1) / limit * limit }
        let parallel = try self.parallel(stage.name)
        var made: [String] = []
        for offset in chunks.keys.sorted() {
            let own = (chunks[offset] ?? []).map { $0 - offset }
            for number in chunks[offset] ?? [] {
                // A new submission has all of its tries.
                unsafe unlink("\(folder.path)/state/\(stage.name)/\(number).failed")
            }
            var words = ["sbatch", "--parsable", "--array=\(SlurmFiles.ranges(own))\(parallel)"]
            if !jobs.isEmpty {
                words.append("--dependency=afterany:" + jobs.joined(separator: ":"))
            }
            words += [
                "--export=ALL,INGOT_OFFSET=\(offset)",
                "\(folder.path)/\(SlurmFiles.script(of: stage.name))",
            ]
            let answer = try ClusterProgram.output(words)
            // `JOB` or `JOB;CLUSTER`.
            let job = answer.prefix { $0.isNumber }
            guard !job.isEmpty else {
                throw ClusterError(problem: "sbatch answered \"\(answer.prefix(200))\"")
            }
            made.append(String(job))
            try note("\(stage.name) \(job) \(offset)\n")
        }
        return made
    }

    /// The limit of tasks at a time that stands in the stage's script, which may have been changed.
    private func parallel(_ stage: String) throws -> String {
        let bytes = try InputFile.contents(
            path: "\(folder.path)/\(SlurmFiles.script(of: stage))", limit: 1 << 20)
        let line = String(decoding: bytes, as: UTF8.self).split(separator: "\n").first {
            $0.hasPrefix("#SBATCH --array=")
        }
        guard let line, let place = line.lastIndex(of: "%") else { return "" }
        return String(line[place...])
    }

    /// Lets arrays that are queued wait for others too.
    private func wait(_ jobs: [String], for others: [String]) throws {
        guard !others.isEmpty else { return }
        for job in jobs {
            try ClusterProgram.run([
                "scontrol", "update", "JobId=\(job)",
                "Dependency=afterany:" + others.joined(separator: ":"),
            ])
        }
    }

    private func note(_ line: String) throws {
        let earlier = (try? InputFile.contents(path: journalPath, limit: 1 << 26)) ?? []
        try OutputFile.write(earlier + Array(line.utf8), to: journalPath)
    }

    /// The tasks that are queued or running, by stage and number, each with its array.
    private func queue() throws -> [String: [Int: String]] {
        guard let bytes = try? InputFile.contents(path: journalPath, limit: 1 << 26) else {
            return [:]
        }
        var arrays: [String: (stage: String, offset: Int)] = [:]
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count == 3, let offset = Int(words[2]) else { continue }
            arrays[String(words[1])] = (String(words[0]), offset)
        }
        var queue: [String: [Int: String]] = [:]
        let answer = try ClusterProgram.output(["squeue", "-h", "-r", "-o", "%F %K"])
        for line in answer.split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count == 2, let array = arrays[String(words[0])],
                let index = Int(words[1])
            else { continue }
            queue[array.stage, default: [:]][index + array.offset] = String(words[0])
        }
        return queue
    }
}

/// Programs of the engines.
enum ClusterProgram {
    /// Runs a program in view of the user.
    ///
    /// - Throws: `ClusterError` when it is not there or fails.
    static func run(_ words: [String]) throws {
        let code = try start(words, output: nil)
        guard code == 0 else { throw failure(words, code, "") }
    }

    /// What a program prints.
    ///
    /// - Throws: `ClusterError` when it is not there or fails.
    static func output(_ words: [String]) throws -> String {
        let pipe = Pipe()
        var text = ""
        let code = try start(words, output: pipe) {
            text = String(
                decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        }
        guard code == 0 else { throw failure(words, code, text) }
        return text
    }

    private static func start(
        _ words: [String], output: Pipe?, whileRunning: () -> Void = {}
    ) throws -> Int32 {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = words
        if let output { process.standardOutput = output }
        process.standardInput = FileHandle.nullDevice
        do { try process.run() } catch {
            throw ClusterError(problem: "\(words[0]): \(error)", exitCode: .inputOutput)
        }
        whileRunning()
        process.waitUntilExit()
        guard process.terminationStatus != 127 else {
            throw ClusterError(
                problem: "\(words[0]) is not here",
                remedy: "Submit where the engine's programs are; submit.sh does it by hand.",
                exitCode: .inputOutput)
        }
        return process.terminationStatus
    }

    private static func failure(_ words: [String], _ code: Int32, _ text: String) -> ClusterError {
        ClusterError(
            problem: "\(words.joined(separator: " ")): exit code \(code)"
                + (text.isEmpty ? "" : ": \(text.prefix(400))"), exitCode: .inputOutput)
    }
}
