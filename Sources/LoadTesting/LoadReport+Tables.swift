import Foundation
import Reporting

/// The tables that every form of the report has, as cells of text.
extension LoadReport {
    /// A table: a heading for each column, and rows whose first cell names them.
    struct Cells {
        var title: String
        var headings: [String]
        var rows: [[String]]
    }

    private var isOpen: Bool { levels.contains { $0.rate != nil } }
    private var levelHeading: String { isOpen ? "rate" : "clients" }

    /// What was sent and answered, one row a level.
    var throughputCells: Cells {
        let hasGoodput = levels.contains { $0.goodput != nil }
        return Cells(
            title: "Requests and tokens",
            headings: [
                levelHeading, "requests", "errors", "s", "req/s", "input tok/s", "output tok/s",
                "TTFT P50 ms", "TTFT P95 ms", "TPOT P50 ms", "TPOT P95 ms",
            ] + (hasGoodput ? ["good/s", "good %"] : []),
            rows: levels.map { level in
                [
                    level.level, "\(level.completed)", "\(level.failed)",
                    LoadReport.figure(level.seconds), LoadReport.figure(level.requestsPerSecond),
                    LoadReport.figure(level.inputTokensPerSecond),
                    LoadReport.figure(level.outputTokensPerSecond),
                    LoadReport.milliseconds(level.ttft?.p50),
                    LoadReport.milliseconds(level.ttft?.p95),
                    LoadReport.milliseconds(level.tpot?.p50),
                    LoadReport.milliseconds(level.tpot?.p95),
                ]
                    + (hasGoodput
                        ? [
                            level.goodput.map(LoadReport.figure) ?? "",
                            level.goodShare.map { NumberFormat.fixed(100 * $0, 1) } ?? "",
                        ] : [])
            })
    }

    /// Times in milliseconds, a row for each measure of each level.
    var timeCells: Cells {
        Cells(
            title: "Times in milliseconds",
            headings: [levelHeading, "measure", "mean", "P50", "P90", "P95", "P99", "max"],
            rows: levels.flatMap { level in
                LoadReport.measures.compactMap { name, summary -> [String]? in
                    guard let summary = summary(level) else { return nil }
                    return [level.level, name]
                        + [
                            summary.mean, summary.p50, summary.p90, summary.p95, summary.p99,
                            summary.max,
                        ].map { LoadReport.milliseconds($0) }
                }
            })
    }

    /// The gates; no rows when there is none.
    var checkCells: Cells {
        Cells(
            title: "Gates", headings: [levelHeading, "required", "found", ""],
            rows: checks.map { check in
                [
                    check.level, check.requirement,
                    check.found.map { NumberText($0, digits: 4).text } ?? "not measured",
                    check.isMet ? "kept" : "not kept",
                ]
            })
    }

    /// What times are told of.
    static let measures: [(name: String, summary: @Sendable (LevelResult) -> DurationSummary?)] = [
        ("TTFT", { $0.ttft }), ("TPOT", { $0.tpot }), ("ITL", { $0.itl }), ("E2E", { $0.e2e }),
    ]

    /// What the measures are, for a reader of the report.
    static let words: [(name: String, value: String)] = [
        (
            "TTFT",
            "Time to first token: from the sending of a request to the first event with text. In an "
                + "open loop all times count from when the request was due, sent or not."
        ),
        ("E2E", "End to end: from the same moment to the event that tells why the text ended."),
        (
            "TPOT",
            "Time per output token: (E2E − TTFT) / (output tokens − 1), the tokens being those of "
                + "the server's usage."
        ),
        (
            "ITL",
            "Inter-token latency: between two events with text. Events that come together are 0 "
                + "apart, and an event may hold several tokens."
        ),
        (
            "req/s, tok/s",
            "Requests that went well, and their tokens, by the time from the level's first request "
                + "to the end of its last."
        ),
        ("good", "Requests that kept every service level; of all requests, those that failed too."),
    ]

    /// The setup, for a reader of the report.
    var setupRows: [(name: String, value: String)] {
        var rows: [(name: String, value: String)] = [
            ("Server", "\(visible(setup.server)), \(setup.endpoint.path)"),
            ("Model", visible(setup.model)),
            (
                "Prompts",
                visible(setup.prompts)
                    + (setup.inputTokens.map { ", \($0) tokens each by the server's count" } ?? "")
            ),
            (
                "Texts",
                "\(setup.outputTokens) tokens"
                    + (setup.ignoresEnd ? ", end tokens ignored" : " at most")
            ),
            (
                "Level",
                [
                    setup.requestCount.map { NumberFormat.counted($0, "request") },
                    setup.duration.map { "\(LoadReport.figure($0)) s" },
                ].compactMap { $0 }.joined(separator: " or ")
                    + ", \(setup.warmupCount) more before it that are not measured"
            ),
            ("Limit", "\(LoadReport.figure(setup.timeout)) s for a request"),
            ("Seed", "\(setup.seed)"),
        ]
        if let levels = setup.serviceLevels {
            let limits = [("TTFT", levels.ttft), ("TPOT", levels.tpot), ("E2E", levels.e2e)]
            rows.append(
                (
                    "Service levels",
                    limits.compactMap { name, limit in limit.map { "\(name) ≤ \($0) s" } }
                        .joined(separator: ", ")
                ))
        }
        rows.append(("Measured", "\(setup.date.formatted(.iso8601)) by \(setup.tool)"))
        return rows
    }

    /// Four significant digits.
    static func figure(_ value: Double) -> String { NumberText(value, digits: 4).text }

    /// Seconds as milliseconds with three significant digits, whole ones from a hundred on.
    static func milliseconds(_ seconds: Double?) -> String {
        guard let seconds else { return "–" }
        let value = seconds * 1000
        return NumberFormat.fixed(value, value >= 100 ? 0 : value >= 10 ? 1 : 2)
    }

    /// The sentence that a report begins with.
    var summary: String {
        guard let best = levels.max(by: { $0.outputTokensPerSecond < $1.outputTokensPerSecond }),
            best.completed > 0
        else { return "No request went well." }
        let place = best.concurrency.map { NumberFormat.counted($0, "client") } ?? best.level
        var text =
            "\(LoadReport.figure(best.outputTokensPerSecond)) output tokens a second at \(place)"
        if let ttft = best.ttft { text += ", TTFT P95 \(LoadReport.milliseconds(ttft.p95)) ms" }
        if let tpot = best.tpot { text += ", TPOT P95 \(LoadReport.milliseconds(tpot.p95)) ms" }
        let failed = levels.reduce(0) { $0 + $1.failed }
        let all = levels.reduce(0) { $0 + $1.measured }
        return text + "; \(failed) of \(all) requests failed."
    }
}
