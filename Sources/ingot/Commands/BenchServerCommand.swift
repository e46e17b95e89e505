import ArgumentParser
import Foundation
import HTTPNetworking
import HTTPRequests
import LoadTesting
import Reporting
import TensorCore
import Tokenization

/// The command `ingot bench URL`, `ingot bench server` in full.
struct BenchServerCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "server",
        abstract: "Put load on an OpenAI-compatible server and measure how it answers.",
        discussion: """
            Requests are streamed; tokens are those of the server's usage. TTFT is the time \
            to the first text, TPOT (end to end − TTFT) / (tokens − 1), ITL the time between \
            events. With --rate times count from when a request was due, so that a server \
            that falls behind is seen to. Ctrl-C ends the test with what was measured.

            Examples:
              ingot bench http://127.0.0.1:8080 --concurrency 1,4,16 --requests 64
              ingot bench http://127.0.0.1:8000/v1 --rate 2 --duration 60 -o load/
              ingot bench http://127.0.0.1:8080 --input 512 --output 64 --slo-ttft 0.5 \\
                --min-goodput 95% --max-error-rate 1%
            """)

    @Argument(help: "The server's address, with or without /v1.")
    var url: String

    @Option(
        name: [.short, .long],
        help: ArgumentHelp(
            "The model's name in requests. (default: the first of /v1/models)", valueName: "name"))
    var model: String?

    @Option(
        help: ArgumentHelp("What is asked. (default: chat)", valueName: "chat|completions"),
        transform: named)
    var endpoint = LoadEndpoint.chat

    @OptionGroup var access: ServerKeyOptions
    @OptionGroup(title: "Load") var load: LoadOptions
    @OptionGroup(title: "Prompts") var asking: LoadPromptOptions
    @OptionGroup(title: "Gates") var gating: LoadGateOptions

    @Option(
        name: [.short, .customLong("report")],
        help: ArgumentHelp(
            "A folder for load.json, load.md and load.html with plots.", valueName: "folder"))
    var output: String?

    @Flag(help: "Print the JSON of the report.")
    var json = false

    @Flag(name: [.customShort("q"), .long], help: "No progress, no notes.")
    var quiet = false

    /// What a shell has for Ctrl-C.
    private static let interrupted: Int32 = 130

    mutating func validate() throws {
        do { _ = try ServerAddress(url) } catch { throw ValidationError(error.description) }
        if asking.tokenizer != nil, asking.prompts != nil {
            throw ValidationError("--tokenizer is for prompts that are made, not for --prompts")
        }
        if gating.minGoodput != nil, load.sloTtft == nil, load.sloTpot == nil, load.sloE2E == nil {
            throw ValidationError("--min-goodput needs --slo-ttft, --slo-tpot or --slo-e2e")
        }
    }

    func run() throws {
        let plan = try load.plan()
        let counter = try tokenCounter()
        let extra = try asking.extraMembers()
        let network = HTTPNetwork(
            connectionLimit: load.connectionLimit(plan), silenceLimit: plan.timeout)
        let command = self
        let result = Result {
            try Concurrently.runStoppable {
                try await command.measure(plan, network, extra, counter)
            }
        }
        try Concurrently.run { await network.shutdown() }
        let report: LoadReport
        do { report = try result.get() } catch is CancellationError {
            Terminal.error("stopped before anything was measured")
            throw ArgumentParser.ExitCode(BenchServerCommand.interrupted)
        }
        try give(report)
        try report.requireResults()
        let failures = report.checks.filter { !$0.isMet }
        for check in failures {
            let found = check.found.map { NumberText($0, digits: 4).text } ?? "nothing measured"
            Terminal.error(
                "gate not met: level \(check.level): \(check.requirement), found \(found)")
        }
        if !failures.isEmpty {
            throw ArgumentParser.ExitCode(TensorCore.ExitCode.gateNotMet.rawValue)
        }
    }

    /// Tokens of a text by `--tokenizer`.
    private func tokenCounter() throws -> TokenCounter? {
        guard let path = asking.tokenizer else { return nil }
        let tokenizer = try TokenizerOptions.parse([]).tokenizer(at: path)
        return { text in
            try tokenizer.encode(Array(text.utf8), addSpecial: false, parseSpecial: false).count
        }
    }

    private func measure(
        _ plan: LoadPlan, _ network: HTTPNetwork, _ extra: [JSON.Member], _ counter: TokenCounter?
    ) async throws -> LoadReport {
        let address = try ServerAddress(url)
        let probe = ServerProbe(transport: network, timeout: plan.timeout)
        let name: String
        if let model {
            name = model
        } else {
            name = try await probe.firstModel(address, key: access.key)
        }
        let target = LoadTarget(
            address: address, endpoint: endpoint, model: name, key: access.key,
            outputTokens: asking.output, ignoresEnd: asking.ignoresEnd, extra: extra)
        let prepared = try await asking.prepare(
            target, seed: plan.seed, probe: probe, count: counter)
        let line = ProgressLine("load", isQuiet: quiet)
        let date = Date()
        let levels = await LoadTest(
            target: prepared.target, plan: plan, prompts: prepared.prompts, transport: network
        ).run { progress in
            line.update(
                Int(progress.share * 1000), of: 1000,
                detail: "level \(progress.level.name): \(progress.ended) requests"
                    + (progress.failed == 0 ? "" : ", \(progress.failed) failed"))
        }
        line.finish()
        return LoadReport(
            setup: LoadReport.Setup(
                tool: "ingot " + Ingot.version, date: date, target: prepared.target, plan: plan,
                prompts: prepared.origin, inputTokens: prepared.prompts.tokenCount),
            levels: levels, gates: try gating.gates(), notes: prepared.notes)
    }

    private func give(_ report: LoadReport) throws {
        if let output {
            try Directory.create(output)
            let folder = output.hasSuffix("/") ? output : output + "/"
            let files: [(name: String, bytes: [UInt8])] = [
                ("load.json", try ReadableJSON.bytes(of: report)),
                ("load.md", Array(report.markdown().utf8)),
                ("load.html", Array(report.htmlPage().utf8)),
            ]
            for file in files { try OutputFile.write(file.bytes, to: folder + file.name) }
            if !quiet {
                Terminal.note("written: \(files.map { folder + $0.name }.joined(separator: ", "))")
            }
        }
        if json {
            Terminal.print(try ReadableJSON.text(of: report))
        } else {
            Terminal.print(lines: report.terminalLines(width: max(120, Terminal.columns)))
        }
    }
}
