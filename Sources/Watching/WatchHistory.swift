/// A measure's value and how it stands.
public struct Reading: Sendable, Hashable, Codable {
    /// What was measured.
    public var measure: Measure
    /// Its name for people; a mean is called one.
    public var title: String
    /// The value in its unit.
    public var value: Double
    /// What a value counts.
    public var unit: Measure.Unit
    /// `now`, `window` (what happened since the earliest scrape kept) or `lifetime` (since the
    /// server began, where nothing happened in between).
    public var basis: String
    /// How it stands.
    public var status: Status
    /// What it was held against.
    public var limits: Limits?
}

/// The scrapes of the last while, and what they say together.
public struct WatchHistory: Sendable {
    private struct Moment {
        var time: Double
        var exposition: Exposition
    }

    /// The most scrapes that are kept, however short the interval is.
    private static let momentLimit = 128
    /// The most samples of all scrapes, but for the last two: some hundreds of megabytes.
    private static let sampleLimit = 1_000_000

    private let window: Double
    private let limits: [Measure: Limits]
    private var moments: [Moment] = []
    private(set) var engine: Engine?
    private var models: [OllamaModel] = []

    /// - Parameters:
    ///   - window: The seconds that rates and quantiles are of.
    ///   - limits: What values are held against.
    public init(window: Double, limits: [Measure: Limits]) {
        self.window = window
        self.limits = limits
    }

    /// Adds what a server told at a time, in seconds.
    public mutating func add(_ scrape: Scrape, at time: Double) {
        switch scrape {
        case .ollama(let models): (self.models, moments, engine) = (models, [], nil)
        case .metrics(let engine, let exposition):
            if engine != self.engine { moments = [] }
            (self.engine, models) = (engine, [])
            moments.append(Moment(time: time, exposition: exposition))
            // One that is as old as the window stays, so that the window is full.
            while moments.count > 2,
                moments[1].time <= time - window || moments.count > WatchHistory.momentLimit
                    || sampleCount > WatchHistory.sampleLimit
            {
                moments.removeFirst()
            }
        }
    }

    private var sampleCount: Int { moments.reduce(0) { $0 + $1.exposition.sampleCount } }

    /// The server's name for people.
    public var title: String { engine?.title ?? "Ollama" }
    /// The models that Ollama has loaded.
    public var ollamaModels: [OllamaModel] { models }
    /// The lines of the last scrape that could not be read.
    public var faults: [MetricFault] { moments.last?.exposition.faults ?? [] }
    /// The seconds that rates are of.
    public var seconds: Double {
        guard let first = moments.first, let last = moments.last else { return 0 }
        return last.time - first.time
    }

    /// What is known, in the order of the measures.
    public func readings() -> [Reading] {
        guard let engine, let last = moments.last else { return ollamaReadings() }
        let change = Change(
            earlier: moments.count > 1 ? moments.first?.exposition : nil, later: last.exposition,
            seconds: seconds)
        return Measure.allCases.compactMap { measure in
            guard let source = engine.sources[measure],
                let (value, basis) = change.value(of: source), value.isFinite
            else { return nil }
            var title = measure.title
            if case .ratio = source, measure.unit == .seconds {
                title = title.replacing(" P95", with: " mean")
            }
            return reading(measure, title: title, value: value, basis: basis.rawValue)
        }
    }

    private func ollamaReadings() -> [Reading] {
        let bytes = models.reduce(0.0) { $0 + Double($1.bytes) }
        let running = reading(
            .running, title: "Loaded models", value: Double(models.count), basis: "now")
        guard bytes > 0 else { return [running] }
        let share = models.reduce(0.0) { $0 + Double($1.cardBytes) } / bytes
        return [
            running,
            reading(.offload, title: Measure.offload.title, value: share, basis: "now"),
        ]
    }

    private func reading(
        _ measure: Measure, title: String, value: Double, basis: String
    ) -> Reading {
        let limits = limits[measure]
        return Reading(
            measure: measure, title: title, value: value, unit: measure.unit, basis: basis,
            status: limits?.status(of: value) ?? .unknown, limits: limits)
    }
}
