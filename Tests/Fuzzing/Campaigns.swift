import Calibration
import Clusters
import Evaluation
import Parts
import TensorCore

extension FuzzTarget {
    /// What machines of a cluster give each other.
    static let campaigns: [FuzzTarget] = [
        FuzzTarget("part-manifest", sources: ["Parts"]) { bytes, scratch in
            let (manifest, part) = bytes.halves
            let output = scratch.path + "/out"
            let name = "out.part-00001-of-00001"
            _ = try scratch.file(name, part)
            _ = try scratch.file(name + ".manifest.json", manifest)
            let written = Result {
                try PartManifest(path: output + ".part-00001-of-00001.manifest.json")
            }
            // Behind a digest that is right.
            let members = (try JSON.parse(manifest).members ?? [])
                .filter { $0.key != "digest" }.map { ($0.key.description, $0.value) }
            _ = try scratch.file(name + ".manifest.json", PartManifest.sealed(members).written())
            let set = try PartSet(output: output, pool: WorkerPool(threadCount: 1))
            guard set.byteCount >= 0 else { throw FuzzFailure("a length below zero") }
            try join(set)
            _ = try written.get()
        },
        FuzzTarget(
            "part-content",
            sources: [
                "Parts/PartContent", "Evaluation/EvaluationValues",
                "Calibration/GatheredImportance",
            ]
        ) { bytes, scratch in
            let content = try PartContent(path: scratch.file("part", bytes))
            _ = try? JSON.parse(content.head)
            if let values = EvaluationValues(bytes: content.body) {
                guard values.bytes == Array(content.body) else {
                    throw FuzzFailure("values are written as others")
                }
                var joining = Evaluator.Joining(levelCount: values.levelCount)
                joining.add(values)
                joining.add(values)
                _ = joining.result(
                    base: "base", levels: (0..<values.levelCount).map { "\($0)" },
                    contextLength: 512, tokensRun: 1, seconds: 1)
            }
            if let sums = GatheredImportance(bytes: content.body) {
                var all = GatheredImportance()
                for _ in 0..<5 {
                    guard all.add(sums) else { throw FuzzFailure("sums do not fit themselves") }
                }
                _ = all.sums
            }
        },
        FuzzTarget("cluster-job", sources: ["Clusters/ClusterJob", "Clusters/JobNode"]) {
            bytes, scratch in
            _ = try ClusterJob(path: scratch.file("job.yaml", bytes))
        },
    ]

    /// Joins as `ingot join` does.
    private static func join(_ set: PartSet) throws {
        if set.parts[0].manifest.isSplit {
            try set.check(pool: WorkerPool(threadCount: 1))
        } else {
            try set.join(pool: WorkerPool(threadCount: 1))
        }
    }
}
