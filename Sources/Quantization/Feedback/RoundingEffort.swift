internal import CKernels

/// How much work rounding with feedback may be.
public enum RoundingEffort: String, Sendable, CaseIterable {
    /// Error feedback alone; scales as the plain encoder finds them.
    case fast
    /// Scales and minimums found again in the metric of the feedback, where that pays for its time.
    case normal
    /// Everything that lowers the error.
    case best
}

extension RoundingEffort {
    /// The search for scales within a stretch.
    var search: ingot_feedback_search {
        switch self {
        case .fast:
            .init(searchesScales: false, refinements: 0, radius: 0, refits: 0, triesUnits: false)
        case .normal:
            .init(searchesScales: true, refinements: 1, radius: 1, refits: 1, triesUnits: false)
        case .best:
            .init(searchesScales: true, refinements: 2, radius: 2, refits: 2, triesUnits: true)
        }
    }

    /// How often the whole row's codes are gone through again.
    var descents: Int {
        switch self {
        case .fast: 0
        case .normal: 2
        case .best: 4
        }
    }
}
