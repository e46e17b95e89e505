/// A metric's value at a moment, as a server exposes it.
public struct MetricSample: Sendable, Hashable {
    /// The name, with `:` where the server writes it so.
    public var name: String
    /// Labels by name.
    public var labels: [String: String]
    /// The value; may be infinite or not a number.
    public var value: Double

    /// A sample.
    public init(_ name: String, labels: [String: String] = [:], value: Double) {
        self.name = name
        self.labels = labels
        self.value = value
    }
}

/// A line of metrics that cannot be read.
public struct MetricFault: Sendable, Hashable {
    /// The line, from 1.
    public var line: Int
    /// What was found and what was expected.
    public var problem: String
}

/// What a server exposes at a moment.
public struct Exposition: Sendable {
    /// All samples, in their order, by name with `_` in the place of `:`.
    public private(set) var samples: [String: [MetricSample]] = [:]
    /// How many samples there are.
    private(set) var sampleCount = 0
    /// The lines that were left out, the first of them at most.
    public private(set) var faults: [MetricFault] = []
    /// How many lines were left out.
    public private(set) var faultCount = 0

    private static let faultLimit = 20

    /// Nothing exposed.
    public init() {}

    /// The name as it is looked up: collectors turn colons into underscores.
    static func key(_ name: String) -> String {
        name.contains(":") ? String(name.map { $0 == ":" ? "_" : $0 }) : name
    }

    mutating func add(_ sample: MetricSample) {
        sampleCount += 1
        samples[Exposition.key(sample.name), default: []].append(sample)
    }

    mutating func add(_ fault: MetricFault) {
        faultCount += 1
        if faults.count < Exposition.faultLimit { faults.append(fault) }
    }

    /// The samples of a metric.
    func samples(of name: String) -> [MetricSample] { samples[Exposition.key(name)] ?? [] }
}
