import ArgumentParser
import Clusters
import Reporting
import TensorCore

/// The command `ingot cluster`.
struct ClusterCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cluster",
        abstract:
            "Quantize, calibrate and measure on Slurm or Kubernetes: what they need, and how far it is.",
        discussion: """
            A job's file names models, types, texts and into how many parts work is divided; the folder \
            that is written has a script or a manifest for each stage, the tasks with their commands, \
            and what becomes of them. docs/clusters.md describes the file.

            Examples:
              ingot cluster slurm job.yaml -o campaign/ --submit
              ingot cluster status campaign/
              ingot cluster kubernetes job.yaml -o /data/campaign/
            """,
        subcommands: [Slurm.self, Kubernetes.self, Status.self, Estimate.self])

    /// The job and where it is written.
    struct WritingOptions: ParsableArguments {
        @Argument(help: "The job's file, YAML.", completion: .file(extensions: ["yaml", "yml"]))
        var job: String

        @Option(
            name: [.short, .customLong("output")],
            help: ArgumentHelp(
                "The campaign's folder, on the file system that all nodes share.",
                valueName: "folder"),
            completion: .directory)
        var output: String

        @Flag(
            help: """
                Give the engine what is neither done nor queued: with sbatch, or with kubectl one stage \
                after the other until all have ended.
                """)
        var submit = false

        @Flag(name: [.short, .long], help: "Say nothing but errors and warnings.")
        var quiet = false

        func run(_ engine: CampaignFolder.Engine) throws {
            let job = try ClusterJob(path: job)
            let campaign = try Campaign(job)
            let folder = CampaignFolder(path: output)
            let kept = try folder.write(campaign, job: job, engine: engine)
            for name in kept {
                Terminal.warning("\(folder.path)/\(name) is kept as it was changed by hand")
            }
            if !quiet {
                campaign.notices.forEach(Terminal.note)
                let tasks = campaign.stages.reduce(0) { $0 + $1.tasks.count }
                Terminal.note(
                    "\(folder.path): \(NumberFormat.counted(campaign.stages.count, "stage")),"
                        + " \(NumberFormat.counted(tasks, "task")). README.md describes the folder")
            }
            guard submit else { return }
            let submitted = try Submission(folder).run()
            if !quiet {
                (submitted.isEmpty ? ["nothing to submit"] : submitted).forEach(Terminal.note)
            }
        }
    }

    /// The command `ingot cluster slurm JOB.yaml -o DIR`.
    struct Slurm: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "slurm",
            abstract: "Write array scripts for Slurm, one for each stage, and submit them.",
            discussion: """
                A stage waits for those before it to end, and looks for what it needs. Memory, cores and time \
                come from the plan, with a margin. A task that fails is queued again by itself, as often \
                as the job says. Run again, only what is missing is submitted.
                """)

        @OptionGroup var options: WritingOptions

        func run() throws { try options.run(.slurm) }
    }

    /// The command `ingot cluster kubernetes JOB.yaml -o DIR`.
    struct Kubernetes: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "kubernetes",
            abstract: "Write Indexed Jobs for Kubernetes, one for each stage, and run them.",
            discussion: """
                Folder, models, texts and results lie on a shared volume that is mounted at the same place \
                here and in the pods. Jobs know no order: submit.sh, or --submit, creates one when the one \
                before it has ended.
                """)

        @OptionGroup var options: WritingOptions

        func run() throws { try options.run(.kubernetes) }
    }

    /// The command `ingot cluster status DIR`.
    struct Status: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "status",
            abstract: "Tell how far a campaign is: done, running, failed and why, time left.",
            discussion: """
                Reads the manifests of parts and what tasks have written down; no engine is asked. Exit code \
                0 when everything is done, 75 while something is left, 1 when a task has failed for good or \
                a source has changed.
                """)

        @Argument(help: "The campaign's folder.", completion: .directory)
        var folder: String

        @Flag(help: "Print one JSON object.")
        var json = false

        /// The exit code that says "not yet" (EX_TEMPFAIL).
        private static let unfinished: Int32 = 75

        func run() throws {
            let status = try CampaignStatus(CampaignFolder(path: folder))
            if json {
                Terminal.print(String(decoding: status.json.written().dropLast(), as: UTF8.self))
            } else {
                Terminal.print(lines: ClusterListing.lines(of: status))
            }
            if status.hasFailed || !status.changedSources.isEmpty {
                throw ArgumentParser.ExitCode(TensorCore.ExitCode.gateNotMet.rawValue)
            }
            if !status.isComplete { throw ArgumentParser.ExitCode(Status.unfinished) }
        }
    }
}
