/// The scripts that a campaign gives Slurm.
struct SlurmFiles {
    let campaign: Campaign
    let job: ClusterJob
    /// The campaign's folder, absolute.
    let folder: String

    /// The tasks of an array: clusters allow indices up to 1000 where nobody changes that.
    static let arrayLimit = 1000

    /// The files by their names in the folder.
    var files: [CampaignFile] {
        campaign.stages.map { stage in
            CampaignFile(SlurmFiles.script(of: stage.name), script(stage))
        } + [CampaignFile("submit.sh", submission)]
    }

    /// The name of a stage's script.
    static func script(of stage: String) -> String { "slurm/\(stage).sbatch" }

    private func script(_ stage: Campaign.Stage) -> String {
        let grant = stage.grant
        var options = [
            "--job-name=\(campaign.name).\(stage.name)",
            "--array=" + SlurmFiles.ranges(1...min(stage.tasks.count, SlurmFiles.arrayLimit))
                + (job.slurm.parallel.map { "%\($0)" } ?? ""),
            "--nodes=1", "--ntasks=1", "--cpus-per-task=\(grant.cores)",
            "--mem=\((grant.memory + (1 << 20) - 1) >> 20)M",
            "--time=\(SlurmFiles.time(grant.seconds))",
            "--requeue", "--open-mode=append",
            "--output=\(ShellWords.quoted("\(folder)/logs/\(stage.name).slurm"))",
            // A minute before the end the script is told, and says so.
            "--signal=B:TERM@60",
        ]
        options += job.slurm.choices.map { "--\($0.option)=\(ShellWords.quoted($0.value))" }
        options += job.slurm.options
        return """
            #!/bin/sh
            # \(stage.tasks.count) tasks of \(campaign.name): stages/\(stage.name).tasks has their commands.
            \(options.map { "#SBATCH \($0)" }.joined(separator: "\n"))
            exec sh \(ShellWords.quoted("\(folder)/\(TaskScript.name)")) \(stage.name) \\
              $((SLURM_ARRAY_TASK_ID + ${INGOT_OFFSET:-0}))

            """
    }

    /// What submits everything by hand; tasks that are complete end at once.
    private var submission: String {
        var lines = [
            "#!/bin/sh",
            "# Submits all stages by hand; tasks that are done end at once. `ingot cluster slurm",
            "# JOB.yaml -o FOLDER --submit` submits only what is missing.", "set -eu",
            "cd \(ShellWords.quoted(folder))",
        ]
        for (number, stage) in campaign.stages.enumerated() {
            let chunks = stride(from: 0, to: stage.tasks.count, by: SlurmFiles.arrayLimit)
            let before = stage.after.compactMap { name in
                campaign.stages.firstIndex { $0.name == name }.map { "$job\($0 + 1)" }
            }
            let wait = before.isEmpty ? "" : " --dependency=afterany\(before.joined())"
            lines.append("job\(number + 1)=")
            for offset in chunks {
                let count = min(SlurmFiles.arrayLimit, stage.tasks.count - offset)
                lines.append(
                    "job\(number + 1)=$job\(number + 1):$(sbatch --parsable --array=1-\(count)"
                        + "\(job.slurm.parallel.map { "%\($0)" } ?? "")\(wait)"
                        + " --export=ALL,INGOT_OFFSET=\(offset) \(SlurmFiles.script(of: stage.name)))"
                )
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// A time as Slurm reads it: `D-HH:MM:SS`.
    static func time(_ seconds: Int) -> String {
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let clock = "\(two(seconds / 3600 % 24)):\(two(seconds / 60 % 60)):\(two(seconds % 60))"
        return seconds >= 86_400 ? "\(seconds / 86_400)-\(clock)" : clock
    }

    private static func ranges(_ range: ClosedRange<Int>) -> String {
        ranges(Array(range))
    }

    /// Sorted numbers as an array's indices: `1-4,7`.
    static func ranges(_ numbers: [Int]) -> String {
        var words: [String] = []
        var start = 0
        while start < numbers.count {
            var end = start
            while end + 1 < numbers.count, numbers[end + 1] == numbers[end] + 1 { end += 1 }
            words.append(
                end == start ? "\(numbers[start])" : "\(numbers[start])-\(numbers[end])")
            start = end + 1
        }
        return words.joined(separator: ",")
    }
}
