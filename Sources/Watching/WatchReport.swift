public import Foundation
import Reporting

/// How a server stands at a moment.
public struct WatchReport: Sendable, Codable {
    /// The server's address.
    public var server: String
    /// Its kind; `nil` when it was not reached.
    public var engine: String?
    /// When it was asked.
    public var date: Date
    /// The seconds that rates are of.
    public var seconds: Double
    /// What is known.
    public var readings: [Reading]
    /// The models that Ollama has loaded.
    public var models: [OllamaModel]
    /// The graphics cards of this machine, where the server is on it.
    public var cards: [GraphicsCard]
    /// What could not be read, or why nothing was.
    public var faults: [String]
    /// The worst of all.
    public var status: Status

    /// How it stands by what is known.
    public init(
        server: String, date: Date, history: WatchHistory, cards: [GraphicsCard],
        failure: String? = nil
    ) {
        self.server = server
        self.date = date
        engine = failure == nil ? history.title : nil
        seconds = history.seconds
        readings = failure == nil ? history.readings() : []
        models = failure == nil ? history.ollamaModels : []
        self.cards = cards
        faults =
            failure.map { [$0] }
            ?? history.faults.map { "line \($0.line) of /metrics left out: \($0.problem)" }
        status =
            failure != nil
            ? .red
            : readings.map(\.status).max { !$0.isAtLeast($1) } ?? .unknown
    }

    /// Lines for a terminal.
    ///
    /// - Parameter colours: Whether the terminal shows colours.
    public func lines(colours: Bool) -> [String] {
        let time = date.formatted(.iso8601)
        var head = "\(visible(server))  \(engine ?? "no answer")  \(time)"
        if seconds > 0 { head += "  rates of the last \(NumberFormat.duration(seconds))" }
        var lines = [head, ""]
        var table = TextTable(rightAligned: [false, false, true, false, false])
        for reading in readings {
            table.add(
                row: [
                    reading.status == .unknown ? "" : reading.status.rawValue, reading.title,
                    WatchReport.text(reading.value, reading.unit),
                    reading.limits.map { WatchReport.text($0, reading.unit) } ?? "",
                    reading.basis == "lifetime" ? "since the server began" : "",
                ])
        }
        for card in cards {
            let memory = Double(card.usedBytes) / Double(max(1, card.totalBytes))
            table.add(
                row: [
                    "", "GPU \(card.index) \(visible(card.name))",
                    card.use.map { WatchReport.text($0, .share) } ?? "–",
                    "memory \(WatchReport.text(memory, .share)) of \(NumberFormat.bytes(card.totalBytes))",
                    [card.temperature.map { "\(Int($0)) °C" }, card.power.map { "\(Int($0)) W" }]
                        .compactMap { $0 }.joined(separator: ", "),
                ])
        }
        lines += zip(
            table.lines,
            readings.map(\.status) + cards.map { _ in Status.unknown }
        ).map { line, status in colours ? WatchReport.coloured(line, status) : line }
        for model in models {
            lines.append(
                "  \(visible(model.name)): \(NumberFormat.bytes(model.bytes))"
                    + (model.contextLength.map { ", context \($0)" } ?? ""))
        }
        if !faults.isEmpty { lines += [""] + faults.map(visible) }
        return lines
    }

    private static func coloured(_ line: String, _ status: Status) -> String {
        let code =
            switch status {
            case .unknown: ""
            case .green: "32"
            case .yellow: "33"
            case .red: "1;31"
            }
        return code.isEmpty ? line : "\u{1B}[\(code)m\(line)\u{1B}[0m"
    }

    private static func text(_ limits: Limits, _ unit: Measure.Unit) -> String {
        let (first, second) = (text(limits.yellow, unit), text(limits.red, unit))
        return limits.isFloor
            ? "yellow below \(first), red below \(second)"
            : "yellow above \(first), red above \(second)"
    }

    private static func text(_ value: Double, _ unit: Measure.Unit) -> String {
        switch unit {
        case .seconds:
            value < 1
                ? NumberFormat.fixed(value * 1000, value < 0.1 ? 1 : 0) + " ms"
                : NumberFormat.fixed(value, 2) + " s"
        case .perSecond: NumberText(value, digits: 3).text
        case .count: NumberFormat.fixed(value, 0)
        case .share: NumberFormat.fixed(100 * value, 1) + " %"
        }
    }
}
