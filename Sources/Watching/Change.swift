/// What two expositions of one server say of the time between them.
struct Change {
    /// What a value is of.
    enum Basis: String, Sendable, Codable {
        /// A gauge at the later moment.
        case now
        /// What happened between the two.
        case window
        /// Everything since the server began, where nothing happened in between.
        case lifetime
    }

    /// The earlier exposition; `nil` at first.
    let earlier: Exposition?
    /// The later one.
    let later: Exposition
    /// The seconds between them.
    let seconds: Double

    /// A measure's value; `nil` where the server does not expose what it is made of.
    func value(of source: Source) -> (value: Double, basis: Basis)? {
        switch source {
        case .sum(let selector):
            let values = gauges(selector)
            return values.isEmpty ? nil : (values.reduce(0, +), .now)
        case .largest(let selector): return gauges(selector).max().map { ($0, .now) }
        case .rate(let selector): return rate(total(selector, suffix: ""))
        case .rateOfSum(let selector): return rate(total(selector, suffix: "_sum"))
        case .rateOfCount(let selector): return rate(total(selector, suffix: "_count"))
        case .quantile(let selector): return quantile(selector)
        case .ratio(let part, let whole): return ratio(part, whole)
        case .first(let sources):
            for source in sources { if let found = value(of: source) { return found } }
            return nil
        }
    }

    // MARK: Gauges

    private func gauges(_ selector: Selector) -> [Double] {
        for name in selector.names {
            let found = later.samples(of: name).filter { selector.takes($0) && !$0.value.isNaN }
            if !found.isEmpty { return found.map(\.value) }
        }
        return []
    }

    // MARK: Counters

    /// The growth between the expositions, and the whole.
    private func total(_ selector: Selector, suffix: String) -> (growth: Double, whole: Double)? {
        for name in selector.names {
            for name in Change.spellings(name + suffix) {
                let samples = later.samples(of: name)
                guard !samples.isEmpty else { continue }
                let before = values(of: name)
                var (growth, whole) = (0.0, 0.0)
                for sample in samples where selector.takes(sample) && sample.value.isFinite {
                    growth += Change.growth(before[sample.labels], sample.value)
                    whole += sample.value
                }
                return (growth, whole)
            }
        }
        return nil
    }

    /// A counter's name with and without the ending that newer libraries add.
    static func spellings(_ name: String) -> [String] {
        name.hasSuffix("_total") ? [name, String(name.dropLast(6))] : [name, name + "_total"]
    }

    private func values(of name: String) -> [[String: String]: Double] {
        Dictionary(
            (earlier?.samples(of: name) ?? []).map { ($0.labels, $0.value) },
            uniquingKeysWith: { first, _ in first })
    }

    /// What a counter grew by; one that is less than before has begun anew.
    private static func growth(_ before: Double?, _ now: Double) -> Double {
        guard let before, before.isFinite, before <= now else { return max(0, now) }
        return now - before
    }

    private func rate(_ total: (growth: Double, whole: Double)?) -> (Double, Basis)? {
        guard let total, seconds > 0 else { return nil }
        return (total.growth / seconds, .window)
    }

    private func ratio(_ part: Source, _ whole: Source) -> (Double, Basis)? {
        guard let part = counted(part), let whole = counted(whole) else { return nil }
        if earlier != nil, whole.growth > 0 { return (part.growth / whole.growth, .window) }
        return whole.whole > 0 ? (part.whole / whole.whole, .lifetime) : nil
    }

    private func counted(_ source: Source) -> (growth: Double, whole: Double)? {
        switch source {
        case .rate(let selector): total(selector, suffix: "")
        case .rateOfSum(let selector): total(selector, suffix: "_sum")
        case .rateOfCount(let selector): total(selector, suffix: "_count")
        default: nil
        }
    }

    // MARK: Histograms

    private func quantile(_ selector: Selector) -> (Double, Basis)? {
        for name in selector.names {
            let samples = later.samples(of: name + "_bucket").filter(selector.takes)
            guard !samples.isEmpty else { continue }
            if earlier != nil {
                let before = values(of: name + "_bucket")
                let recent = Buckets(
                    samples.map { ($0, Change.growth(before[$0.labels], $0.value)) })
                if let value = recent.quantile(0.95) { return (value, .window) }
            }
            return Buckets(samples.map { ($0, $0.value) }).quantile(0.95).map { ($0, .lifetime) }
        }
        return nil
    }
}

extension Selector {
    func takes(_ sample: MetricSample) -> Bool {
        guard let label else { return true }
        return sample.labels[label.name].map(label.values.contains) ?? false
    }
}

/// The buckets of a histogram, those of all its series together.
struct Buckets {
    /// Upper edges and how many values lie below each, in order.
    private let edges: [(edge: Double, count: Double)]

    /// - Parameter samples: Samples with a label `le`, and the count that is taken of each.
    init(_ samples: [(sample: MetricSample, count: Double)]) {
        var counts: [Double: Double] = [:]
        for (sample, count) in samples where count.isFinite {
            guard let text = sample.labels["le"], let edge = Buckets.edge(text) else { continue }
            counts[edge, default: 0] += count
        }
        var most = 0.0
        edges = counts.sorted { $0.key < $1.key }.map { edge, count in
            // Counts that fall are an error of the server's: they stay where they were.
            most = max(most, count)
            return (edge, most)
        }
    }

    private static func edge(_ text: String) -> Double? {
        if text.lowercased().hasSuffix("inf") { return text.hasPrefix("-") ? nil : .infinity }
        return Double(text).flatMap { $0.isNaN ? nil : $0 }
    }

    /// The value that a share of all does not exceed; `nil` when there are no values.
    ///
    /// Between the edges of its bucket as Prometheus has it; the last finite edge for values beyond.
    func quantile(_ share: Double) -> Double? {
        guard let total = edges.last?.count, total > 0 else { return nil }
        let rank = share * total
        guard let index = edges.firstIndex(where: { $0.count >= rank }) else { return nil }
        let upper = edges[index].edge
        if upper == .infinity { return index > 0 ? edges[index - 1].edge : nil }
        let lower = index > 0 ? edges[index - 1].edge : min(0, upper)
        let below = index > 0 ? edges[index - 1].count : 0
        let inside = edges[index].count - below
        return inside > 0 ? lower + (upper - lower) * (rank - below) / inside : upper
    }
}
