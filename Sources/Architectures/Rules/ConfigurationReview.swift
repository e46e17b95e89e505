import TensorCore

/// What a family finds about a configuration of which there is a file.
public struct ConfigurationReview: Sendable {
    /// Sentences about what is left out.
    public var notices: [String] = []
    /// Options that the file has no key for, each as the error that would refuse it: its readers
    /// compute another model.
    public var departures: [ArchitectureError] = []

    /// One sentence for each departure: the key, its value, and what readers compute instead.
    public var warnings: [String] { departures.map(\.departure) }
}

extension ArchitectureError {
    /// What becomes of an option without a key in a file that is written all the same.
    fileprivate var departure: String {
        guard case .notExpressible(let found, let expected, let architecture) = kind else {
            return description
        }
        return "\(path): \(key ?? ""): \(found) is not carried over; readers of \(architecture) "
            + "compute as with \(expected)"
    }
}
