import Calibration
import Quantization
import Reporting

/// What a calibration did, for people.
enum CalibrationListing {
    /// Says which tensors were rounded without feedback, and how Hessians were shrunk.
    static func show(_ outcome: CalibrationOutcome) {
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
            let shown = tensors.prefix(3).joined(separator: ", ")
            Terminal.note(
                "\(NumberFormat.counted(tensors.count, "tensor")) rounded without feedback, \(reason): "
                    + shown + (tensors.count > 3 ? ", …" : ""))
        }
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
