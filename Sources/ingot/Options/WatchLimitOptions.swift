import ArgumentParser
import Watching

/// From where on values are yellow and red.
struct WatchLimitOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Seconds to the first token, P95. (default: 0.5,2)", valueName: "yellow,red"))
    var ttft: String?

    @Option(
        help: ArgumentHelp(
            "Seconds for each further token, P95. (default: 0.05,0.1)", valueName: "yellow,red"))
    var tpot: String?

    @Option(
        name: .customLong("e2e"),
        help: ArgumentHelp("Seconds to the end, P95.", valueName: "yellow,red"))
    var e2e: String?

    @Option(help: ArgumentHelp("Waiting requests. (default: 5,20)", valueName: "yellow,red"))
    var queue: String?

    @Option(
        help: ArgumentHelp(
            "Seconds of waiting, P95. (default: 0.5,2)", valueName: "yellow,red"))
    var queueTime: String?

    @Option(
        help: ArgumentHelp(
            "The share of requests that fail. (default: 0.01,0.05)", valueName: "yellow,red"))
    var errors: String?

    @Option(
        help: ArgumentHelp(
            "The share of the KV cache in use. (default: 0.85,0.95)", valueName: "yellow,red"))
    var cache: String?

    @Option(
        help: ArgumentHelp(
            "Output tokens a second, too few of which are bad: 100,20.", valueName: "yellow,red"))
    var throughput: String?

    func limits() throws -> [Measure: Limits] {
        var limits: [Measure: Limits] = [:]
        for measure in Measure.allCases { limits[measure] = measure.usualLimits }
        let given: [(Measure, String, String?)] = [
            (.ttft, "--ttft", ttft), (.tpot, "--tpot", tpot), (.e2e, "--e2e", e2e),
            (.queue, "--queue", queue), (.queueTime, "--queue-time", queueTime),
            (.errors, "--errors", errors), (.cache, "--cache", cache),
            (.throughput, "--throughput", throughput),
        ]
        for (measure, name, text) in given {
            guard let text else { continue }
            let numbers = text.split(separator: ",", omittingEmptySubsequences: false).map {
                Double($0)
            }
            guard numbers.count == 2, let yellow = numbers[0], let red = numbers[1],
                yellow.isFinite, red.isFinite, yellow >= 0, red >= 0
            else {
                throw ValidationError("\(name) is '\(text)', expected two numbers: yellow,red")
            }
            let isFloor = measure == .throughput
            guard isFloor ? red <= yellow : yellow <= red else {
                throw ValidationError(
                    "\(name) is '\(text)', expected yellow before red: "
                        + (isFloor ? "the larger number first" : "the smaller number first"))
            }
            limits[measure] = Limits(yellow: yellow, red: red, isFloor: isFloor)
        }
        return limits
    }

    mutating func validate() throws { _ = try limits() }
}
