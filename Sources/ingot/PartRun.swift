import GGUF
import Parts
import Pipeline
import Quantization
import Reporting
import TensorCore

/// A part of the files that `quantize` or `convert` would write.
struct PartRun {
    let command: String
    let part: PartNumber
    let overwrites: Bool
    let isQuiet: Bool
    var options: WriteOptions
    /// What joining still does to files: see `PartManifest.finishing`.
    private let finishing: String?
    private let outputs: [PlannedOutput]
    private let sources: [PartSource]
    private let wholes: PlanParts?
    private let splits: [SplitParts?]

    /// A file or split model that is not complete yet.
    private struct Job {
        let path: String
        let plans: [Plan]
        let manifest: PartManifest
    }

    /// Divides the work.
    ///
    /// - Parameter calibrationTokenCount: With error feedback, the tokens of its text.
    init(
        _ outputs: [PlannedOutput], command: String, part: PartNumber, overwrites: Bool,
        importance: ImportanceMatrix?, options: WriteOptions, isQuiet: Bool,
        calibrationTokenCount: Int? = nil
    ) throws {
        self.outputs = outputs
        self.command = command
        self.part = part
        self.overwrites = overwrites
        self.isQuiet = isQuiet
        var options = options
        finishing = options.finishing == nil ? nil : JoinTuning.norms
        options.finishing = nil
        self.options = options
        var sources = try outputs[0].plan.source.files.map { try PartSource($0) }
        if let importance { sources.append(try PartSource(InputFile(path: importance.path))) }
        self.sources = sources
        let plans = outputs.filter { $0.files.count == 1 }.map(\.plan)
        wholes =
            plans.isEmpty
            ? nil
            : PlanParts(plans, count: part.count, calibrationTokenCount: calibrationTokenCount)
        splits = try outputs.map { output in
            guard output.files.count > 1 else { return nil }
            guard let parts = SplitParts(output.files, count: part.count) else {
                throw FileProblem(
                    file: output.plan.outputPath,
                    problem:
                        "\(output.files.count) files would be written, expected at least one for"
                        + " each of \(part.count) parts",
                    remedy: "Ask for fewer parts, or for more files (--split-max-size).")
            }
            return parts
        }
    }

    /// What is divided how, in a line.
    var summary: String {
        let costs = wholes?.costs ?? []
        let share = costs.isEmpty ? nil : costs[part.number - 1] * Double(part.count)
        let most = (costs.max() ?? 0) * Double(part.count)
        return "part \(part): " + describe(wholes?.part(part).share ?? splits[0]?.share(of: part))
            + (share.map {
                ", \(NumberFormat.fixed($0, 2)) of the mean part's work (most:"
                    + " \(NumberFormat.fixed(most, 2)))"
            } ?? "")
    }

    private func describe(_ share: PartManifest.Share?) -> String {
        func text(_ json: JSON?) -> String { json?.text ?? json?.integer.map(String.init) ?? "" }
        guard let share, !share.first.isNull else { return "nothing" }
        return "\(share.what) \(text(share.first)) to \(text(share.last))"
    }

    /// Writes what is not complete yet.
    func run(importance: ImportanceMatrix?) throws {
        let jobs = self.jobs
        guard !jobs.isEmpty else {
            if !isQuiet { Terminal.print("part \(part) is complete") }
            return
        }
        let start = ContinuousClock.now
        let findings = try write(jobs)
        let seconds = start.secondsAgo
        for (job, findings) in zip(jobs, findings) {
            var manifest = job.manifest
            manifest.seconds = seconds / Double(jobs.count)
            manifest.files = try job.plans.map { plan in
                let file = try InputFile(path: plan.outputPath)
                return PartManifest.File(
                    name: Paths.name(plan.outputPath), byteCount: file.byteCount,
                    sha256: try FileDigest.sha256(of: file))
            }
            try manifest.write(to: part.manifestPath(of: job.path))
            if !isQuiet {
                let bytes = manifest.files.reduce(0) { $0 + $1.byteCount }
                Terminal.print(
                    "\(part.path(of: job.path)): \(describe(manifest.share)),"
                        + " \(NumberFormat.bytes(bytes)) in \(NumberFormat.duration(seconds))")
            }
            for plan in job.plans {
                Terminal.warnings(
                    PlanSummary.warnings(of: plan, importance: importance, findings: findings))
            }
        }
        if !isQuiet, let bytes = findings.first?.resumedByteCount, bytes > 0 {
            Terminal.note("resumed: \(NumberFormat.bytes(bytes)) had been written before")
        }
    }

    /// Adds what records of the joined files will say to the manifests of first parts.
    ///
    /// Inputs are read once for all.
    func addRecords(
        _ importance: ImportanceMatrix?, _ calibration: ProvenanceRecord.Calibration?
    ) throws {
        guard part.number == 1 else { return }
        let lacking = try outputs.compactMap { output in
            let path = part.manifestPath(of: output.plan.outputPath)
            let manifest = try PartManifest(path: path)
            return manifest.records.isEmpty ? (output, path, manifest) : nil
        }
        guard !lacking.isEmpty else { return }
        var records = try ProvenanceRecord.drafts(
            lacking.flatMap(\.0.files), importance: importance, calibration: calibration,
            toolVersion: Ingot.version, arguments: PartRun.wholeArguments)[...]
        for (output, path, manifest) in lacking {
            var manifest = manifest
            manifest.records = Array(records.prefix(output.files.count))
            records = records.dropFirst(output.files.count)
            try manifest.write(to: path)
        }
    }

    /// The command line of the run that would write the whole.
    private static var wholeArguments: [String] {
        var arguments: [String] = []
        var isNumber = false
        for word in CommandLine.arguments.dropFirst() {
            defer { isNumber = word == "--part" }
            guard !isNumber, !["--part", "--overwrite"].contains(word), !word.hasPrefix("--part=")
            else { continue }
            arguments.append(word)
        }
        return arguments
    }

    /// What each output lacks.
    private var jobs: [Job] {
        var file = 0
        let share = wholes?.part(part)
        return outputs.indices.compactMap { index in
            let path = outputs[index].plan.outputPath
            let job: Job
            if let split = splits[index] {
                job = Job(
                    path: path, plans: split.plans(of: part),
                    manifest: manifest(
                        plan: split.digest(command: command, options: options, sources: sources),
                        share: split.share(of: part), isSplit: true))
            } else if let wholes, let share {
                let number = file
                file += 1
                var own = manifest(
                    plan: wholes.digest(
                        of: number, command: command, options: options, sources: sources),
                    share: share.share)
                own.finishing = finishing
                own.place = .init(
                    offset: share.bytes(ofFile: number).lowerBound,
                    byteCount: outputs[index].plan.layout.byteCount)
                job = Job(path: path, plans: [share.plans[number]], manifest: own)
            } else {
                return nil
            }
            guard !overwrites else { return job }
            switch PartManifest.state(output: path, expected: job.manifest) {
            case .complete: return nil
            case .absent: return job
            case .other(let what):
                Terminal.warning(
                    "\(part.path(of: path)) is of another \(what); it is made again")
                return job
            }
        }
    }

    private func manifest(
        plan: String, share: PartManifest.Share, isSplit: Bool = false
    ) -> PartManifest {
        PartManifest(
            command: command, part: part, version: Ingot.version, plan: plan, sources: sources,
            files: [], isSplit: isSplit, share: share, seconds: 0)
    }

    /// Writes files that are stretches in one pass, and files of split models in another.
    ///
    /// - Returns: What was found, job by job.
    private func write(_ jobs: [Job]) throws -> [PlanWriter.Findings] {
        var found = [PlanWriter.Findings](repeating: .init(), count: jobs.count)
        let stretches = jobs.indices.filter { !jobs[$0].manifest.isSplit }
        if let wholes, !stretches.isEmpty {
            let names = Set(stretches.map { jobs[$0].plans[0].outputPath })
            let whole = wholes.part(part)
            let share = whole.only(
                whole.plans.indices.filter { names.contains(whole.plans[$0].outputPath) })
            var options = options
            options.part = share
            let findings = try PlanWriter.write(
                share.plans, options: options, isQuiet: isQuiet)
            for (index, findings) in zip(stretches, findings) { found[index] = findings }
        }
        let files = jobs.indices.filter { jobs[$0].manifest.isSplit }
        if !files.isEmpty {
            let findings = try PlanWriter.write(
                files.flatMap { jobs[$0].plans }, options: options, isQuiet: isQuiet)
            var rest = findings[...]
            for index in files {
                found[index] = PlanWriter.Findings(rest.prefix(jobs[index].plans.count))
                rest = rest.dropFirst(jobs[index].plans.count)
            }
        }
        return found
    }
}
