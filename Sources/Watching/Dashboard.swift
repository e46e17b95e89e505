import TensorCore

/// A dashboard for Grafana as JSON.
public enum Dashboard {
    private static let columns = 3
    private static let (width, height) = (8, 8)

    /// A panel for every measure that the server exposes, coloured by the limits.
    ///
    /// - Parameter exposition: What a server exposes, so that its own names are used.
    /// - Throws: `WatchError` when there is nothing to show.
    public static func json(
        _ engine: Engine, exposition: Exposition?, limits: [Measure: Limits]
    ) throws(WatchError) -> [UInt8] {
        let writer = QueryWriter(exposition: exposition, range: "$__rate_interval")
        var panels: [JSON] = []
        for measure in Measure.allCases {
            guard let source = engine.sources[measure], let query = writer.query(source) else {
                continue
            }
            panels.append(
                panel(
                    measure, query: query, limits: limits[measure], index: panels.count,
                    isMean: {
                        if case .ratio = source { measure.unit == .seconds } else { false }
                    }()))
        }
        guard !panels.isEmpty else { throw WatchError(.nothingToWrite(engine: engine.title)) }
        let source: JSON = [
            "name": "datasource", "label": "Data source", "type": "datasource",
            "query": "prometheus",
        ]
        let dashboard: JSON = [
            "title": text("\(engine.title) (ingot watch)"), "uid": text("ingot-\(engine.name)"),
            "tags": ["llm", text(engine.name)], "schemaVersion": 39, "version": 1,
            "editable": true, "refresh": "10s", "time": ["from": "now-1h", "to": "now"],
            "templating": ["list": [source]], "annotations": ["list": []],
            "panels": .array(panels),
        ]
        return dashboard.written()
    }

    private static func text(_ text: String) -> JSON { .string(ByteString(text)) }

    private static func panel(
        _ measure: Measure, query: String, limits: Limits?, index: Int, isMean: Bool
    ) -> JSON {
        let unit: JSON =
            switch measure.unit {
            case .seconds: "s"
            case .perSecond: "short"
            case .count: "none"
            case .share: "percentunit"
            }
        var steps: [JSON] = [["color": "green", "value": .null]]
        if let limits {
            // Steps go upwards: where small values are the bad ones, from red.
            steps =
                limits.isFloor
                ? [
                    ["color": "red", "value": .null],
                    ["color": "yellow", "value": .real(limits.red)],
                    ["color": "green", "value": .real(limits.yellow)],
                ]
                : [
                    ["color": "green", "value": .null],
                    ["color": "yellow", "value": .real(limits.yellow)],
                    ["color": "red", "value": .real(limits.red)],
                ]
        }
        let datasource: JSON = ["type": "prometheus", "uid": "${datasource}"]
        return [
            "id": .integer(index + 1), "type": "timeseries",
            "title": text(
                isMean ? measure.title.replacing(" P95", with: " mean") : measure.title),
            "datasource": datasource,
            "gridPos": [
                "x": .integer(index % columns * width), "y": .integer(index / columns * height),
                "w": .integer(width), "h": .integer(height),
            ],
            "fieldConfig": [
                "defaults": [
                    "unit": unit, "min": 0,
                    "custom": ["thresholdsStyle": ["mode": limits == nil ? "off" : "line"]],
                    "thresholds": ["mode": "absolute", "steps": .array(steps)],
                ], "overrides": [],
            ],
            "targets": [
                [
                    "refId": "A", "expr": text(query), "legendFormat": "{{instance}}",
                    "datasource": datasource,
                ]
            ],
        ]
    }
}
