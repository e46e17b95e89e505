import ArgumentParser
import Foundation
import LoadTesting
import TensorCore

/// What load is put on a server.
struct LoadOptions: ParsableArguments {
    @Option(
        name: [.short, .long],
        help: ArgumentHelp(
            "Closed loop: clients, each of which sends its next request when its last has ended;"
                + " several numbers are a sweep. (default: 1)", valueName: "counts"))
    var concurrency: String?

    @Option(
        help: ArgumentHelp(
            "Open loop: requests sent a second, whether others have ended or not; several numbers"
                + " are a sweep. Times count from when a request was due.", valueName: "rates"))
    var rate: String?

    @Option(
        help: ArgumentHelp(
            "How requests of --rate follow each other. (default: poisson)",
            valueName: "poisson|constant"), transform: named)
    var arrival = Arrival.poisson

    @Option(
        help: ArgumentHelp(
            "Measured requests of a level. (default: 100, or what --duration brings)",
            valueName: "count"))
    var requests: Int?

    @Option(
        help: ArgumentHelp(
            "After so many seconds a level sends no more; what runs may end.",
            valueName: "seconds"))
    var duration: Double?

    @Option(
        help: ArgumentHelp(
            "Requests before each level that are not measured.", valueName: "count"))
    var warmup = 1

    @Option(help: ArgumentHelp("Time for a request.", valueName: "seconds"))
    var timeout: Double = 600

    @Option(help: "What prompts and arrivals are drawn with.")
    var seed: UInt64 = 0

    @Option(
        help: ArgumentHelp(
            "A request is good whose first token comes within this.", valueName: "seconds"))
    var sloTtft: Double?

    @Option(
        help: ArgumentHelp(
            "A request is good whose further tokens take no longer each.", valueName: "seconds"))
    var sloTpot: Double?

    @Option(
        name: .customLong("slo-e2e"),
        help: ArgumentHelp("A request is good that ends within this.", valueName: "seconds"))
    var sloE2E: Double?

    private static let defaultRequestCount = 100

    mutating func validate() throws {
        guard concurrency == nil || rate == nil else {
            throw ValidationError("expected --concurrency or --rate, not both")
        }
        _ = try levels()
        guard (1...100_000_000).contains(requests ?? 1) else {
            throw ValidationError("--requests is \(requests ?? 0), expected at least 1")
        }
        guard (0...1_000_000).contains(warmup) else {
            throw ValidationError("--warmup is \(warmup), expected a count from 0")
        }
        let times = [
            ("--duration", duration), ("--timeout", timeout), ("--slo-ttft", sloTtft),
            ("--slo-tpot", sloTpot), ("--slo-e2e", sloE2E),
        ]
        for (name, time) in times {
            guard let time else { continue }
            guard time.isFinite, time > 0, time <= 1e7 else {
                throw ValidationError("\(name) is \(time), expected seconds above 0")
            }
        }
    }

    private func levels() throws -> [LoadLevel] {
        if let rate {
            return try LoadOptions.parts(rate).map { text in
                guard let value = Double(text), value.isFinite, (1e-6...1e6).contains(value) else {
                    throw ValidationError("--rate has '\(text)', expected requests a second")
                }
                return .open(rate: value, arrival: arrival)
            }
        }
        return try LoadOptions.parts(concurrency ?? "1").map { text in
            guard let count = Int(text), (1...16384).contains(count) else {
                throw ValidationError("--concurrency has '\(text)', expected 1 to 16384")
            }
            return .closed(concurrency: count)
        }
    }

    private static func parts(_ text: String) -> [String] {
        text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    }

    /// The most connections that the plan needs at a time.
    func connectionLimit(_ plan: LoadPlan) -> Int {
        plan.levels.map { level in
            if case .closed(let count) = level { count } else { plan.inFlightLimit }
        }.max() ?? 1
    }

    func plan() throws -> LoadPlan {
        var plan = LoadPlan(
            levels: try levels(),
            requestCount: requests ?? (duration == nil ? LoadOptions.defaultRequestCount : nil),
            duration: duration)
        plan.warmupCount = warmup
        plan.timeout = timeout
        plan.seed = seed
        plan.serviceLevels = ServiceLevels(ttft: sloTtft, tpot: sloTpot, e2e: sloE2E)
        return plan
    }
}

/// The case of a name, for an option whose cases another module has.
func named<Value: RawRepresentable & CaseIterable>(_ text: String) throws -> Value
where Value.RawValue == String {
    guard let value = Value(rawValue: text) else {
        let names = Value.allCases.map(\.rawValue).joined(separator: ", ")
        throw ValidationError("'\(text)' found, expected one of \(names)")
    }
    return value
}
