/// Alerts for Prometheus: a group of rules as YAML.
public enum AlertRules {
    /// What an alert of a measure is called.
    private static func name(_ measure: Measure) -> String {
        switch measure {
        case .ttft: "TimeToFirstToken"
        case .tpot: "TimePerOutputToken"
        case .e2e: "RequestDuration"
        case .throughput: "OutputThroughput"
        case .prompts: "PromptThroughput"
        case .requests: "RequestRate"
        case .running: "RunningRequests"
        case .queue: "WaitingRequests"
        case .queueTime: "QueueTime"
        case .errors: "ErrorRate"
        case .cache: "CacheUse"
        case .prefix: "PrefixCacheHits"
        case .offload: "Offload"
        }
    }

    /// Rules for every measure that has limits: yellow is a warning, red is critical.
    ///
    /// - Parameter exposition: What a server exposes, so that its own names are used.
    /// - Throws: `WatchError` when there is nothing to make rules of.
    public static func yaml(
        _ engine: Engine, exposition: Exposition?, limits: [Measure: Limits]
    ) throws(WatchError) -> String {
        let writer = QueryWriter(exposition: exposition)
        var rules = ""
        for measure in Measure.allCases {
            guard let limits = limits[measure], let source = engine.sources[measure],
                let query = writer.query(source)
            else { continue }
            for (limit, severity) in [(limits.yellow, "warning"), (limits.red, "critical")] {
                let state = limits.isFloor ? "below" : "above"
                rules += rule(
                    name(measure) + (severity == "warning" ? "Warning" : "Critical"),
                    "\(query) \(limits.isFloor ? "<" : ">") \(limit)", wait: "5m", severity,
                    "\(measure.title) of {{ $labels.instance }} is \(state) \(limit): {{ $value }}")
            }
        }
        if let source = engine.sources[.running] ?? engine.sources[.throughput],
            case .sum(let selector) = source,
            let name = selector.names.first(where: { name in
                exposition.map { !$0.samples(of: name).isEmpty } ?? true
            })
        {
            rules += rule(
                "ServerSilent", "absent(\(name))", wait: "2m", "critical",
                "No \(engine.title) exposes metrics")
        }
        guard !rules.isEmpty else { throw WatchError(.nothingToWrite(engine: engine.title)) }
        return """
            # Alerts on \(engine.title), written by ingot watch.
            groups:
              - name: \(engine.name)
                rules:
            \(rules)
            """
    }

    private static func rule(
        _ name: String, _ expression: String, wait: String, _ severity: String, _ summary: String
    ) -> String {
        """
              - alert: \(name)
                expr: \(quoted(expression))
                for: \(wait)
                labels:
                  severity: \(severity)
                annotations:
                  summary: \(quoted(summary))

        """
    }

    /// A text in YAML's single quotes.
    private static func quoted(_ text: String) -> String {
        "'" + text.replacing("'", with: "''") + "'"
    }
}
