import ArgumentParser
import Foundation
import HTTPNetworking
import HTTPRequests
import Reporting
import TensorCore
import Watching

/// The command `ingot watch URL`.
struct WatchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch",
        abstract: "Watch how a server stands, by its metrics.",
        discussion: """
            Known are Ingot, vLLM, SGLang, TGI and llama-server by /metrics, and Ollama, \
            which has none, by /api/ps. Rates and quantiles are of the last --window \
            seconds; quantiles are those of the histograms' buckets. Ctrl-C ends it. With \
            --once the server is asked twice, and the exit code is 1 when something is as \
            bad as --fail-on.

            Examples:
              ingot watch http://127.0.0.1:8080
              ingot watch http://127.0.0.1:8000 --once --json --ttft 0.3,1
              ingot watch --engine vllm --alert-rules vllm.rules.yml --dashboard vllm.json
            """)

    enum Threshold: String, CaseIterable, ExpressibleByArgument { case red, yellow, never }

    @Argument(help: "The server's address. With --engine rules and dashboards need none.")
    var url: String?

    @OptionGroup var access: ServerKeyOptions

    @Option(
        help: ArgumentHelp(
            "The kind of server, where it cannot be recognised.",
            valueName: "ingot|vllm|sglang|tgi|llama-server"))
    var engine: String?

    @Option(help: ArgumentHelp("Time between two looks.", valueName: "seconds"))
    var interval: Double = 2

    @Option(help: ArgumentHelp("What rates and quantiles are of.", valueName: "seconds"))
    var window: Double = 60

    @Option(help: ArgumentHelp("Time for an answer.", valueName: "seconds"))
    var timeout: Double = 10

    @Flag(help: "Ask twice, --interval apart, tell it and end.")
    var once = false

    @Flag(help: "With --once: one JSON object.")
    var json = false

    @Option(
        help: ArgumentHelp(
            "With --once: what makes the exit code 1.", valueName: "red|yellow|never")
    )
    var failOn = Threshold.red

    @Option(
        help: ArgumentHelp("Write alert rules for Prometheus.", valueName: "file"))
    var alertRules: String?

    @Option(help: ArgumentHelp("Write a dashboard for Grafana.", valueName: "file"))
    var dashboard: String?

    @OptionGroup(title: "Limits") var limiting: WatchLimitOptions

    private var writesFiles: Bool { alertRules != nil || dashboard != nil }

    mutating func validate() throws {
        if let url {
            do { _ = try ServerAddress(url) } catch { throw ValidationError(error.description) }
        } else if !writesFiles || engine == nil {
            throw ValidationError(
                "expected a server's address, or --engine with --alert-rules or --dashboard")
        }
        for (name, value) in [
            ("--interval", interval), ("--window", window), ("--timeout", timeout),
        ] {
            guard value.isFinite, (0.1...86400).contains(value) else {
                throw ValidationError("\(name) is \(value), expected seconds from 0.1 to a day")
            }
        }
        if json, !once { throw ValidationError("--json needs --once") }
    }

    func run() throws {
        let limits = try limiting.limits()
        let named = try engine.map { name in
            guard let engine = Engine.all.first(where: { $0.name == name }) else {
                throw WatchError(.noSuchEngine(name))
            }
            return engine
        }
        guard let url else { return try write(named, nil, limits) }
        let address = try ServerAddress(url)
        let network = HTTPNetwork(connectionLimit: 4, silenceLimit: timeout)
        let scraper = Scraper(
            address, key: access.key, engine: named, timeout: timeout, transport: network)
        let command = self
        let result = Result {
            try Concurrently.runStoppable { () -> WatchReport? in
                if command.writesFiles {
                    let found = try await scraper.scrape()
                    guard case .metrics(let engine, let exposition) = found else {
                        throw WatchError(.nothingToWrite(engine: "Ollama"))
                    }
                    try command.write(engine, exposition, limits)
                    if !command.once { return nil }
                }
                return try await command.watch(address, scraper, limits)
            }
        }
        try Concurrently.run { await network.shutdown() }
        do {
            if let report = try result.get() { try finish(report) }
        } catch is CancellationError {
            // Ctrl-C is how it ends.
        }
    }

    private func write(
        _ engine: Engine?, _ exposition: Exposition?, _ limits: [Measure: Limits]
    ) throws {
        guard let engine else { return }
        if let alertRules {
            let text = try AlertRules.yaml(engine, exposition: exposition, limits: limits)
            try OutputFile.write(Array(text.utf8), to: alertRules)
            Terminal.note("written: \(alertRules), alerts on \(engine.title)")
        }
        if let dashboard {
            try OutputFile.write(
                Dashboard.json(engine, exposition: exposition, limits: limits), to: dashboard)
            Terminal.note("written: \(dashboard), a dashboard of \(engine.title)")
        }
    }

    /// Watches until it is cancelled; with `--once` tells what two looks say.
    private func watch(
        _ address: ServerAddress, _ scraper: Scraper, _ limits: [Measure: Limits]
    ) async throws -> WatchReport {
        var history = WatchHistory(window: window, limits: limits)
        let start = ContinuousClock.now
        let isTerminal = isatty(STDOUT_FILENO) == 1
        let colours = isTerminal && ProcessInfo.processInfo.environment["NO_COLOR"] == nil
        var looks = 0
        while true {
            var failure: String?
            do { history.add(try await scraper.scrape(), at: start.secondsAgo) } catch {
                // A server that goes away is what one watches for; one that never was there is not.
                guard !once, looks > 0, let error = error as? any IngotError else { throw error }
                failure = error.description
            }
            looks += 1
            let isLast = once && (looks > 1 || history.ollamaModels.count > 0)
            if isLast || !once {
                let report = WatchReport(
                    server: address.root, date: Date(), history: history,
                    cards: address.isLoopback ? GraphicsCard.all() : [], failure: failure)
                if isLast { return report }
                if isTerminal { Terminal.stream("\u{1B}[H\u{1B}[2J") }
                Terminal.print(lines: report.lines(colours: colours))
                if !isTerminal { Terminal.print("") }
                Terminal.flush()
            }
            try await Task.sleep(for: .seconds(interval))
        }
    }

    private func finish(_ report: WatchReport) throws {
        try Terminal.show(report, asJSON: json, lines: report.lines(colours: false))
        let isBad =
            switch failOn {
            case .red: report.status == .red
            case .yellow: report.status.isAtLeast(.yellow)
            case .never: false
            }
        if isBad { throw ArgumentParser.ExitCode(TensorCore.ExitCode.gateNotMet.rawValue) }
    }
}
