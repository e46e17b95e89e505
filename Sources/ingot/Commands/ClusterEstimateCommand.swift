import ArgumentParser
import Clusters
import Deployment
import Reporting
import TensorCore

extension ClusterCommand {
    /// The command `ingot cluster estimate JOB.yaml`.
    struct Estimate: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "estimate",
            abstract: "Compute what a job takes on so many nodes, and what limits it.",
            discussion: """
                Models may be bare config.json files, and texts need not be there. Stages are divided as the \
                job says, or else so that every node has work, by the planner that --part uses; "balance" is \
                the slowest part against the mean. docs/clusters.md tells where the constants come from.

                Example:
                  ingot cluster estimate job.yaml --nodes 1,8,64,512 --cores 64 \\
                    --shared-bandwidth 50G
                """)

        @Argument(help: "The job's file, YAML.", completion: .file(extensions: ["yaml", "yml"]))
        var job: String

        @Option(help: ArgumentHelp("Numbers of nodes.", valueName: "n,n,…"))
        var nodes = "1,8,64,512"

        @Option(help: ArgumentHelp("Processors of a node.", valueName: "count"))
        var cores = 64

        @Option(
            help: ArgumentHelp(
                "Bytes a second that a node reads and writes, with K, M, G.", valueName: "size"))
        var nodeBandwidth = "1.2G"

        @Option(
            help: ArgumentHelp(
                "Bytes a second of the shared file system for all nodes.", valueName: "size"))
        var sharedBandwidth = "50G"

        @Flag(help: "Print one JSON array.")
        var json = false

        func run() throws {
            let counts = nodes.split(separator: ",").map { Int($0) }
            guard !counts.isEmpty, counts.allSatisfy({ (1...100_000).contains($0 ?? 0) }),
                (1...4096).contains(cores)
            else {
                throw ValidationError(
                    "--nodes is \(nodes), --cores \(cores); expected numbers such as 1,8,64")
            }
            func rate(_ text: String, _ option: String) throws -> Double {
                guard let bytes = ByteSize.parseFileSize(text) else {
                    throw ValidationError("\(option) is \(text), expected a size such as 1.2G")
                }
                return Double(bytes)
            }
            let (own, shared) = (
                try rate(nodeBandwidth, "--node-bandwidth"),
                try rate(sharedBandwidth, "--shared-bandwidth")
            )
            let job = try ClusterJob(path: job)
            let estimates = try ClusterEstimate.estimates(
                of: job,
                on: counts.compactMap { $0 }.map {
                    .init(nodes: $0, cores: cores, nodeBandwidth: own, sharedBandwidth: shared)
                })
            if json {
                let array = JSON.array(estimates.map(\.json))
                return Terminal.print(String(decoding: array.written().dropLast(), as: UTF8.self))
            }
            for estimate in estimates { Terminal.print(lines: ClusterListing.lines(of: estimate)) }
        }
    }
}
