/// Which samples count: those of a metric, with a label that has one of some values.
public struct Selector: Sendable, Hashable {
    /// Names that the metric has had, the newest first.
    public var names: [String]
    /// A label, and the values that count; `nil` for all samples.
    public var label: (name: String, values: [String])? {
        labelName.map { ($0, labelValues) }
    }

    private let labelName: String?
    private let labelValues: [String]

    init(_ names: String..., where label: String? = nil, is values: [String] = []) {
        self.names = names
        labelName = label
        labelValues = values
    }
}

/// How a measure is made of what a server exposes.
public indirect enum Source: Sendable, Hashable {
    /// The sum of gauges.
    case sum(Selector)
    /// The largest of gauges.
    case largest(Selector)
    /// The growth of counters a second.
    case rate(Selector)
    /// The growth of the sums of a histogram a second.
    case rateOfSum(Selector)
    /// The growth of the count of a histogram a second.
    case rateOfCount(Selector)
    /// The 95th percentile of a histogram.
    case quantile(Selector)
    /// One part by the other, where that has grown.
    case ratio(Source, Source)
    /// The first that the server exposes.
    case first([Source])
}

/// A server's kind: how it is recognised, and what its metrics mean.
public struct Engine: Sendable, Hashable {
    /// Its name for options and files.
    public var name: String
    /// Its name for people.
    public var title: String
    /// What its metrics' names begin with.
    public var prefixes: [String]
    /// What is made of them.
    public var sources: [Measure: Source]

    /// All kinds.
    public static let all: [Engine] = [.ingot, .vllm, .sglang, .tgi, .llamaServer]

    /// The kind that most of the metrics belong to; `nil` for none of those that are known.
    public static func recognised(in exposition: Exposition) -> Engine? {
        all.filter { $0.count(in: exposition) > 0 }.max {
            $0.count(in: exposition) < $1.count(in: exposition)
        }
    }

    /// How many of the metrics are of this kind.
    func count(in exposition: Exposition) -> Int {
        exposition.samples.keys.count { name in
            prefixes.contains { name.hasPrefix(Exposition.key($0)) }
        }
    }
}
