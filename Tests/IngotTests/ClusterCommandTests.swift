import Foundation
import TensorCore
import TestSupport
import Testing

@Suite("ingot cluster")
struct ClusterCommandTests {
    /// A folder with a copy of the tiny model and a job of two types.
    private func withJob(
        _ more: String = "", _ body: (_ folder: String) throws -> Void
    ) throws {
        try Fixtures.withTemporaryFolder { folder in
            try Directory.create(folder + "/model")
            let source = Fixtures.path("tiny-llama")
            for name in try Directory.names(in: source) where name.contains(".") && name.count > 2 {
                try OutputFile.write(
                    InputFile.contents(path: "\(source)/\(name)"), to: "\(folder)/model/\(name)")
            }
            let job = """
                name: tiny
                program: \(Tool.path)
                output: out
                models: [{path: model, name: m}]
                types: [Q8_0, Q4_0]
                outtype: f16
                retries: 1
                resources: {cores: 1}
                kubernetes: {image: "ingot:1", claim: data, mount: \(folder)}
                \(more)
                """
            try OutputFile.write(Array(job.utf8), to: folder + "/job.yaml")
            try body(folder)
        }
    }

    private func cluster(
        _ arguments: [String], in folder: String, environment: [String: String] = [:]
    ) throws -> Tool.Outcome {
        try Tool.run(["cluster"] + arguments, in: folder, environment: environment)
    }

    /// Programs in the place of Slurm's: what they are asked goes to `asked`, `queue` is the queue.
    private func fakeSlurm(in folder: String) throws -> [String: String] {
        try Directory.create(folder + "/bin")
        for (name, body) in [
            (
                "sbatch",
                "n=$(($(cat \(folder)/count 2>/dev/null || echo 0) + 1)); echo $n >\(folder)/count; echo $n"
            ), ("squeue", "cat \(folder)/queue 2>/dev/null || true"), ("scontrol", "true"),
        ] {
            let path = "\(folder)/bin/\(name)"
            let text = "#!/bin/sh\necho \"\(name) $*\" >>\(folder)/asked\n\(body)\n"
            try OutputFile.write(Array(text.utf8), to: path)
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
        }
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
        return ["PATH": "\(folder)/bin:\(path)"]
    }

    private func text(_ path: String) throws -> String {
        String(decoding: try InputFile.contents(path: path), as: UTF8.self)
    }

    @Test("Every pod's command makes the single run's bytes; again, it does nothing")
    func pods() throws {
        try withJob { folder in
            let written = try cluster(["kubernetes", "job.yaml", "-o", "c"], in: folder)
            #expect(written.exitCode == 0, "\(written.errors)")
            #expect(try cluster(["status", "c"], in: folder).exitCode == 75)
            for round in 1...2 {
                for (stage, count) in [("01-m-convert", 1), ("02-m-quantize", 2)] {
                    let manifest = try text("\(folder)/c/kubernetes/\(stage).yaml")
                    #expect(manifest.contains("- \(folder)/c/task.sh\n"))
                    for index in 0..<count {
                        let outcome = try Tool.run(
                            ["\(folder)/c/task.sh", stage], calledAs: "/bin/sh",
                            environment: ["JOB_COMPLETION_INDEX": "\(index)"])
                        #expect(outcome.exitCode == 0, "\(outcome.errors)")
                        #expect(outcome.errors.contains(round == 1 ? "done in" : "complete:"))
                    }
                }
            }
            let status = try cluster(["status", "--json", "c"], in: folder)
            #expect(status.exitCode == 0)
            #expect(try JSON.parse(Array(status.output.utf8))["complete"]?.boolean == true)
            let single = try Tool.run(
                ["quantize", "-q", "out/m/m-F16.gguf", "single.gguf", "Q4_0"], in: folder)
            #expect(single.exitCode == 0)
            #expect(
                try InputFile.contents(path: folder + "/single.gguf")
                    == InputFile.contents(path: folder + "/out/m/m-Q4_0.gguf"))
        }
    }

    @Test("Only what is neither done nor queued is submitted, and waits for what it needs")
    func submission() throws {
        try withJob { folder in
            let slurm = try fakeSlurm(in: folder)
            let arguments = ["slurm", "job.yaml", "-o", "c", "--submit"]
            let first = try cluster(arguments, in: folder, environment: slurm)
            #expect(first.exitCode == 0, "\(first.errors)")
            let asked = try text(folder + "/asked")
            #expect(asked.contains("sbatch --parsable --array=1 --export=ALL,INGOT_OFFSET=0"))
            #expect(asked.contains("--array=1-2 --dependency=afterany:1 "))
            // All of it is queued.
            try OutputFile.write(Array("1 1\n2 1\n2 2\n".utf8), to: folder + "/queue")
            let second = try cluster(arguments, in: folder, environment: slurm)
            #expect(second.exitCode == 0 && second.errors.contains("nothing to submit"))
            // One is done, one has left the queue without a result.
            try Directory.create(folder + "/out/m")
            for name in ["m-F16", "m-Q8_0"] {
                try OutputFile.write([1], to: "\(folder)/out/m/\(name).gguf")
            }
            try OutputFile.write([], to: folder + "/queue")
            let third = try cluster(arguments, in: folder, environment: slurm)
            #expect(third.errors.contains("02-m-quantize: 1 of 2 tasks, job 3"))
            let last = try #require(
                try text(folder + "/asked").split(separator: "\n").last { $0.hasPrefix("sbatch") })
            #expect(last.contains("--array=2 ") && !last.contains("dependency"))
        }
    }

    @Test("Where there is no Slurm, that is said")
    func noEngine() throws {
        try withJob { folder in
            let outcome = try cluster(
                ["slurm", "job.yaml", "-o", "c", "--submit"], in: folder,
                environment: ["PATH": folder])
            #expect(outcome.exitCode == 74)
            #expect(outcome.errors.contains("sbatch"))
        }
    }

    @Test("A task whose failures cannot be written down is not queued again for ever")
    func fullFolder() throws {
        try withJob { folder in
            let slurm = try fakeSlurm(in: folder)
            try #require(cluster(["slurm", "job.yaml", "-o", "c"], in: folder).exitCode == 0)
            func task(_ before: String) throws -> Tool.Outcome {
                try Tool.run(
                    ["-c", "\(before); exec /bin/sh c/task.sh 01-m-convert 1"],
                    calledAs: "/bin/sh", in: folder,
                    environment: slurm.merging(["SLURM_JOB_ID": "7"]) { $1 })
            }
            // No file can grow, as on a disk that is full.
            let outcome = try task("trap '' XFSZ; ulimit -f 0")
            #expect(outcome.exitCode == 74, "\(outcome.errors)")
            #expect(outcome.errors.contains("not tried again by itself"), "\(outcome.errors)")
            #expect(!Fixtures.exists(folder + "/asked"))
            #expect(!Fixtures.exists(folder + "/out/m/m-F16.gguf"))
            #expect(try task(":").exitCode == 0)
            #expect(Fixtures.exists(folder + "/out/m/m-F16.gguf"))
        }
    }

    @Test("A task that fails says why, is tried again as often as the job says, and stops others")
    func failure() throws {
        try withJob { folder in
            try #require(cluster(["slurm", "job.yaml", "-o", "c"], in: folder).exitCode == 0)
            let task = { (stage: String) in
                try Tool.run(
                    [folder + "/c/task.sh", stage, "1"], calledAs: "/bin/sh",
                    environment: ["SLURM_JOB_ID": ""])
            }
            #expect(try task("02-m-quantize").exitCode == 65)
            let tasks = folder + "/c/stages/01-m-convert.tasks"
            let list = try text(tasks)
            let broken = list.replacingOccurrences(
                of: "\t\(Tool.path)", with: "\techo bad luck; false")
            try OutputFile.write(Array(broken.utf8), to: tasks)
            #expect(try task("01-m-convert").exitCode == 1)
            var status = try cluster(["status", "c"], in: folder)
            #expect(status.output.contains("01-m-convert 1: retrying"))
            #expect(status.output.contains("exit code 1: bad luck"))
            #expect(status.output.contains("m-F16.gguf is not there") && status.exitCode == 1)
            #expect(try task("01-m-convert").exitCode == 1)
            status = try cluster(["status", "c"], in: folder)
            #expect(status.output.contains("01-m-convert 1: failed") && status.exitCode == 1)
            try OutputFile.write(Array(list.utf8), to: tasks)
            #expect(try task("01-m-convert").exitCode == 0)
            #expect(try task("02-m-quantize").exitCode == 0)
            // A source that has changed is named, also by a task that is done.
            try OutputFile.write(Array("{}".utf8), to: folder + "/model/generation_config.json")
            let changed = try task("02-m-quantize")
            #expect(changed.exitCode == 65)
            #expect(changed.errors.contains("generation_config.json"))
        }
    }

    @Test("A task that is killed does not count as alive for long")
    func killedTask() throws {
        try withJob { folder in
            try #require(cluster(["slurm", "job.yaml", "-o", "c"], in: folder).exitCode == 0)
            let tasks = folder + "/c/stages/01-m-convert.tasks"
            let slow = try text(tasks).replacingOccurrences(
                of: "\t\(Tool.path)", with: "\t/bin/sleep 5; false")
            try OutputFile.write(Array(slow.utf8), to: tasks)
            // The date of its state is renewed twenty times a second here. After the kill it stays.
            let script = """
                cd "$1" && mkdir quick
                printf '#!/bin/sh\\nexec /bin/sleep 0.05\\n' >quick/sleep && chmod +x quick/sleep
                PATH=$PWD/quick:$PATH sh c/task.sh 01-m-convert 1 &
                task=$! state=c/state/01-m-convert/1.running tries=0
                until touch -c -d 2001-01-01 $state && [ -e $state ]; do
                  [ $((tries += 1)) -le 200 ] || exit 1; /bin/sleep 0.05
                done
                until [ $state -nt c/task.sh ]; do
                  [ $((tries += 1)) -le 200 ] || exit 1; /bin/sleep 0.05
                done
                kill -9 $task; wait $task 2>/dev/null
                /bin/sleep 0.5
                touch -c -d 2001-01-01 $state
                /bin/sleep 1
                stat -c %y $state
                """
            let outcome = try Tool.shell(script, [folder])
            #expect(outcome.output.hasPrefix("2001-01-01"), "\(outcome.output)\(outcome.errors)")
        }
    }
}
