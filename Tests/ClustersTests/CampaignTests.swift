import Clusters
import Quantization
import TensorCore
import TestSupport
import Testing
import Yams

@Suite("Campaigns")
struct CampaignTests {
    @Test("Stages stand in the order of the work, and wait for those before them")
    func stages() throws {
        try Fixtures.withTemporaryFolder { folder in
            let stages = try Campaign(TinyCampaign(folder).job).stages
            #expect(
                stages.map(\.name) == [
                    "01-m-convert", "02-m-convert-join", "03-m-quantize", "04-m-quantize-join",
                    "05-m-report",
                ])
            #expect(stages.map(\.tasks.count) == [2, 1, 6, 2, 1])
            #expect(stages[2].after == ["02-m-convert-join"])
            #expect(stages[2].needs == ["\(folder)/out/m/m-F16.gguf"])
            let task = stages[2].tasks[4]
            #expect(task.final == "\(folder)/out/m/m-Q4_0.gguf")
            #expect(task.output == task.final + ".part-00002-of-00003.manifest.json")
            #expect(task.command.contains("m-Q4_0.gguf Q4_0 --part 2/3"))
            #expect(
                stages[3].tasks[0].command.contains(
                    "join \(folder)/out/m/m-Q8_0.gguf --delete-parts"))
            #expect(stages[4].needs.count == 3)
            for stage in stages {
                #expect(stage.grant.memory >= 128 << 20 && stage.grant.seconds >= 600)
            }
        }
    }

    @Test("Calibration is a stage before the levels, which take its folder")
    func calibrated() throws {
        try Fixtures.withTemporaryFolder { folder in
            let job = try TinyCampaign(
                folder, "calibrate: {text: \(folder)/text.txt, tokens: 4096, effort: fast}"
            ).job
            let stages = try Campaign(job).stages
            #expect(stages[2].name == "03-m-calibrate")
            #expect(stages[2].tasks[0].command.contains("calibrate inputs"))
            #expect(stages[2].tasks[0].command.contains("--calibrate=\(folder)/text.txt"))
            #expect(stages[3].tasks[0].command.contains("--calibrate \(folder)/out/m/inputs"))
            #expect(stages[3].needs.contains("\(folder)/out/m/inputs"))
        }
    }

    @Test("A type that needs importance is refused where the job gives none")
    func importance() throws {
        try Fixtures.withTemporaryFolder { folder in
            var job = try TinyCampaign(folder).job
            job.types = try [.parse("IQ2_XXS")]
            let error = #expect(throws: ClusterError.self) { _ = try Campaign(job) }
            #expect(error?.remedy?.contains("calibrate or imatrix") == true)
        }
    }

    @Test("What Slurm is given")
    func slurm() throws {
        try Fixtures.withTemporaryFolder { folder in
            let campaign = try TinyCampaign(
                folder, "resources: {cores: 4, quantize: {memory: 3GiB, time: 90m}}")
            try campaign.write()
            let script = try campaign.text("slurm/03-m-quantize.sbatch")
            for line in [
                "--job-name=tiny.03-m-quantize", "--array=1-6%2", "--cpus-per-task=4",
                "--mem=3072M",
                "--time=01:30:00", "--requeue", "--signal=B:TERM@60", "--partition=long",
                "--exclusive",
            ] { #expect(script.contains("\n#SBATCH \(line)\n"), "\(line) in \(script)") }
            #expect(script.contains("task.sh 03-m-quantize"))
            let all = try campaign.text("submit.sh")
            #expect(all.contains("--dependency=afterany$job2"))
            #expect(
                try campaign.text("stages/03-m-quantize.tasks").split(separator: "\n").count == 6)
            #expect(try campaign.text("sources/m.txt").contains("/model/model.safetensors"))
        }
    }

    @Test("What Kubernetes is given: words and numbers as its interface has them")
    func kubernetes() throws {
        try Fixtures.withTemporaryFolder { folder in
            let campaign = try TinyCampaign(folder, "retries: 2")
            try campaign.write(.kubernetes)
            for (name, count) in [("03-m-quantize", 6), ("05-m-report", 1)] {
                let text = try campaign.text("kubernetes/\(name).yaml")
                let job = try #require(try Yams.compose(yaml: text))
                #expect(job["apiVersion"]?.string == "batch/v1" && job["kind"]?.string == "Job")
                #expect(job["metadata"]?["namespace"]?.string == "lab")
                let spec = try #require(job["spec"])
                #expect(spec["completionMode"]?.string == "Indexed")
                #expect(spec["completions"]?.int == count && spec["parallelism"]?.int == count)
                #expect(spec["backoffLimitPerIndex"]?.int == 2)
                // Indices that are given up do not end the others.
                #expect(spec["maxFailedIndexes"]?.int == count)
                // A policy for failures allows no other.
                #expect(spec["podReplacementPolicy"]?.string == "Failed")
                let rules = spec["podFailurePolicy"]?["rules"]?.array() ?? []
                #expect(rules.map { $0["action"]?.string } == ["Ignore", "FailIndex"])
                #expect(rules[1]["onExitCodes"]?["operator"]?.string == "In")
                #expect(rules[1]["onExitCodes"]?["values"]?.array().map(\.int) == [64, 65])
                let pod = try #require(spec["template"]?["spec"])
                #expect(pod["restartPolicy"]?.string == "Never")
                let task = try #require(pod["containers"]?[0])
                #expect(rules[1]["onExitCodes"]?["containerName"] == task["name"])
                #expect(task["image"]?.string == "ingot:1")
                #expect(task["volumeMounts"]?[0]?["mountPath"]?.string == folder)
                #expect(
                    pod["volumes"]?[0]?["persistentVolumeClaim"]?["claimName"]?.string == "data")
                let resources = try #require(task["resources"])
                #expect(resources["requests"] == resources["limits"])
                #expect(resources["requests"]?["memory"]?.string?.hasSuffix("Mi") == true)
                #expect(
                    task["command"]?.array().map(\.string) == [
                        "/bin/sh", "\(folder)/campaign/task.sh", name,
                    ])
            }
        }
    }

    @Test("What pods cannot see is refused")
    func mount() throws {
        try Fixtures.withTemporaryFolder { folder in
            let campaign = try TinyCampaign(folder)
            var job = campaign.job
            job.kubernetes?.mount = folder + "/model"
            let error = #expect(throws: ClusterError.self) {
                try campaign.campaign.write(Campaign(job), job: job, engine: .kubernetes)
            }
            #expect(error?.place == "kubernetes.mount")
        }
    }

    @Test("Files that were changed by hand stay, unless the job asks for something else there")
    func changedByHand() throws {
        try Fixtures.withTemporaryFolder { folder in
            let campaign = try TinyCampaign(folder)
            #expect(try campaign.write().isEmpty)
            let name = "slurm/03-m-quantize.sbatch"
            let changed = try campaign.text(name) + "# mine\n"
            try campaign.put(changed, "campaign/\(name)")
            #expect(try campaign.write() == [name])
            #expect(try campaign.text(name) == changed)
            var job = campaign.job
            job.slurm.parallel = 5
            let error = #expect(throws: ClusterError.self) {
                try campaign.campaign.write(Campaign(job), job: job, engine: .slurm)
            }
            #expect(error?.file?.hasSuffix(name) == true)
            // What nobody has changed is written anew.
            try campaign.put("", "campaign/\(name)")
            #expect(throws: ClusterError.self) {
                try campaign.campaign.write(Campaign(job), job: job, engine: .slurm)
            }
        }
    }

    @Test("A source that has changed is named")
    func changedSource() throws {
        try Fixtures.withTemporaryFolder { folder in
            let campaign = try TinyCampaign(folder)
            try campaign.write()
            try campaign.put("{}", "model/config2.json")
            try campaign.write()
            try campaign.put("another text", "text.txt")
            let error = #expect(throws: ClusterError.self) { try campaign.write() }
            #expect(error?.file == folder + "/text.txt")
            #expect(error?.problem.contains("has 12 bytes, had 9") == true)
            let status = try CampaignStatus(campaign.campaign)
            #expect(status.changedSources.count == 1)
        }
    }

    @Test("Another folder is not taken for a campaign")
    func otherFolder() throws {
        try Fixtures.withTemporaryFolder { folder in
            let campaign = try TinyCampaign(folder)
            try campaign.put("x", "campaign/other")
            #expect(throws: FileError.self) { try campaign.write() }
            #expect(throws: ClusterError.self) { try CampaignStatus(campaign.campaign) }
        }
    }
}
