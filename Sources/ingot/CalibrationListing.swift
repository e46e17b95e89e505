import Calibration
import Quantization
import Reporting
import TensorCore

/// What a calibration did, for people.
enum CalibrationListing {
    /// Says which tensors were rounded without feedback, and how Hessians were shrunk.
    static func show(_ outcome: CalibrationOutcome) {
        for (format, tensors) in exact(outcome) {
            Terminal.note(
                "\(NumberFormat.counted(tensors.count, "tensor")) on the grid of \(format) already,"
                    + " kept exactly: " + shown(tensors))
        }
        if outcome.strayRowCount > 0 {
            Terminal.note(
                "\(NumberFormat.counted(outcome.strayRowCount, "row")) of them not on it, rounded to"
                    + " the nearest")
        }
        let shrinks = outcome.shrinkCounts.sorted { $0.key < $1.key }.map {
            "\(NumberFormat.fixed($0.key, 2)) for \($0.value)"
        }
        if !shrinks.isEmpty {
            Terminal.note("calibrated: Hessians shrunk by " + shrinks.joined(separator: ", "))
        }
        if outcome.retryCount > 0 {
            Terminal.note(
                "\(NumberFormat.counted(outcome.retryCount, "factorization")) needed more damping")
        }
        for (reason, tensors) in groups(outcome) {
            Terminal.note(
                "\(NumberFormat.counted(tensors.count, "tensor")) rounded without feedback, \(reason): "
                    + shown(tensors))
        }
    }

    /// Says what became of the norms of each file.
    static func show(norms outcomes: [(path: String, outcome: NormFinishing.Outcome)]) {
        for (path, outcome) in outcomes {
            let name = Paths.name(path)
            switch outcome {
            case .impossible(let reason):
                Terminal.note("\(name): norms stay as they are: \(reason)")
            case .distilled(let result) where result.norms.isEmpty:
                Terminal.note(
                    "\(name): norms stay as they are: no step lowered the divergence on all texts")
            case .distilled(let result):
                let changes = zip(result.before, result.after).map {
                    NumberFormat.fixed($0, 4) + " → " + NumberFormat.fixed($1, 4)
                }
                Terminal.note(
                    "\(name): norms distilled in \(result.stepCount) steps, mean KL divergence "
                        + changes.joined(separator: ", ") + " on held-out and other texts")
            }
        }
    }

    private static func shown(_ tensors: [String]) -> String {
        tensors.prefix(3).joined(separator: ", ") + (tensors.count > 3 ? ", …" : "")
    }

    private static func exact(
        _ outcome: CalibrationOutcome
    ) -> [(format: Format, tensors: [String])] {
        Dictionary(grouping: outcome.exact, by: \.format).sorted { $0.key.typeID < $1.key.typeID }
            .map { ($0.key, $0.value.map(\.tensor)) }
    }

    private static func groups(
        _ outcome: CalibrationOutcome
    ) -> [(reason: String, tensors: [String])] {
        Dictionary(grouping: outcome.plain) { text(of: $0.reason) }
            .sorted { $0.key < $1.key }.map { ($0.key, $0.value.map(\.tensor)) }
    }

    private static func text(of reason: CalibrationOutcome.Reason) -> String {
        switch reason {
        case .unobserved: "whose input is not observed"
        case .tooFewTokens(let found, let needed):
            "reached by \(found) tokens, of which they need \(needed)"
        case .noGain(let format): "\(format) gained nothing on the checking texts"
        case .notPositive: "whose Hessian cannot be factored"
        }
    }
}
