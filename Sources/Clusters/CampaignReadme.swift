import Reporting

/// What a campaign's folder says of itself.
struct CampaignReadme {
    private let campaign: Campaign
    private let engine: CampaignFolder.Engine
    private let folder: String

    init(_ campaign: Campaign, engine: CampaignFolder.Engine, folder: String) {
        (self.campaign, self.engine, self.folder) = (campaign, engine, folder)
    }

    var text: String {
        let rows = campaign.stages.map { stage in
            "| \(stage.name) | \(stage.tasks.count) | \(stage.grant.cores) |"
                + " \(NumberFormat.bytes(stage.grant.memory)) |"
                + " \(NumberFormat.duration(Double(stage.grant.seconds))) |"
                + " \(stage.after.joined(separator: ", ")) |"
        }
        return """
            # \(campaign.name)

            Results go to `\(campaign.output)`.

            | stage | tasks | cores | memory | limit of time | after |
            |---|---|---|---|---|---|
            \(rows.joined(separator: "\n"))

            \(engine == .slurm ? slurm : kubernetes)

            ```sh
            ingot cluster status \(ShellWords.quoted(folder))    # done, running, failed and why, time left
            ```

            ## What is here

            | | |
            |---|---|
            | `stages/STAGE.tasks` | a line for each task: what is there when it is done, the output that makes it needless, the command |
            | `stages/STAGE.needs` | files that have to be there before |
            | `sources/MODEL.txt` | length, date and path of what results depend on; a task that finds another ends |
            | `task.sh` | runs one line of a stage and says what became of it |
            | `\(engine.rawValue)/` | what the engine is given, a file for each stage |
            | `state/`, `logs/` | what became of tasks, and what they said |
            | `campaign.json` | the stages, and digests that tell which files were changed by hand |

            Everything is text and may be changed; files that were changed are kept when the job is
            written again, unless the job asks for something else there.

            """
    }

    private var slurm: String {
        """
        ```sh
        sh submit.sh                                        # all stages, by hand
        sh task.sh STAGE NUMBER                             # one task, here
        ```

        Stages wait for those before them to end (`afterany`), well or not, and look for what they need:
        a task that was queued again would keep `afterok` from ever being met.
        """
    }

    private var kubernetes: String {
        """
        ```sh
        sh submit.sh                                        # one Job after the other
        sh task.sh STAGE NUMBER                             # one task, here
        ```

        This folder, models, texts and results lie on the shared volume, which is mounted at the same
        place everywhere.
        """
    }
}
